//! What each rule of the prover finds, and what it must not: Programs of a few lines, whose certificates the checker reads and whose views
//! are counted.

use viewless_proofs::privacy::certificate::{Certificate, Step};
use viewless_proofs::privacy::check::check;
use viewless_proofs::privacy::exhaustive::{self, Exhaustive};
use viewless_proofs::privacy::symbolic::{self, Options};
use viewless_proofs::privacy::{Coalition, Report, Verdict};
use viewless_protocols::party::Party::{self, Client, ModelOwner, P0, P1};
use viewless_protocols::party::PartySet;
use viewless_protocols::program::{Constant, Program, ProgramBuilder, ValueId, WordFunction};
use viewless_protocols::region::Regions;
use viewless_protocols::ring::Domain;
use viewless_protocols::shape::Move;

const RING: Domain = Domain::Ring(3);

/// P0 has secrets and samples, and sends something to somebody else.
struct Lines(ProgramBuilder);

impl Lines {
    fn x(&mut self, domain: Domain, elements: usize) -> ValueId {
        self.0.input(P0, "x", 0, domain, [elements].into())
    }

    fn s(&mut self, domain: Domain, elements: usize) -> ValueId {
        self.0.sample(PartySet::of(&[P0]), domain, [elements].into())
    }
}

fn program_of(build: impl FnOnce(&mut Lines)) -> Program {
    let mut lines = Lines(ProgramBuilder::new(PartySet::of(&[P0, P1, Client]), ModelOwner));
    build(&mut lines);
    lines.0.finish().unwrap()
}

fn asked(program: &Program, party: Party, options: &Options) -> (Report, Exhaustive) {
    let coalition = Coalition::of(program, &[party]).unwrap();
    let counting = exhaustive::Options::default();
    (symbolic::prove(program, coalition, options), exhaustive::count_with(program, coalition, counting).unwrap())
}

/// Proved of a party; accepted and counted.
#[track_caller]
fn proved_within(party: Party, largest_distance: f64, build: impl FnOnce(&mut Lines)) -> Certificate {
    let program = program_of(build);
    let (report, counted) = asked(&program, party, &Options { largest_distance, ..Options::default() });
    let certificate = report.certificate.unwrap_or_else(|| panic!("{:?}\n{}", report.verdict, *program));
    let checked = check(&program, &certificate).unwrap_or_else(|error| panic!("{error}\n{}", *program));
    assert!(checked.statistical_distance <= largest_distance);
    if let Exhaustive::Leak(witness) = counted {
        assert!(witness.distance <= 2.0 * checked.statistical_distance, "{witness}\n{}", *program);
    }
    certificate
}

#[track_caller]
fn proved(party: Party, build: impl FnOnce(&mut Lines)) -> Certificate {
    proved_within(party, 0.0, build)
}

/// Not proved of P1, to whom it leaks by count.
#[track_caller]
fn leaks_within(largest_distance: f64, build: impl FnOnce(&mut Lines)) {
    leaks(P1, largest_distance, build);
}

#[track_caller]
fn leaks(party: Party, largest_distance: f64, build: impl FnOnce(&mut Lines)) {
    let program = program_of(build);
    let (report, counted) = asked(&program, party, &Options { largest_distance, ..Options::default() });
    assert!(matches!(report.verdict, Verdict::Undecided { .. }), "{:?}\n{}", report.certificate, *program);
    assert!(matches!(counted, Exhaustive::Leak(_)), "{}", *program);
}

#[test]
fn a_part_of_a_joined_tensor_counts_once() {
    let certificate = proved(P1, |l| {
        let (x, y, r, s) = (l.x(RING, 1), l.x(RING, 1), l.s(RING, 1), l.s(RING, 1));
        let (a, b) = (l.0.add(x, r), l.0.sub(y, s));
        let joined = l.0.concat(&[a, b], 0);
        l.0.send(joined, P1);
    });
    assert!(certificate.handed.is_empty());
    assert!(matches!(&certificate.steps[..], [Step::Uniform { masks, .. }] if masks.len() == 2));
    // The mask and what it covers lose their flows into the other message at once: the part is looked at twice.
    leaks_within(0.0, |l| {
        let domain = Domain::Ring(1);
        let (x, y, s, r) = (l.x(domain, 1), l.x(domain, 1), l.s(domain, 1), l.s(domain, 1));
        let part = l.0.add(x, s);
        let joined = l.0.concat(&[part, y], 0);
        let product = l.0.mul(part, s);
        let other = l.0.add(product, r);
        l.0.send(joined, P1);
        l.0.send(other, P1);
    });
}

