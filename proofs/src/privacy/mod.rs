//! Privacy: is every view empty?
//!
//! **The adversary** is semi-honest and static: a fixed [`Coalition`] follows the protocol and pools what it sees. The dealer
//! and the owners of inputs are parties like any other.
//!
//! **The view** of a coalition is its inputs, the samples that one of its members holds, and its *messages*: the contents of
//! every send whose result a member holds and whose argument no member held. Everything else that members hold, they compute.
//!
//! **The claim.** For any two assignments of the other parties' inputs, the messages have the same joint law, given the
//! coalition's inputs, its samples and its declared outputs; or laws within a stated statistical distance. So a simulator
//! produces the messages from these alone. A coalition without outputs has a view that is independent of everybody else's
//! inputs: there the simulator draws the samples too. An output may depend on the coalition's own samples (by the rounding of a
//! local truncation); then the simulator must be given these, which is a weaker claim. A party that completes an output itself has messages
//! that it may depend on, too: the weakest claim. See [`certificate::Simulator`].
//!
//! These claims are about the view alone. The strongest one is about the joint law of view and *all* outputs, which for probabilistic
//! truncation needs a functionality that models its rounding (Li et al., USENIX Security 2023).
//!
//! Three ways to a verdict, each checking the others:
//! - [`symbolic`]: eliminates one message after another by rules proved sound in `SOUNDNESS.md`; any size, near-linear time;
//! - [`check`]: re-verifies a [`certificate`] of the symbolic prover in one pass, sharing no code with it;
//! - [`exhaustive`]: the exact joint law of the view by counting all samples; tiny Programs only ([`shrink`] makes them).
//!
//! Beside them [`statistical`] and [`learned`] look for evidence of leakage in real runs, at full width; evidence has a stated rate of
//! false alarms, and its absence proves nothing.
//!
//! ```
//! use viewless_proofs::privacy::{self, Coalition, Verdict};
//! use viewless_protocols::party::{Party, PartySet};
//! use viewless_protocols::program::ProgramBuilder;
//! use viewless_protocols::ring::Domain;
//!
//! let mut p = ProgramBuilder::new(PartySet::of(&[Party::P0, Party::P1, Party::Client]), Party::ModelOwner);
//! let x = p.input(Party::Client, "x", 0, Domain::Z64, [4].into());
//! let mask = p.sample(PartySet::of(&[Party::Client, Party::P0]), Domain::Z64, [4].into());
//! let masked = p.sub(x, mask);
//! p.send(masked, Party::P1);
//! let program = p.finish().expect("every party computes with what it holds");
//!
//! let alone = Coalition::of(&program, &[Party::P1]).expect("P1 takes part");
//! assert!(matches!(privacy::prove(&program, alone).verdict, Verdict::Proved { .. }));
//! let together = Coalition::of(&program, &[Party::P0, Party::P1]).expect("both take part");
//! assert!(matches!(privacy::prove(&program, together).verdict, Verdict::Undecided { .. }));
//! assert!(matches!(privacy::decide(&program, together).verdict, Verdict::Undecided { .. }), "64 bits are too many to count");
//! ```

#![deny(clippy::wildcard_enum_match_arm, reason = "a catch-all hides a new operation from the pass that must learn it")]

pub mod certificate;
pub mod check;
pub mod exhaustive;
pub mod learned;
pub mod queries;
pub mod shrink;
pub mod statistical;
pub mod symbolic;
pub mod view;

use certificate::{Certificate, Simulator};
use exhaustive::{Exhaustive, Witness};
use serde::{Deserialize, Serialize};
use std::fmt;
use thiserror::Error;
use viewless_protocols::party::{Party, PartySet};
use viewless_protocols::program::{Op, Program, ProgramDraft, ValueId};

/// Parties that pool their views.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Coalition(PartySet);

/// No coalition of a Program.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum CoalitionError {
    /// Nobody.
    #[error("a coalition needs at least one party; name some of {parties}")]
    Empty {
        /// Everyone who takes part.
        parties: PartySet,
    },
    /// Somebody who takes no part.
    #[error("{stranger} takes no part in this Program; its parties are {parties}")]
    Stranger {
        /// The party named.
        stranger: Party,
        /// Everyone who takes part.
        parties: PartySet,
    },
    /// A name that no party has.
    #[error("there is no party `{name}`; parties are P0, P1, P2, dealer, client, model-owner")]
    Unknown {
        /// The name.
        name: String,
    },
}

impl Coalition {
    /// A coalition of parties of a Program.
    ///
    /// # Errors
    /// [`CoalitionError`] if there are none, or one takes no part.
    pub fn of(program: &ProgramDraft, members: &[Party]) -> Result<Self, CoalitionError> {
        let parties = program.parties;
        if let Some(&stranger) = members.iter().find(|&&member| !parties.contains(member)) {
            return Err(CoalitionError::Stranger { stranger, parties });
        }
        if members.is_empty() { Err(CoalitionError::Empty { parties }) } else { Ok(Self(PartySet::of(members))) }
    }

