//! What counting finds where the law is known by hand: the worst of several leaks, and each of the claims.

use viewless_proofs::privacy::Coalition;
use viewless_proofs::privacy::exhaustive::{self, CountError, Exhaustive, Joint, JointError, Options};
use viewless_protocols::party::Party::{Client, ModelOwner, P0, P1};
use viewless_protocols::party::PartySet;
use viewless_protocols::program::{Constant, Program, ProgramBuilder, ValueId, WordFunction};
use viewless_protocols::ring::Domain;
use viewless_protocols::shape::Move;
use viewless_protocols::windows::Windows;

const BIT: Domain = Domain::Ring(1);

fn builder() -> ProgramBuilder {
    ProgramBuilder::new(PartySet::of(&[P0, P1, Client]), ModelOwner)
}

fn counted(program: &Program, options: Options) -> Exhaustive {
    let coalition = Coalition::of(program, &[P1]).unwrap();
    exhaustive::count_with(program, coalition, options).unwrap()
}

/// A bit that is sent is told with certainty; one that is multiplied by a random one, at distance 1/2.
#[test]
fn of_several_leaks_the_worst_is_shown() {
    // What is told is counted before what is hinted at, or after, because it has more bits.
    for (certain_first, told) in [(false, BIT), (true, BIT), (false, Domain::Ring(4)), (true, Domain::Ring(4))] {
        let mut p = builder();
        for certain in [certain_first, !certain_first] {
            let (name, domain) = if certain { ("told", told) } else { ("hinted", BIT) };
            let x = p.input(P0, name, 0, domain, [1].into());
            let s = p.sample(PartySet::of(&[P0]), BIT, [1].into());
            let negative = p.neg(x);
            let message = if certain { p.neg(negative) } else { p.mul(x, s) };
            p.send(message, P1);
        }
        let program = p.finish().unwrap();
        let Exhaustive::Leak(witness) = counted(&program, Options::default()) else { panic!("{}", *program) };
        assert_eq!(witness.distance, 1.0);
        for (secret, word) in witness.secrets.iter().zip([0, 1]) {
            assert_eq!(secret.iter().map(|one| (&one.name[..], one.word)).collect::<Vec<_>>(), [("told", word)]);
        }
    }
}

/// P1's output is rounded by a sample of its own: with the sample given it is a function of the output, and else it is not.
#[test]
fn the_stronger_claim_is_counted_without_own_samples() {
    let mut p = builder();
    let x = p.input(P0, "x", 0, BIT, [1].into());
    let s = p.sample(PartySet::of(&[P0, P1]), BIT, [1].into());
    let sum = p.add(x, s);
    let output = p.send(sum, P1);
    p.reveal(output, P1, "y", 0);
    let program = p.finish().unwrap();
    assert_eq!(counted(&program, Options::default()), Exhaustive::Private);
    let Exhaustive::Leak(witness) = counted(&program, Options::stronger()) else { panic!("it knows its sample") };
    assert_eq!(witness.distance, 1.0);
}

/// Secrets 0 and 3 give a random bit, 1 gives 0, and 2 gives 1: the worst pair is not one with the first secret in it.
#[test]
fn all_pairs_of_secrets_are_compared() {
    let mut p = builder();
    let x = p.input(P0, "x", 0, Domain::Ring(2), [1].into());
    let s = p.sample(PartySet::of(&[P0]), BIT, [1].into());
    let mut table = |entries: [u64; 4]| p.function(WordFunction::Table { entries: entries.into(), domain: BIT }, x);
    let (random, fixed) = (table([1, 0, 0, 1]), table([0, 0, 1, 0]));
    let product = p.mul(random, s);
    let message = p.add(product, fixed);
    p.send(message, P1);
    let program = p.finish().unwrap();
    let Exhaustive::Leak(witness) = counted(&program, Options::default()) else { panic!("{}", *program) };
    assert_eq!(witness.distance, 1.0);
    assert_eq!(witness.secrets.each_ref().map(|secret| secret[0].word), [1, 2]);
}

