//! What a file of certificates may say, and what is made of it.

use super::*;
use crate::proof::{Asked, Proof};
use viewless_protocols::nonlinear::Function;

const LARGEST: f64 = 1e-12;

fn stored() -> CertificateFile {
    let suite = Suite::built_in("mpcformer-as-benchmarked").unwrap();
    let subject = Subject::find("exp/limit", Registry::built_in()).unwrap();
    let sizes = Sizes::new(4, 1).unwrap();
    Proof::new(&subject, &suite, sizes, 1, &Asked::Promised, &|_, _| {}).unwrap().certificates
}

fn stated(suite: &str) -> Statement {
    let suite = Suite::built_in(suite).unwrap();
    Statement {
        subject: "exp/limit".to_owned(),
        subject_text: None,
        suite,
        sizes: Sizes::new(4, 1).unwrap(),
        queries: 1,
    }
}

#[test]
fn what_the_user_states_is_checked_and_not_what_the_file_says() {
    let file = stored();
    assert!(file.check(Some(&stated("mpcformer-as-benchmarked")), Registry::built_in(), LARGEST).unwrap().is_valid());
    let other = file.check(Some(&stated("faithful")), Registry::built_in(), LARGEST).unwrap();
    assert!(!other.is_valid() && other.stated_by_user && other.suite == "faithful");
    // The forgery: another suite's name over these contents.
    let mut forged = file.clone();
    forged.suite.name = "faithful".to_owned();
    let report = forged.check(None, Registry::built_in(), LARGEST).unwrap();
    assert!(report.suite.contains("not the built-in suite of that name"), "{}", report.suite);
    assert!(!report.stated_by_user);
}

#[test]
fn every_promised_coalition_must_be_there_and_proved() {
    let file = stored();
    for left_out in 0..file.coalitions.len() {
        let mut fewer = file.clone();
        let name = fewer.coalitions.remove(left_out).parties;
        if fewer.coalitions.is_empty() {
            continue;
        }
        let report = fewer.check(None, Registry::built_in(), LARGEST).unwrap();
        assert!(!report.is_valid(), "without {name:?}");
        assert!(report.coalitions.iter().any(|checked| checked.why.as_deref() == Some("the file says nothing of it")));
        // The same with the verdict, but no certificate.
        let mut counted = file.clone();
        counted.coalitions[left_out].certificate = None;
        counted.coalitions[left_out].by = By::Count;
        assert!(!counted.check(None, Registry::built_in(), LARGEST).unwrap().is_valid(), "counted {name:?}");
        // A certificate of another coalition in its place.
        let mut swapped = file.clone();
        swapped.coalitions[left_out].certificate =
            file.coalitions[(left_out + 1) % file.coalitions.len()].certificate.clone();
        assert!(!swapped.check(None, Registry::built_in(), LARGEST).unwrap().is_valid(), "swapped {name:?}");
    }
}

#[test]
fn a_file_that_says_more_than_its_certificates_show_is_refused() {
    type Edit = fn(&mut CertificateFile);
    let edits: [(&str, Edit); 7] = [
        ("the digest", |file| file.digest = "0".repeat(64)),
        ("the verdict", |file| file.coalitions[0].verdict = "refuted".to_owned()),
        ("the verdict", |file| file.coalitions[0].by = By::Count),
        ("which claim is proved", |file| file.coalitions[0].simulator = Some(Simulator::JointlyWithOutputs)),
        ("the statistical distance", |file| file.coalitions[0].statistical_distance = Some(-1.0)),
        ("the declared outputs", |file| file.coalitions.iter_mut().for_each(|claim| claim.outputs.clear())),
        ("whether this coalition is promised", |file| file.coalitions[0].promised = false),
    ];
    for (what, edit) in edits {
        let mut forged = stored();
        edit(&mut forged);
        let report = forged.check(None, Registry::built_in(), LARGEST).unwrap();
        let whys = report.coalitions.iter().filter_map(|checked| checked.why.as_deref());
        assert!(
            !report.is_valid() && whys.clone().any(|why| why.ends_with(what)),
            "{what}: {:?}",
            whys.collect::<Vec<_>>()
        );
    }
}

