//! The commands, one file each: its arguments, and what it prints.

pub mod assay;
pub mod audit;
pub mod bench;
pub mod calibrate;
pub mod check;
pub mod compare;
pub mod cost;
pub mod distill;
pub mod dump;
pub mod evaluate;
pub mod fetch;
pub mod infer;
pub mod list;
pub mod new;
mod picture;
pub mod plan;
pub mod prove;
pub mod report;
pub mod reproduce;
pub mod sample;
pub mod swarm;
mod texts;
pub mod train;

use crate::error::CliError;
use crate::screen::Manner;
use clap::Subcommand;

/// What a command's exit code says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// All is well: exit code 0.
    Positive,
    /// What was asked does not hold: exit code 1.
    Negative,
}

impl From<bool> for Outcome {
    fn from(holds: bool) -> Self {
        if holds { Self::Positive } else { Self::Negative }
    }
}

/// A command with its arguments.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Show what there is: protocols, suites, models, networks
    List(list::Arguments),
    /// Put a model, or data, into the cache
    Fetch(fetch::Arguments),
    /// Infer privately on a real model, in the simulator, and compare with plaintext
    Infer(infer::Arguments),
    /// Draw images from an autoencoder privately, from noise that no party knows
    Sample(sample::Arguments),
    /// Evaluate a model on labelled rows, privately and in plaintext: metrics, agreement, why rows differ, cost
    Evaluate(evaluate::Arguments),
    /// Count rounds and bytes of a model or a protocol, from shapes alone
    Cost(cost::Arguments),
    /// Count suites side by side
    Compare(compare::Arguments),
    /// Everything about one model on one page: verdicts, bill, accuracy, sites, and what to change
    Report(report::Arguments),
    /// Hold the cells of a published table beside what is counted
    Reproduce(reproduce::Arguments),
    /// Write a first protocol file, fitted and certified, to change
    New(new::Arguments),
    /// Bound the error of a protocol over every input and every random choice, and measure it in runs
    Audit(audit::Arguments),
    /// Fit a suite to a model: narrower protocols where its numbers on your texts allow them
    Calibrate(calibrate::Arguments),
    /// All verdicts about a protocol on one page
    Assay(assay::Arguments),
    /// Prove that coalitions learn nothing, or show what they see
    Prove(prove::Arguments),
    /// Verify stored proofs again, with an independent checker
    Check(check::Arguments),
    /// Find the fastest plan: suite and deployment of a private model, or a strategy of training
    Plan(plan::Arguments),
    /// Measure how fast this build is here, beside what the machine allows
    Bench(bench::Arguments),
    /// Run at random and cross-check everything that viewless says, until something is contradicted
    Swarm(swarm::Arguments),
    /// Teach a model: a pre-trained BERT learns to classify or rate texts
    Train(train::Arguments),
    /// Make a student of a model, with functions that are cheap in private
    Distill(distill::Arguments),
    /// Print the text form of a circuit or Program
    Dump(dump::Arguments),
}

impl Command {
    /// Threads that an argument asks for.
    #[must_use]
    pub fn threads(&self) -> Option<usize> {
        match self {
            Self::Infer(arguments) => arguments.threads(),
            Self::Sample(arguments) => arguments.threads(),
            Self::Evaluate(arguments) => arguments.threads(),
            _ => None,
        }
    }

    /// Runs the command; results go to standard output, as JSON if asked.
    ///
    /// # Errors
    /// Bad usage or input.
    pub fn run(&self, manner: Manner) -> Result<Outcome, CliError> {
        match self {
            Self::List(arguments) => list::run(arguments, manner),
            Self::Fetch(arguments) => fetch::run(arguments, manner),
            Self::Infer(arguments) => infer::run(arguments, manner),
            Self::Sample(arguments) => sample::run(arguments, manner),
            Self::Evaluate(arguments) => evaluate::run(arguments, manner),
            Self::Cost(arguments) => cost::run(arguments, manner),
            Self::Compare(arguments) => compare::run(arguments, manner),
            Self::Report(arguments) => report::run(arguments, manner),
            Self::Reproduce(arguments) => reproduce::run(arguments, manner),
            Self::New(arguments) => new::run(arguments, manner),
            Self::Audit(arguments) => audit::run(arguments, manner),
            Self::Calibrate(arguments) => calibrate::run(arguments, manner),
            Self::Assay(arguments) => assay::run(arguments, manner),
            Self::Prove(arguments) => prove::run(arguments, manner),
            Self::Check(arguments) => check::run(arguments, manner),
            Self::Plan(arguments) => plan::run(arguments, manner),
            Self::Bench(arguments) => bench::run(arguments, manner),
            Self::Swarm(arguments) => swarm::run(arguments, manner),
            Self::Train(arguments) => train::run(arguments, manner),
            Self::Distill(arguments) => distill::run(arguments, manner),
            Self::Dump(arguments) => dump::run(arguments, manner),
        }
    }
}