/// Twelve words under masks, each with its negative, which tells no more: together they would be a table over 108 bits.
#[test]
fn what_has_nothing_in_common_is_counted_apart() {
    let mut p = builder();
    for _ in 0..12 {
        let x = p.input(P0, "x", 0, Domain::Ring(3), [1].into());
        let s = p.sample(PartySet::of(&[P0]), Domain::Ring(3), [1].into());
        let masked = p.add(x, s);
        let negative = p.neg(masked);
        p.send(masked, P1);
        p.send(negative, P1);
    }
    assert_eq!(counted(&p.finish().unwrap(), Options::default()), Exhaustive::Private);
}

/// A sum of two words of 3 bits is a table over 9 bits.
#[test]
fn no_more_is_counted_than_is_allowed() {
    let mut p = builder();
    let x = p.input(P0, "x", 0, Domain::Ring(3), [1].into());
    let s = p.sample(PartySet::of(&[P0]), Domain::Ring(3), [1].into());
    let masked = p.add(x, s);
    p.send(masked, P1);
    let program = p.finish().unwrap();
    let coalition = Coalition::of(&program, &[P1]).unwrap();
    let within = |most_bits: u32, most_entries: u64| {
        let options = Options { most_bits, most_entries, ..Options::default() };
        exhaustive::count_with(&program, coalition, options)
    };
    assert_eq!(within(9, 1 << 10), Ok(Exhaustive::Private));
    assert!(matches!(within(8, 1 << 10), Err(CountError::Size { .. })));
    assert!(matches!(within(9, (1 << 9) - 1), Err(CountError::Size { .. })));
    // The table, and once more when the sample is summed out.
    assert!(matches!(within(9, (1 << 10) - 1), Err(CountError::Size { .. })));
}

/// An output that is a constant, and a coin of which two parties are shown what `second` makes of it.
fn shown(constant: u64, second: fn(&mut ProgramBuilder, ValueId) -> ValueId) -> Program {
    let mut p = builder();
    let constant = p.constant(Constant::Splat(constant), Domain::Ring(2), [1].into());
    p.reveal(constant, Client, "constant", 0);
    let coin = p.sample(PartySet::of(&[P0, Client]), BIT, [1].into());
    p.reveal(coin, Client, "coin", 0);
    let other = second(&mut p, coin);
    p.reveal(other, P0, "coin", 0);
    p.finish().unwrap()
}

#[test]
fn outputs_have_the_law_of_those_of_the_functionality_or_are_that_far_from_it() {
    let real = shown(1, |_, coin| coin);
    let coalition = Coalition::of(&real, &[P1]).unwrap();
    let against = |ideal: &Program| exhaustive::joint(&real, ideal, coalition);
    assert_eq!(against(&real), Ok(Joint::Holds));
    // The same bit, computed.
    assert_eq!(against(&shown(1, |p, coin| p.neg(coin))), Ok(Joint::Holds));
    let far = |ideal: &Program, expected: f64| {
        assert!(
            matches!(against(ideal), Ok(Joint::Outputs { distance, .. }) if distance == expected),
            "{:?}",
            against(ideal)
        );
    };
    far(&shown(2, |_, coin| coin), 1.0);
    far(&shown(1, |p, _| p.sample(PartySet::of(&[P0]), BIT, [1].into())), 0.5);
}

/// All words of inputs and outputs are gone through: 10 bits of them, but not 26.
#[test]
fn laws_of_outputs_are_compared_up_to_a_size() {
    let compared = |bits: u8| {
        let (mut p, domain) = (builder(), Domain::Ring(bits));
        p.input(P0, "x", 0, domain, [1].into());
        let constant = p.constant(Constant::Splat(3), domain, [1].into());
        p.reveal(constant, Client, "three", 0);
        let program = p.finish().unwrap();
        exhaustive::joint(&program, &program, Coalition::of(&program, &[P1]).unwrap())
    };
    assert_eq!(compared(5), Ok(Joint::Holds));
    assert!(matches!(compared(13), Err(JointError::Count(CountError::Size { .. }))));
}

