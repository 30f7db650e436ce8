//! An autoencoder learns a few small images: it may be killed, its result is read as any directory, and what cannot be meant is refused.

use candle_core::{DType, Device, Tensor};
use ndarray::{Array3, s};
use std::fs;
use std::ops::ControlFlow;
use std::path::Path;
use viewless_models::dcvae::{self, DcVae, Wanted, read_images};
use viewless_models::picture::{Levels, png_of_rows};
use viewless_protocols::model::dcvae::DcVaeConfig;
use viewless_training::autoencoder::nets::{self, Net};
use viewless_training::autoencoder::{AutoencoderRecipe, AutoencoderReport, train};
use viewless_training::gradients::{gradients, require_all};
use viewless_training::log::Line;
use viewless_training::variables::Variables;
use viewless_training::{Ending, Told, TrainError};

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
        true => ControlFlow::Break(Ending::AsKilled),
        false => ControlFlow::Continue(()),
    };
    train(recipe, out, true, &mut observe).unwrap()
}

/// Weights that need no file as variables, and one of the nets' losses: no symmetric function of its numbers.
fn of_images(config: &DcVaeConfig) -> (Variables, Tensor) {
    let mut variables = Variables::new(DType::F64);
    for (name, values) in dcvae::weights(config) {
        variables.insert(&name, values.shape(), values.iter().map(|&x| x as f32).collect()).unwrap();
    }
    let (side, numbers) = (config.side(), dcvae::input("x", &[2, 1, config.side(), config.side()]));
    let x = Tensor::from_vec(numbers.into_iter().collect::<Vec<f64>>(), (2, 1, side, side), &Device::Cpu).unwrap();
    (variables, x)
}

fn loss(variables: &Variables, x: &Tensor) -> Tensor {
    let tensors = variables.tracked();
    let net = Net(&tensors);
    let [mean, _] = net.encode(x).unwrap();
    let images = net.decode(&(mean * 0.1).unwrap(), None).unwrap().images;
    (images.sqr().unwrap().sum_all().unwrap() + images.narrow(3, 0, 1).unwrap().sum_all().unwrap()).unwrap()
}

/// The passes give the numbers of the plaintext pass, which gives those of the authors' modules. With 8 channels some layers have as many as their images have
/// rows, which the library takes for images whose channels come last.
#[test]
fn the_nets_give_the_numbers_of_the_plaintext_pass() {
    for (width, bottom) in [(8, 1), (8, 2), (4, 1), (3, 1)] {
        let config = DcVaeConfig::new(1, width, width, 4, bottom).unwrap();
        let (variables, x) = of_images(&config);
        let weights = variables.frozen();
        let plain: dcvae::Tensors =
            dcvae::weights(&config).into_iter().map(|(name, x)| (name, x.mapv(|x| f64::from(x as f32)))).collect();
        let near = |found: &Tensor, wanted: Vec<f64>| {
            let found = found.flatten_all().unwrap().to_vec1::<f64>().unwrap();
            for (found, wanted) in found.iter().zip(&wanted) {
                // The same numbers of 64 bits in another order, through nine layers.
                assert!((found - wanted).abs() < 1e-9 * (1.0 + wanted.abs()), "{width} {bottom}: {found} {wanted}");
            }
        };
        let running = nets::RUNNING.map(|name| weights[name].clone());
        let [means, log_variances] = Net(&weights).encode(&x).unwrap();
        let images = dcvae::input("x", &[2, 1, config.side(), config.side()]);
        for (number, image) in images.outer_iter().enumerate() {
            let code = dcvae::encode(&plain, image.into_dimensionality().unwrap()).unwrap();
            near(&means.get(number).unwrap(), code.slice(s![..4]).to_vec());
            near(&log_variances.get(number).unwrap(), code.slice(s![4..]).to_vec());
            let z = means.narrow(0, number, 1).unwrap();
            let decoded = Net(&weights).decode(&z, Some([&running[0], &running[1]])).unwrap().images;
            let wanted = dcvae::decode(&plain, &config, code.slice(s![..4])).unwrap();
            near(&decoded, wanted.iter().map(|x| x.tanh()).collect());
        }
    }
}

