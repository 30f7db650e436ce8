//! The gallery of flawed protocols: every class of defect that broke privacy in practice, or would, as a Program of a few lines.
//!
//! Each exists at full width, as a system would run it, and over a tiny ring, so that it can be counted; and each has a sound
//! sibling, the same lines without the flaw. A checker that misses a flaw it is named for is broken, and so is one that rejects
//! a sibling. Which checker catches what is the kill matrix, a golden. Two flaws are none of the view: only view and outputs together,
//! against the functionality that was meant, show them, and every checker of views must be seen to miss them.

mod blocks;
mod flaws;
pub mod numeric;

pub use blocks::Setting;

use std::fmt;
use viewless_proofs::privacy::exhaustive::{self, Exhaustive, Joint};
use viewless_proofs::privacy::statistical::{self, Options};
use viewless_proofs::privacy::{Coalition, Verdict, prove};
use viewless_protocols::party::Party::{self, Client, P0, P1};
use viewless_protocols::program::Program;

/// A way to a verdict, and on which of the two Programs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Checker {
    /// The symbolic prover, at full width: not proved.
    Symbolic,
    /// Counting, over the tiny ring: a total-variation distance above zero.
    Exhaustive,
    /// Statistics of real runs at full width: evidence.
    Statistical,
    /// Statistics of runs over the tiny ring: evidence.
    StatisticalTiny,
    /// Counting, over the tiny ring, of view and outputs together against the functionality that was meant, its rounding included. It
    /// says nothing of a flaw without a functionality.
    Joint,
}

impl Checker {
    /// All of them.
    pub const ALL: [Self; 5] =
        [Self::Symbolic, Self::Exhaustive, Self::Statistical, Self::StatisticalTiny, Self::Joint];
    /// What most flaws are caught by: every one that looks at the view alone.
    const EVERY: &'static [Self] = &[Self::Symbolic, Self::Exhaustive, Self::Statistical, Self::StatisticalTiny];
}

impl fmt::Display for Checker {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Symbolic => "symbolic",
            Self::Exhaustive => "exhaustive",
            Self::Statistical => "statistical",
            Self::StatisticalTiny => "statistical-tiny",
            Self::Joint => "joint",
        })
    }
}

/// A flawed protocol and its sound sibling.
#[derive(Debug, Clone, Copy)]
pub struct Flaw {
    /// Its class.
    pub name: &'static str,
    /// Where it happened; `built` where no published instance is known to us.
    pub origin: &'static str,
    /// The protocol, with the flaw or without.
    build: fn(Setting, bool) -> Program,
    /// What a trusted party would do instead, where view and outputs are judged together.
    ideal: Option<fn(Setting) -> Program>,
    /// Full width.
    pub real: Setting,
    /// The ring that it is counted over.
    pub tiny: Setting,
    /// Who learns what it must not.
    pub coalition: &'static [Party],
    /// The checkers that must catch it.
    pub caught_by: &'static [Checker],
}

/// What a checker said of a Program.
#[derive(Debug, Clone, PartialEq)]
pub struct Catch {
    /// Whether it rejects.
    pub caught: bool,
    /// Its reason, in its words.
    pub why: String,
}

impl Flaw {
    /// At full width: flawed, or its sibling.
    #[must_use]
    pub fn program(&self, flawed: bool) -> Program {
        (self.build)(self.real, flawed)
    }

    /// Over the tiny ring: flawed, or its sibling.
    #[must_use]
    pub fn small(&self, flawed: bool) -> Program {
        (self.build)(self.tiny, flawed)
    }

