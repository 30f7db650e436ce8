//! An autoencoder learns a few small images: it may be killed, its result is read as any directory, and what cannot be meant is refused.

use ndarray::{Array3, s};
use std::fs;
use std::ops::ControlFlow;
use std::path::Path;
use viewless_models::dcvae::{DcVae, Wanted, read_images};
use viewless_models::picture::{Levels, png_of_rows};
use viewless_training::autoencoder::{AutoencoderRecipe, AutoencoderReport, train};
use viewless_training::{Told, TrainError};

/// A folder of 24 grey pictures: a slope in a direction each.
fn pictures(folder: &Path) {
    for picture in 0..24u32 {
        let (across, down) = (f64::from(picture % 5) - 2.0, f64::from(picture % 7) - 3.0);
        let level = |(_, y, x): (usize, usize, usize)| {
            (128.0 + 8.0 * (across * (x as f64 - 3.5) + down * (y as f64 - 3.5))).clamp(0.0, 255.0) as u8
        };
        // Enlarged and framed in white: it is resized again when it is read.
        let png = png_of_rows(&[vec![Levels::from_shape_fn((1, 8, 8), level)]]).unwrap();
        fs::write(folder.join(format!("{picture:02}.png")), png).unwrap();
    }
}

fn recipe(data: &Path, adversarial: f64, steps: usize) -> AutoencoderRecipe {
    let text = format!(
        "checkpoint-steps = 2\n[data]\ntrain = \"{}\"\n[model]\nchannels = 1\nencoder-width = 4\ndecoder-width = 4\nlatent = 3\nbottom = 1\n\
         [training]\nsteps = {steps}\nbatch = 8\njudge-steps = 3\nlearning-rate = 0.005\nadversarial = {adversarial:?}\nadversarial-from = 2\n\
         discriminator-steps = 2\n",
        data.display()
    );
    let file = data.join("recipe.toml");
    fs::write(&file, text).unwrap();
    AutoencoderRecipe::read(&file, None, None).unwrap()
}

fn run(recipe: &AutoencoderRecipe, out: &Path, until: usize) -> Option<AutoencoderReport> {
    let mut observe = |told: Told| match told.done >= until {
        true => ControlFlow::Break(()),
        false => ControlFlow::Continue(()),
    };
    train(recipe, out, true, &mut observe).unwrap()
}

#[test]
fn a_run_learns_and_a_killed_one_goes_on_to_the_same_bytes() {
    let folder = tempfile::tempdir().unwrap();
    pictures(folder.path());
    let recipe = recipe(folder.path(), 0.01, 60);
    let (whole, killed) = (folder.path().join("whole"), folder.path().join("killed"));
    let report = run(&recipe, &whole, usize::MAX).unwrap();
    for until in [3, 5, 33] {
        assert!(run(&recipe, &killed, until).is_none());
    }
    let again = run(&recipe, &killed, usize::MAX).unwrap();
    assert_eq!((report.held_out_mse, again.steps_before), (again.held_out_mse, 32));
    for name in ["model.safetensors", "config.json", "metrics.jsonl"] {
        assert_eq!(fs::read(whole.join(name)).unwrap(), fs::read(killed.join(name)).unwrap(), "{name}");
    }
    assert_eq!((report.images, report.held_out_images), (22, 2));
    assert!(report.held_out_mse < 0.5 * report.mean_image_mse, "{report:?}");
    assert!(report.components_mse < report.mean_image_mse && !whole.join("checkpoint.safetensors").exists());
    let error = train(&recipe, &whole, true, &mut |_| ControlFlow::Continue(())).unwrap_err();
    assert!(matches!(error, TrainError::Finished { .. }), "{error}");
}

/// The passes with derivatives, the spectral norms and running numbers that they end with, and the directory: all of it is in the held-out mean square,
/// which the plaintext pass gives again from the files.
#[test]
fn the_result_does_in_plaintext_what_it_did_in_training() {
    let folder = tempfile::tempdir().unwrap();
    pictures(folder.path());
    let out = folder.path().join("out");
    let report = run(&recipe(folder.path(), 0.01, 7), &out, usize::MAX).unwrap();
    let model = DcVae::load(&out).unwrap();
    let read = read_images(&Wanted { path: folder.path(), channels: 1, side: 8, sheet_side: None, most: 24 }).unwrap();
    let square = |number: usize| {
        let image = read.array(number);
        let code = model.encode(image.view()).unwrap();
        let made: Array3<f64> = model.decode(code.slice(s![..3])).unwrap().mapv(f64::tanh);
        (made - image).mapv(|x| x * x).mean().unwrap()
    };
    let plain = (square(22) + square(23)) / 2.0;
    // Sums of a few dozen numbers of 24 bits, through seventeen layers.
    assert!((plain - report.held_out_mse).abs() < 1e-4 * plain, "{plain} {report:?}");
}

#[test]
fn recipes_that_cannot_be_meant_are_refused_by_their_field() {
    let folder = tempfile::tempdir().unwrap();
    pictures(folder.path());
    let good = recipe(folder.path(), 0.0, 3).to_toml();
    let file = folder.path().join("other.toml");
    let read = |text: String| {
        fs::write(&file, text).unwrap();
        AutoencoderRecipe::read(&file, None, None)
    };
    assert_eq!(read(good.clone()).unwrap(), recipe(folder.path(), 0.0, 3));
    for (from, to, named) in [
        ("channels = 1", "channels = 2", "model.channels"),
        ("bottom = 1", "bottom = 0", "bottom"),
        ("batch = 8", "batch = 1", "training.batch"),
        ("batch = 8", "batches = 8", "batches"),
        ("adversarial = 0.0", "adversarial = -1.0", "training.adversarial"),
        ("learning-rate = 0.005", "learning-rate = nan", "training.learning-rate"),
    ] {
        assert!(good.contains(from), "{from}");
        let error = read(good.replacen(from, to, 1)).unwrap_err().to_string();
        assert!(error.contains(named), "{error}");
    }
    let many = read(good.replacen("batch = 8", "batch = 23", 1)).unwrap();
    let error = train(&many, &folder.path().join("out"), false, &mut |_| ControlFlow::Continue(())).unwrap_err();
    assert!(
        matches!(error, TrainError::FewImages { images: 22, batch: 23, .. }) && !folder.path().join("out").exists()
    );
}