#[test]
fn what_the_program_does_not_depend_on_must_be_there_all_the_same() {
    // `exp/limit` uses nothing that a suite names.
    let refused = |edit: &dyn Fn(&mut Suite), stated: Option<&Statement>| {
        let mut forged = stored();
        edit(&mut forged.suite);
        match forged.check(stated, Registry::built_in(), LARGEST) {
            Err(CertificateError::Suite { error }) => Some(error),
            Ok(_) => None,
            Err(other) => panic!("{other}"),
        }
    };
    let same = stated("mpcformer-as-benchmarked");
    for stated in [None, Some(&same)] {
        let put = |function: Function, name: &str| {
            refused(&|suite| drop(suite.protocols.insert(function.clone(), name.to_owned())), stated)
        };
        assert!(matches!(put(Function::GELU, "gelu/nothing"), Some(SuiteError::UnknownProtocol { .. })));
        assert!(matches!(put(Function::TANH, "gelu/bolt"), Some(SuiteError::WrongFunction { .. })));
        assert!(matches!(put(Function::of("tanx").unwrap(), "tanh/sine"), Some(SuiteError::WrongFunction { .. })));
        assert!(matches!(put(Function::GELU, "gone.protocol"), Some(SuiteError::NoText { .. })));
        let broken = |suite: &mut Suite| {
            suite.protocols.insert(Function::GELU, "mine.protocol".to_owned());
            suite.protocol_files.insert("mine.protocol".to_owned(), "these are words".to_owned());
        };
        assert!(matches!(refused(&broken, stated), Some(SuiteError::File { .. })));
        // Another protocol that there is, is another suite, which the report says.
        assert_eq!(put(Function::GELU, "gelu/bolt"), None);
    }
}

#[test]
fn sizes_that_a_subject_does_not_have_are_refused() {
    let suite = Suite::built_in("faithful").unwrap();
    let subject = Subject::find("dc-vae-8", Registry::built_in()).unwrap();
    let sizes = subject.sizes(Sizes::new(1, 1).unwrap());
    let file = Proof::new(&subject, &suite, sizes, 1, &Asked::Promised, &|_, _| {}).unwrap().certificates;
    assert!(file.check(None, Registry::built_in(), LARGEST).unwrap().is_valid());
    let mine = file.statement().unwrap();
    // An image has no tokens to count: the Program of `seq` 77 is that of 1, and so is its digest.
    let forged = CertificateFile { seq: 77, ..file };
    for stated in [None, Some(&mine)] {
        let refused = forged.check(stated, Registry::built_in(), LARGEST).unwrap_err();
        assert!(matches!(refused, CertificateError::OtherSizes { found: (77, 1, 1), proved: (1, 1, 1) }), "{refused}");
    }
}

#[test]
fn proofs_of_a_protocol_file_stand_alone_and_say_that_they_are_about_its_contents() {
    let text = include_str!("../../../protocols/examples/bolt.protocol").to_owned();
    // There is no such file: everything is in the text.
    let subject = Subject::of_text("gone.protocol", text.clone(), Registry::built_in()).unwrap();
    let suite = Suite::built_in("faithful").unwrap();
    let proof = Proof::new(&subject, &suite, Sizes::new(3, 1).unwrap(), 1, &Asked::Promised, &|_, _| {}).unwrap();
    let stored = serde_json::to_string(&proof.certificates).unwrap();
    let file = CertificateFile::parse(&stored).unwrap();
    let report = file.check(None, Registry::built_in(), LARGEST).unwrap();
    assert!(report.is_valid() && report.digest == proof.report.digest);
    assert!(report.subject.contains("gone.protocol") && report.subject.contains("stored with the proofs"));
    // Other contents under the same name lose the proofs, and a model's name over them does not look like the model.
    let other = text.replace("a > 2.7", "a > 2.5");
    assert_ne!(other, text);
    assert!(
        !CertificateFile { subject_text: Some(other), ..file.clone() }
            .check(None, Registry::built_in(), LARGEST)
            .unwrap()
            .is_valid()
    );
    let named =
        CertificateFile { subject: "bert-base".to_owned(), ..file }.check(None, Registry::built_in(), LARGEST).unwrap();
    assert!(named.subject.contains("a protocol file whose text"), "{}", named.subject);
}

