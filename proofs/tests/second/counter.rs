//! The second counter (`second_checker/count.py`), in a process that answers line by line.

use crate::second::Script;
use serde::Deserialize;
use std::cell::RefCell;
use viewless_proofs::privacy::Coalition;
use viewless_proofs::privacy::certificate::Simulator;
use viewless_protocols::program::Program;

thread_local! {
    static COUNTER: RefCell<Option<Script>> = RefCell::new(Script::start("count.py"));
}

/// What the second counter answers.
#[derive(Debug, Deserialize)]
pub(crate) struct Counted {
    /// Whether there was too much to try.
    #[serde(default)]
    pub(crate) too_large: bool,
    /// Whether all laws are the same.
    #[serde(default)]
    pub(crate) private: bool,
    /// The largest distance of two.
    #[serde(default)]
    pub(crate) distance: f64,
    /// Why it is no Program.
    pub(crate) refused: Option<String>,
}

/// The law of a view by trying everything; none if there is no Python.
pub(crate) fn count(program: &Program, coalition: Coalition, claim: Simulator, most_bits: u32) -> Option<Counted> {
    let parties: Vec<String> = coalition.members().iter().map(|party| party.to_string()).collect();
    let question = serde_json::json!({
        "program": program.to_string(), "coalition": parties, "claim": claim, "most_bits": most_bits,
    });
    COUNTER.with_borrow_mut(|counter| {
        counter.as_mut().map(|counter| {
            counter.send(&question);
            counter.receive()
        })
    })
}
