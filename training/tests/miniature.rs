//! Runs of a model of 2 layers on made-up rows: what is learnt, what is written, and that a killed run is the same as one that was not.

use std::collections::BTreeMap;
use std::fs;
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};

use rand_chacha::ChaCha20Rng;
use rand_chacha::rand_core::{RngCore, SeedableRng};
use tempfile::TempDir;
use viewless_models::data::metrics::Metric;
use viewless_models::synthetic::{small_config, write_synthetic};
use viewless_models::{Model, Precision};
use viewless_protocols::model::{Activation, AttentionWeights};
use viewless_training::log::{self, Line};
use viewless_training::{Ending, Overrides, Recipe, Told, TrainError, TrainReport, distill, train};

/// Words of the synthetic tokenizer; the first four decide.
const DECISIVE: [(&str, f64); 4] = [("a", 1.0), ("b", 0.5), ("c", -0.5), ("d", -1.0)];
const OTHERS: [&str; 8] = ["the", "view", "e", "f", "g", "h", "1", "2"];

/// Rows of three to nine words, of which one decides.
fn rows(count: usize, seed: u64, regression: bool) -> String {
    let mut words = ChaCha20Rng::seed_from_u64(seed);
    let mut draw = |most: usize| words.next_u32() as usize % most;
    let mut text = String::from("text\tlabel\n");
    for _ in 0..count {
        let (decisive, rating) = DECISIVE[draw(DECISIVE.len())];
        let mut sentence: Vec<&str> = (0..2 + draw(7)).map(|_| OTHERS[draw(OTHERS.len())]).collect();
        sentence.insert(draw(sentence.len() + 1), decisive);
        let label = match (regression, rating > 0.0) {
            (true, _) => rating.to_string(),
            (false, true) => "positive".to_owned(),
            (false, false) => "negative".to_owned(),
        };
        text.push_str(&format!("{}\t{label}\n", sentence.join(" ")));
    }
    text
}

/// A folder with rows, a model, and recipes.
struct Bench {
    folder: TempDir,
}

impl Bench {
    fn new(regression: bool) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let bench = Self { folder };
        fs::create_dir(bench.path("rows")).unwrap();
        for (name, count, seed) in [("train.tsv", 400, 1), ("dev.tsv", 100, 2), ("test.tsv", 100, 3)] {
            fs::write(bench.path("rows").join(name), rows(count, seed, regression)).unwrap();
        }
        write_synthetic(&bench.path("base"), &small_config(), 1, Precision::F32).unwrap();
        bench
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn recipe(&self, task: &str, rest: &str) -> Recipe {
        let file = self.path("recipe.toml");
        let data = self.path("rows").display().to_string();
        let text =
            format!("checkpoint-steps = 7\n[data]\ndirectory = {data:?}\ntask = \"{task}\"\nmost-tokens = 32\n{rest}");
        fs::write(&file, text).unwrap();
        Recipe::read(&file, &Overrides { model: Some(self.path("base")), ..Overrides::default() }).unwrap()
    }

    fn teacher(&self, task: &str) -> TrainReport {
        let recipe = self.recipe(task, TEACHER);
        train(&recipe, &self.path("teacher"), false, &mut |_| ControlFlow::Continue(())).unwrap().unwrap()
    }
}

const TEACHER: &str = "[model]\nstart = \"drawn\"\n[training]\nepochs = 12\nbatch = 16\nlearning-rate = 2e-3\n";
const STUDENT: &str = "[model]\nactivation = \"quad\"\nattention = \"2quad\"\n[layers]\nepochs = 3\nbatch = 16\nlearning-rate = 1e-3\n\
                       [prediction]\nepochs = 2\nbatch = 16\nlearning-rate = 3e-4\n";

fn accuracy(report: &TrainReport) -> f64 {
    report.test.as_ref().unwrap().metrics[&Metric::Accuracy].value
}

fn files(folder: &Path) -> BTreeMap<String, Vec<u8>> {
    let entries = fs::read_dir(folder).unwrap().map(Result::unwrap);
    entries.map(|entry| (entry.file_name().into_string().unwrap(), fs::read(entry.path()).unwrap())).collect()
}

