//! Evaluations of small random models, beside `infer`, killed and resumed, and with planted mistakes.

use super::*;
use crate::inference::{Asking, Question, infer};
use std::fs;
use std::path::Path;
use tempfile::TempDir;
use viewless_models::Precision;
use viewless_models::data::Split;
use viewless_models::synthetic::{self, small_config};
use viewless_protocols::model::{Head, TransformerConfig, TransformerDraft};
use viewless_protocols::program::Schedule;
use viewless_protocols::scheme::Truncation;
use viewless_simulator::network::Network;
use viewless_simulator::stream::Seed;

const TEXTS: &str = "text\tlabel\nthe view is empty\tyes\nnobody sees a secret\tno\nthe cat\tno\n\"the\" view, abc\tyes\nan empty view\tyes\n";
const PAIRS: &str = "text\ttext2\tlabel\nthe view\tis empty\t0.5\nthe cat sat\ta dog\t-1\nno view\tno view\t4\nabc\tthe view is empty\t1\na b\tc\t2\n";

fn folder(head: Head, rows: &str) -> TempDir {
    let config: TransformerConfig = TransformerDraft { head, ..small_config().draft() }.check().unwrap();
    let folder = tempfile::tempdir().unwrap();
    synthetic::write_synthetic(folder.path(), &config, 7, Precision::F32).unwrap();
    fs::write(folder.path().join("rows.tsv"), rows).unwrap();
    folder
}

fn classifier() -> Head {
    Head::Classifier { labels: ["no", "yes"].map(str::to_owned).to_vec() }
}

fn suites(names: &[&str]) -> Vec<Suite> {
    names.iter().map(|name| Suite::built_in(name).unwrap()).collect()
}

fn loaded(folder: &Path) -> (Model, Loaded) {
    let model = Model::load(folder).unwrap();
    let loaded = labelled(&model, &folder.join("rows.tsv"), Split::Test).unwrap();
    (model, loaded)
}

fn of<'a>((model, loaded): &'a (Model, Loaded), suites: &'a [Suite]) -> Evaluation<'a> {
    let registry = Registry::built_in();
    Evaluation {
        model,
        loaded,
        suites,
        registry,
        seed: 3,
        execution: ExecutionMode::Fast,
        too_long: TooLong::Stop,
        most_bytes: None,
    }
}

/// Without what clocks say.
fn timeless(mut report: EvaluationReport) -> EvaluationReport {
    report.suites.iter_mut().for_each(|suite| suite.seconds_per_row = 0.0);
    report
}

#[test]
fn every_row_answers_as_infer_does_by_its_seed_with_messages_and_without() {
    let folder = folder(classifier(), TEXTS);
    let held = loaded(folder.path());
    let suites = suites(&["faithful", "crypten"]);
    let mut evaluation = of(&held, &suites);
    let state = folder.path().join("state");
    let report = evaluate(&evaluation, Some(State::open(&state).unwrap()), None).unwrap();
    assert_eq!((report.rows, report.suites.len(), report.rated), (5, 2, Rated::Class));
    let lines = fs::read_to_string(&state).unwrap();
    let runs: Vec<RowRun> = lines.lines().skip(1).map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(runs.len(), 10);
    let network = Network::lan();
    for run in &runs {
        let row = &held.1.rows.rows()[run.row];
        let question = Question {
            model: &held.0,
            suite: &suites[run.suite],
            registry: Registry::built_in(),
            asking: Asking::Text(&row.text),
            seed: Seed::from_u64(3 + row.line as u64),
            network: &network,
            schedule: Schedule::Asap,
            certify: false,
            execution: ExecutionMode::Explicit,
            most_bytes: None,
        };
        let alone = infer(&question, None, None).unwrap();
        assert_eq!((&run.private[..], &run.plaintext[..]), (alone.output.values(), alone.plaintext.values()));
        assert_eq!((run.wraps, &run.headroom), (alone.wraps, &alone.headroom_violations));
        let total: u64 = alone.cost.phases.values().map(|phase| phase.bytes_total).sum();
        assert_eq!(run.cost.bytes_online + run.cost.bytes_setup + run.cost.bytes_offline, total);
    }
    evaluation.execution = ExecutionMode::Explicit;
    let explicit = evaluate(&evaluation, None, None).unwrap();
    let report = EvaluationReport { execution: ExecutionMode::Explicit, ..report };
    assert_eq!(timeless(explicit), timeless(report));
}

