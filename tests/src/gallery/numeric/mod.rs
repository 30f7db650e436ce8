//! The gallery of numeric flaws: protocols that hide their secrets well and compute the wrong thing.
//!
//! Each happened in a published system, or is the smallest example of a class that did, and each has a sound sibling: the same lines
//! without the flaw. Which check of an audit catches what, by name, is the kill matrix, a golden.

mod circuits;
mod programs;

use std::fmt::Write;
use viewless_proofs::audit::coefficients::{Definition, departing};
use viewless_proofs::audit::mean_error::{Average, Evaluation, Grid, average};
use viewless_proofs::audit::site::{self, Site};
use viewless_proofs::audit::{AuditError, Check, Compile, FailedCheck, Question, audit_compiled};
use viewless_proofs::reference::RealFunction;
use viewless_protocols::circuit::{CheckedCircuit, Circuit, Owner, Secret};
use viewless_protocols::fixed::FixedPoint;
use viewless_protocols::nonlinear::{Build, Card, ErrorClaim, Protocol, Registry, Truth};
use viewless_protocols::program::Program;
use viewless_protocols::scheme::{self, CompileError};

/// A function that builds a circuit.
type Builder = fn(&mut Circuit, Secret) -> Secret;

/// A protocol of the gallery and what it claims.
#[derive(Debug, Clone, Copy)]
struct Subject {
    build: Builder,
    claim: ErrorClaim,
    inputs: Inputs,
}

/// What a protocol is audited on.
#[derive(Debug, Clone, Copy)]
enum Inputs {
    /// Every number of an interval, with 16 fraction bits.
    Numbers(f64, f64),
    /// Every number of an interval, by a Program that was written by hand.
    ByHand(f64, f64, fn(&CheckedCircuit) -> Result<Program, CompileError>),
    /// One row of equal numbers.
    Row(f64, usize),
}

/// A flawed protocol and its sound sibling.
#[derive(Debug, Clone, Copy)]
pub struct NumericFlaw {
    /// Its class.
    pub name: &'static str,
    /// Where it happened; `built` where no published instance is known to us.
    pub origin: &'static str,
    flawed: Subject,
    sound: Subject,
    definition: Option<fn() -> Definition>,
    /// The checks that must catch it.
    pub caught_by: &'static [Check],
}

impl NumericFlaw {
    /// The checks that the protocol, or its sibling, does not pass.
    ///
    /// # Panics
    /// When it cannot be audited.
    #[must_use]
    pub fn findings(&self, flawed: bool) -> Vec<FailedCheck> {
        let subject = if flawed { self.flawed } else { self.sound };
        let mut findings = subject.findings();
        if let Some(definition) = self.definition {
            let found = departing(&subject.circuit(), &definition());
            findings.extend(found.expect("the circuit is a function of one number"));
        }
        findings
    }

    /// The errors on a grid, as a customary test would look at them.
    ///
    /// # Panics
    /// When it cannot be evaluated.
    #[must_use]
    pub fn on_a_grid(&self, flawed: bool, points: usize) -> Average {
        let subject = if flawed { self.flawed } else { self.sound };
        let Inputs::Numbers(low, high) = subject.inputs else { panic!("{} is no function of one number", self.name) };
        average(&subject.protocol(), RealFunction::GeluErf, Grid { low, high, points }, Evaluation::Reals)
            .expect("the grid lies in the interval")
    }
}

impl Subject {
    fn protocol(&self) -> Protocol {
        let base = match self.claim.truth {
            Truth::TwoQuad { .. } => "softmax/2quad",
            _ => "gelu/secformer",
        };
        let base = Registry::built_in().get(base).expect("it is built in").card.clone();
        Protocol {
            card: Card { name: "gallery".to_owned(), error: self.claim, ..base },
            build: Build::map(self.build),
            parts: None,
            file: None,
            family: None,
        }
    }

    fn circuit(&self) -> CheckedCircuit {
        let mut c = Circuit::new();
        let x = c.input(Owner::Client, "x", [1]);
        let y = (self.build)(&mut c, x);
        c.reveal(y, "y");
        c.finish().expect("a circuit of the gallery is well-formed: only its numbers are not")
    }

