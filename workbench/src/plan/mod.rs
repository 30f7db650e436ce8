//! The fastest private deployment of a model on a network within an error budget: which protocols, which scheme, how many
//! queries in flight, where to cut.
//!
//! A [`Space`] says what may be chosen, a [`Catalogue`] counts and certifies every choice, and [`plan`] searches it exactly.
//!
//! # The error that a budget bounds
//! The *sum of certified site errors*: for each place of the model where a function is computed, the largest error of any run that does
//! not wrap, on any input of the protocol's interval, added up over all places. What follows a site carries its error on, and may
//! enlarge it; no factor for that is certified. The sum is therefore a measure of what protocols do, and not a bound on the answer: a
//! private run beside plaintext shows the latter.

mod candidates;
mod catalogue;
mod choose;
mod deployment;
mod files;
mod front;
mod measure;
mod space;

pub use catalogue::{Catalogue, CatalogueEntry, FunctionChoice, Load, Rounds, VariantEntry, spelled_out};
pub use choose::{Plan, PlanRequest, Priced, Swap, plan};
pub use deployment::Deployment;
pub use files::{PartiesFile, deployment_text, machine_text, read_cluster, read_machine, read_parties, suite_text};
pub use front::{front, winner};
pub use measure::{MachineFile, measure};
pub use space::Space;

use crate::named::NamedError;
use crate::subject::SubjectError;
use std::io;
use std::path::PathBuf;
use thiserror::Error;
use viewless_planner::PlanError;
use viewless_protocols::decimal;

/// A plan that cannot be made.
#[derive(Debug, Error)]
pub enum PlanningError {
    /// What the planner refuses.
    #[error(transparent)]
    Plan(#[from] PlanError),
    /// What cannot be built.
    #[error(transparent)]
    Subject(#[from] SubjectError),
    /// A suite that cannot be used.
    #[error(transparent)]
    Named(#[from] NamedError),
    /// A word that names nothing in a space of suites.
    #[error("`{word}` names no choice of a scheme; a space is made of {known}")]
    UnknownWord {
        /// The word.
        word: String,
        /// All words.
        known: String,
    },
    /// A space without a scheme.
    #[error("no scheme of the space goes together: {reason}")]
    EmptySpace {
        /// Why.
        reason: String,
    },
    /// A function that nothing in the registry computes with a finite certified error.
    #[error("no protocol for {function} has a finite certified error under {scheme}, so no plan is within any budget")]
    NothingCertified {
        /// The function.
        function: String,
        /// The scheme.
        scheme: String,
    },
    /// A budget below what anything in the space reaches.
    #[error(
        "no suite of the space has certified site errors that add up to {} or less; the least is {}",
        decimal::exact(*.budget),
        decimal::exact(*.least)
    )]
    BudgetUnreachable {
        /// What was asked for.
        budget: f64,
        /// The least sum there is.
        least: f64,
    },
    /// A budget that is none.
    #[error("an error budget is a number, zero or more, and not {budget}")]
    Budget {
        /// What was asked for.
        budget: f64,
    },
    /// A number of wraps that is none.
    #[error("expected wraps are a number, zero or more, and not {limit}")]
    Wraps {
        /// What was asked for.
        limit: f64,
    },
    /// Computation that is told twice, or told for one process where several machines are asked for.
    #[error(
        "measured rates are those of one process that computes one query for all parties; for several queries, or with compute-seconds-per-layer, leave them out"
    )]
    TwoComputations,
    /// More rounds than are simulated one by one.
    #[error(
        "{requests} queries of {rounds} rounds each are more than the {most} rounds that are simulated one by one; ask for {} or fewer",
        most / rounds.max(&1)
    )]
    TooManyEvents {
        /// Queries that were asked for.
        requests: u64,
        /// Rounds of a query.
        rounds: u64,
        /// The most rounds of all queries.
        most: u64,
    },
    /// Every suite within the budget wraps too often.
    #[error(
        "every suite of the space with certified site errors that add up to {} or less may wrap more often than {} times in an inference; allow exact truncation, a larger error, or more wraps",
        decimal::exact(*.budget),
        decimal::exact(*.limit)
    )]
    FailuresUnreachable {
        /// What was allowed.
        limit: f64,
        /// The error that was allowed.
        budget: f64,
    },
    /// Something that cannot happen.
    #[error("{reason}; this is a defect of viewless, please report it")]
    Defect {
        /// What.
        reason: String,
    },
    /// A file that cannot be read.
    #[error("cannot read {}: {source}", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// What the operating system said.
        source: io::Error,
    },
    /// A file that says something else.
    #[error("{}: {message}", path.display())]
    Parse {
        /// The file.
        path: PathBuf,
        /// What and where.
        message: String,
    },
}