#[test]
fn low_bits_of_what_is_shifted_are_followed_and_no_others() {
    let word = Domain::Bits(3);
    leaks_within(0.0, |l| {
        let (w, s) = (l.x(word, 1), l.s(RING, 1));
        let shifted = l.0.shift_right(s, 1);
        let shifted = l.0.convert(shifted, word);
        let message = l.0.xor(w, shifted);
        l.0.send(message, P1);
    });
    // Followed once more when another message, into which the shifted word flows too, is gone.
    let certificate = proved(P1, |l| {
        // The latest sample is followed first.
        let (x, bit, r, s) = (l.x(RING, 1), l.x(Domain::Ring(1), 1), l.s(RING, 1), l.s(RING, 1));
        let shifted = l.0.shift_right(s, 1);
        let product = l.0.mul(shifted, x);
        let low = l.0.convert(shifted, Domain::Ring(1));
        let first = l.0.add(product, r);
        let second = l.0.add(bit, low);
        l.0.send(first, P1);
        l.0.send(second, P1);
    });
    assert!(certificate.handed.is_empty());
}

#[test]
fn distances_add_up_to_what_is_allowed_and_no_further() {
    // Bits under masks of three more bits: an eighth each.
    let bits = |messages: usize| {
        move |l: &mut Lines| {
            let wide = Domain::Ring(5);
            for _ in 0..messages {
                let (bit, s) = (l.x(Domain::Ring(1), 1), l.s(Domain::Ring(4), 1));
                let (bit, s) = (l.0.convert(bit, wide), l.0.convert(s, wide));
                let sum = l.0.add(bit, s);
                l.0.send(sum, P1);
            }
        }
    };
    assert_eq!(proved_within(P1, 0.125, bits(1)).steps.len(), 1);
    assert_eq!(proved_within(P1, 0.25, bits(2)).steps.len(), 2);
    leaks_within(0.124, bits(1));
    leaks_within(0.249, bits(2));
}

#[test]
fn what_is_widened_covers_if_it_is_uniform_and_goes_nowhere_else() {
    let (narrow, wide) = (Domain::Ring(4), Domain::Ring(5));
    // A secret is no mask.
    leaks_within(0.25, |l| {
        let (bit, y) = (l.x(Domain::Ring(1), 1), l.x(narrow, 1));
        let (bit, y) = (l.0.convert(bit, wide), l.0.convert(y, wide));
        let sum = l.0.add(bit, y);
        l.0.send(sum, P1);
    });
    // One word for two elements.
    leaks_within(0.5, |l| {
        let (bits, s) = (l.x(Domain::Ring(1), 2), l.s(narrow, 1));
        let (bits, s) = (l.0.convert(bits, wide), l.0.convert(s, wide));
        let sum = l.0.add(bits, s);
        l.0.send(sum, P1);
    });
    // Two messages under one mask; the mask itself beside a message.
    leaks_within(0.5, |l| {
        let (a, b, s) = (l.x(Domain::Ring(1), 1), l.x(Domain::Ring(1), 1), l.s(narrow, 1));
        let (a, b, s) = (l.0.convert(a, wide), l.0.convert(b, wide), l.0.convert(s, wide));
        let (a, b) = (l.0.add(a, s), l.0.add(b, s));
        l.0.send(a, P1);
        l.0.send(b, P1);
    });
    leaks_within(0.5, |l| {
        let (bit, s) = (l.x(Domain::Ring(1), 1), l.s(narrow, 1));
        let bit = l.0.convert(bit, wide);
        let widened = l.0.convert(s, wide);
        let sum = l.0.add(bit, widened);
        l.0.send(sum, P1);
        l.0.send(s, P1);
    });
}

/// Undecided of P1; what is said of each message.
fn explained(program: &Program) -> Vec<(String, u32, String)> {
    let coalition = Coalition::of(program, &[P1]).unwrap();
    match symbolic::prove(program, coalition, &Options::default()).verdict {
        Verdict::Undecided { offending } => {
            offending.into_iter().map(|one| (one.region, one.value.0, one.why)).collect()
        }
        other => panic!("{other:?}\n{}", **program),
    }
}