    fn findings(&self) -> Vec<FailedCheck> {
        let protocol = self.protocol();
        let question = Question { samples: 1 << 14, ..Question::new(&protocol) };
        match self.inputs {
            Inputs::Numbers(low, high) => {
                let question = Question { domain: Some((low, high)), ..question };
                let compile = |circuit: &CheckedCircuit| scheme::compile(circuit, &question.scheme, question.fixed);
                findings(&question, &compile)
            }
            Inputs::ByHand(low, high, compile) => {
                let fixed = FixedPoint::of::<{ programs::FRACTION_BITS }>();
                findings(&Question { domain: Some((low, high)), fixed, ..question }, &compile)
            }
            Inputs::Row(number, columns) => {
                let row = vec![number; columns];
                let site = Site { values: &row, columns, normalisation: None };
                site::judge(&protocol, &site).expect("the row is a row").findings()
            }
        }
    }
}

fn findings(question: &Question<'_>, compile: &Compile<'_>) -> Vec<FailedCheck> {
    match audit_compiled(question, compile) {
        Ok(audit) => audit.report.findings,
        Err(error @ AuditError::BeyondCertified { .. }) => {
            vec![FailedCheck { check: Check::ObservedBeyondCertified, why: error.to_string() }]
        }
        Err(error) => panic!("the gallery cannot be audited: {error}"),
    }
}

const fn claim(absolute: f64, truth: Truth) -> ErrorClaim {
    ErrorClaim { absolute, relative: 0.0, truth }
}

/// GeLU over the numbers that its protocols are told apart on, with SecFormer's error.
const fn gelu(build: Builder) -> Subject {
    Subject { build, claim: claim(1.95e-2, Truth::Gelu), inputs: Inputs::Numbers(-8.0, 8.0) }
}