#[test]
fn metrics_are_those_of_the_rows() {
    let folder = folder(classifier(), TEXTS);
    let held = loaded(folder.path());
    let suites = suites(&["faithful"]);
    let report = evaluate(&of(&held, &suites), None, None).unwrap();
    let right = held.1.rows.rows().iter().filter(|row| {
        let output = held.0.forward(&held.0.encode(&row.text).unwrap()).unwrap().output;
        row.label == viewless_models::data::Label::Class(usize::from(output[1] > output[0]))
    });
    assert_eq!(report.plaintext[0].estimate, Some(right.count() as f64 / 5.0));
    let suite = &report.suites[0];
    // Random logits are far apart, and the suite is exact to 1e-3.
    assert_eq!((suite.agreement.as_ref().unwrap().rows, suite.differing.len()), (5, 0));
    assert_eq!(suite.private, report.plaintext);
    assert!(suite.max_abs_error > 0.0 && suite.max_abs_error < 1e-2 && !report.is_spoiled());
    assert_eq!(suite.by_length.iter().map(|length| length.rows).sum::<usize>(), 5);
    assert!(suite.by_length.is_sorted_by(|a, b| a.length < b.length && a.cost.bytes_online < b.cost.bytes_online));
}

#[test]
fn an_evaluation_that_was_killed_anywhere_goes_on_to_the_same_report() {
    let folder = folder(classifier(), TEXTS);
    let held = loaded(folder.path());
    let suites = suites(&["faithful", "crypten"]);
    let evaluation = of(&held, &suites);
    let path = folder.path().join("state");
    let whole = timeless(evaluate(&evaluation, Some(State::open(&path).unwrap()), None).unwrap());
    let lines = fs::read(&path).unwrap();
    assert!(State::open(&path).is_ok());
    for kept in [0, 10, lines.len() / 3, lines.len() / 2, lines.len() - 1, lines.len()] {
        fs::write(&path, &lines[..kept]).unwrap();
        let told = std::cell::Cell::new(0);
        let progress = |_: usize, of: usize| {
            assert_eq!(of, 10);
            told.set(told.get() + 1);
        };
        let resumed = evaluate(&evaluation, Some(State::open(&path).unwrap()), Some(&progress)).unwrap();
        assert_eq!(timeless(resumed), whole, "{kept} bytes kept");
        // The first line is no row, and a line without an end is none.
        let rows = lines[..kept].iter().filter(|&&byte| byte == b'\n').count().saturating_sub(1);
        assert_eq!(told.get(), 10 - rows, "{kept} bytes kept");
        assert_eq!(fs::read_to_string(&path).unwrap().lines().count(), 11);
    }
}

