//! The exact joint law of a view, by counting all samples, for every assignment of the secrets.
//!
//! A Program is taken apart into words, and each computed word becomes a table that is 1 where the word is what it should be and
//! 0 elsewhere. The product of all tables, summed over everything that the coalition does not see, counts the samples that
//! lead to a view. The sums are carried inwards: one word at a time, smallest table first. A table that turns out not to
//! depend on a word forgets it: that is how independent samples factor out, by counting and not by any rule about masks. So a
//! Beaver multiplication over Z_2^4, with 2^28 samples for each of 2^8 secrets, takes milliseconds.
//!
//! A message that other messages and given words determine is summed out too, and tables that no message is left in are left
//! alone: they say how likely a given word is, not what the messages tell.
//!
//! What is left are tables over messages, secrets, and what is given (the coalition's inputs, samples and outputs). Those that
//! share no message are independent, given the rest. For each, every two secrets that are possible with the same given words
//! must have the same law of the messages: equal as fractions. If not, the total-variation distance is computed and the worst
//! pair returned; where several independent parts leak, it is that of the worst part, a lower bound of the whole.

mod compare;
mod eliminate;
mod joint;
mod roles;
mod scalar;
mod table;

use super::Coalition;
use super::view::View;
pub use joint::{Joint, JointError, count_jointly, joint};

use eliminate::Tables;
use roles::Roles;
use scalar::Scalars;
use serde::{Deserialize, Serialize};
use std::fmt;
use thiserror::Error;
use viewless_protocols::program::{Program, ValueId};

/// What counting found.
#[derive(Debug, Clone, PartialEq)]
pub enum Exhaustive {
    /// All distances are exactly zero.
    Private,
    /// Two assignments of the secrets give different laws.
    Leak(Box<Witness>),
}

/// Two assignments of the others' inputs that the coalition can tell apart.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Witness {
    /// Total-variation distance of the laws of the messages.
    pub distance: f64,
    /// The two assignments; inputs that are not named do not matter.
    pub secrets: [Vec<Assigned>; 2],
    /// The coalition's inputs, samples and outputs in question.
    pub given: Vec<Assigned>,
    /// The messages that tell them apart, as the values that computed them.
    pub messages: Vec<ValueId>,
}

/// A word of an input, sample or output.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Assigned {
    /// The value.
    pub value: ValueId,
    /// The element, row-major.
    pub element: usize,
    /// Name of the input; `%7` for a value without a name.
    pub name: String,
    /// Its word.
    pub word: u64,
}

impl fmt::Display for Witness {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let list = |assigned: &[Assigned]| {
            let items: Vec<_> =
                assigned.iter().map(|item| format!("{}[{}] = {}", item.name, item.element, item.word)).collect();
            if items.is_empty() { "nothing".to_owned() } else { items.join(", ") }
        };
        let messages: Vec<_> = self.messages.iter().map(|message| format!("%{}", message.0)).collect();
        write!(
            f,
            "{} against {}, given {}: the messages {} have laws at distance {}",
            list(&self.secrets[0]),
            list(&self.secrets[1]),
            list(&self.given),
            messages.join(", "),
            self.distance
        )
    }
}

/// A Program that cannot be counted.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum CountError {
    /// Too large.
    #[error("too large to count: {what}; shrink its words or its shapes")]
    Size {
        /// What would be needed.
        what: String,
    },
}

/// How to count.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Options {
    /// Largest table, as the binary logarithm of its entries.
    pub most_bits: u32,
    /// Most entries of all tables that are multiplied, together: what decides how long a count may take.
    pub most_entries: u64,
    /// Whether the simulator is given the coalition's own samples. If not, they belong to the law that is compared: a stronger
    /// claim, which differs only for coalitions with outputs.
    pub given_own_samples: bool,
}

impl Default for Options {
    /// Tables of 2^24 counts, 128 MiB; 2^28 entries in all, some seconds; own samples given.
    fn default() -> Self {
        Self { most_bits: 24, most_entries: 1 << 28, given_own_samples: true }
    }
}

impl Options {
    /// The stronger claim: the simulator draws the coalition's own samples.
    #[must_use]
    pub fn stronger() -> Self {
        Self { given_own_samples: false, ..Self::default() }
    }
}

/// Counts with the default options.
///
/// # Errors
/// [`CountError`] when the Program is too large.
pub fn count(program: &Program, coalition: Coalition) -> Result<Exhaustive, CountError> {
    count_with(program, coalition, Options::default())
}

/// Counts the views of `coalition`.
///
/// # Errors
/// [`CountError`] when the Program is too large.
pub fn count_with(program: &Program, coalition: Coalition, options: Options) -> Result<Exhaustive, CountError> {
    let view = View::new(program, coalition);
    let mut scalars = Scalars::new(program)?;
    let roles = Roles::new(&view, &mut scalars, options);
    let worst = worst_leak(program, &scalars, &roles, options, view.has_outputs())?;
    Ok(worst.map_or(Exhaustive::Private, |witness| Exhaustive::Leak(Box::new(witness))))
}

/// Counts the weakest claim: that own samples and all messages but those `withheld` have one law for all secrets, and that what is withheld
/// has one law given these and the outputs.
///
/// # Errors
/// [`CountError`] when the Program is too large.
pub fn count_given_randomness(
    program: &Program,
    coalition: Coalition,
    withheld: &[ValueId],
    options: Options,
) -> Result<Exhaustive, CountError> {
    let view = View::reading(program, coalition, &[], &[], withheld);
    let mut scalars = Scalars::new(program)?;
    let roles = Roles::of_randomness(&view, &mut scalars);
    let mut worst = worst_leak(program, &scalars, &roles, options, false)?;
    if worst.is_none() {
        let mut scalars = Scalars::new(program)?;
        let roles = Roles::of_withheld(&view, &mut scalars, withheld);
        worst = worst_leak(program, &scalars, &roles, options, true)?;
    }
    Ok(worst.map_or(Exhaustive::Private, |witness| Exhaustive::Leak(Box::new(witness))))
}

/// The worst pair of secrets, if there is one. Whether an output is possible at all matters only if the messages differ where it
/// might be, and if there are `outputs`.
fn worst_leak(
    program: &Program,
    scalars: &Scalars,
    roles: &Roles,
    options: Options,
    outputs: bool,
) -> Result<Option<Witness>, CountError> {
    let worst_of = |with_likelihood_of_outputs: bool| -> Result<Option<Witness>, CountError> {
        let mut tables = Tables::new(scalars, roles, options, with_likelihood_of_outputs)?;
        tables.hide_determined(scalars);
        tables.sum_out()?;
        let mut worst: Option<Witness> = None;
        let (components, roles) = tables.components()?;
        for table in components {
            if let Some(found) = compare::compare(&table, &roles, scalars, program)
                && worst.as_ref().is_none_or(|worst| found.distance > worst.distance)
            {
                worst = Some(found);
            }
        }
        Ok(worst)
    };
    match worst_of(false)? {
        Some(_) if outputs => worst_of(true),
        worst => Ok(worst),
    }
}