    /// Reads names separated by commas, for instance `P0,dealer`.
    ///
    /// # Errors
    /// [`CoalitionError`] names what is wrong.
    pub fn parse(program: &ProgramDraft, names: &str) -> Result<Self, CoalitionError> {
        let member = |name: &str| {
            let found = Party::ALL.into_iter().find(|party| party.to_string().eq_ignore_ascii_case(name));
            found.ok_or_else(|| CoalitionError::Unknown { name: name.to_owned() })
        };
        let names = names.split(',').map(str::trim).filter(|name| !name.is_empty());
        let members = names.map(member).collect::<Result<Vec<_>, _>>()?;
        Self::of(program, &members)
    }

    /// The members.
    #[must_use]
    pub fn members(self) -> PartySet {
        self.0
    }

    /// Whether one of `holders` is a member.
    #[must_use]
    pub fn meets(self, holders: PartySet) -> bool {
        !self.0.intersection(holders).is_empty()
    }
}

impl fmt::Display for Coalition {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// Coalitions that the schemes promise to learn nothing: every single party. (Where weights are served, P0 is the model
/// owner, and {P0} is both.)
#[must_use]
pub fn promised_coalitions(program: &ProgramDraft) -> Vec<Coalition> {
    program.parties.iter().map(|party| Coalition(PartySet::of(&[party]))).collect()
}

/// Pairs, of which nothing is promised: to be named in reports, not skipped. Two computing parties, of two or of three, or one
/// of them and the dealer, hold everything between them.
#[must_use]
pub fn unpromised_coalitions(program: &ProgramDraft) -> Vec<Coalition> {
    let parties: Vec<Party> = program.parties.iter().collect();
    let pairs = |i: usize| parties[..i].iter().map(move |&first| (first, i));
    (0..parties.len()).flat_map(pairs).map(|(first, i)| Coalition(PartySet::of(&[first, parties[i]]))).collect()
}

/// A message or output that no rule accounts for, for the author of the protocol.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Offending {
    /// Path of the region that built it.
    pub region: String,
    /// The send (or reveal).
    pub value: ValueId,
    /// What is wrong with it.
    pub why: String,
}

/// What is known of a coalition's view.
#[derive(Debug, Clone, PartialEq)]
pub enum Verdict {
    /// The claim holds.
    Proved {
        /// Distance from the ideal: 0 when the laws are equal, at most this otherwise.
        statistical_distance: f64,
        /// What the simulator is given beside the coalition's inputs and outputs: which claim is proved.
        simulator: Simulator,
    },
    /// The claim fails: two assignments of the others' inputs give laws that differ.
    Refuted {
        /// What the symbolic prover could not account for.
        offending: Vec<Offending>,
        /// Two assignments that the coalition can tell apart, and how well.
        witness: Box<Witness>,
    },
    /// Neither.
    Undecided {
        /// What the symbolic prover could not account for.
        offending: Vec<Offending>,
    },
}

impl Verdict {
    /// `proved`, `refuted` or `undecided`.
    #[must_use]
    pub fn name(&self) -> &'static str {
        match self {
            Self::Proved { .. } => "proved",
            Self::Refuted { .. } => "refuted",
            Self::Undecided { .. } => "undecided",
        }
    }

    /// What no rule accounts for; empty when proved.
    #[must_use]
    pub fn offending(&self) -> &[Offending] {
        match self {
            Self::Proved { .. } => &[],
            Self::Refuted { offending, .. } | Self::Undecided { offending } => offending,
        }
    }
}

/// A verdict with what it is about.
#[derive(Debug, Clone, PartialEq)]
pub struct Report {
    /// Whose view.
    pub coalition: Coalition,
    /// Number of messages in it.
    pub messages: usize,
    /// What is known of it.
    pub verdict: Verdict,
    /// The proof, where there is one.
    pub certificate: Option<Certificate>,
}

/// The symbolic verdict: proved or undecided.
#[must_use]
pub fn prove(program: &Program, coalition: Coalition) -> Report {
    symbolic::prove(program, coalition, &symbolic::Options::default())
}

/// The symbolic verdicts about several coalitions.
#[must_use]
pub fn prove_each(program: &Program, coalitions: &[Coalition]) -> Vec<Report> {
    coalitions.iter().map(|&coalition| prove(program, coalition)).collect()
}

/// The symbolic verdict without a search for larger views that would be simpler: for coalitions of which little is expected.
#[must_use]
pub fn prove_quickly(program: &Program, coalition: Coalition) -> Report {
    let options = symbolic::Options { most_attempts: 1, ..symbolic::Options::default() };
    symbolic::prove(program, coalition, &options)
}