#[test]
fn results_of_something_else_are_refused_and_stay_as_they_are() {
    let folder = folder(classifier(), TEXTS);
    let held = loaded(folder.path());
    let (two, one) = (suites(&["faithful", "crypten"]), suites(&["faithful"]));
    let path = folder.path().join("state");
    evaluate(&of(&held, &one), Some(State::open(&path).unwrap()), None).unwrap();
    let lines = fs::read(&path).unwrap();
    let refused = |evaluation: &Evaluation<'_>, what: &str| {
        let error = evaluate(evaluation, Some(State::open(&path).unwrap()), None).unwrap_err();
        assert!(matches!(error, EvaluationError::State { .. }), "{error}");
        assert!(error.to_string().contains(what) && error.to_string().contains("state"), "{error}");
    };
    refused(&of(&held, &two), "other suites");
    refused(&Evaluation { seed: 4, ..of(&held, &one) }, "another seed");
    refused(&Evaluation { execution: ExecutionMode::Explicit, ..of(&held, &one) }, "--explicit");
    let sampled = (held.0.clone(), sample(held.1.clone(), 2, 0));
    refused(&of(&sampled, &one), "other rows");
    assert_eq!(fs::read(&path).unwrap(), lines);
    let open = State::open(&path).unwrap();
    assert!(State::open(&path).unwrap_err().to_string().contains("another evaluation"));
    drop(open);
    let text = String::from_utf8(lines).unwrap();
    let twice = format!("{text}{}\n", text.lines().last().unwrap());
    for (wrong, what) in [("words\n", "no file of an evaluation"), ("words", "no file"), (&twice, "line 7")] {
        fs::write(&path, wrong).unwrap();
        refused(&of(&held, &one), what);
        assert_eq!(fs::read_to_string(&path).unwrap(), wrong);
    }
}

/// What no run gives is no result, wherever a hand put it.
#[test]
fn results_that_were_edited_into_what_no_run_gives_are_refused() {
    let folder = folder(classifier(), TEXTS);
    let held = loaded(folder.path());
    let suites = suites(&["faithful"]);
    let path = folder.path().join("state");
    let whole = evaluate(&of(&held, &suites), Some(State::open(&path).unwrap()), None).unwrap();
    let text = fs::read_to_string(&path).unwrap();
    let edited = |edit: &dyn Fn(&mut RowRun)| {
        let mut lines: Vec<String> = text.lines().map(str::to_owned).collect();
        let mut run: RowRun = serde_json::from_str(&lines[3]).unwrap();
        edit(&mut run);
        lines[3] = serde_json::to_string(&run).unwrap();
        fs::write(&path, lines.join("\n") + "\n").unwrap();
        evaluate(&of(&held, &suites), Some(State::open(&path).unwrap()), None)
    };
    assert_eq!(timeless(edited(&|_| ()).unwrap()), timeless(whole));
    type Edit = fn(&mut RowRun);
    let edits: [(Edit, &str); 5] = [
        (
            |run| [&mut run.plaintext, &mut run.private].into_iter().for_each(|values| values.push(9.0)),
            "number of answers",
        ),
        (|run| run.private.truncate(1), "number of answers"),
        (|run| run.private[0] = 1e300, "too large"),
        (|run| run.private.reverse(), "reason"),
        (|run| run.seconds = -1.0, "time"),
    ];
    for (edit, why) in edits {
        let error = edited(&edit).unwrap_err().to_string();
        assert!(error.contains("line 4") && error.contains(why), "{error}");
    }
}

