//! Who finds what: proof, count, battery and learned distinguisher side by side, on protocols of which the truth is known.
//!
//! `VIEWLESS_BLESS=1 cargo test -p viewless-proofs --test learned` writes the tables anew.

mod bit_protocols;

use bit_protocols::{BeaverMistake, GmwMistake, beaver, gmw, planted, random};
use rayon::prelude::*;
use std::path::PathBuf;
use viewless_proofs::privacy::certificate::Simulator;
use viewless_proofs::privacy::exhaustive::{self, Exhaustive};
use viewless_proofs::privacy::{Coalition, Verdict, learned, prove, statistical};
use viewless_protocols::party::Party;
use viewless_protocols::program::Program;

/// Runs of the battery with each choice of secrets, and pairs of runs of the learner for each contrast.
const SIZES: [u32; 3] = [64, 256, 1024];
const MORE_SIZES: [u32; 4] = [64, 256, 1024, 4096];

/// What everybody says of the view of P1.
struct Said {
    /// That nothing is learned beyond outputs and own samples, or a stronger claim.
    proved: bool,
    /// The distance that counting finds, own samples belonging to the view; none if the Program is too large to count.
    distance: Option<f64>,
    /// The same if the simulator is given the own samples: what a proof says of who has outputs.
    given_own_samples: Option<f64>,
    /// The first of the sizes at which there is evidence.
    battery: Option<u32>,
    learner: Option<u32>,
}

fn battery_finds(program: &Program, runs: u32, seed: u64) -> bool {
    let coalition = Coalition::of(program, &[Party::P1]).unwrap();
    let options = statistical::Options { runs, seed, ..statistical::Options::default() };
    !statistical::assay(program, coalition, &options).unwrap().findings().is_empty()
}

fn learner_finds(program: &Program, pairs: u32, seed: u64) -> bool {
    let coalition = Coalition::of(program, &[Party::P1]).unwrap();
    let options = learned::Options { pairs, seed, ..learned::Options::default() };
    !learned::learn(program, coalition, &options).unwrap().findings().is_empty()
}

/// The learner sees the coalition's samples, so what decides is the count of the whole view, samples not given.
fn distance(program: &Program, given_own_samples: bool) -> Option<f64> {
    let coalition = Coalition::of(program, &[Party::P1]).unwrap();
    let options = exhaustive::Options { given_own_samples, ..exhaustive::Options::default() };
    match exhaustive::count_with(program, coalition, options) {
        Ok(Exhaustive::Private) => Some(0.0),
        Ok(Exhaustive::Leak(witness)) => Some(witness.distance),
        Err(_) => None,
    }
}

fn say(program: &Program, sizes: &[u32]) -> Said {
    let coalition = Coalition::of(program, &[Party::P1]).unwrap();
    Said {
        proved: matches!(
            prove(program, coalition).verdict,
            Verdict::Proved { simulator, .. } if simulator != Simulator::GivenOwnRandomness
        ),
        distance: distance(program, false),
        given_own_samples: distance(program, true),
        battery: sizes.iter().copied().find(|&runs| battery_finds(program, runs, 0)),
        learner: sizes.iter().copied().find(|&pairs| learner_finds(program, pairs, 0)),
    }
}

fn golden(name: &str, text: &str) {
    println!("{text}");
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/goldens").join(name);
    if std::env::var_os("VIEWLESS_BLESS").is_some() {
        std::fs::write(&path, text).unwrap();
    }
    assert_eq!(std::fs::read_to_string(path).unwrap(), text, "review, then bless");
}

#[test]
fn every_mistake_in_a_multiplication_of_bits_is_learned_and_no_right_one_is_accused() {
    let gmw = GmwMistake::ALL.map(|mistake| ("GMW", mistake.name(), gmw(mistake)));
    let beaver = BeaverMistake::ALL.map(|mistake| ("Beaver", mistake.name(), beaver(mistake)));
    let cases: Vec<_> = gmw.into_iter().chain(beaver).collect();
    let said: Vec<Said> = cases.par_iter().map(|(.., program)| say(program, &MORE_SIZES)).collect();
    let mut text = format!(
        "(x AND y) AND w of bits, as P1 sees it, who owns y and gets the output\n\n{:<8}{:<40}{:<12}{:<10}{:<14}{}\n",
        "by", "mistake", "proof", "count", "battery", "learner"
    );
    let found = |size: Option<u32>, what: &str| size.map_or_else(|| "-".to_owned(), |size| format!("{size} {what}"));
    for ((by, mistake, _), said) in cases.iter().zip(&said) {
        let proof = if said.proved { "proved" } else { "undecided" };
        let count = said.distance.map_or_else(|| "too large".to_owned(), |distance| format!("{distance}"));
        let (battery, learner) = (found(said.battery, "runs"), found(said.learner, "pairs"));
        text += format!("{by:<8}{mistake:<40}{proof:<12}{count:<10}{battery:<14}{learner}").trim_end();
        text += "\n";
        let leaks = said.distance.expect("bits are counted") > 0.0;
        assert_eq!(leaks, *mistake != "no mistake", "{by}, {mistake}");
        assert!(!(leaks && said.proved), "{by}, {mistake}: proved");
        assert_eq!(said.learner.is_some(), leaks, "{by}, {mistake}: the learner");
    }
    text += "\nproof: what the prover says. count: exact distance of the laws of the view, own samples included, given the output.\n\
             battery, learner: the fewest of 64, 256, 1024, 4096 runs with each choice of secrets (pairs of runs with each contrast) at which\n\
             there is evidence, at a false-alarm rate of 1e-7 each; - if there is none at 4096.\n";
    golden("bit-protocols.txt", &text);
}

