//! What a run says that cannot go on, or cannot be written: which file, which rows, which field; and that nothing of it is lost.

use std::fs;
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use tempfile::TempDir;
use viewless_models::Precision;
use viewless_models::picture::{Levels, png_of_rows};
use viewless_models::synthetic::{small_config, write_synthetic};
use viewless_training::autoencoder::{self, AutoencoderRecipe};
use viewless_training::{Ending, Overrides, Recipe, Told, TrainError, distill, train};

/// A folder with rows, a model, and a run of which six of twelve steps are made, with a checkpoint after each second one.
struct Half {
    folder: TempDir,
    recipe: Recipe,
}

fn rows(count: usize) -> String {
    let row =
        |i: usize| format!("the {} view\t{}\n", ["a", "b", "c"][i % 3], if i.is_multiple_of(2) { "yes" } else { "no" });
    (0..count).fold(String::from("text\tlabel\n"), |text, i| text + &row(i))
}

fn until(steps: usize) -> impl FnMut(Told) -> ControlFlow<Ending> {
    move |told| if told.done >= steps { ControlFlow::Break(Ending::AsKilled) } else { ControlFlow::Continue(()) }
}

fn read(folder: &Path, rest: &str) -> Recipe {
    let file = folder.join("recipe.toml");
    let data = folder.join("rows").display().to_string();
    let text = format!(
        "checkpoint-steps = 2\n[data]\ndirectory = {data:?}\ntask = \"classification\"\nmost-tokens = 16\n[model]\nstart = \"drawn\"\n\
         [training]\nbatch = 4\nepochs = 2\n{rest}"
    );
    fs::write(&file, text).unwrap();
    Recipe::read(&file, &Overrides { model: Some(folder.join("base")), ..Overrides::default() }).unwrap()
}

/// Every file of a folder.
fn contents(folder: &Path) -> Vec<(PathBuf, Vec<u8>)> {
    let files = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let mut all: Vec<(PathBuf, Vec<u8>)> = files.map(|path| (path.clone(), fs::read(path).unwrap())).collect();
    all.sort();
    all
}

impl Half {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        fs::create_dir(folder.path().join("rows")).unwrap();
        for (name, count) in [("train.tsv", 24), ("dev.tsv", 8)] {
            fs::write(folder.path().join("rows").join(name), rows(count)).unwrap();
        }
        write_synthetic(&folder.path().join("base"), &small_config(), 1, Precision::F32).unwrap();
        let recipe = read(folder.path(), "");
        let half = Self { folder, recipe };
        assert_eq!(train(&half.recipe, &half.out(), false, &mut until(6)).unwrap(), None);
        half
    }

    fn out(&self) -> PathBuf {
        self.folder.path().join("out")
    }

    fn rows(&self, name: &str) -> PathBuf {
        self.folder.path().join("rows").join(name)
    }

    /// The error of going on, which leaves the checkpoint as it was.
    fn refused(&self, recipe: &Recipe) -> TrainError {
        let checkpoint = self.out().join("checkpoint.safetensors");
        let before = fs::read(&checkpoint).unwrap();
        let error = train(recipe, &self.out(), true, &mut until(usize::MAX)).unwrap_err();
        assert_eq!(fs::read(&checkpoint).unwrap(), before, "{error}");
        error
    }

    fn goes_on(&self) {
        let report = train(&self.recipe, &self.out(), true, &mut until(usize::MAX)).unwrap().unwrap();
        assert_eq!((report.steps_before, report.steps), (6, 6));
    }
}

#[test]
fn metrics_or_a_best_epoch_that_are_gone_are_named_before_a_step_is_made_and_put_back_they_will_do() {
    let half = Half::new();
    for (name, is) in
        [("metrics.jsonl", "metrics.jsonl is not there"), ("best.safetensors", "best.safetensors is not there")]
    {
        let path = half.out().join(name);
        let whole = fs::read(&path).unwrap();
        fs::remove_file(&path).unwrap();
        let error = half.refused(&half.recipe);
        let said = error.to_string();
        assert!(matches!(error, TrainError::Beside { .. }) && said.contains(is), "{said}");
        assert!(said.contains("put it back, or remove checkpoint.safetensors beside it to begin anew"), "{said}");
        assert!(!path.exists(), "what is gone is not made anew, empty");
        fs::write(&path, &whole[..whole.len() / 2]).unwrap();
        let error = half.refused(&half.recipe);
        assert!(matches!(error, TrainError::Beside { .. }) && error.to_string().contains(name), "{error}");
        assert_eq!(fs::read(&path).unwrap(), &whole[..whole.len() / 2]);
        fs::write(&path, &whole).unwrap();
    }
    half.goes_on();
}