#[test]
fn rows_that_are_too_long_are_cut_or_skipped_and_counted_and_all_others_stay_as_they_are() {
    let long = "the view is empty nobody sees ".repeat(30);
    let rows = format!("text\tlabel\nthe view\tyes\n{long}\tno\nthe cat\tno\nsecret {long}\tyes\nabc\tno\n");
    let folder = folder(classifier(), &rows);
    let held = loaded(folder.path());
    let suites = suites(&["faithful", "mpcformer"]);
    let asked = |too_long| Evaluation { too_long, ..of(&held, &suites) };
    let [cut, skipped] = [TooLong::Cut, TooLong::Skip].map(|long| evaluate(&asked(long), None, None).unwrap());
    assert!(evaluate(&asked(TooLong::Stop), None, None).unwrap_err().to_string().contains("line 3"));
    assert_eq!((cut.rows, cut.rows_cut, cut.rows_skipped), (5, 2, 0));
    assert_eq!((skipped.rows, skipped.rows_cut, skipped.rows_skipped), (3, 0, 2));
    let says = |report: &EvaluationReport, what: &str| report.notes.iter().any(|note| note.contains(what));
    assert!(says(&cut, "2: lines 3, 5") && says(&skipped, "2: lines 3, 5"), "{:?} {:?}", cut.notes, skipped.notes);
    // What is cut has as many tokens as the model has positions, and the same answers as any other row of those tokens.
    let most = held.0.config.most_tokens();
    assert_eq!(cut.suites[0].by_length.last().map(|length| (length.length, length.rows)), Some((most, 2)));
    // A row that is skipped takes no other row's name, line or seed.
    for (cut, skipped) in cut.suites.iter().zip(&skipped.suites) {
        let others: Vec<_> = cut.differing.iter().filter(|row| ![3, 5].contains(&row.line)).collect();
        assert_eq!(skipped.differing.iter().collect::<Vec<_>>(), others);
        for row in &cut.differing {
            let given = held.1.rows.rows().iter().find(|given| given.line == row.line).unwrap();
            assert!(given.text.starts_with(&row.text));
        }
    }
    let only_long = self::folder(classifier(), &format!("text\tlabel\n{long}\tno\n"));
    let held = loaded(only_long.path());
    let nothing = evaluate(&Evaluation { too_long: TooLong::Skip, ..of(&held, &suites) }, None, None).unwrap_err();
    assert!(matches!(nothing, EvaluationError::AllTooLong { rows: 1, .. }), "{nothing}");
}

#[test]
fn a_planted_wrap_is_the_reason_where_the_class_is_another() {
    let rows: String =
        (0..36).map(|row| format!("the view is empty {}\t{}\n", "abc ".repeat(row % 12 + 4), row % 2)).collect();
    let folder = folder(classifier(), &format!("text\tlabel\n{rows}"));
    let held = loaded(folder.path());
    let mut suite = Suite::built_in("faithful").unwrap();
    suite.scheme.truncation = Truncation::Local;
    // Products of 2 · 22 bits of fraction leave 20 for the number: of size 1, one of a million truncations wraps, and sums are larger.
    let suites = [suite.with_fixed(Some(22), None).unwrap()];
    let report = evaluate(&of(&held, &suites), None, None).unwrap();
    let suite = &report.suites[0];
    assert!(suite.rows_wrapped > 0, "{suite:?}");
    let wraps = suite.differing.iter().filter(|row| row.reason.as_ref().unwrap().cause == Cause::Wrap).count();
    assert!(wraps > 0 && report.is_spoiled(), "{suite:?}");
    let agreement = suite.agreement.as_ref().unwrap();
    assert_eq!(agreement.rows + suite.differing.len(), 36);
    assert_eq!(agreement.causes.values().sum::<usize>(), suite.differing.len());
    for row in &suite.differing {
        let reason = row.reason.as_ref().unwrap();
        assert!(reason.margin >= 0.0 && reason.margin_private <= 0.0 && row.plaintext != row.private, "{row:?}");
        assert!(!reason.why.is_empty() && row.breaks_claims == (reason.cause != Cause::Rounding), "{row:?}");
    }
}

/// A suite of other functions decides otherwise by itself, which the circuit over the reals shows.
#[test]
fn other_functions_are_the_reason_where_the_circuit_says_the_same_without_fixed_point() {
    let words = ["the", "view", "is", "empty", "a", "secret", "nobody", "sees", "abc", "cat"];
    let rows: String = (0..40)
        .map(|row| format!("{} {} {}\t0\n", words[row % 10], words[row / 4], words[(7 * row + 3) % 10]))
        .collect();
    let folder = folder(classifier(), &format!("text\tlabel\n{rows}"));
    let held = loaded(folder.path());
    let suites = suites(&["mpcformer"]);
    let report = evaluate(&of(&held, &suites), None, None).unwrap();
    let suite = &report.suites[0];
    assert!(report.computes_other_functions() && !suite.differing.is_empty(), "{suite:?}");
    for row in &suite.differing {
        let reason = row.reason.as_ref().unwrap();
        let by_protocols = matches!(reason.cause, Cause::OtherFunction | Cause::Domain | Cause::Approximation);
        assert!(by_protocols || reason.margin_of_circuit > 0.0, "{row:?}");
        assert!(reason.cause != Cause::Approximation, "{row:?}");
    }
}

