//! What viewless does, as functions that return complete reports: every front end, the command line among them, is written against
//! this crate. Nothing here prints, draws or knows a terminal; long work tells its progress to a function that the caller gives.
//!
//! A [`Subject`] is found by its name in a registry of protocols and built under a suite at [`Sizes`]. The registry is the caller's: what a
//! suite names is looked up in the one that the subject was found in, or that a question names. The other modules answer one question each:
//!
//! | module | question |
//! |---|---|
//! | [`inference`] | Does a private run on a real model give the plaintext answer? |
//! | [`pictures`] | Does an autoencoder give the image of plaintext, and what does it draw of nothing? |
//! | [`bill`], [`alternatives`] | What does it cost, and what would another choice cost? |
//! | [`comparison`], [`variants`] | How do suites, or protocols of a function, stand side by side? |
//! | [`failures`] | How often does an inference fail outright? |
//! | [`sites`] | Which sites of a model leave their protocols' domains, and where does a private run first diverge? |
//! | [`draft`] | What would a first protocol file of a function be? |
//! | [`error_audit`] | How wrong is a protocol, at worst and as seen? |
//! | [`why_not`] | Where does a claim hold that fails, which operation fails beyond, and what do others do there? |
//! | [`privacy`], [`proof`], [`certificate`] | What does a coalition learn, and does a stored proof still hold? |
//! | [`plan`] | Which suite and deployment are fastest on a network within an error budget? |
//! | [`statistics`] | What do real runs show of what a coalition sees? |
//! | [`assay`] | All verdicts about one protocol? |
//! | [`model_report`] | Everything about one model, and what to change? |
//! | [`bench`] | How fast is all this here, beside what the machine allows? |
//! | [`card`] | What is claimed of a protocol? |

pub mod alternatives;
mod answer;
pub mod assay;
pub mod bench;
pub mod bill;
pub mod card;
pub mod certificate;
pub mod certified;
pub mod comparison;
pub mod draft;
pub mod error_audit;
pub mod evaluation;
pub mod failures;
pub mod inference;
pub mod judgement;
pub mod machine;
mod model_inputs;
pub mod model_report;
pub mod named;
pub mod pictures;
pub mod plan;
mod price;
pub mod privacy;
mod programs;
pub mod proof;
pub mod records;
pub mod sites;
pub mod sizes;
pub mod statistics;
pub mod subject;
mod unlearnt;
pub mod variants;
mod what_is;
pub mod why_not;

pub use sizes::{SizeError, Sizes};
pub use subject::{Kind, Subject, SubjectError};

/// Told how many of how many steps are done.
pub type Progress<'a> = &'a dyn Fn(usize, usize);