#[test]
fn rows_that_changed_since_are_named_those_that_the_best_epoch_is_chosen_by_too() {
    let half = Half::new();
    for (name, what, old) in [("train.tsv", "rows to learn from", 24), ("dev.tsv", "development rows", 8)] {
        let whole = fs::read_to_string(half.rows(name)).unwrap();
        let said = |text: String| {
            fs::write(half.rows(name), text).unwrap();
            let error = half.refused(&half.recipe);
            assert!(matches!(error, TrainError::OtherRun { .. }), "{error}");
            error.to_string()
        };
        let more = said(whole.clone() + "a view\tyes\n");
        let place = half.rows(name).display().to_string();
        assert!(more.contains(&format!("`{place}` has {} {what}, and had {old}", old + 1)), "{more}");
        let others = said(whole.replacen("\tyes", "\tno", 1));
        assert!(others.contains(&format!("the {old} {what} in `{place}` are not those that were there")), "{others}");
        fs::write(half.rows(name), whole).unwrap();
    }
    fs::rename(half.rows("dev.tsv"), half.rows("away.tsv")).unwrap();
    let gone = half.refused(&half.recipe).to_string();
    assert!(gone.contains("there are no development rows any more"), "{gone}");
    fs::rename(half.rows("away.tsv"), half.rows("dev.tsv")).unwrap();
    half.goes_on();
}

#[test]
fn a_recipe_that_changed_is_told_by_its_field_and_one_that_is_gone_is_written_again() {
    let half = Half::new();
    let other = read(half.folder.path(), "learning-rate = 0.5\n");
    let said = half.refused(&other).to_string();
    assert!(said.contains("the recipe's `training.learning-rate` is 0.5 and was "), "{said}");
    let recipe = half.out().join("recipe.toml");
    let whole = fs::read(&recipe).unwrap();
    // The checkpoint knows by which recipe it was made; which one of its fields is another it does not.
    fs::remove_file(&recipe).unwrap();
    let said = half.refused(&other).to_string();
    assert!(said.contains("made by another command") && said.contains("or by a recipe that was changed"), "{said}");
    half.goes_on();
    assert_eq!(fs::read(&recipe).unwrap(), whole);
}

#[test]
fn the_checkpoint_of_another_command_is_said_to_be_that() {
    let half = Half::new();
    let teacher = half.folder.path().join("teacher");
    train(&half.recipe, &teacher, false, &mut until(usize::MAX)).unwrap().unwrap();
    let before = contents(&half.out());
    // A student's configuration is another than the teacher's.
    let error = distill(&teacher, &half.recipe, &half.out(), true, &mut until(1)).unwrap_err();
    assert!(matches!(&error, TrainError::OtherRun { changed, .. } if changed.contains("`distill`")), "{error}");
    assert!(contents(&half.out()) == before, "nothing is written before a refusal");
    half.goes_on();
}

#[test]
fn weights_that_changed_since_are_named() {
    let half = Half::new();
    let given = Recipe {
        model: viewless_training::recipe::ModelRecipe {
            start: viewless_training::recipe::Start::Given,
            ..half.recipe.model.clone()
        },
        ..half.recipe.clone()
    };
    let out = half.folder.path().join("given");
    train(&given, &out, false, &mut until(6)).unwrap();
    write_synthetic(&half.folder.path().join("base"), &small_config(), 2, Precision::F32).unwrap();
    let before = contents(&out);
    let said = train(&given, &out, true, &mut until(7)).unwrap_err().to_string();
    assert!(contents(&out) == before, "nothing is written before a refusal");
    assert!(said.contains("weights in `") && said.contains("base` are not those that were there"), "{said}");
}