#[test]
fn a_sentence_model_is_rated_by_cosines_and_a_regressor_by_its_number() {
    let suites = suites(&["faithful"]);
    let sentence = folder(Head::MeanPooling, PAIRS);
    let held = loaded(sentence.path());
    let report = evaluate(&of(&held, &suites), None, None).unwrap();
    assert_eq!((report.rated, report.suites[0].agreement.is_none()), (Rated::Cosine, true));
    assert!(report.suites[0].max_abs_error < 1e-3 && report.plaintext.len() == 2);
    let near = |a: &Measure, b: &Measure| (a.estimate.unwrap() - b.estimate.unwrap()).abs() < 1e-2;
    assert!(near(&report.plaintext[0], &report.suites[0].private[0]));
    let regressor = folder(Head::Classifier { labels: vec!["score".to_owned()] }, PAIRS);
    let held = loaded(regressor.path());
    let report = evaluate(&of(&held, &suites), None, None).unwrap();
    assert_eq!(report.rated, Rated::Number);
    assert!(report.suites[0].max_abs_error > 0.0 && near(&report.plaintext[0], &report.suites[0].private[0]));
}

#[test]
fn models_and_rows_that_do_not_belong_together_are_refused() {
    let suites = suites(&["faithful"]);
    let refused = |head: Head, rows: &str| -> String {
        let folder = folder(head, rows);
        let model = Model::load(folder.path()).unwrap();
        match labelled(&model, &folder.path().join("rows.tsv"), Split::Test) {
            Ok(loaded) => evaluate(&of(&(model, loaded), &suites), None, None).unwrap_err().to_string(),
            Err(error) => error.to_string(),
        }
    };
    let single = refused(Head::MeanPooling, "text\tlabel\nthe view\t1\n");
    assert!(single.contains("answers with a vector") && single.contains("texts labelled with numbers"), "{single}");
    assert!(single.contains("where the numbers are classes, a classifier"), "{single}");
    assert!(refused(Head::HiddenStates, PAIRS).contains("each token"));
    assert!(refused(classifier(), "text\tlabel\nthe view\tperhaps\n").contains("no (0), yes (1)"));
    assert!(refused(classifier(), "text\tlabel\nthe view\t0.5\na view\tNaN\n").contains("\"0.5\""));
    assert!(refused(classifier(), "text\tlabel\na\tx\nb\ty\nc\tz\n").contains("\"x\""));
    let long = format!("text\tlabel\nthe\t1\n{}\t0\n", "the ".repeat(100));
    let error = refused(classifier(), &long);
    assert!(error.contains("line 3") && error.contains("102 tokens"), "{error}");
    let folder = folder(classifier(), TEXTS);
    let held = loaded(folder.path());
    let memory = Evaluation { most_bytes: Some(1000), ..of(&held, &suites) };
    assert!(evaluate(&memory, None, None).unwrap_err().to_string().contains("memory"));
    let twice = [suites[0].clone(), suites[0].clone()];
    assert!(matches!(evaluate(&of(&held, &twice), None, None), Err(EvaluationError::Twice { .. })));
}

#[test]
fn classes_of_other_names_are_taken_in_order_which_is_told() {
    let folder = folder(classifier(), "text\tlabel\nthe view\tnegative\nan empty view\tpositive\n");
    let (_, loaded) = loaded(folder.path());
    assert_eq!(loaded.notes.len(), 1);
    assert_eq!(loaded.rows.rows()[1].label, viewless_models::data::Label::Class(1));
}