#[test]
fn inputs_that_tell_two_laws_apart_are_named() {
    let (real, ideal) = {
        let of = |entries: [u64; 4]| {
            let mut p = builder();
            p.input(P0, "x", 0, BIT, [1].into());
            let y = p.input(P0, "y", 0, Domain::Ring(2), [1].into());
            let output = p.function(WordFunction::Table { entries: entries.into(), domain: BIT }, y);
            p.reveal(output, P0, "output", 0);
            p.finish().unwrap()
        };
        (of([0, 1, 1, 0]), of([0, 1, 0, 0]))
    };
    match exhaustive::joint(&real, &ideal, Coalition::of(&real, &[P1]).unwrap()) {
        Ok(Joint::Outputs { distance, inputs }) => {
            assert_eq!(distance, 1.0);
            assert_eq!(inputs.iter().map(|one| (&one.name[..], one.word)).collect::<Vec<_>>(), [("x", 0), ("y", 2)]);
        }
        other => panic!("{other:?}"),
    }
}

/// Of an input that shifts an output a little, and one that changes it, the latter is named, in either order.
#[test]
fn the_inputs_that_tell_two_laws_apart_best_are_named() {
    for (hinted, told) in [(1, 2), (2, 1)] {
        let of = |is_real: bool| {
            let mut p = builder();
            let x = p.input(P0, "x", 0, Domain::Ring(2), [1].into());
            let s = p.sample(PartySet::of(&[P0]), BIT, [1].into());
            let mut is = |word: usize| {
                let entries = (0..4).map(|at| u64::from(is_real && at == word)).collect();
                p.function(WordFunction::Table { entries, domain: BIT }, x)
            };
            let (hint, tell) = (is(hinted), is(told));
            let hint = p.mul(hint, s);
            let output = p.add(hint, tell);
            p.reveal(output, P0, "output", 0);
            p.finish().unwrap()
        };
        let real = of(true);
        match exhaustive::joint(&real, &of(false), Coalition::of(&real, &[P1]).unwrap()) {
            Ok(Joint::Outputs { distance, inputs }) => assert_eq!((distance, inputs[0].word), (1.0, told as u64)),
            other => panic!("{other:?}"),
        }
    }
}

/// Each operation against another way to say it.
#[test]
fn remainders_and_windows_are_what_they_say() {
    let same = |one: fn(&mut ProgramBuilder, ValueId) -> ValueId,
                other: fn(&mut ProgramBuilder, ValueId) -> ValueId| {
        let of = |make: fn(&mut ProgramBuilder, ValueId) -> ValueId| {
            let mut p = builder();
            let x = p.input(P0, "x", 0, Domain::Ring(3), [2].into());
            let output = make(&mut p, x);
            p.reveal(output, P0, "output", 0);
            p.finish().unwrap()
        };
        let real = of(one);
        let coalition = Coalition::of(&real, &[P1]).unwrap();
        assert_eq!(exhaustive::joint(&real, &of(other), coalition), Ok(Joint::Holds), "{}", *real);
    };
    same(
        |p, x| p.function(WordFunction::Remainder { modulus: 3, domain: Domain::Ring(2) }, x),
        |p, x| {
            let entries = vec![0, 1, 2, 0, 1, 2, 0, 1];
            p.function(WordFunction::Table { entries, domain: Domain::Ring(2) }, x)
        },
    );
    same(
        |p, x| {
            let x = p.convert(x, BIT);
            p.moved(x, Move::Windows(Windows { axis: 0, start: -1, lengths: [3, 2], steps: [1, 1] }))
        },
        |p, x| {
            let x = p.convert(x, BIT);
            let zero = p.constant(Constant::Splat(0), BIT, [1].into());
            let rows = p.concat(&[zero, x], 0);
            let padded = p.concat(&[rows, zero], 0);
            let row = |p: &mut ProgramBuilder, start: usize| {
                let row = p.moved(padded, Move::Slice { axis: 0, start, length: 2 });
                p.moved(row, Move::Reshape([1, 2].into()))
            };
            let rows = [row(p, 0), row(p, 1), row(p, 2)];
            p.concat(&rows, 0)
        },
    );
}

