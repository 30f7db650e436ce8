//! The table of properties, by sampling with shrinking, by trying all of a small space, and by replaying what fuzzing kept; the planted bugs are
//! found. Coverage-guided fuzzing runs the same table: `.ci/fuzz`.

use proptest::prelude::*;
use proptest::test_runner::{RngSeed, TestError, TestRunner};
use rayon::prelude::*;
use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use viewless_tests::property::canary::{self, PLANTED};
use viewless_tests::property::{ALL, Property, named};

const SEED: u64 = 20_261_128;

fn fuzz() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../fuzz")
}

/// Inputs of a property: the head, then items, so that leaving out items keeps the others in step.
fn inputs(property: Property) -> impl Strategy<Value = Vec<u8>> {
    let bytes = |count: usize| prop::collection::vec(any::<u8>(), count);
    // Few as often as many: what has five hundred edits is refused for the first.
    let few = |most: usize| prop::collection::vec(bytes(property.item), 0..=property.items.min(most));
    (bytes(property.head), prop_oneof![few(4), few(25), few(property.items)])
        .prop_map(|(head, items)| [head, items.concat()].concat())
}

/// Samples inputs by a seed; the smallest found that fails, and why.
fn sample(property: Property, seed: u64) -> Result<(), (Vec<u8>, String)> {
    let config = ProptestConfig {
        cases: property.samples,
        rng_seed: RngSeed::Fixed(seed),
        failure_persistence: None,
        max_shrink_iters: 2000,
        ..ProptestConfig::default()
    };
    let found =
        TestRunner::new(config).run(&inputs(property), |bytes| property.check(&bytes).map_err(TestCaseError::fail));
    found.map_err(|error| match error {
        TestError::Fail(why, bytes) => (property.shrink(&bytes), why.to_string()),
        TestError::Abort(why) => (vec![], why.to_string()),
    })
}

/// Runs an engine over the table and says which properties fail.
fn all_hold(engine: &str, run: impl Fn(&'static Property) -> Result<usize, (Vec<u8>, String)> + Sync) {
    let failures: Vec<String> = ALL
        .par_iter()
        .filter_map(|property| {
            let started = std::time::Instant::now();
            let outcome = run(property);
            println!("{engine}, {}: {:.1?}, {:?}", property.name, started.elapsed(), outcome.as_ref().ok());
            outcome.err().map(|(bytes, why)| format!("{} of {bytes:?}: {why}", property.name))
        })
        .collect();
    assert!(failures.is_empty(), "{}", failures.join("\n"));
}

#[test]
fn properties_hold_of_sampled_inputs() {
    all_hold("sampled", |property| sample(*property, SEED).map(|()| property.samples as usize));
}

/// As many times more as VIEWLESS_SAMPLES says, by the seed VIEWLESS_SEED.
#[test]
#[ignore = "minutes; run it after a change of what properties are about, and before a release"]
fn properties_hold_of_many_sampled_inputs() {
    let number = |name: &str, otherwise: u64| {
        std::env::var(name).ok().and_then(|text| text.parse::<u64>().ok()).unwrap_or(otherwise)
    };
    let (times, seed) = (number("VIEWLESS_SAMPLES", 20) as u32, number("VIEWLESS_SEED", SEED + 1));
    all_hold("sampled", |property| {
        let more = Property { samples: property.samples.saturating_mul(times), ..*property };
        sample(more, seed).map(|()| more.samples as usize)
    });
}

#[test]
fn properties_hold_of_all_of_a_small_space() {
    all_hold("exhausted", Property::exhaust);
}

#[test]
fn properties_hold_of_what_fuzzing_kept() {
    all_hold("replayed", |property| {
        let inputs = kept(property.name);
        inputs.iter().try_for_each(|bytes| property.check_caught(bytes).map_err(|why| (bytes.clone(), why)))?;
        Ok(inputs.len())
    });
}

fn kept(name: &str) -> Vec<Vec<u8>> {
    let folder = fs::read_dir(fuzz().join("corpus").join(name)).expect("every property has a corpus");
    let mut files: Vec<PathBuf> = folder.map(|entry| entry.expect("it can be read").path()).collect();
    files.sort();
    files.iter().map(|file| fs::read(file).expect("it can be read")).collect()
}

#[test]
fn sampling_finds_its_canary_and_makes_it_small() {
    let canary = named("canary_sampled").expect("it is in the table");
    let (bytes, why) = sample(*canary, SEED).expect_err("the bug is planted");
    assert_eq!(bytes, [0xf0, 0xf0], "{why}");
}

#[test]
fn trying_all_finds_its_canary() {
    let canary = named("canary_exhausted").expect("it is in the table");
    let (bytes, _) = canary.exhaust().expect_err("the bug is planted");
    assert_eq!(bytes, [0xa7, 0x9c]);
    // Sampling as many as it does elsewhere would not have met it.
    assert!(sample(Property { samples: 200, ..*canary }, SEED).is_ok());
}

/// What coverage has to guide to is beyond sampling and is there: `.ci/fuzz` demands that it is found.
#[test]
fn the_canary_of_fuzzing_is_out_of_the_reach_of_chance() {
    let canary = named("canary_guided").expect("it is in the table");
    assert!(sample(Property { samples: 20_000, ..*canary }, SEED).is_ok());
    assert_eq!(canary.check(b"view").is_err(), PLANTED);
}

#[test]
fn every_property_has_a_fuzz_target_of_at_most_ten_lines_and_a_small_corpus() {
    let names = |folder: &str, ending: &str| -> BTreeSet<String> {
        let entries = fs::read_dir(fuzz().join(folder)).expect("it can be read");
        let name = |entry: std::io::Result<fs::DirEntry>| entry.expect("it can be read").file_name();
        entries.map(|entry| name(entry).to_string_lossy().trim_end_matches(ending).to_owned()).collect()
    };
    let expected: BTreeSet<String> = ALL.iter().map(|property| property.name.to_owned()).collect();
    assert_eq!(names("corpus", ""), expected);
    let targets = names("fuzz_targets", ".rs");
    let with_canary = expected.iter().cloned().chain(["canary_guided".to_owned()]).collect();
    assert_eq!(targets, with_canary);
    let manifest = fs::read_to_string(fuzz().join("Cargo.toml")).expect("it can be read");
    for name in &targets {
        let text = fs::read_to_string(fuzz().join("fuzz_targets").join(format!("{name}.rs"))).expect("it can be read");
        assert!(text.lines().count() <= 10, "{name} has {} lines", text.lines().count());
        assert!(text.contains(&format!("must_hold(\"{name}\"")), "{name} runs another property");
        assert!(manifest.contains(&format!("name = \"{name}\"")), "{name} is not in the manifest");
    }
    for property in ALL {
        let inputs = kept(property.name);
        let bytes: usize = inputs.iter().map(Vec::len).sum();
        assert!(!inputs.is_empty() && bytes < 10_000, "{} inputs of {bytes} bytes for {}", inputs.len(), property.name);
    }
    assert_eq!(canary::ALL.len(), 3);
}