#[test]
fn an_explanation_names_the_mask_and_where_else_it_goes() {
    let mut regions = Regions::default();
    let inner = regions.add(Regions::ROOT, "inner");
    let mut p = ProgramBuilder::new(PartySet::of(&[P0, P1]), ModelOwner).with_regions(regions);
    let (x, y) = (p.input(P0, "x", 0, RING, [1].into()), p.input(P0, "y", 0, RING, [1].into()));
    p.set_region(inner);
    let s = p.sample(PartySet::of(&[P0]), RING, [1].into());
    let (a, b) = (p.add(x, s), p.add(y, s));
    let (a, b) = (p.send(a, P1), p.send(b, P1));
    let program = p.finish().unwrap();
    let why = format!(
        "it is masked by the sample %{} (in `inner`), which also reaches {} in %{} (in `inner`); give each message a mask of its own",
        s.0,
        Coalition::of(&program, &[P1]).unwrap(),
        a.0
    );
    assert_eq!(explained(&program), [("inner".to_owned(), b.0, why)]);

    let (mut mask, mut sum) = (ValueId(0), ValueId(0));
    let program = program_of(|l| {
        (mask, sum) = (l.s(RING, 1), l.x(RING, 1));
        sum = l.0.add(sum, mask);
        sum = l.0.sub(sum, mask);
        sum = l.0.send(sum, P1);
    });
    let why = format!(
        "it is masked by the sample %{}, which enters it more than once, so that it may cancel; add it once",
        mask.0
    );
    assert_eq!(explained(&program), [(String::new(), sum.0, why)]);
}

/// There are 2^60 ways from the mask to the message.
#[test]
fn what_is_behind_a_message_is_looked_at_once() {
    let program = program_of(|l| {
        let (x, s) = (l.x(RING, 1), l.s(RING, 1));
        let mask = (0..60).fold(s, |mask, _| l.0.add(mask, mask));
        let sum = l.0.add(x, mask);
        l.0.send(sum, P1);
    });
    assert_eq!(explained(&program).len(), 1);
}

#[test]
fn no_more_is_attempted_than_is_allowed() {
    let program = program_of(|l| {
        let (x, s) = (l.x(RING, 1), l.s(RING, 1));
        let sum = l.0.add(x, s);
        let (square, half) = (l.0.mul(sum, sum), l.0.shift_right(sum, 1));
        l.0.send(square, P1);
        l.0.send(half, P1);
    });
    let coalition = Coalition::of(&program, &[P1]).unwrap();
    let within = |most_attempts: usize| {
        let options = Options { most_attempts, ..Options::default() };
        symbolic::prove(&program, coalition, &options).certificate.is_some()
    };
    assert!(within(1024));
    assert!(!within(1));
}

#[test]
fn all_randomness_of_a_message_without_secrets_is_handed_over() {
    let certificate = proved(P1, |l| {
        let (r, s, t) = (l.s(RING, 1), l.s(RING, 1), l.s(RING, 1));
        let product = l.0.mul(r, s);
        let product = l.0.mul(product, t);
        l.0.send(product, P1);
    });
    assert_eq!(certificate.handed.len(), 3);
}

/// Neither output is a sum whose shares cancel, and the messages of each hold up those of the other: both are given up at once.
#[test]
fn several_outputs_are_taken_for_no_sums_at_once() {
    let bit = Domain::Ring(1);
    let certificate = proved(Client, |l| {
        let (x, y, z) = (l.x(bit, 1), l.x(bit, 1), l.x(bit, 1));
        let (r, t, q, u) = (l.s(bit, 1), l.s(bit, 1), l.s(bit, 1), l.s(bit, 1));
        let (ty, ry) = (l.0.mul(t, y), l.0.mul(r, y));
        let shares = [l.0.add(x, r), l.0.add(ty, q), l.0.add(ry, t), l.0.add(z, u)];
        let [a, b, c, d] = shares.map(|share| l.0.send(share, Client));
        let (first, second) = (l.0.add(a, b), l.0.add(c, d));
        l.0.reveal(first, Client, "first", 0);
        l.0.reveal(second, Client, "second", 0);
    });
    assert!(certificate.steps.iter().all(|step| matches!(step, Step::Uniform { .. })));
    assert!(certificate.withheld.is_empty());
}