/// A bit under the sum of 40 products of two random bits, of 2^80 choices: only ratios are kept, which are multiples of 2^-40.
#[test]
fn ratios_are_counted_where_counts_would_be_too_large() {
    let mut p = builder();
    let x = p.input(P0, "x", 0, BIT, [1].into());
    let mut sum = x;
    for _ in 0..40 {
        let (s, t) = (p.sample(PartySet::of(&[P0]), BIT, [1].into()), p.sample(PartySet::of(&[P0]), BIT, [1].into()));
        let product = p.mul(s, t);
        sum = p.add(sum, product);
    }
    p.send(sum, P1);
    let Exhaustive::Leak(witness) = counted(&p.finish().unwrap(), Options::default()) else { panic!("it is biased") };
    assert_eq!(witness.distance, 2f64.powi(-40));
}

/// P1 has the high bit as its output, and is sent both.
#[test]
fn a_message_that_the_output_does_not_determine_is_seen() {
    let mut p = builder();
    let x = p.input(P0, "x", 0, Domain::Ring(2), [1].into());
    let negative = p.neg(x);
    let message = p.send(negative, P1);
    let high = p.shift_right(message, 1);
    p.reveal(high, P1, "high", 0);
    let Exhaustive::Leak(witness) = counted(&p.finish().unwrap(), Options::default()) else {
        panic!("it is sent both")
    };
    assert_eq!(witness.distance, 1.0);
}

/// Twelve words and their negatives, sent as they are.
#[test]
fn leaks_that_have_nothing_in_common_are_counted_apart() {
    let mut p = builder();
    for _ in 0..12 {
        let x = p.input(P0, "x", 0, Domain::Ring(3), [1].into());
        let negative = p.neg(x);
        let same = p.neg(negative);
        p.send(negative, P1);
        p.send(same, P1);
    }
    let Exhaustive::Leak(witness) = counted(&p.finish().unwrap(), Options::default()) else { panic!("all are sent") };
    assert_eq!(witness.distance, 1.0);
}

#[test]
fn every_secret_of_a_witness_has_its_word() {
    let mut p = builder();
    let (x, y) = (p.input(P0, "x", 0, BIT, [1].into()), p.input(P0, "y", 0, BIT, [1].into()));
    let product = p.mul(x, y);
    p.send(product, P1);
    let Exhaustive::Leak(witness) = counted(&p.finish().unwrap(), Options::default()) else { panic!("it is sent") };
    let words = witness.secrets.map(|secret| secret.iter().map(|one| one.word).collect::<Vec<_>>());
    assert_eq!(words, [[0, 0], [1, 1]]);
}

/// A message that is zero whatever the secret is, and the secret with it added.
#[test]
fn a_message_that_is_always_the_same_hides_nothing() {
    let mut p = builder();
    let x = p.input(P0, "x", 0, BIT, [1].into());
    let zero = p.function(WordFunction::Table { entries: vec![0, 0], domain: BIT }, x);
    let sum = p.add(zero, x);
    p.send(zero, P1);
    p.send(sum, P1);
    let Exhaustive::Leak(witness) = counted(&p.finish().unwrap(), Options::default()) else { panic!("it is sent") };
    assert_eq!(witness.distance, 1.0);
}
