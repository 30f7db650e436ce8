//! Suites that are fitted to a model, and what they promise.

use std::cell::RefCell;
use std::collections::BTreeMap;
use viewless_models::synthetic::{small_config, write_synthetic};
use viewless_models::{Model, Precision, fetch, shipped};
use viewless_protocols::model::{self, BuildError, Query};
use viewless_protocols::nonlinear::Registry;
use viewless_protocols::program::Schedule;
use viewless_protocols::suite::{Suite, SuiteError};
use viewless_simulator::network::Network;
use viewless_simulator::stream::Seed;
use viewless_workbench::error_audit::{ErrorAudit, question};
use viewless_workbench::inference::{Asking, ExecutionMode, InferenceReport, Question, infer};
use viewless_workbench::plan::suite_text;
use viewless_workbench::sites::{Calibration, Line, Request, SitesError};
use viewless_workbench::{Sizes, Subject};

const TEXTS: &str = "A quiet, moving story about two brothers.\n\nThe plot is thin and the jokes are old.\nIt is, by far, the funniest film of \
                     the year!\nNobody in it seems to know why he is there.\nwonderful\nA mess.\n";

fn shipped_model(cache: &tempfile::TempDir) -> Model {
    Model::load(&fetch(shipped::NAME, cache.path(), &mut |_| {}).unwrap()).unwrap()
}

fn calibrated(model: &Model, suite: &Suite, texts: &str, slack: f64) -> Result<Calibration, SitesError> {
    let lines = Line::all(texts);
    let request = Request { model, suite, registry: Registry::built_in(), lines: &lines, slack, name: "fitted" };
    Calibration::new(&request, &|_, _| (), &|_, _| ())
}

fn run(model: &Model, suite: &Suite, text: &str) -> InferenceReport {
    let question = Question {
        model,
        suite,
        registry: Registry::built_in(),
        asking: Asking::Text(text),
        seed: Seed::from_u64(5),
        network: &Network::lan(),
        schedule: Schedule::Asap,
        certify: false,
        execution: ExecutionMode::Explicit,
        most_bytes: None,
    };
    infer(&question, None, None).unwrap()
}

#[test]
fn each_of_the_two_passes_is_told_by_itself() {
    let cache = tempfile::tempdir().unwrap();
    let model = shipped_model(&cache);
    let (suite, lines) = (Suite::built_in("frontier").unwrap(), Line::all(TEXTS));
    let request =
        Request { model: &model, suite: &suite, registry: Registry::built_in(), lines: &lines, slack: 0.0, name: "a" };
    let told = RefCell::new((Vec::new(), Vec::new()));
    let seeing = |done, of| told.borrow_mut().0.push((done, of));
    let trying = |done, of| told.borrow_mut().1.push((done, of));
    Calibration::new(&request, &seeing, &trying).unwrap();
    let all: Vec<(usize, usize)> = (0..6).map(|done| (done, 6)).collect();
    assert_eq!(told.into_inner(), (all.clone(), all));
}

#[test]
fn a_fitted_suite_costs_less_keeps_its_claims_and_is_a_suite_like_any_other() {
    let cache = tempfile::tempdir().unwrap();
    let model = shipped_model(&cache);
    let frontier = Suite::built_in("frontier").unwrap();
    let fitted = calibrated(&model, &frontier, TEXTS, 0.25).unwrap();
    assert!(fitted.holds());
    assert_eq!((fitted.texts, fitted.sites.len(), fitted.kept.len()), (6, 7, 2));
    for site in &fitted.sites {
        let ((low, high), (least, most)) = (site.claimed, site.seen);
        assert!(low < least && most < high, "{}: {:?} in {:?}", site.site, site.seen, site.claimed);
        assert!(high - low <= 4.0 * (most - least), "{}: {:?} for {:?}", site.site, site.claimed, site.seen);
    }
    let [before, after] = &fitted.prices;
    // A choice among scales takes no round of its own.
    assert!(after.rounds_online <= before.rounds_online, "{before:?} {after:?}");
    assert!(after.bytes_online < before.bytes_online && after.bytes_offline < before.bytes_offline / 4 * 3);
    let text = suite_text(&fitted.suite).unwrap();
    assert_eq!(Suite::parse("fitted", &text).unwrap(), fitted.suite);
    for line in Line::all(TEXTS) {
        let report = run(&model, &fitted.suite, line.text);
        assert!(!report.breaks_claims() && report.output.label() == report.plaintext.label(), "{}", line.text);
    }
    // What is fitted to a fitted suite is fitted to what that began with.
    let again = calibrated(&model, &fitted.suite, TEXTS, 0.25).unwrap();
    assert_eq!(again.suite.sites, fitted.suite.sites);
    // And it is proved for everyone that frontier is proved for.
    let subject = Subject::of_model("model", model.config.clone(), Registry::built_in());
    let program = subject.program(&fitted.suite, Sizes::new(6, 1).unwrap()).unwrap();
    let coalitions = viewless_proofs::privacy::promised_coalitions(&program);
    assert!(!coalitions.is_empty());
    for coalition in coalitions {
        assert!(viewless_proofs::privacy::prove(&program, coalition).certificate.is_some(), "{coalition:?}");
    }
}

