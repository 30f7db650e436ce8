//! The swarm finds each bug that is planted in what it looks at, within a hundred runs, and nothing where none is.

use std::time::Instant;
use viewless_tests::swarm::planted::Planted;
use viewless_tests::swarm::{Check, Line, Workings, from_hexadecimal, hexadecimal, replay, run};

const SEED: u64 = 20_261_128;

/// The first run that fails, of so many.
fn first_failure(runs: u64, workings: &Workings<'_>) -> Option<Line> {
    (0..runs).map(|number| run(SEED, number, workings)).find(|line| line.failure.is_some())
}

#[test]
fn nothing_is_contradicted_where_nothing_is_broken() {
    let failed = first_failure(60, &Workings::default());
    assert!(failed.is_none(), "{failed:#?}");
}

#[test]
fn every_planted_bug_is_found_within_a_hundred_runs_by_the_check_for_it_and_made_small() {
    for (planted, checks) in [
        (Planted::CarryDropped, &[Check::Bound][..]),
        (Planted::ByteUncounted, &[Check::Count]),
        (Planted::MaskReused, &[Check::Privacy]),
        (Planted::WidthTooNarrow, &[Check::Bound, Check::Privacy]),
    ] {
        let started = Instant::now();
        let workings = Workings {
            compiled: &|program| planted.compiled(program),
            bill: &|program, schedule, grouping| planted.bill(program, schedule, grouping),
        };
        let line = first_failure(100, &workings).unwrap_or_else(|| panic!("{planted:?} is not found"));
        let failure = line.failure.as_ref().expect("it failed");
        println!(
            "{planted:?}: run {}, {:.1?}\n  {}\n  {}: {:.300}",
            line.run,
            started.elapsed(),
            failure.smallest,
            failure.check,
            failure.why
        );
        assert!(checks.contains(&failure.check), "{planted:?} is found by {failure:?}");
        // The digits give the same failure again; without the bug there is none.
        let bytes = from_hexadecimal(&failure.replay).expect("a failure shows digits");
        assert_eq!(replay(&bytes, &workings).failure.map(|again| again.check), Some(failure.check));
        assert_eq!(replay(&bytes, &Workings::default()).failure, None);
    }
}

#[test]
fn the_seed_and_the_number_decide_a_run() {
    let what = |line: Line| (line.run, line.subject, line.drawn);
    let again = || what(run(SEED, 7, &Workings::default()));
    assert_eq!(again(), again());
    assert_ne!(again(), what(run(SEED + 1, 7, &Workings::default())));
}

#[test]
fn digits_are_bytes_and_words_are_none() {
    let bytes: Vec<u8> = (0..=255).collect();
    assert_eq!(from_hexadecimal(&hexadecimal(&bytes)), Some(bytes));
    for text in ["0", "0g", "é"] {
        assert_eq!(from_hexadecimal(text), None, "{text}");
    }
}