#[test]
fn a_teacher_learns_a_student_of_other_functions_learns_from_it_and_both_are_read_back() {
    let bench = Bench::new(false);
    let teacher = bench.teacher("classification");
    assert!(accuracy(&teacher) >= 0.95, "{teacher:?}");
    assert_eq!(teacher.labels, ["negative", "positive"]);
    let go = &mut |_| ControlFlow::Continue(());
    let student =
        distill(&bench.path("teacher"), &bench.recipe("classification", STUDENT), &bench.path("student"), false, go);
    let student = student.unwrap().unwrap();
    assert!(accuracy(&student) >= 0.95, "{student:?}");
    assert_eq!((student.drawn, student.chosen_epoch.is_some()), (0, true));
    let model = Model::load(&bench.path("student")).unwrap();
    assert_eq!(
        (model.config.activation, model.config.attention_weights),
        (Activation::Quad, AttentionWeights::TwoQuad)
    );
    assert!(model.notes.is_empty(), "{:?}", model.notes);
    for (text, class) in [("the a view", 1), ("view g d h", 0)] {
        let logits = model.forward(&model.encode(text).unwrap()).unwrap().output;
        assert_eq!(usize::from(logits[1] > logits[0]), class, "{text}: {logits}");
    }
    let lines = log::read(&bench.path("student")).unwrap();
    let epochs = lines.iter().filter(|line| matches!(line, Line::Epoch { .. })).count();
    assert_eq!((epochs, lines.len() - epochs), (5, 5 * 25));
    let loss = |wanted: usize| match &lines[wanted] {
        Line::Step { stage, loss, .. } if stage == "layers" => *loss,
        other => panic!("{other:?}"),
    };
    // The other functions ruin the layers at first, and stage one repairs them.
    assert!(loss(0) > 5.0 * loss(3 * 25), "{} {}", loss(0), loss(3 * 25));
    assert!(!bench.path("student").join("checkpoint.safetensors").exists());
}

#[test]
fn a_run_that_is_killed_at_any_step_and_goes_on_writes_the_same_bytes() {
    let bench = Bench::new(false);
    let short = "[model]\nstart = \"drawn\"\n[training]\nepochs = 1\nbatch = 16\nlearning-rate = 1e-3\n";
    let teacher = bench.path("teacher");
    train(&bench.recipe("classification", short), &teacher, false, &mut |_| ControlFlow::Continue(()))
        .unwrap()
        .unwrap();
    let recipe = bench.recipe(
        "classification",
        "rows = 100\n[model]\nactivation = \"quad\"\n[layers]\nepochs = 2\nbatch = 10\n[prediction]\nepochs = 2\nbatch = 10\n",
    );
    let whole = bench.path("whole");
    distill(&teacher, &recipe, &whole, false, &mut |_| ControlFlow::Continue(())).unwrap().unwrap();
    // In the first steps, between checkpoints, at one, between the stages, and in the last step.
    for kills in [&[1][..], &[9, 3], &[20], &[21, 12, 3], &[40]] {
        let out = bench.path(&format!("killed-{kills:?}"));
        let mut resume = false;
        for &kill in kills {
            let mut left = kill;
            let ended = distill(&teacher, &recipe, &out, resume, &mut |_| {
                left -= 1;
                if left == 0 { ControlFlow::Break(Ending::AsKilled) } else { ControlFlow::Continue(()) }
            });
            assert_eq!(ended.unwrap(), None, "{kills:?}");
            // What a kill may leave behind.
            fs::write(out.join(".unfinished-x"), "half").unwrap();
            resume = true;
        }
        let report = distill(&teacher, &recipe, &out, true, &mut |_| ControlFlow::Continue(())).unwrap().unwrap();
        // There is a checkpoint every 7 steps.
        let made: usize = kills.iter().sum();
        assert_eq!(report.steps < 40, made >= 7, "{kills:?}: {} steps", report.steps);
        assert!(files(&out) == files(&whole), "{kills:?}: {:?}", files(&out).keys());
    }
}