    /// What `checker` says.
    ///
    /// # Panics
    /// When the Program is too large to count, or does not run.
    #[must_use]
    pub fn check(&self, checker: Checker, flawed: bool) -> Catch {
        let program = match checker {
            Checker::Symbolic | Checker::Statistical => self.program(flawed),
            Checker::Exhaustive | Checker::StatisticalTiny | Checker::Joint => self.small(flawed),
        };
        let coalition = Coalition::of(&program, self.coalition).expect("the coalition takes part");
        match checker {
            Checker::Symbolic => {
                let verdict = prove(&program, coalition).verdict;
                let why = verdict.offending().first().map(|offending| offending.why.clone()).unwrap_or_default();
                Catch { caught: !matches!(verdict, Verdict::Proved { .. }), why }
            }
            Checker::Exhaustive => {
                match exhaustive::count(&program, coalition).expect("the tiny Program is small enough to count") {
                    Exhaustive::Private => Catch { caught: false, why: String::new() },
                    Exhaustive::Leak(witness) => {
                        Catch { caught: witness.distance > 0.0, why: format!("distance {}", witness.distance) }
                    }
                }
            }
            Checker::Statistical => statistics(&program, coalition, 128),
            Checker::StatisticalTiny => statistics(&program, coalition, 1024),
            Checker::Joint => {
                let Some(ideal) = self.ideal else {
                    return Catch { caught: false, why: "no functionality".to_owned() };
                };
                let joint = exhaustive::joint(&program, &ideal(self.tiny), coalition);
                match joint.expect("the tiny Program is small enough to count, and has the functionality's outputs") {
                    Joint::Holds => Catch { caught: false, why: String::new() },
                    Joint::Outputs { distance, .. } => {
                        Catch { caught: true, why: format!("outputs at distance {distance}") }
                    }
                    Joint::View(witness) => {
                        Catch { caught: true, why: format!("view and outputs at distance {}", witness.distance) }
                    }
                }
            }
        }
    }

    /// Whether view and outputs are judged together, too.
    #[must_use]
    pub fn is_judged_jointly(&self) -> bool {
        self.ideal.is_some()
    }
}

fn statistics(program: &Program, coalition: Coalition, runs: u32) -> Catch {
    let options = Options { runs, ..Options::default() };
    let report = statistical::assay(program, coalition, &options).expect("the protocol runs");
    Catch { caught: !report.findings().is_empty(), why: report.to_string() }
}

const REAL: Setting = Setting { bits: 64, elements: 16 };
const TINY: Setting = Setting { bits: 2, elements: 1 };

