//! The law of failure, tried: a local truncation of x in Z_2^k wraps for exactly |x| of the 2^k sharings, and then the result is off
//! by 2^(k - s).
//!
//! The Program is written out by hand for any width, where the compiler knows 64 bits only: two shares, each shifted by its holder.

use viewless_protocols::party::{Party, PartySet};
use viewless_protocols::program::{ClaimKind, Program, ProgramBuilder, ProgramError};
use viewless_protocols::ring::Domain;
use viewless_protocols::shape::Shape;

/// Where P0's share comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Sharing {
    /// It is drawn, as in every scheme.
    Drawn,
    /// It is an input, `share0`, so that every sharing can be tried.
    Given,
}

/// A Program in which the client shares `x`, which is truncated locally by `shift` bits and revealed to the model owner, in a ring of
/// `bits`, with no fraction bits.
///
/// # Errors
/// [`ProgramError`] for a width or shift that no Program has.
pub fn local_truncation(
    bits: u8,
    shift: u8,
    shape: impl Into<Shape>,
    sharing: Sharing,
) -> Result<Program, ProgramError> {
    let parties = PartySet::of(&[Party::P0, Party::P1, Party::Client, Party::ModelOwner]);
    let mut p = ProgramBuilder::new(parties, Party::ModelOwner);
    let (domain, shape) = (Domain::Ring(bits), shape.into());
    let x = p.input(Party::Client, "x", 0, domain, shape.clone());
    let share0 = match sharing {
        Sharing::Drawn => p.sample(PartySet::of(&[Party::Client, Party::P0]), domain, shape),
        Sharing::Given => {
            let given = p.input(Party::Client, "share0", 0, domain, shape);
            p.send(given, Party::P0)
        }
    };
    let share1 = p.sub(x, share0);
    let share1 = p.send(share1, Party::P1);
    p.claim(&[share0, share1], ClaimKind::LocalTruncation { shift, fraction_bits: 0 });
    let down = p.shift_right_arithmetic(share0, shift);
    let negative = p.neg(share1);
    let up = p.shift_right_arithmetic(negative, shift);
    let up = p.neg(up);
    // Not to the client, who dealt the shares and so knows the result already.
    let down = p.send(down, Party::ModelOwner);
    let up = p.send(up, Party::ModelOwner);
    let y = p.add(down, up);
    p.reveal(y, Party::ModelOwner, "y", 0);
    p.finish()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeMap;
    use viewless_protocols::fixed::power_of_two;
    use viewless_protocols::scheme::laws;
    use viewless_protocols::scheme::laws::wrap_probability;
    use viewless_simulator::execute::{Execution, Options, execute};
    use viewless_simulator::stream::Seed;

    fn run(bits: u8, shift: u8, values: Vec<f64>, seed: u64) -> Execution {
        let program = local_truncation(bits, shift, [values.len()], Sharing::Drawn).unwrap();
        let inputs = BTreeMap::from([("x".to_owned(), values)]);
        execute(&program, &inputs, Options::new(Seed::from_u64(seed))).unwrap()
    }

    /// Whether a result is one that the law allows without a wrap.
    fn lawful(x: i64, y: f64, shift: u8) -> bool {
        let (low, high) = laws::truncated(i128::from(x), shift);
        low as f64 <= y && y <= high as f64
    }

    /// At 40 bits and |x| = 2^33 one in 128 wraps; of 2^20 runs 8192 +- 90 do (one standard deviation), each off by 2^(40 - s). Six
    /// deviations are never seen by chance (2e-9).
    #[test]
    fn at_forty_bits_wraps_are_as_frequent_as_the_law_says() {
        let (bits, shift, count) = (40u8, 12u8, 1usize << 20);
        for x in [1i64 << 33, -(1 << 33) + 12_345] {
            let run = run(bits, shift, vec![x as f64; count], 4);
            let wrapped: Vec<f64> = run.outputs[0].values.iter().copied().filter(|&y| !lawful(x, y, shift)).collect();
            let p = wrap_probability(x, bits);
            let (expected, deviation) = (p * count as f64, (p * (1.0 - p) * count as f64).sqrt());
            assert!((wrapped.len() as f64 - expected).abs() <= 6.0 * deviation, "{} of {expected}", wrapped.len());
            assert_eq!(run.findings.wraps, wrapped.len() as u64, "the simulator sees every wrap");
            assert!((run.findings.expected_wraps / expected - 1.0).abs() < 1e-9);
            let off = power_of_two(i32::from(bits - shift));
            for y in wrapped {
                let away = y - x as f64 / power_of_two(i32::from(shift));
                assert!((away.abs() - off).abs() <= 1.0, "{y}");
            }
        }
    }

    /// Every secret below a quarter of the range under every sharing, as one vector.
    #[test]
    fn of_all_sharings_exactly_as_many_wrap_as_the_secret_is_large() {
        for (bits, shift) in [(6u8, 2u8), (8, 3), (10, 4)] {
            let size = 1i64 << bits;
            let secrets: Vec<i64> = (-size / 4..size / 4).collect();
            let program = local_truncation(bits, shift, [secrets.len() * size as usize], Sharing::Given).unwrap();
            let each = |f: &dyn Fn(i64, i64) -> i64| -> Vec<f64> {
                let pairs = secrets.iter().flat_map(|&x| (-size / 2..size / 2).map(move |share| (x, share)));
                pairs.map(|(x, share)| f(x, share) as f64).collect()
            };
            let inputs =
                BTreeMap::from([("x".to_owned(), each(&|x, _| x)), ("share0".to_owned(), each(&|_, share| share))]);
            let run = execute(&program, &inputs, Options::new(Seed::from_u64(0))).unwrap();
            let mut total = 0;
            for (x, results) in secrets.iter().zip(run.outputs[0].values.chunks(size as usize)) {
                let wraps = results.iter().filter(|&&y| !lawful(*x, y, shift)).count() as u64;
                assert_eq!(wraps, x.unsigned_abs(), "{x} of {bits} bits");
                total += wraps;
            }
            assert_eq!(run.findings.wraps, total);
        }
    }
}