/// However few steps a call makes, the next one goes on behind them.
#[test]
fn a_run_in_calls_of_fewer_steps_than_lie_between_checkpoints_comes_to_its_end_with_the_same_bytes() {
    let bench = Bench::new(false);
    let recipe = bench.recipe(
        "classification",
        "[model]\nstart = \"drawn\"\n[training]\nepochs = 1\nbatch = 16\nlearning-rate = 1e-3\n",
    );
    let whole = bench.path("whole");
    train(&recipe, &whole, false, &mut |_| ControlFlow::Continue(())).unwrap().unwrap();
    let out = bench.path("in-calls");
    let mut done = Vec::new();
    let report = loop {
        let mut left = 3;
        let made = train(&recipe, &out, true, &mut |told: Told| {
            left -= 1;
            done.push(told.done);
            assert!(done.len() < 1000, "the same steps again and again");
            if left == 0 && told.done < told.of { ControlFlow::Break(Ending::Kept) } else { ControlFlow::Continue(()) }
        });
        if let Some(report) = made.unwrap() {
            break report;
        }
    };
    assert_eq!(done, (1..=report.steps_before + report.steps).collect::<Vec<_>>());
    assert!(done.len() > 7 && files(&out) == files(&whole));
}

#[test]
fn a_regressor_is_taught_and_a_narrower_student_learns_through_a_map_that_is_thrown_away() {
    let bench = Bench::new(true);
    let teacher = bench.teacher("regression");
    let pearson = |report: &TrainReport| report.test.as_ref().unwrap().metrics[&Metric::Pearson].value;
    assert!(pearson(&teacher) >= 0.9, "{teacher:?}");
    let recipe = "[model]\nattention = \"2quad\"\nhidden-size = 16\nheads = 2\nlayers = 1\nintermediate-size = 32\nprecision = \"f16\"\n\
                  [layers]\nepochs = 10\nbatch = 16\nlearning-rate = 3e-3\n[prediction]\nepochs = 20\nbatch = 16\nlearning-rate = 3e-3\n";
    let go = &mut |_| ControlFlow::Continue(());
    let student =
        distill(&bench.path("teacher"), &bench.recipe("regression", recipe), &bench.path("student"), false, go);
    let student = student.unwrap().unwrap();
    assert!(pearson(&student) >= 0.9, "{student:?}");
    let model = Model::load(&bench.path("student")).unwrap();
    assert_eq!((model.config.hidden_size, model.config.layers), (16, 1));
    assert_eq!(model.weights.iter().filter(|(name, _)| name.contains("projection")).count(), 0);
    // As long as the f16 weights and little more: no map in it.
    let bytes = fs::metadata(bench.path("student/model.safetensors")).unwrap().len() as usize;
    assert!(bytes < 2 * model.weights.parameters() + 5000);
}

#[test]
fn a_small_student_has_the_words_of_the_rows_and_begins_with_the_main_directions_of_its_teachers_tables() {
    let bench = Bench::new(false);
    bench.teacher("classification");
    let recipe = "[model]\nvocabulary = \"rows\"\nattention = \"2quad\"\nhidden-size = 16\nheads = 2\nlayers = 1\nintermediate-size = 32\n\
                  precision = \"f16\"\n[layers]\nepochs = 0\n[prediction]\nepochs = 12\nbatch = 16\nlearning-rate = 3e-3\n";
    let go = &mut |_| ControlFlow::Continue(());
    let recipe = bench.recipe("classification", recipe);
    let student = distill(&bench.path("teacher"), &recipe, &bench.path("student"), false, go).unwrap().unwrap();
    assert!(accuracy(&student) >= 0.95, "{student:?}");
    let (model, teacher) =
        [bench.path("student"), bench.path("teacher")].map(|path| Model::load(&path).unwrap()).into();
    assert!(model.config.vocab_size() < teacher.config.vocab_size());
    // A word that no row has is spelled, and the rest is as it was.
    let logits = model.forward(&model.encode("the a secret view").unwrap()).unwrap().output;
    assert!(logits.iter().all(|logit| logit.is_finite()));
    // The layers of a teacher of another width are not the student's, its tables are.
    assert!(student.drawn > 0 && student.drawn < model.weights.iter().count(), "{}", student.drawn);
}