/// The low bit of a sum, whose shares tell all of it.
#[test]
fn an_output_of_fewer_bits_than_its_shares_does_not_account_for_them() {
    leaks(Client, 0.0, |l| {
        let (x, y, z) = (l.x(RING, 1), l.x(RING, 1), l.s(RING, 1));
        let (a, b) = (l.0.add(x, z), l.0.sub(y, z));
        let (a, b) = (l.0.send(a, Client), l.0.send(b, Client));
        let sum = l.0.add(a, b);
        let low = l.0.convert(sum, Domain::Ring(1));
        l.0.reveal(low, Client, "low", 0);
    });
}

#[test]
fn a_mask_of_shares_is_added_whole_and_to_each_element() {
    // Twice a sample leaves the low bit bare; one sample for two elements leaves their difference.
    for (elements, factor) in [(1, 2), (2, 1)] {
        leaks(Client, 0.0, |l| {
            let domain = Domain::Ring(2);
            let (x, y, z) = (l.x(domain, elements), l.x(domain, elements), l.s(domain, 1));
            let factor = l.0.constant(Constant::Splat(factor), domain, [1].into());
            let z = l.0.mul(z, factor);
            let (a, b) = (l.0.add(x, z), l.0.sub(y, z));
            let (a, b) = (l.0.send(a, Client), l.0.send(b, Client));
            let sum = l.0.add(a, b);
            l.0.reveal(sum, Client, "sum", 0);
        });
    }
}

#[test]
fn a_mask_of_shares_that_is_broadcast_is_none() {
    leaks(Client, 0.0, |l| {
        let domain = Domain::Ring(2);
        let (x, y, z) = (l.x(domain, 2), l.x(domain, 2), l.s(domain, 1));
        let (a, b) = (l.0.add(x, z), l.0.sub(y, z));
        let (a, b) = (l.0.send(a, Client), l.0.send(b, Client));
        let sum = l.0.add(a, b);
        l.0.reveal(sum, Client, "sum", 0);
    });
}

/// x, and something made of a sample of `shape` added to it; x has the shape of that.
fn added(l: &mut Lines, domain: Domain, shape: &[usize], make: impl FnOnce(&mut Lines, ValueId) -> ValueId) {
    let s = l.0.sample(PartySet::of(&[P0]), domain, shape.into());
    let made = make(l, s);
    let (domain, shape) = (l.0.value(made).domain, l.0.shape(made));
    let x = l.0.input(P0, "x", 0, domain, shape);
    let message = l.0.add(x, made);
    l.0.send(message, P1);
}

fn times(l: &mut Lines, s: ValueId, words: &[u64], shape: [usize; 2], constant_is_left: bool) -> ValueId {
    let domain = l.0.value(s).domain;
    let constant = l.0.constant(Constant::Words(words.to_vec().into()), domain, shape.into());
    if constant_is_left { l.0.matmul(constant, s) } else { l.0.matmul(s, constant) }
}

#[test]
fn what_keeps_a_mask_uniform_is_known() {
    let pair = Domain::Ring(2);
    let direct = |domain: Domain, shape: &[usize], make: &dyn Fn(&mut Lines, ValueId) -> ValueId| {
        let certificate = proved(P1, |l| added(l, domain, shape, make));
        assert!(certificate.handed.is_empty() && certificate.steps.len() == 1);
    };
    direct(pair, &[2], &|l, s| l.0.moved(s, Move::Broadcast([1, 2].into())));
    direct(RING, &[1], &|l, s| l.0.convert(s, Domain::Ring(1)));
    direct(pair, &[1, 2], &|l, s| times(l, s, &[1, 2, 1, 3], [2, 2], false));
    direct(pair, &[2, 1], &|l, s| times(l, s, &[1, 2, 1, 3], [2, 2], true));
    let parity = WordFunction::Table { entries: vec![0, 1, 1, 0, 1, 0, 0, 1], domain: Domain::Ring(1) };
    direct(RING, &[1], &|l, s| l.0.function(parity.clone(), s));
    // Two words, of which the second is multiplied by an odd one.
    direct(pair, &[1, 2], &|l, s| times(l, s, &[2, 1], [2, 1], false));
    direct(pair, &[2, 1], &|l, s| times(l, s, &[2, 1], [1, 2], true));
}

