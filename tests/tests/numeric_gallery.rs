//! Every check of an audit must be able to say no, and must not say it to the sound.
//!
//! `VIEWLESS_BLESS=1 cargo test -p viewless-tests --test numeric_gallery` writes the kill matrix anew.

use std::path::PathBuf;
use viewless_proofs::audit::{Check, FailedCheck};
use viewless_tests::gallery::numeric::{NumericFlaw, numeric_flaws, numeric_kill_matrix};

#[test]
fn every_numeric_flaw_is_caught_by_the_checks_named_for_it_and_the_kill_matrix_is_its_golden() {
    let rows: Vec<(NumericFlaw, Vec<FailedCheck>)> =
        numeric_flaws().into_iter().map(|flaw| (flaw, flaw.findings(true))).collect();
    let matrix = numeric_kill_matrix(&rows);
    println!("{matrix}");
    for (flaw, findings) in &rows {
        for finding in findings {
            println!("{} / {}: {}", flaw.name, finding.check, finding.why);
        }
        for check in flaw.caught_by {
            assert!(findings.iter().any(|finding| finding.check == *check), "{check} misses: {}", flaw.name);
        }
    }
    for check in Check::ALL {
        assert!(rows.iter().any(|(flaw, _)| flaw.caught_by.contains(&check)), "no flaw is named for {check}");
    }
    let golden = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("goldens-audit/kill-matrix.txt");
    if std::env::var_os("VIEWLESS_BLESS").is_some() {
        std::fs::create_dir_all(golden.parent().unwrap()).unwrap();
        std::fs::write(&golden, &matrix).unwrap();
    }
    assert_eq!(std::fs::read_to_string(golden).unwrap(), matrix, "review, then bless");
}

#[test]
fn no_check_rejects_the_sound_sibling_of_a_numeric_flaw() {
    for flaw in numeric_flaws() {
        assert_eq!(flaw.findings(false), [], "{}", flaw.name);
    }
}

/// CrypTen's tests allow 0.05. On ten thousand numbers the protocol with a hole keeps it, and its mean is that of its sibling.
#[test]
fn a_tolerance_on_a_grid_hides_what_an_audit_of_every_input_finds() {
    let flaw = numeric_flaws().into_iter().find(|flaw| flaw.name == "one input in a million").unwrap();
    let (flawed, sound) = (flaw.on_a_grid(true, 10_001), flaw.on_a_grid(false, 10_001));
    assert_eq!((flawed.mean, flawed.max), (sound.mean, sound.max));
    assert!(flawed.max < 0.05);
    assert!(flaw.findings(true).iter().any(|finding| finding.why.contains("2.40625")));
}
