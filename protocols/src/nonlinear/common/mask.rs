//! A public mask over the elements of rows: which of them take part in a softmax.
//!
//! Masks are public (a causal mask says nothing about the text), so they cost nothing: a product with public zeros and ones
//! needs no message and no truncation. There is no large negative number to add: under 2Quad it would count *more* than
//! any score, and it would leave the domain of every exponential.
//!
//! A softmax protocol that is given a mask
//! 1. replaces elements that take no part by one of their row that does ([`Mask::fill`]), where it looks for a maximum or has
//!    a domain to keep;
//! 2. makes their numerators zero ([`Mask::keep`]) before it sums the row;
//! 3. follows the length of the row that is left ([`Mask::per_part`]), where it must know it.

use crate::circuit::{Circuit, Secret};

/// Which elements of rows take part. Its handles are public constants of one circuit.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Mask {
    /// 1 for an element that takes part, 0 for one that does not.
    part: Secret,
    /// The opposite.
    rest: Secret,
    /// Row length over the number of elements that take part, for each row.
    per_part: Secret,
}

impl Mask {
    /// The mask of a decoder: token i attends to tokens 0 to i; `[tokens, tokens]`.
    pub fn causal(c: &mut Circuit, tokens: usize) -> Self {
        let lengths: Vec<usize> = (1..=tokens).collect();
        Self::prefixes(c, tokens, &lengths)
    }

    /// Row i keeps its first `lengths[i]` elements, of `row_length`; `[rows, row_length]`.
    ///
    /// # Panics
    /// When a row would keep nothing, or more than there is: lengths are public and known to whoever builds the circuit.
    pub fn prefixes(c: &mut Circuit, row_length: usize, lengths: &[usize]) -> Self {
        assert!(
            lengths.iter().all(|length| (1..=row_length).contains(length)),
            "a row keeps 1 to {row_length} elements"
        );
        let cells = |inside: f64| -> Vec<f64> {
            let row = |&length: &usize| (0..row_length).map(move |i| if i < length { inside } else { 1.0 - inside });
            lengths.iter().flat_map(row).collect()
        };
        let ratios: Vec<f64> = lengths.iter().map(|&length| row_length as f64 / length as f64).collect();
        let shape = [lengths.len(), row_length];
        Self {
            part: c.constant(&cells(1.0), shape, 0),
            rest: c.constant(&cells(0.0), shape, 0),
            per_part: c.constant(&ratios, [lengths.len(), 1], 0),
        }
    }

    /// x where an element takes part, zero elsewhere: exact and free.
    pub fn keep(self, c: &mut Circuit, x: Secret) -> Secret {
        let guard_bits = c.guard_bits(x);
        c.mul_to(x, self.part, guard_bits)
    }

    /// x where an element takes part, the first element of its row elsewhere: exact and free.
    pub fn fill(self, c: &mut Circuit, x: Secret) -> Secret {
        let guard_bits = c.guard_bits(x);
        let kept = self.keep(c, x);
        let first = c.slice(x, c.last_axis(x), 0, 1);
        let filling = c.mul_to(first, self.rest, guard_bits);
        c.add(kept, filling)
    }

