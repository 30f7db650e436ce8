//! The swarm: runs that draw everything at random, whole features off at random, and cross-check all that is said of a Program.
//!
//! A run is decided by bytes, as every [property](crate::property) is: drawn by seed and number, made smaller by leaving bytes out when one
//! fails, and replayed from them. (Leaving whole features out finds what a uniform mixture hides: Groce and others, *Swarm testing*,
//! ISSTA 2012.)

mod case;
mod checks;
pub mod planted;
mod report;

pub use case::{Case, What};
pub use checks::{Check, Workings, check};
pub use report::{Failure, Line, SwarmReport};

use rand_chacha::ChaCha20Rng;
use rand_chacha::rand_core::{RngCore, SeedableRng};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::Instant;

/// Smaller runs that are tried.
const MOST_TRIES: usize = 300;

/// Most steps of a random circuit.
const MOST_STEPS: u64 = 40;

/// The bytes of a run: its choices, and the steps of a circuit, as often few as many.
#[must_use]
pub fn draw(seed: u64, run: u64) -> Vec<u8> {
    let mut random = ChaCha20Rng::seed_from_u64(seed);
    random.set_stream(run);
    let steps = 1 + random.next_u64() % (1 + random.next_u64() % MOST_STEPS);
    let mut bytes = vec![0; Case::HEAD + Case::STEP * steps as usize];
    random.fill_bytes(&mut bytes);
    bytes
}

/// One run: what was drawn, and what became of it.
#[must_use]
pub fn run(seed: u64, number: u64, workings: &Workings<'_>) -> Line {
    let bytes = draw(seed, number);
    let started = Instant::now();
    let case = Case::read(&bytes);
    let failure = caught(&case, workings).err();
    let failure = failure.map(|(check, why)| shrunk(&bytes, check, why, workings));
    Line {
        run: number,
        subject: case.subject().to_owned(),
        drawn: case.to_string(),
        failure,
        seconds: started.elapsed().as_secs_f64(),
    }
}

/// A run from its bytes, as a failure shows them; it is not made smaller once more.
#[must_use]
pub fn replay(bytes: &[u8], workings: &Workings<'_>) -> Line {
    let started = Instant::now();
    let case = Case::read(bytes);
    let drawn = case.to_string();
    let failure = outcome(bytes, workings).err().map(|(check, why)| Failure {
        check,
        why,
        replay: hexadecimal(bytes),
        smallest: drawn.clone(),
    });
    Line { run: 0, subject: case.subject().to_owned(), drawn, failure, seconds: started.elapsed().as_secs_f64() }
}

fn outcome(bytes: &[u8], workings: &Workings<'_>) -> Result<(), (Check, String)> {
    caught(&Case::read(bytes), workings)
}

/// The same, a panic being a failure of whatever was looked at.
fn caught(case: &Case, workings: &Workings<'_>) -> Result<(), (Check, String)> {
    catch_unwind(AssertUnwindSafe(|| check(case, workings))).unwrap_or_else(|panic| {
        let text = panic.downcast_ref::<String>().map(String::as_str).or(panic.downcast_ref().copied());
        Err((Check::Panic, text.unwrap_or("of an unknown kind").to_owned()))
    })
}

/// A smaller run that fails in the same check.
fn shrunk(bytes: &[u8], failed: Check, why: String, workings: &Workings<'_>) -> Failure {
    let fails = |smaller: &[u8]| matches!(outcome(smaller, workings), Err((check, _)) if check == failed);
    let smallest = crate::property::shrink(bytes, Case::HEAD, Case::STEP, MOST_TRIES, fails);
    let case = Case::read(&smallest);
    let why = outcome(&smallest, workings).err().map_or(why, |(_, why)| why);
    Failure { check: failed, why, replay: hexadecimal(&smallest), smallest: case.to_string() }
}

/// Bytes as a failure shows them.
#[must_use]
pub fn hexadecimal(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// The bytes of a failure.
#[must_use]
pub fn from_hexadecimal(text: &str) -> Option<Vec<u8>> {
    let digit = |digit: u8| char::from(digit).to_digit(16).map(|digit| digit as u8);
    let (pairs, rest) = text.as_bytes().as_chunks::<2>();
    let byte = |&[high, low]: &[u8; 2]| Some(digit(high)? << 4 | digit(low)?);
    if rest.is_empty() { pairs.iter().map(byte).collect() } else { None }
}

/// A run as a property, for the other engines.
pub(crate) fn property(bytes: &[u8]) -> Result<(), String> {
    check(&Case::read(bytes), &Workings::default()).map_err(|(check, why)| format!("{check}: {why}"))
}