/// How many random protocols are judged.
const RANDOM: u64 = 200;

#[test]
fn random_protocols_are_accused_by_the_learner_only_if_they_leak() {
    let said: Vec<(u64, Said)> = (0..RANDOM).into_par_iter().map(|seed| (seed, say(&random(seed), &[256]))).collect();
    let counted: Vec<&(u64, Said)> = said.iter().filter(|(_, said)| said.distance.is_some()).collect();
    let leaking = |said: &Said| said.distance.is_some_and(|distance| distance > 0.0);
    let mut text = format!(
        "{RANDOM} random protocols of bits, as P1 sees them: {} counted\n\n{:<26}{:>8}{:>8}{:>9}{:>9}{:>8}{:>9}\n",
        counted.len(),
        "distance by count",
        "of these",
        "proved",
        "battery",
        "learner",
        "either",
        "neither"
    );
    type Range = (&'static str, fn(f64) -> bool);
    let ranges: [Range; 4] = [
        ("0: private", |distance| distance == 0.0),
        ("above 0, below 1/2", |distance| distance > 0.0 && distance < 0.5),
        ("1/2 and more, below 1", |distance| (0.5..1.0).contains(&distance)),
        ("1: two secrets told apart", |distance| distance >= 1.0),
    ];
    for (name, within) in ranges {
        let rows: Vec<&Said> =
            counted.iter().map(|(_, said)| said).filter(|said| said.distance.is_some_and(within)).collect();
        let count = |test: &dyn Fn(&Said) -> bool| rows.iter().filter(|said| test(said)).count();
        text += &format!(
            "{name:<26}{:>8}{:>8}{:>9}{:>9}{:>8}{:>9}\n",
            rows.len(),
            count(&|said| said.proved),
            count(&|said| said.battery.is_some()),
            count(&|said| said.learner.is_some()),
            count(&|said| said.battery.is_some() || said.learner.is_some()),
            count(&|said| said.battery.is_none() && said.learner.is_none())
        );
    }
    text += "\nThe distance is that of whole views, own samples included. A proof gives own samples to the simulator of who has outputs, so it may\n\
             hold where an output and an own sample tell a secret together.\n\
             battery: 256 runs with each choice of secrets; learner: 256 pairs of runs with each contrast; false-alarm rate 1e-7 each.\n\
             The battery asks for uniform messages, so it also accuses private protocols whose messages are not uniform.\n";
    for (seed, said) in &counted {
        let leaks = said.given_own_samples.is_some_and(|distance| distance > 0.0);
        assert!(!(leaks && said.proved), "random protocol {seed} is proved and leaks");
        assert!(
            leaking(said) || said.learner.is_none(),
            "random protocol {seed} is accused by the learner and private"
        );
    }
    golden("random-protocols.txt", &text);
}

#[test]
fn a_picture_names_the_message_and_says_what_a_private_view_would_look_like() {
    let program = planted(256);
    let reports = [Party::P1, Party::Client].map(|party| {
        let coalition = Coalition::of(&program, &[party]).unwrap();
        statistical::assay(&program, coalition, &statistical::Options::default()).unwrap()
    });
    let svg = statistical::plot::svg("planted bias", &program, &reports.iter().collect::<Vec<_>>());
    std::fs::write(PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join("views.svg"), &svg).unwrap();
    for text in ["EVIDENCE OF LEAKAGE", "uniform: ", "evidence above this line", "is no proof", "sent nothing"] {
        assert!(svg.contains(text), "{text}");
    }
}

#[test]
fn a_planted_bias_that_is_neither_provable_nor_countable_is_found_as_often_as_its_size_allows() {
    const SEEDS: u64 = 5;
    let mut text = format!(
        "A word of 64 bits under a mask whose lowest bit is one with probability 1/2 + bias: found in how many of {SEEDS} seeds\n\n{:<10}",
        "bias"
    );
    for size in [64, 256, 1024] {
        text += &format!("{:<14}{:<15}", format!("battery {size}"), format!("learner {size}"));
    }
    text = text.trim_end().to_owned() + "\n";
    let biases = [512usize, 256, 128, 64, 32, 0];
    let rates: Vec<Vec<u64>> = biases
        .par_iter()
        .map(|&more| {
            let program = planted(more);
            let coalition = Coalition::of(&program, &[Party::P1]).unwrap();
            assert!(!matches!(prove(&program, coalition).verdict, Verdict::Proved { .. }), "{more}: proved");
            assert_eq!(distance(&program, false), None, "{more}: counted");
            let found = |size: u32, finds: fn(&Program, u32, u64) -> bool| {
                (0..SEEDS).filter(|&seed| finds(&program, size, seed)).count() as u64
            };
            SIZES.iter().flat_map(|&size| [found(size, battery_finds), found(size, learner_finds)]).collect()
        })
        .collect();
    for (more, rates) in biases.iter().zip(&rates) {
        let cells: String = rates
            .iter()
            .enumerate()
            .map(|(i, rate)| format!("{:<width$}", format!("{rate}/{SEEDS}"), width = if i % 2 == 0 { 14 } else { 15 }))
            .collect();
        text += format!("{:<10}{cells}", *more as f64 / 1024.0).trim_end();
        text += "\n";
    }
    assert!(rates[0].iter().skip(1).all(|&rate| rate == SEEDS), "a bit that is always one is found with few runs");
    assert_eq!(rates[biases.len() - 1], vec![0; 6], "no bias, no evidence");
    text +=
        "\nbattery: runs with each of five choices of secrets; learner: pairs of runs with each of two contrasts.\n";
    golden("planted-bias.txt", &text);
}