    /// x, one number for each row, times row length over the number of elements that take part: what the sum of a row of full
    /// length would be about, in the sum's place. One truncation.
    pub fn per_part(self, c: &mut Circuit, x: Secret) -> Secret {
        let guard_bits = c.guard_bits(x);
        c.mul_to(x, self.per_part, guard_bits)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::circuit::Owner;
    use crate::nonlinear::{Function, Protocol, Registry, Setting, SoftmaxInputs, testing};
    use crate::program::Schedule;
    use crate::scheme::Truncation;

    const LENGTHS: [usize; 5] = [1, 3, 2, 4, 4];

    fn rows(build: impl FnOnce(&mut Circuit, Secret) -> Secret) -> Circuit {
        let mut c = Circuit::new();
        let x = c.input(Owner::Client, "x", [LENGTHS.len(), 4]);
        let y = build(&mut c, x);
        c.reveal(y, "y");
        c
    }

    /// Near -5, where nearly every softmax is defined: squares of x + 5 sum to between 0.05 and 1.9, by any row length up to 4. Or four times as far from it, for those
    /// that take larger sums only.
    fn scores(protocol: &Protocol) -> Vec<f64> {
        let interval = protocol.card.interval.at(1);
        let distance = if interval.of.contains("row sum") && interval.low > 0.2 { 2.2 } else { 0.55 };
        (0..LENGTHS.len() * 4).map(|i| -5.0 + distance * libm::cos(0.4 * libm::sin(i as f64 * 1.7))).collect()
    }

    fn run(c: Circuit, x: &[f64]) -> Vec<f64> {
        c.finish().unwrap().evaluate(|_, _| Some(x.to_vec())).unwrap().outputs.remove(0).2
    }

    #[test]
    fn keeping_and_filling_do_what_they_say() {
        let x: Vec<f64> = (0..LENGTHS.len() * 4).map(|i| i as f64 + 1.0).collect();
        let masked = |what: fn(Mask, &mut Circuit, Secret) -> Secret| {
            run(
                rows(|c, x| {
                    let mask = Mask::prefixes(c, 4, &LENGTHS);
                    what(mask, c, x)
                }),
                &x,
            )
        };
        let (kept, filled) = (masked(Mask::keep), masked(Mask::fill));
        for (row, length) in LENGTHS.into_iter().enumerate() {
            for i in 0..4 {
                let inside = i < length;
                assert_eq!(kept[row * 4 + i], if inside { x[row * 4 + i] } else { 0.0 });
                assert_eq!(filled[row * 4 + i], if inside { x[row * 4 + i] } else { x[row * 4] });
            }
        }
    }

    #[test]
    fn a_causal_mask_keeps_the_lower_triangle() {
        let mut c = Circuit::new();
        let x = c.input(Owner::Client, "x", [3, 3]);
        let mask = Mask::causal(&mut c, 3);
        let y = mask.keep(&mut c, x);
        c.reveal(y, "y");
        assert_eq!(run(c, &[1.0; 9]), [1.0, 0.0, 0.0, 1.0, 1.0, 0.0, 1.0, 1.0, 1.0]);
    }

    #[test]
    fn keeping_and_filling_are_free_under_every_truncation() {
        for truncation in [Truncation::Local, Truncation::Exact] {
            let fill = |c: &mut Circuit, x| {
                let mask = Mask::prefixes(c, 4, &LENGTHS);
                c.region("mask", |c| mask.fill(c, x))
            };
            let program = testing::compile(&rows(fill).finish().unwrap(), &Setting { truncation, ..Setting::LEAN });
            assert_eq!(testing::count(&program, "mask", Schedule::Asap), (0, 0));
            assert!(program.claims.is_empty(), "nothing is truncated");
        }
    }

    /// A mask gives each row what the protocol makes of the elements that take part, and zero elsewhere. Both are off by no
    /// more than the card's claim.
    #[test]
    fn every_softmax_takes_a_mask_and_gives_rows_of_their_own_lengths() {
        for protocol in Registry::built_in().of(&Function::SOFTMAX) {
            let x = scores(protocol);
            let y = run(
                rows(|c, x| {
                    let mask = Some(Mask::prefixes(c, 4, &LENGTHS));
                    protocol.build(c, SoftmaxInputs { x, mask })
                }),
                &x,
            );
            for (row, length) in LENGTHS.into_iter().enumerate() {
                let alone = testing::map(protocol, &x[row * 4..][..length]);
                for (i, found) in y[row * 4..][..4].iter().enumerate() {
                    let wanted = alone.get(i).copied().unwrap_or(0.0);
                    let bound = 2.0 * (protocol.card.error.absolute + protocol.card.error.relative * wanted) + 1e-12;
                    assert!((found - wanted).abs() <= bound, "{} row {row}: {found} {wanted}", protocol.card.name);
                }
            }
        }
    }
}