#[test]
fn a_student_whose_drawn_head_no_stage_learns_is_refused_before_anything_is_written() {
    let half = Half::new();
    let teacher = half.folder.path().join("teacher");
    train(&half.recipe, &teacher, false, &mut until(usize::MAX)).unwrap().unwrap();
    let out = half.folder.path().join("student");
    let student = |rest: &str| {
        let recipe =
            read(half.folder.path(), &format!("[layers]\nepochs = 1\nbatch = 8\n[prediction]\nepochs = 0\n{rest}"));
        distill(&teacher, &recipe, &out, false, &mut until(1))
    };
    let error = student("").unwrap_err();
    assert!(matches!(error, TrainError::UntaughtHead { .. }) && !out.exists(), "{error}");
    let said = error.to_string();
    assert!(said.contains("classifier.bias") && said.contains("epochs of [prediction]"), "{said}");
}

#[test]
fn pictures_that_changed_since_are_named_and_a_decoder_that_nothing_asks_for_is_refused_with_the_field() {
    let folder = tempfile::tempdir().unwrap();
    let (train_in, held) = (folder.path().join("train"), folder.path().join("test"));
    for (folder, count) in [(&train_in, 12u8), (&held, 3)] {
        fs::create_dir(folder).unwrap();
        for picture in 0..count {
            let png = png_of_rows(&[vec![Levels::from_elem((1, 8, 8), 20 * picture)]]).unwrap();
            fs::write(folder.join(format!("{picture:02}.png")), png).unwrap();
        }
    }
    let file = folder.path().join("recipe.toml");
    let recipe = |rest: &str| {
        let text = "checkpoint-steps = 2\n[data]\ntrain = \"x\"\n[model]\nchannels = 1\nencoder-width = 2\ndecoder-width = 2\nlatent = 2\nbottom = 1\n\
                    [training]\nsteps = 6\nbatch = 4\njudge-steps = 3\n";
        fs::write(&file, format!("{text}{rest}")).unwrap();
        AutoencoderRecipe::read(&file, Some(folder.path()), None)
    };
    let good = recipe("").unwrap();
    let out = folder.path().join("out");
    let go = |steps: usize| autoencoder::train(&good, &out, true, &mut until(steps));
    assert_eq!(go(4).unwrap(), None);
    for (picture, says) in [
        (train_in.join("99.png"), "has 13 images to learn from, and had 12"),
        (held.join("99.png"), "has 4 held-out images, and had 3"),
    ] {
        fs::copy(train_in.join("03.png"), &picture).unwrap();
        let said = go(6).unwrap_err().to_string();
        assert!(said.contains(says), "{said}");
        fs::remove_file(&picture).unwrap();
    }
    assert_eq!(go(usize::MAX).unwrap().unwrap().steps_before, 4);
    for rest in [
        "pixels = 0.0\n",
        "pixels = 0.0\ndivergence = 0.0\n",
        "pixels = 0.0\nadversarial = 0.1\nadversarial-from = 6\n",
    ] {
        let error = recipe(rest).unwrap_err();
        let said = error.to_string();
        assert!(
            matches!(error, TrainError::Field { field: "training.pixels", .. }) && said.contains("decoder"),
            "{said}"
        );
    }
    recipe("pixels = 0.0\nadversarial = 0.1\nadversarial-from = 5\n").unwrap();
}

/// A folder that cannot hold the run: with the words of the system, the file's name, and the way to go on.
#[cfg(target_os = "linux")]
#[test]
fn where_nothing_can_be_written_the_file_is_named_as_it_would_be_called() {
    let half = Half::new();
    let teacher = half.folder.path().join("teacher");
    train(&half.recipe, &teacher, false, &mut until(usize::MAX)).unwrap().unwrap();
    // A directory of that name stands in the way, and nothing that is there can be put in its place.
    let weights = half.out().join("model.safetensors");
    fs::create_dir_all(weights.join("in-the-way")).unwrap();
    let error = train(&half.recipe, &half.out(), true, &mut until(usize::MAX)).unwrap_err();
    let said = error.to_string();
    assert!(matches!(error, TrainError::Write { .. }) && !said.contains(".unfinished"), "{said}");
    assert!(
        said.contains("model.safetensors: ") && said.contains("with --resume goes on from the last checkpoint"),
        "{said}"
    );
    fs::remove_dir_all(&weights).unwrap();
    let report = train(&half.recipe, &half.out(), true, &mut until(usize::MAX)).unwrap().unwrap();
    assert_eq!((report.steps_before, report.steps), (12, 0));
}