#[test]
fn a_suite_that_was_fitted_to_too_few_texts_is_caught_by_every_run() {
    let cache = tempfile::tempdir().unwrap();
    let model = shipped_model(&cache);
    let frontier = Suite::built_in("frontier").unwrap();
    let fitted = calibrated(&model, &frontier, "wonderful", 0.0).unwrap();
    let other = "The plot is thin, the jokes are old, and nobody in it seems to know why he is there.";
    assert!(!run(&model, &frontier, other).breaks_claims());
    let report = run(&model, &fitted.suite, other);
    assert!(report.breaks_claims());
    assert!(report.domain_violations.iter().any(|violation| violation.region.contains(" on [")), "{report:?}");
}

#[test]
fn a_fitted_suite_is_for_its_model() {
    let folder = tempfile::tempdir().unwrap();
    let cache = tempfile::tempdir().unwrap();
    let fitted = calibrated(&shipped_model(&cache), &Suite::built_in("frontier").unwrap(), TEXTS, 0.25).unwrap();
    let mut suite = fitted.suite;
    suite.sites.insert("layer.7/gelu".to_owned(), "gelu/series on [-5, 5]".to_owned());
    write_synthetic(folder.path(), &small_config(), 1, Precision::F32).unwrap();
    let model = Model::load(folder.path()).unwrap();
    let protocols = suite.model(Registry::built_in()).unwrap();
    let refused = model::circuit(&model.config, &protocols, Query { tokens: 4, batch: 1 }).unwrap_err();
    assert!(matches!(&refused, BuildError::Site { site, .. } if site == "layer.7/gelu"), "{refused}");
}

#[test]
fn what_cannot_be_fitted_is_refused_with_what_to_do() {
    let cache = tempfile::tempdir().unwrap();
    let model = shipped_model(&cache);
    let frontier = Suite::built_in("frontier").unwrap();
    let refused = |suite: &str, texts, slack| {
        calibrated(&model, &Suite::built_in(suite).unwrap(), texts, slack).unwrap_err().to_string()
    };
    assert!(refused("faithful", TEXTS, 0.25).contains("begin with suite frontier"));
    assert!(refused("frontier", "\n \n", 0.25).contains("there is no text"));
    for slack in [f64::NAN, f64::INFINITY, -0.1, 4.5] {
        assert!(refused("frontier", TEXTS, slack).contains("as 0.25"), "{slack}");
    }
    let with = |site: &str, name: &str| {
        let mut suite = frontier.clone();
        suite.sites = BTreeMap::from([(site.to_owned(), name.to_owned())]);
        suite.resolve(Registry::built_in()).unwrap_err()
    };
    assert!(matches!(with("layer.0/gelu", "gelu/quad"), SuiteError::OtherAtSite { .. }));
    assert!(matches!(with("layer.0/gelu", "softmax/masked"), SuiteError::WrongFunction { .. }));
    assert!(matches!(with("layer.0/gelu", "gelu/series on [5, -5]"), SuiteError::Member { .. }));
    assert!(matches!(with("layer.0/gelu", "gelu/quad on [-5, 5]"), SuiteError::Member { .. }));
    assert!(matches!(with("layer.0/gelu", "gelu/none"), SuiteError::UnknownProtocol { .. }));
    // What is meant for a member is told how it is written; a file is a file, whatever its name has in it.
    assert!(with("layer.0/gelu", "gelu/series[-5,5]").to_string().contains("write `gelu/series on [-9, 12]`"));
    assert!(matches!(with("layer.0/gelu", "parts/my gelu [1].protocol"), SuiteError::NoText { .. }));
    assert!(matches!(with("layer.0", "gelu/series"), SuiteError::Site { .. }));
    assert!(matches!(with("layer.0/exp", "exp/masked"), SuiteError::Site { .. }));
}

/// The claim of a member is certified as that of the protocol on its card is.
#[test]
fn members_keep_their_claims_in_the_ring() {
    let suite = Suite::built_in("frontier").unwrap();
    for (name, row, most) in [
        ("gelu/series on [-6.57, 5.29]", 1, 1.3e-4),
        ("gelu/series on [-0.5, 12]", 1, 3e-4),
        ("layernorm/scales on [0.49, 3.99]", 96, 1e-3),
    ] {
        let protocol = Registry::built_in().find(name).unwrap();
        let question = viewless_proofs::audit::Question { samples: 1 << 12, ..question(&protocol, &suite) };
        let audit = ErrorAudit::with_progress(&question, row, &|_, _, _| ()).unwrap();
        assert!(audit.holds(), "{name}");
        let certified = match &audit {
            ErrorAudit::Number(report) => report.certified_max_error,
            ErrorAudit::Rows(report) => report.certified_max_error,
        };
        println!("{name}: {certified:?}");
        assert!(certified.is_some_and(|error| error <= most), "{name}: {certified:?}");
    }
}