#[test]
fn what_does_not_keep_a_mask_uniform_is_known() {
    let pair = Domain::Ring(2);
    let never = |domain: Domain, shape: &[usize], make: &dyn Fn(&mut Lines, ValueId) -> ValueId| {
        leaks_within(0.0, |l| added(l, domain, shape, make));
    };
    never(pair, &[1], &|l, s| l.0.moved(s, Move::Broadcast([2].into())));
    // Two words of eight; of two words one more often than the other.
    let few = WordFunction::Table { entries: vec![0, 5], domain: RING };
    never(Domain::Ring(1), &[1], &|l, s| l.0.function(few.clone(), s));
    let uneven = WordFunction::Table { entries: vec![0, 1, 1, 1], domain: Domain::Ring(1) };
    never(pair, &[1], &|l, s| l.0.function(uneven.clone(), s));
    // Singular modulo 2; and three results of two words.
    never(pair, &[1, 2], &|l, s| times(l, s, &[1, 1, 3, 3], [2, 2], false));
    never(pair, &[2, 1], &|l, s| times(l, s, &[1, 3, 1, 3], [2, 2], true));
    never(Domain::Ring(1), &[1, 2], &|l, s| times(l, s, &[1, 0, 1, 0, 1, 1], [2, 3], false));
    never(Domain::Ring(1), &[2, 1], &|l, s| times(l, s, &[1, 0, 0, 1, 1, 1], [3, 2], true));
    // Three rows that are independent in pairs only.
    never(Domain::Ring(1), &[1, 3], &|l, s| times(l, s, &[1, 0, 1, 1, 1, 0, 0, 1, 1], [3, 3], false));
}

/// Too many words to count.
#[test]
fn matrices_of_up_to_64_rows_are_looked_at() {
    let certificate = |rows: usize| {
        let program = program_of(|l| {
            let words: Vec<u64> = (1..=rows as u64).map(|i| u64::from(i == rows as u64)).collect();
            added(l, RING, &[1, rows], |l, s| times(l, s, &words, [rows, 1], false));
        });
        let coalition = Coalition::of(&program, &[P1]).unwrap();
        symbolic::prove(&program, coalition, &Options::default()).certificate.map(|found| check(&program, &found))
    };
    assert!(matches!(certificate(64), Some(Ok(_))));
    assert!(certificate(65).is_none());
}

/// A value under a mask of four bits, read as words of five, is off by 2^b / 16 if it is known to be below 2^b: allowed to be off by that
/// it is proved, and not with less.
#[test]
fn words_are_bounded_by_what_made_them() {
    let word = Domain::Bits(3);
    let bounded = |bits: i32, build: &dyn Fn(&mut Lines) -> ValueId| {
        let masked = |l: &mut Lines| {
            let (v, s) = (build(l), l.s(Domain::Ring(4), 1));
            let (v, s) = (l.0.convert(v, Domain::Ring(5)), l.0.convert(s, Domain::Ring(5)));
            let message = l.0.add(v, s);
            l.0.send(message, P1);
        };
        let distance = 2f64.powi(bits - 4);
        assert!(matches!(proved_within(P1, distance, masked).steps[..], [Step::Wide { .. }]));
        leaks_within(distance * 0.999, masked);
    };
    bounded(3, &|l| l.x(RING, 1));
    bounded(1, &|l| {
        let x = l.x(RING, 1);
        l.0.convert(x, Domain::Ring(1))
    });
    bounded(2, &|l| {
        let x = l.x(RING, 1);
        l.0.shift_right(x, 1)
    });
    bounded(3, &|l| {
        let x = l.x(RING, 1);
        l.0.shift_right_arithmetic(x, 1)
    });
    for (constant, bits) in [(Constant::Splat(1), 1), (Constant::Words(vec![2].into()), 2)] {
        bounded(bits, &|l| {
            let (x, k) = (l.x(word, 1), l.0.constant(constant.clone(), word, [1].into()));
            l.0.and(x, k)
        });
        bounded(3, &|l| {
            let (x, k) = (l.x(word, 1), l.0.constant(constant.clone(), word, [1].into()));
            l.0.xor(k, x)
        });
    }
    bounded(2, &|l| {
        let x = l.x(RING, 1);
        let (a, b) = (l.0.shift_right(x, 2), l.0.shift_right(x, 2));
        l.0.add(a, b)
    });
    bounded(2, &|l| {
        let x = l.x(RING, 1);
        l.0.function(WordFunction::Table { entries: vec![0, 1, 2, 3, 3, 2, 1, 0], domain: RING }, x)
    });
    bounded(2, &|l| {
        let x = l.x(RING, 1);
        l.0.function(WordFunction::Remainder { modulus: 4, domain: RING }, x)
    });
    // Farther back than the prover looks.
    bounded(3, &|l| {
        let x = l.x(RING, 1);
        let v = l.0.shift_right(x, 2);
        (0..4).fold(v, |v, _| l.0.moved(v, Move::Reshape([1].into())))
    });
    bounded(1, &|l| {
        let x = l.x(RING, 1);
        let v = l.0.shift_right(x, 2);
        (0..2).fold(v, |v, _| l.0.moved(v, Move::Reshape([1].into())))
    });
}