#[test]
fn what_cannot_be_trained_is_refused_before_anything_is_written() {
    let bench = Bench::new(false);
    let train = |recipe: &Recipe, out: &str| {
        train(recipe, &bench.path(out), false, &mut |_| ControlFlow::Continue(())).unwrap_err()
    };
    let go = &mut |_| ControlFlow::Continue(());
    let none = train(&bench.recipe("classification", "[training]\nepochs = 0\n"), "a");
    assert!(matches!(none, TrainError::NoEpochs { .. }));
    let sizes = train(&bench.recipe("classification", "[model]\nheads = 5\n"), "b");
    assert!(sizes.to_string().contains("divisible"), "{sizes}");
    let numbers = train(&bench.recipe("regression", ""), "c");
    assert!(matches!(numbers, TrainError::Data(_)), "{numbers}");
    let no_teacher = distill(&bench.path("base"), &bench.recipe("classification", ""), &bench.path("d"), false, go);
    assert!(matches!(no_teacher, Err(TrainError::TeacherWithoutLogits { .. })));
    fs::write(bench.path("rows/train.tsv"), "text\tlabel\nthe view\tyes\na view\tyes\n").unwrap();
    let one = train(&bench.recipe("classification", ""), "e");
    assert!(matches!(one, TrainError::OneClass { .. }), "{one}");
    fs::write(bench.path("rows/train.tsv"), "text\tlabel\n").unwrap();
    assert!(matches!(train(&bench.recipe("classification", ""), "f"), TrainError::Data(_)));
    for out in ["a", "b", "c", "d", "e", "f"] {
        assert!(!bench.path(out).exists(), "{out}");
    }
}

#[test]
fn a_loss_that_is_no_number_names_step_and_rows_and_keeps_the_last_checkpoint() {
    let bench = Bench::new(false);
    let recipe = bench.recipe("classification", "[training]\nepochs = 3\nbatch = 16\nlearning-rate = 1e-4\n");
    let out = bench.path("out");
    let ended = train(&recipe, &out, false, &mut |told| {
        if told.done == 7 { ControlFlow::Break(Ending::AsKilled) } else { ControlFlow::Continue(()) }
    });
    assert_eq!(ended.unwrap(), None);
    let before = fs::read(out.join("checkpoint.safetensors")).unwrap();
    // Weights so large that squares of them overflow.
    let mut broken = before.clone();
    let scale = 1e30f32.to_le_bytes();
    let header = u64::from_le_bytes(before[..8].try_into().unwrap()) as usize;
    broken[8 + header..].chunks_exact_mut(4).for_each(|number| number.copy_from_slice(&scale));
    fs::write(out.join("checkpoint.safetensors"), &broken).unwrap();
    let error = train(&recipe, &out, true, &mut |_| ControlFlow::Continue(())).unwrap_err();
    let sentence = error.to_string();
    assert!(matches!(error, TrainError::Loss { step: 8, .. }), "{sentence}");
    assert!(sentence.contains("step 8") && sentence.contains("train.tsv") && sentence.contains("lines"), "{sentence}");
    assert_eq!(fs::read(out.join("checkpoint.safetensors")).unwrap(), broken);
    let other = bench.recipe("classification", "[training]\nepochs = 4\nbatch = 16\nlearning-rate = 1e-4\n");
    let error = train(&other, &out, true, &mut |_| ControlFlow::Continue(())).unwrap_err();
    assert!(
        matches!(&error, TrainError::OtherRun { changed, .. } if changed.contains("`training.epochs` is 4 and was ")),
        "{error}"
    );
}

#[test]
fn long_texts_are_cut_and_counted() {
    let bench = Bench::new(false);
    let mut text = rows(20, 1, false);
    text.push_str(&format!("a {}\tpositive\n", "the ".repeat(500)));
    fs::write(bench.path("rows/train.tsv"), text).unwrap();
    let recipe = bench.recipe("classification", "[training]\nepochs = 1\n");
    let report = train(&recipe, &bench.path("out"), false, &mut |_| ControlFlow::Continue(())).unwrap().unwrap();
    assert_eq!((report.rows, report.cut), (21, 1));
}
