//! Every checker must be able to say no, and must not say it to the sound.
//!
//! `VIEWLESS_BLESS=1 cargo test -p viewless-tests --test gallery` writes the kill matrix anew.

use rayon::prelude::*;
use std::path::PathBuf;
use viewless_tests::gallery::{Catch, Checker, Flaw, flaws, kill_matrix, near_miss};

fn judged(flawed: bool) -> Vec<(Flaw, Vec<(Checker, Catch)>)> {
    let judge = |flaw: Flaw| (flaw, Checker::ALL.map(|checker| (checker, flaw.check(checker, flawed))).to_vec());
    flaws().into_par_iter().map(judge).collect()
}

#[test]
fn every_flaw_is_caught_by_the_checkers_named_for_it_and_the_kill_matrix_is_its_golden() {
    let rows = judged(true);
    let matrix = kill_matrix(&rows);
    println!("{matrix}");
    for (flaw, catches) in &rows {
        for (checker, catch) in catches {
            println!("{} / {checker}: {}", flaw.name, catch.why);
            assert!(catch.caught || !flaw.caught_by.contains(checker), "{checker} misses: {}", flaw.name);
        }
    }
    let golden = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("goldens-privacy/kill-matrix.txt");
    if std::env::var_os("VIEWLESS_BLESS").is_some() {
        std::fs::create_dir_all(golden.parent().unwrap()).unwrap();
        std::fs::write(&golden, &matrix).unwrap();
    }
    assert_eq!(std::fs::read_to_string(golden).unwrap(), matrix, "review, then bless");
}

#[test]
fn no_checker_rejects_the_sound_sibling_of_a_flaw() {
    for (flaw, catches) in judged(false) {
        for (checker, catch) in catches {
            assert!(!catch.caught, "{checker} rejects the sound sibling of: {}: {}", flaw.name, catch.why);
        }
    }
}

#[test]
fn messages_that_are_not_uniform_but_tell_nothing_are_left_to_counting() {
    let flaw = near_miss();
    for checker in Checker::ALL {
        assert_eq!(flaw.check(checker, true).caught, flaw.caught_by.contains(&checker), "{checker}");
        assert!(!flaw.check(checker, false).caught, "{checker} on the sibling");
    }
}
