//! Claims about what is reduced and what is not.

use super::*;
use viewless_protocols::circuit::Owner;
use viewless_protocols::circuit::{Circuit, Secret};
use viewless_protocols::fixed::FixedPoint;
use viewless_protocols::fixed::power_of_two;

/// The reduction of a circuit of a row of five.
pub(crate) fn reduced(build: impl Fn(&mut Circuit, Secret) -> Secret) -> Result<Reduced, Irreducible> {
    let mut c = Circuit::new();
    let x = c.input(Owner::Client, "x", [1, 5]);
    let y = build(&mut c, x);
    c.reveal(y, "y");
    reduce(&Tape::new(&c.finish().unwrap(), FixedPoint::of::<16>()).unwrap(), "x", &[])
}

fn normalised(build: impl Fn(&mut Circuit, Secret) -> Secret) -> Normalised {
    match reduced(build).unwrap() {
        Reduced::Normalised(normalised) => *normalised,
        other @ (Reduced::Maximum | Reduced::Level(..)) => panic!("{other:?}"),
    }
}

/// The larger of each element and the next one, of a row of two.
fn larger(c: &mut Circuit, x: Secret, swapped: bool) -> Secret {
    let (a, b) = (c.slice(x, 1, 0, 1), c.slice(x, 1, 1, 1));
    let bit = if swapped { c.less(b, a) } else { c.less(a, b) };
    let difference = c.sub(b, a);
    let gain = c.select(bit, difference);
    c.add(gain, a)
}

#[test]
fn a_maximum_is_recognised_and_a_minimum_is_not() {
    assert_eq!(reduced(viewless_protocols::nonlinear::max::tree::build), Ok(Reduced::Maximum));
    let of_two = |swapped| {
        let mut c = Circuit::new();
        let x = c.input(Owner::Client, "x", [1, 2]);
        let y = larger(&mut c, x, swapped);
        c.reveal(y, "y");
        reduce(&Tape::new(&c.finish().unwrap(), FixedPoint::of::<16>()).unwrap(), "x", &[])
    };
    assert_eq!(of_two(false), Ok(Reduced::Maximum));
    assert!(of_two(true).unwrap_err().why.contains("neither a sum over the row nor a maximum"));
}

#[test]
fn a_quotient_of_squares_is_reduced_to_its_square_and_its_reciprocal() {
    let found = normalised(|c, x| {
        let shifted = c.offset(x, 5.0);
        let squares = c.square_to(shifted, -4);
        let sum = c.sum(squares, 1);
        let half = c.scale(sum, 0.5);
        c.mul_to(squares, half, 0)
    });
    assert_eq!(found.shift, Shift::None);
    let square = Quadratic { square: 1.0, linear: 10.0, constant: 25.0, error: power_of_two(-12), growth: 0.0 };
    assert_eq!((found.summand, found.factor), (Some(square), Some(square)));
    assert_eq!(found.links, [Link::Factor(0, 24), Link::Truncation(16)]);
    assert_eq!((found.row.steps.len(), found.element.steps.len()), (2, 3));
}

#[test]
fn what_treats_elements_differently_is_refused() {
    let uneven = reduced(|c, x| {
        let weights = c.constant(&[1.0, 1.0, 1.0, 1.0, 2.0], [5], 0);
        let y = c.mul(x, weights);
        let sum = c.sum(y, 1);
        c.mul(x, sum)
    });
    assert!(uneven.is_err());
    let part = reduced(|c, x| {
        let y = c.slice(x, 1, 0, 4);
        let sum = c.sum(y, 1);
        c.mul(x, sum)
    });
    assert!(part.unwrap_err().why.contains("neither a sum over the row nor a maximum"));
    let twice = reduced(|c, x| {
        let sum = c.sum(x, 1);
        let y = c.mul(x, sum);
        let sum = c.sum(y, 1);
        c.mul(y, sum)
    });
    assert!(twice.is_err());
}

/// CrypTen's maximum: halvings by two selections, then pairwise comparisons and a choice among the largest; 2, 4 and 8 elements are left.
#[test]
fn a_maximum_by_pairs_is_recognised_whatever_is_chosen_among_the_largest() {
    for length in [2, 3, 8, 16, 128] {
        let mut c = Circuit::new();
        let x = c.input(Owner::Client, "x", [1, length]);
        let y = viewless_protocols::nonlinear::max::crypten::build(&mut c, x);
        c.reveal(y, "y");
        let tape = Tape::new(&c.finish().unwrap(), FixedPoint::of::<16>()).unwrap();
        assert_eq!(reduce(&tape, "x", &[]), Ok(Reduced::Maximum), "{length}");
    }
}

/// A sum of bits times elements is the largest only if it is in every case: one that counts ties twice is not.
#[test]
fn a_maximum_that_adds_up_ties_is_none() {
    let found = |strict: bool| {
        let mut c = Circuit::new();
        let x = c.input(Owner::Client, "x", [1, 2]);
        let (a, b) = (c.slice(x, 1, 0, 1), c.slice(x, 1, 1, 1));
        let (less, more) = (c.less(a, b), c.less(b, a));
        let (at_least, at_most) = (c.not(less), c.not(more));
        let left = c.select(at_least, a);
        let right = c.select(if strict { less } else { at_most }, b);
        let y = c.add(left, right);
        c.reveal(y, "y");
        reduce(&Tape::new(&c.finish().unwrap(), FixedPoint::of::<16>()).unwrap(), "x", &[])
    };
    assert_eq!(found(true), Ok(Reduced::Maximum));
    assert!(found(false).is_err());
}