/// All flaws.
#[must_use]
#[expect(clippy::too_many_lines, reason = "a table of flaws")]
pub fn numeric_flaws() -> Vec<NumericFlaw> {
    let common = NumericFlaw {
        name: "threshold 2.5 for 1.7",
        origin: "SecFormer's released code",
        flawed: gelu(circuits::gelu_threshold_of_the_code),
        sound: gelu(circuits::gelu),
        definition: None,
        caught_by: &[Check::ClaimedError, Check::Jumps],
    };
    // The error of the fit is 5.4e-3 for a period of 20.
    let sines = |build: Builder, compile| Subject {
        build,
        claim: claim(5.5e-3, Truth::Tanh),
        inputs: Inputs::ByHand(-4.0, 4.0, compile),
    };
    let exp = |build: Builder, error: f64, low: f64| Subject {
        build,
        claim: claim(error, Truth::Exp),
        inputs: Inputs::Numbers(low, 0.0),
    };
    let quad = |build: Builder| Subject { build, claim: claim(2.376, Truth::Gelu), inputs: Inputs::Numbers(-5.0, 5.0) };
    let row = |build: Builder| Subject {
        build,
        claim: claim(1e-3, Truth::TwoQuad { shift: 5.0 }),
        inputs: Inputs::Row(0.0, 512),
    };
    let taylor =
        |build: Builder| Subject { build, claim: claim(1e-9, Truth::Gelu), inputs: Inputs::Numbers(-1.0, 1.0) };
    let puma = |error: f64| Subject { claim: claim(error, Truth::Gelu), ..gelu(circuits::gelu_puma) };
    let erf_sines = || Definition::ErfSines { half_period: 10.0 };
    vec![
        common,
        NumericFlaw {
            name: "threshold on x for x / sqrt 2",
            origin: "SecFormer, Algorithm 1, steps 1 and 2",
            flawed: gelu(circuits::gelu_threshold_of_x),
            ..common
        },
        NumericFlaw {
            name: "left tail with the wrong sign",
            origin: "SecFormer, Algorithm 1, step 8",
            flawed: gelu(circuits::gelu_left_tail),
            caught_by: &[Check::ClaimedError, Check::Jumps, Check::Symmetry],
            ..common
        },
        NumericFlaw {
            name: "digits of a coefficient exchanged",
            origin: "SecFormer, beta_7 = 0.118029 for 0.118092",
            flawed: gelu(circuits::gelu_digits_exchanged),
            definition: Some(erf_sines),
            caught_by: &[Check::Coefficients],
            ..common
        },
        NumericFlaw {
            name: "coefficients exchanged",
            origin: "Quad in MPCFormer's and SecFormer's timing code",
            flawed: quad(circuits::quad_exchanged),
            sound: quad(circuits::quad),
            definition: Some(|| Definition::Polynomial(circuits::QUAD.to_vec())),
            caught_by: &[Check::Coefficients],
        },
        NumericFlaw {
            name: "exp by a limit without its clip",
            origin: "PUMA's exp, t = 5: 244.5 at -70",
            flawed: exp(circuits::exp_without_clip, 8.6e-3, -72.0),
            sound: exp(circuits::exp_with_clip, 8.6e-3, -72.0),
            definition: None,
            caught_by: &[Check::ClaimedError, Check::Monotonicity],
        },
        NumericFlaw {
            name: "power that leaves the word",
            origin: "MP-SPDZ #962; CrypTen #431",
            flawed: exp(circuits::fine_exp_without_clip, 1.1e-3, -1000.0),
            sound: exp(circuits::fine_exp_with_clip, 1.1e-3, -1000.0),
            definition: None,
            caught_by: &[Check::Headroom],
        },
        NumericFlaw {
            name: "deflation too small for the row",
            origin: "SecFormer's eta = 5000 at 512 elements",
            flawed: row(circuits::two_quad_fixed),
            sound: row(circuits::two_quad_scaled),
            definition: None,
            caught_by: &[Check::Domain],
        },
        NumericFlaw {
            name: "x^6 for x^5",
            origin: "CrypTen's pow, in its erf",
            flawed: taylor(circuits::gelu_taylor_with_faulty_powers),
            sound: taylor(circuits::gelu_taylor),
            definition: None,
            caught_by: &[Check::ClaimedError, Check::Symmetry],
        },
        NumericFlaw {
            name: "one input in a million",
            origin: "built: both comparisons strict",
            flawed: Subject { claim: claim(1.97e-2, Truth::Gelu), ..gelu(circuits::gelu_gap) },
            sound: Subject { claim: claim(1.97e-2, Truth::Gelu), ..gelu(circuits::gelu_without_gap) },
            definition: None,
            caught_by: &[Check::ClaimedError],
        },
        NumericFlaw {
            name: "claim below the error at a breakpoint",
            origin: "PUMA: 0.01403 claimed, 0.0199 at 3",
            flawed: puma(0.01403),
            sound: puma(0.01994),
            definition: None,
            caught_by: &[Check::ClaimedError],
        },
        NumericFlaw {
            name: "mask reduced by 2 pi for 20",
            origin: "SecFormer's released code",
            flawed: sines(circuits::sines_of_20, programs::reduced_by_a_turn),
            sound: sines(circuits::sines_of_20, programs::reduced_by_the_period),
            definition: None,
            caught_by: &[Check::ObservedBeyondCertified],
        },
        NumericFlaw {
            name: "shares reduced by 20 one by one",
            origin: "SecFormer, Appendix E, Algorithm 4",
            flawed: sines(circuits::sines_of_20, programs::reduced_by_shares),
            sound: sines(circuits::sines_of_16, programs::reduced_by_shares),
            definition: None,
            caught_by: &[Check::ObservedBeyondCertified],
        },
    ]
}

/// The kill matrix: a row for each flaw, a column for each check; `caught`, or `-`.
#[must_use]
pub fn numeric_kill_matrix(rows: &[(NumericFlaw, Vec<FailedCheck>)]) -> String {
    let mut text = format!("{:<40}", "flaw");
    Check::ALL.iter().for_each(|check| text += &format!("{check:<width$}", width = check.name().len() + 2));
    text += "origin\n";
    for (flaw, findings) in rows {
        let _ = write!(text, "{:<40}", flaw.name);
        for check in Check::ALL {
            let caught = findings.iter().any(|finding| finding.check == check);
            let _ = write!(text, "{:<width$}", if caught { "caught" } else { "-" }, width = check.name().len() + 2);
        }
        text += flaw.origin;
        text.push('\n');
    }
    text
}
