//! How wrong is a protocol: at worst, as a theorem; as seen in runs; and how often it fails outright.
//!
//! For a function of one number:
//! - **certified**: no run that does not wrap errs by more, on any representable input of the domain, whatever the randomness ([`bound`]
//!   against [`reference`](crate::reference));
//! - **approximation**: the same for the circuit over the reals; this is what the card claims, and what the verdict is about;
//! - **excess**: by how much the certified error exceeds the claim anywhere, which is what fixed point costs;
//! - **observed**: what real executions in the simulator showed. More than the certified error, without a wrap, is an error of viewless;
//! - **failure**: the probability that a local truncation wraps, by its law, at the worst input.
//!
//! ```
//! use viewless_proofs::audit::{Question, ClaimVerdict, audit};
//! use viewless_protocols::nonlinear::Registry;
//!
//! let protocol = Registry::built_in().get("gelu/cosine").expect("it is built in");
//! let report = audit(&Question { samples: 1 << 12, ..Question::new(protocol) }).expect("it can be audited");
//! assert_eq!(report.verdict, ClaimVerdict::Holds);
//! assert!(report.certified_max_error.is_some_and(|certified| report.observed_max_error <= certified));
//! ```
//!
//! [`bound`]: crate::bound

mod alone;
pub mod breakpoints;
pub mod certified;
pub mod coefficients;
mod diagnosis;
pub mod failure;
pub mod findings;
pub mod mean_error;
mod number;
pub mod plot;
mod question;
mod report;
pub mod rows;
pub mod runs;
pub mod site;

#[cfg(test)]
mod tests;

pub use breakpoints::breakpoints;
pub use certified::{Certified, Certifier};
pub use coefficients::PublishedCoefficient;
pub use diagnosis::{Diagnosis, Operation, diagnose};
pub use findings::{Check, FailedCheck, Peak};
pub use number::{Audit, audit, audit_compiled, audit_with_points, function_of};
pub use question::{AuditError, Question, cell};
pub use report::{Claim, ClaimVerdict, Report};
pub use runs::{Compile, KEPT_POINTS, Limits, MOST_SAMPLES, Observed, observe, sample};