/// The symbolic verdict; if that is undecided and the Program is small enough to count, the exact one.
#[must_use]
pub fn decide(program: &Program, coalition: Coalition) -> Report {
    let mut report = prove(program, coalition);
    if let Verdict::Undecided { offending } = &report.verdict {
        // The weaker claim first: where it fails, so does the stronger one.
        match exhaustive::count(program, coalition) {
            Ok(Exhaustive::Leak(witness)) => {
                report.verdict = Verdict::Refuted { offending: offending.clone(), witness };
            }
            Ok(Exhaustive::Private) => {
                let options = exhaustive::Options::stronger();
                let holds = |counted| matches!(counted, Ok(Exhaustive::Private));
                let simulator = if holds(exhaustive::count_jointly(program, coalition, options)) {
                    Simulator::JointlyWithOutputs
                } else if holds(exhaustive::count_with(program, coalition, options)) {
                    Simulator::DrawsOwnSamples
                } else {
                    Simulator::GivenOwnSamples
                };
                report.verdict = Verdict::Proved { statistical_distance: 0.0, simulator };
            }
            Err(_) => {}
        }
    }
    report
}

/// All coalitions, smallest first.
#[must_use]
pub fn all_coalitions(program: &ProgramDraft) -> Vec<Coalition> {
    let parties: Vec<Party> = program.parties.iter().collect();
    let members = |set: u32| {
        let member = |&i: &usize| set >> i & 1 == 1;
        (0..parties.len()).filter(member).map(|i| parties[i]).collect::<Vec<_>>()
    };
    let mut sets: Vec<u32> = (1..1u32 << parties.len()).collect();
    sets.sort_by_key(|set| (set.count_ones(), *set));
    sets.into_iter().map(|set| Coalition(PartySet::of(&members(set)))).collect()
}

/// Whether somebody outside has an input: of a coalition that has them all, every proof is one about nothing.
#[must_use]
pub fn has_secrets_outside(program: &Program, coalition: Coalition) -> bool {
    program.values.iter().any(|value| matches!(value.op, Op::Input { .. }) && !coalition.meets(value.holders))
}

/// Those of some coalitions that no other of them contains.
#[must_use]
pub fn maximal(coalitions: &[Coalition]) -> Vec<Coalition> {
    let is_within = |inner: Coalition, outer: Coalition| inner.0 != outer.0 && inner.0.is_subset(outer.0);
    coalitions.iter().copied().filter(|&one| !coalitions.iter().any(|&other| is_within(one, other))).collect()
}

/// An upper bound on what an element of an output may carry beyond the ideal result, in bits: a word with `fraction_bits` fraction
/// bits that is certified to err by at most `error` is one of at most 2 e 2^f + 1 words.
#[must_use]
pub fn excess_bits(error: f64, fraction_bits: u8) -> f64 {
    (2.0 * error * 2f64.powi(i32::from(fraction_bits)) + 1.0).log2()
}

/// Looks for a refutation of a claim: counts the Program itself, then shrunk copies of it, smallest words first. (Not of the weakest one,
/// which depends on what is withheld: see [`exhaustive::count_given_randomness`].)
///
/// A leak of the Program itself refutes it. A leak of a shrunk copy is a leak of *that* Program and shows where to look; it
/// is returned with the width of its words.
#[must_use]
pub fn refute(program: &Program, coalition: Coalition, claim: Simulator) -> Option<Refutation> {
    refute_with(program, coalition, claim, exhaustive::Options::default())
}

/// As [`refute`], but counts no more than about a second: for claims that are stronger than one that is proved, of every coalition.
#[must_use]
pub fn refute_quickly(program: &Program, coalition: Coalition, claim: Simulator) -> Option<Refutation> {
    let options = exhaustive::Options { most_bits: 16, most_entries: 1 << 21, given_own_samples: true };
    refute_with(program, coalition, claim, options)
}

fn refute_with(
    program: &Program,
    coalition: Coalition,
    claim: Simulator,
    options: exhaustive::Options,
) -> Option<Refutation> {
    let stronger = exhaustive::Options { given_own_samples: false, ..options };
    let count = |program: &Program| match claim {
        Simulator::JointlyWithOutputs => exhaustive::count_jointly(program, coalition, stronger),
        Simulator::DrawsOwnSamples => exhaustive::count_with(program, coalition, stronger),
        Simulator::GivenOwnSamples => exhaustive::count_with(program, coalition, options),
        Simulator::GivenOwnRandomness => Ok(Exhaustive::Private),
    };
    if let Ok(Exhaustive::Leak(witness)) = count(program) {
        return Some(Refutation { shrunk_to_bits: None, witness });
    }
    (1..=4).find_map(|bits| {
        let small = shrink::shrink(program, bits).ok()?;
        match count(&small) {
            Ok(Exhaustive::Leak(witness)) => Some(Refutation { shrunk_to_bits: Some(bits), witness }),
            Ok(Exhaustive::Private) | Err(_) => None,
        }
    })
}

/// A pair of secrets that a coalition can tell apart.
#[derive(Debug, Clone, PartialEq)]
pub struct Refutation {
    /// Width of the words of the shrunk copy that leaks; `None` when the Program itself does.
    pub shrunk_to_bits: Option<u8>,
    /// The pair.
    pub witness: Box<Witness>,
}