#[test]
fn slices_of_a_mask_cover_if_they_are_apart() {
    let sliced = |l: &mut Lines, slices: [Move; 2]| {
        let domain = Domain::Ring(1);
        let s = l.0.sample(PartySet::of(&[P0]), domain, [2, 2].into());
        for slice in slices {
            let part = l.0.moved(s, slice);
            let shape = l.0.shape(part);
            let x = l.0.input(P0, "x", 0, domain, shape);
            let message = l.0.add(x, part);
            l.0.send(message, P1);
        }
    };
    let slice = |axis: usize, start: usize, length: usize| Move::Slice { axis, start, length };
    for [one, other] in [[slice(0, 0, 1), slice(0, 1, 1)], [slice(1, 1, 1), slice(1, 0, 1)]] {
        assert!(proved(P1, |l| sliced(l, [one, other])).handed.is_empty());
    }
    for [one, other] in
        [[slice(0, 0, 1), slice(1, 1, 1)], [slice(0, 0, 2), slice(0, 1, 1)], [slice(1, 0, 1), slice(1, 0, 1)]]
    {
        leaks_within(0.0, |l| sliced(l, [one, other]));
    }
}

/// P1 completes two outputs, each from a message with an odd factor and one with an even one; of the second, the even one was made first.
#[test]
fn messages_with_odd_factors_are_withheld() {
    let domain = Domain::Ring(2);
    let certificate = proved(P1, |l| {
        let two = l.0.constant(Constant::Splat(2), domain, [1].into());
        for even_is_first in [false, true] {
            let (x, r) = (l.x(domain, 1), l.s(domain, 1));
            let twice = l.0.mul(r, two);
            let first = if even_is_first { l.0.neg(r) } else { l.0.sub(x, twice) };
            let second = if even_is_first { l.0.sub(x, twice) } else { l.0.neg(r) };
            let (first, second) = (l.0.send(first, P1), l.0.send(second, P1));
            let (odd, even) = if even_is_first { (second, first) } else { (first, second) };
            let even = l.0.mul(even, two);
            let output = l.0.sub(odd, even);
            l.0.reveal(output, P1, if even_is_first { "second" } else { "first" }, 0);
        }
    });
    assert_eq!(certificate.withheld.len(), 2);
}

/// A share and then its mask are sent to P1, who adds them, and rearranges the sum or adds one word to all elements.
#[test]
fn what_a_party_completes_it_may_rearrange_and_add_to() {
    let domain = Domain::Ring(2);
    for add_a_word in [false, true] {
        let certificate = proved(P1, |l| {
            let (x, s) = (l.x(domain, 2), l.s(domain, 2));
            let rest = l.0.sub(x, s);
            let (rest, s) = (l.0.send(rest, P1), l.0.send(s, P1));
            let sum = l.0.add(rest, s);
            let output = if add_a_word {
                let word = l.0.constant(Constant::Splat(1), domain, [1].into());
                l.0.add(sum, word)
            } else {
                l.0.moved(sum, Move::Reshape([2, 1].into()))
            };
            l.0.reveal(output, P1, "y", 0);
            // Another output, which is a message as it was sent.
            let z = l.x(domain, 2);
            let z = l.0.moved(z, Move::Reshape([2, 1].into()));
            let z = l.0.send(z, P1);
            l.0.reveal(z, P1, "z", 0);
        });
        assert_eq!(certificate.withheld.len(), 2);
    }
}