#[test]
fn a_sample_is_the_same_for_the_same_seed_and_grows_by_rows() {
    let folder = folder(classifier(), TEXTS);
    let (_, all) = loaded(folder.path());
    let lines =
        |rows, seed| -> Vec<usize> { sample(all.clone(), rows, seed).rows.rows().iter().map(|row| row.line).collect() };
    assert_eq!(lines(3, 1), lines(3, 1));
    assert!((0..20).any(|seed| lines(3, seed) != lines(3, 1)));
    for rows in 1..5 {
        let (fewer, more) = (lines(rows, 5), lines(rows + 1, 5));
        assert!(fewer.len() == rows && fewer.is_sorted() && fewer.iter().all(|line| more.contains(line)));
    }
    assert_eq!((lines(9, 1), sample(all.clone(), 2, 1).of), (vec![2, 3, 4, 5, 6], 5));
}

#[test]
fn rows_that_a_model_does_not_answer_are_refused_with_the_model_and_what_answers_them() {
    let said = |head: Head, name: &str, rows: &str| {
        let folder = folder(head, rows);
        let directory = folder.path().join(name);
        fs::create_dir_all(directory.parent().unwrap()).unwrap();
        if name != "rows.tsv" {
            fs::rename(folder.path().join("rows.tsv"), &directory).unwrap();
        }
        let model = Model::load(folder.path()).unwrap();
        let refused = labelled(&model, &directory, Split::Test).unwrap_err();
        let sentence = refused.to_string();
        assert!(sentence.contains(&format!("model {}", folder.path().display())), "{sentence}");
        assert!(sentence.contains("with --model"), "{sentence}");
        (matches!(refused, EvaluationError::Fit { .. }), sentence)
    };
    let fits = |head: Head, rows: &str, says: &[&str]| {
        let (is_of_model, sentence) = said(head, "rows.tsv", rows);
        assert!(is_of_model && says.iter().all(|says| sentence.contains(says)), "{sentence}");
    };
    let one = Head::Classifier { labels: vec!["score".to_owned()] };
    let classes = ["texts labelled with no, yes", "a classifier of these classes"];
    fits(Head::MeanPooling, TEXTS, &classes);
    fits(Head::HiddenStates, TEXTS, &classes);
    fits(one.clone(), TEXTS, &classes);
    fits(classifier(), PAIRS, &["pairs of texts labelled with numbers", "a sentence model, as all-MiniLM-L6-v2"]);
    fits(Head::HiddenStates, PAIRS, &["pairs of texts labelled with numbers", "a sentence model"]);
    let rated = "text\tlabel\nthe view\t0.5\na view\t2\n";
    for head in [classifier(), Head::MeanPooling] {
        fits(head, rated, &["texts labelled with numbers", "a model of one number"]);
    }
    // A task of GLUE has its labels whatever was asked for, and here not as many as the model.
    let answers = "index\tquestion\tsentence\tlabel\n0\twhat\tthe view\tentailment\n";
    for head in [one, Head::MeanPooling, Head::Classifier { labels: ["a", "b", "c"].map(str::to_owned).to_vec() }] {
        let (is_of_model, sentence) = said(head, "QNLI/dev.tsv", answers);
        assert!(
            is_of_model && sentence.contains("pairs of texts labelled with entailment, not_entailment"),
            "{sentence}"
        );
    }
    // One label that is none, among labels that are some, is a mistake in the file.
    let (is_of_model, sentence) = said(classifier(), "rows.tsv", "text\tlabel\na\tno\na\tyes\na\tmaybe\n");
    assert!(!is_of_model && sentence.contains("line 4") && sentence.contains("\"maybe\""), "{sentence}");
}

#[test]
fn a_task_with_names_of_its_own_is_said_to_be_taken_in_order() {
    let folder = folder(classifier(), "");
    fs::write(folder.path().join("dev.tsv"), "a\t1\t\tthe view\na\t0\t*\tview the\n").unwrap();
    let model = Model::load(folder.path()).unwrap();
    let loaded = labelled(&model, &folder.path().join("dev.tsv"), Split::Test).unwrap();
    assert_eq!((loaded.matching, loaded.notes.len()), (viewless_models::data::Matching::Numbers, 1));
}
