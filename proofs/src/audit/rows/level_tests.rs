//! Claims about rows without a comparison: levels, powers, sums at several scales, and centred rows that are not divided.

use super::*;
use crate::bound::reduce::{Irreducible, Reduced, Shift, reduce};
use crate::bound::{Cell, Tape};
use viewless_protocols::circuit::{Levels, Secret, Sectors};
use viewless_protocols::fixed::FixedPoint;
use viewless_protocols::nonlinear::{Build, Card, ErrorClaim, Interval, PerRow, Registry, Truth};
use viewless_protocols::suite::Suite;

fn frontier(protocol: &Protocol) -> Question<'_> {
    let suite = Suite::built_in("frontier").unwrap();
    Question { scheme: suite.scheme, fixed: suite.fixed(), ..Question::new(protocol) }
}

fn built_in(name: &str) -> &'static Protocol {
    Registry::built_in().get(name).unwrap()
}

fn line(report: &RowReport) -> String {
    format!(
        "{} n = {} in {:?} {:?}: observed {:.4e}, certified {:.4e}, reals {:.4e}, of the claim {:.3}, {:?}, sums {:?}, {:.2} s + {:.2} s",
        report.protocol,
        report.row_length,
        report.range,
        report.method,
        report.observed_max_error,
        report.certified_max_error.unwrap_or(f64::INFINITY),
        report.approximation_max_error.unwrap_or(f64::INFINITY),
        report.approximation_of_claim.unwrap_or(f64::INFINITY),
        report.verdict,
        report.row_sums,
        report.seconds_certified,
        report.seconds_searched,
    )
}

#[test]
fn scan() {
    for name in ["max/histogram", "softmax/masked", "layernorm/scales"] {
        for length in [2, 3, 7, 128] {
            for range in [(-16.0, 16.0), (-86.5, 88.5)] {
                match audit_rows(&frontier(built_in(name)), length, range) {
                    Ok(report) => {
                        println!("{}", line(&report));
                        println!("   {:?} {:?} {:?}", report.not_reduced, report.covered, report.not_covered);
                    }
                    Err(error) => println!("{name} {length} {range:?}: {error}"),
                }
            }
        }
    }
}