/// In 64 bits a central difference with step h errs by h^2 / 6 times the third derivative, and by the rounding of the loss over h: below 1e-8 of a loss of
/// order 100 for h = 1e-5, where no ReLU changes sides within the step.
#[test]
fn derivatives_of_the_nets_are_central_differences() {
    const STEP: f64 = 1e-5;
    let config = DcVaeConfig::known("dc-vae-8").unwrap();
    let (variables, x) = of_images(&config);
    let learnt = variables.only(|name| !nets::RUNNING.contains(&name));
    let all = gradients(&loss(&variables, &x)).unwrap();
    require_all(&learnt, &all).unwrap();
    for (name, var) in learnt.iter() {
        let gradient = all.get(var.as_tensor()).unwrap().flatten_all().unwrap().to_vec1::<f64>().unwrap();
        let before = var.flatten_all().unwrap().to_vec1::<f64>().unwrap();
        let element = (0..gradient.len()).max_by(|&i, &j| gradient[i].abs().total_cmp(&gradient[j].abs())).unwrap();
        let at = |change: f64| {
            let mut values = before.clone();
            values[element] += change;
            var.set(&Tensor::from_vec(values, var.dims(), var.device()).unwrap()).unwrap();
            loss(&variables, &x).to_scalar::<f64>().unwrap()
        };
        let difference = (at(STEP) - at(-STEP)) / (2.0 * STEP);
        at(0.0);
        let error = (difference - gradient[element]).abs();
        assert!(error <= 1e-4 * (1.0 + difference.abs()), "{name}: {difference} {}", gradient[element]);
    }
    let tensors = learnt.tracked();
    let [mean, _] = Net(&tensors).encode(&x).unwrap();
    let cut = Net(&tensors).decode(&mean.detach(), None).unwrap().images.sum_all().unwrap();
    let error = require_all(&learnt, &gradients(&cut).unwrap()).unwrap_err().to_string();
    assert!(error.contains("enc.block1.c1.weight") && !error.contains("dec.l1.weight"), "{error}");
}

/// What a step divides by nears the largest singular value, and a divided weight has norm one.
#[test]
fn a_divided_weight_has_a_spectral_norm_of_one() {
    let mut all = Variables::new(DType::F32);
    // Singular values 3 and 1, in turned directions.
    let (c, s) = (0.6f32, 0.8f32);
    all.insert("enc.x.weight", &[2, 2], vec![3.0 * c, 3.0 * s, -s, c]).unwrap();
    all.insert("vector.enc.x.weight", &[2, 1], vec![0.5, 0.5]).unwrap();
    for _ in 0..30 {
        nets::iterate(&all, "enc.").unwrap();
    }
    let divided = nets::divided(&all, all.only(|name| name.starts_with("enc.")).frozen()).unwrap();
    let found = divided["enc.x.weight"].flatten_all().unwrap().to_vec1::<f32>().unwrap();
    for (found, wanted) in found.iter().zip([c, s, -s / 3.0, c / 3.0]) {
        assert!((found - wanted).abs() < 1e-5, "{found} {wanted}");
    }
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
    let losses: Vec<f64> = viewless_training::log::read(&whole)
        .unwrap()
        .iter()
        .filter_map(|line| match line {
            Line::Step { stage, loss, .. } if stage == "autoencoder" => Some(*loss),
            Line::Step { .. } | Line::Epoch { .. } => None,
        })
        .collect();
    let mean = |losses: &[f64]| losses.iter().sum::<f64>() / losses.len() as f64;
    assert!(mean(&losses[55..]) < 0.5 * mean(&losses[..5]), "{losses:?}");
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

/// The held-out images of a recipe belong to its own data.
#[test]
fn other_data_take_the_place_of_both_the_images_and_those_that_judge() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("recipe.toml");
    let text = "[data]\ntrain = \"theirs/train\"\nheld-out = \"theirs/test\"\n[model]\nchannels = 1\nencoder-width = 4\ndecoder-width = 4\nlatent = 3\nbottom = 1\n";
    fs::write(&file, text).unwrap();
    let held_out = |data: Option<&Path>| AutoencoderRecipe::read(&file, data, None).unwrap().data.held_out;
    assert_eq!(held_out(None).as_deref(), Some(Path::new("theirs/test")));
    assert_eq!(held_out(Some(folder.path())), None);
    fs::create_dir(folder.path().join("test")).unwrap();
    assert_eq!(held_out(Some(folder.path())), Some(folder.path().join("test")));
}