/// All flaws.
#[must_use]
#[expect(clippy::too_many_lines, reason = "a table of flaws")]
pub fn flaws() -> Vec<Flaw> {
    let common = Flaw {
        name: "mask reused across calls",
        origin: "SecFormer's released sine mask; tf-encrypted #380",
        build: flaws::mask_reused,
        ideal: None,
        real: REAL,
        tiny: TINY,
        coalition: &[P0],
        caught_by: Checker::EVERY,
    };
    vec![
        common,
        Flaw {
            name: "mask from a bounded range",
            origin: "built: masks of statistical truncation, secrets out of bounds",
            build: flaws::mask_of_bounded_range,
            ..common
        },
        Flaw {
            name: "constant mask",
            origin: "2^26 for r, reported by Bicoptor 2.0; Piranha #6",
            build: flaws::mask_constant,
            ..common
        },
        Flaw {
            name: "one mask broadcast over a tensor",
            origin: "SUF, early version",
            build: flaws::mask_broadcast,
            tiny: Setting { elements: 2, ..TINY },
            ..common
        },
        Flaw {
            name: "mask scaled by an even factor",
            origin: "built: a mask that goes through a public scaling",
            build: flaws::mask_doubled,
            ..common
        },
        Flaw { name: "triple used twice", origin: "MP-SPDZ 0.1.2, CowGear", build: flaws::triple_used_twice, ..common },
        Flaw {
            name: "square pair used as a triple",
            origin: "built: stores of triples and pairs confused",
            build: flaws::square_pair_as_triple,
            ..common
        },
        Flaw {
            name: "dealer correction in clear",
            origin: "built: CrypTen's TTP without its subtraction",
            build: flaws::dealer_correction_in_clear,
            coalition: &[P1],
            ..common
        },
        Flaw {
            name: "missing zero-share in a three-party product",
            origin: "CrypTen #518",
            build: flaws::missing_zero_share,
            ..common
        },
        Flaw {
            name: "output revealed without resharing",
            origin: "MP-SPDZ 0.3.9",
            build: flaws::output_without_resharing,
            coalition: &[Client],
            ..common
        },
        Flaw {
            name: "share sent to the wrong party",
            origin: "built: swapped ranks",
            build: flaws::share_to_the_wrong_party,
            ..common
        },
        Flaw {
            name: "sampler that never draws one value",
            origin: "CrypTen generate_random_ring_element",
            build: flaws::sampler_misses_a_value,
            // The widest table there is; and too wide for statistics, as in CrypTen.
            real: Setting { bits: 16, elements: 16 },
            caught_by: &[Checker::Symbolic, Checker::Exhaustive, Checker::StatisticalTiny],
            ..common
        },
        Flaw {
            name: "sine mask not uniform over the period",
            origin: "SecFormer's released code, t from [-1024, 0)",
            build: flaws::sine_mask_not_uniform,
            real: Setting { bits: 20, elements: 16 },
            tiny: Setting { bits: 4, elements: 1 },
            ..common
        },
        Flaw {
            name: "sine mask known to a computing party",
            origin: "SecFormer's released code, t from party 0's data",
            build: flaws::sine_mask_known,
            real: Setting { bits: 20, elements: 16 },
            tiny: Setting { bits: 3, elements: 1 },
            ..common
        },
        Flaw {
            name: "bit of a weight in an output",
            origin: "built: private and right, and together not secure",
            build: flaws::weight_bit_in_output,
            ideal: Some(flaws::x_and_a_coin),
            coalition: &[Client],
            caught_by: &[Checker::Joint],
            ..common
        },
        Flaw {
            name: "rounding of an output known to a party",
            origin: "local truncation of SecureML; Li et al., USENIX Security 2023",
            build: flaws::rounding_known,
            ideal: Some(flaws::half_of_x),
            tiny: Setting { bits: 3, elements: 1 },
            caught_by: &[Checker::Joint],
            ..common
        },
    ]
}

/// What looks like a flaw and is none: the client gets the shares of a locally truncated weight as they are. Their high bits are
/// copies of a sign, so statistics, which look for uniform messages, show evidence; and no sample is a sharing of zero, so the
/// prover leaves it undecided. But counting finds distance zero: given the output, which has the rounding in it, a share is
/// distributed in the same way whatever the weight was. Both checkers err on the safe side; counting decides.
#[must_use]
pub fn near_miss() -> Flaw {
    Flaw {
        name: "truncated output revealed without resharing",
        origin: "MP-SPDZ 0.3.9; local truncation of SecureML",
        build: flaws::truncated_output_without_resharing,
        ideal: None,
        real: REAL,
        tiny: Setting { bits: 4, elements: 1 },
        coalition: &[Client],
        caught_by: &[Checker::Symbolic, Checker::Statistical, Checker::StatisticalTiny],
    }
}

/// The kill matrix: a row for each flaw, a column for each checker; `caught`, `-`, or nothing where it was not asked.
#[must_use]
pub fn kill_matrix(rows: &[(Flaw, Vec<(Checker, Catch)>)]) -> String {
    let mut text = format!("{:<46}", "flaw");
    Checker::ALL.iter().for_each(|checker| text += &format!("{checker:<18}"));
    text += "origin\n";
    for (flaw, catches) in rows {
        text += &format!("{:<46}", flaw.name);
        for (checker, catch) in catches {
            let asked = *checker != Checker::Joint || flaw.is_judged_jointly();
            text += &format!(
                "{:<18}",
                if catch.caught {
                    "caught"
                } else if asked {
                    "-"
                } else {
                    ""
                }
            );
        }
        text += flaw.origin;
        text.push('\n');
    }
    text
}