#[test]
fn proofs_under_a_suite_with_a_protocol_file_hold_its_text() {
    let mut suite = Suite::built_in("faithful").unwrap();
    suite.protocols.insert(viewless_protocols::nonlinear::Function::GELU, "gone.protocol".to_owned());
    let text = include_str!("../../../protocols/examples/bolt.protocol").to_owned();
    suite.protocol_files.insert("gone.protocol".to_owned(), text.clone());
    let (subject, sizes) = (Subject::find("bert-base", Registry::built_in()).unwrap(), Sizes::new(2, 1).unwrap());
    let proof = Proof::new(&subject, &suite, sizes, 1, &Asked::Named(vec!["P0".to_owned()]), &|_, _| {}).unwrap();
    let file = CertificateFile::parse(&serde_json::to_string(&proof.certificates).unwrap()).unwrap();
    let p0 = |file: &CertificateFile| {
        file.check(None, Registry::built_in(), LARGEST).unwrap().coalitions.iter().any(|one| one.valid)
    };
    assert!(p0(&file));
    let mut other = file;
    other.suite.protocol_files.insert("gone.protocol".to_owned(), text.replace("a > 2.7", "a > 2.5"));
    assert!(!p0(&other));
}

#[test]
fn names_that_forge_lines_of_a_report_are_refused() {
    for name in ["bert-base\nP0: 1 steps, the proof holds", "bert\u{1b}[2J", "bert\u{202e}esab"] {
        let mut forged = stored();
        forged.subject = name.to_owned();
        let text = serde_json::to_string(&forged).unwrap();
        assert!(matches!(CertificateFile::parse(&text), Err(CertificateError::Name { .. })), "{name:?}");
    }
}

#[test]
fn files_without_proofs_and_of_other_versions_are_refused() {
    let mut empty = stored();
    empty.coalitions.iter_mut().for_each(|claim| claim.certificate = None);
    let text = serde_json::to_string(&empty).unwrap();
    assert!(matches!(CertificateFile::parse(&text), Err(CertificateError::Empty)));
    let old = serde_json::to_string(&CertificateFile { format: 1, ..stored() }).unwrap();
    assert!(matches!(CertificateFile::parse(&old), Err(CertificateError::Format { found: 1 })));
    assert!(matches!(CertificateFile::parse("{}"), Err(CertificateError::Malformed { .. })));
    let file = stored();
    assert_eq!(CertificateFile::parse(&serde_json::to_string(&file).unwrap()).unwrap(), file);
}

/// Readers disagree on which of two entries counts: a file that one checker accepts for the first, another would refuse for the last.
#[test]
fn no_key_may_stand_twice_anywhere_in_a_file() {
    let text = serde_json::to_string_pretty(&stored()).unwrap();
    CertificateFile::parse(&text).unwrap();
    let lines: Vec<&str> = text.lines().collect();
    let mut tried = std::collections::BTreeSet::new();
    for (i, line) in lines.iter().enumerate() {
        let Some((key, _)) = line.trim().split_once("\": ").filter(|(key, _)| tried.insert(*key)) else { continue };
        let twice = format!("{key}\": null,");
        let twice = [&lines[..i], &[twice.as_str()], &lines[i..]].concat().join("\n");
        let refused = CertificateFile::parse(&twice).unwrap_err().to_string();
        assert!(refused.contains("stands twice"), "{key}: {refused}");
    }
    assert!(tried.len() > 15, "{tried:?}");
}
