//! Flawed protocols, each a few lines, each a defect that really happened: not proved, and refuted by counting.

use viewless_proofs::privacy::certificate::Simulator;
use viewless_proofs::privacy::exhaustive::Exhaustive;
use viewless_proofs::privacy::{self, Coalition, Verdict, check, exhaustive, symbolic};
use viewless_protocols::party::{Party, PartySet};
use viewless_protocols::program::{Constant, Program, ProgramBuilder, ValueId, Wave, WordFunction};
use viewless_protocols::ring::Domain;
use viewless_protocols::shape::{Move, Shape};

use Party::{Client, Dealer, P0, P1};

const RING: Domain = Domain::Ring(3);

fn dealt(p: &mut ProgramBuilder, to: Party, domain: Domain, shape: &Shape) -> ValueId {
    p.sample(PartySet::of(&[Dealer, to]), domain, shape.clone())
}

fn program(build: impl FnOnce(&mut ProgramBuilder)) -> Program {
    let mut p = ProgramBuilder::new(PartySet::of(&[P0, P1, Dealer, Client]), Party::ModelOwner);
    build(&mut p);
    p.finish().unwrap()
}

/// Shares of an input of the client.
fn input(p: &mut ProgramBuilder, name: &str, domain: Domain, shape: Shape) -> [ValueId; 2] {
    let x = p.input(Client, name, 0, domain, shape.clone());
    let x0 = p.sample(PartySet::of(&[Client, P0]), domain, shape);
    let x1 = if domain.is_ring() { p.sub(x, x0) } else { p.xor(x, x0) };
    [x0, p.send(x1, P1)]
}

/// A dealt random word, in shares and as the dealer knows it.
fn random(p: &mut ProgramBuilder, domain: Domain, shape: &Shape) -> ([ValueId; 2], ValueId) {
    let shares = [dealt(p, P0, domain, shape), dealt(p, P1, domain, shape)];
    (shares, p.add(shares[0], shares[1]))
}

fn deal(p: &mut ProgramBuilder, secret: ValueId) -> [ValueId; 2] {
    let (domain, shape) = (p.value(secret).domain, p.shape(secret));
    let share0 = dealt(p, P0, domain, &shape);
    let share1 = p.sub(secret, share0);
    [share0, p.send(share1, P1)]
}

fn open(p: &mut ProgramBuilder, [a, b]: [ValueId; 2]) -> ValueId {
    let (a, b) = (p.send(a, P1), p.send(b, P0));
    p.add(a, b)
}

fn sub(p: &mut ProgramBuilder, x: [ValueId; 2], y: [ValueId; 2]) -> [ValueId; 2] {
    [p.sub(x[0], y[0]), p.sub(x[1], y[1])]
}

fn reveal(p: &mut ProgramBuilder, x: [ValueId; 2]) {
    let shape = p.shape(x[0]);
    let zero = p.sample(PartySet::of(&[P0, P1]), RING, shape);
    let (a, b) = (p.add(x[0], zero), p.sub(x[1], zero));
    let (a, b) = (p.send(a, Client), p.send(b, Client));
    let y = p.add(a, b);
    p.reveal(y, Client, "y", 0);
}

fn verdict(program: &Program, members: &[Party]) -> Verdict {
    privacy::decide(program, Coalition::of(program, members).unwrap()).verdict
}

/// Not proved, and refuted, with words that contain `why`.
#[track_caller]
fn is_refuted(program: &Program, members: &[Party], why: &str) {
    match verdict(program, members) {
        Verdict::Refuted { offending, witness } => {
            assert!(witness.distance > 0.0);
            assert!(offending.iter().any(|offending| offending.why.contains(why)), "{offending:#?}");
        }
        other => panic!("{other:?}\n{}", **program),
    }
}

#[track_caller]
fn is_proved(program: &Program, members: &[Party]) {
    let coalition = Coalition::of(program, members).unwrap();
    match privacy::prove(program, coalition).verdict {
        Verdict::Proved { .. } => {}
        other => panic!("{other:?}\n{}", **program),
    }
    assert_eq!(exhaustive::count(program, coalition), Ok(Exhaustive::Private));
}

/// A Beaver product, whose triple `deal_triple` deals.
type Triple = ([ValueId; 2], [ValueId; 2], [ValueId; 2]);

fn triple(p: &mut ProgramBuilder, shape: &Shape) -> Triple {
    let (a_shares, a) = random(p, RING, shape);
    let (b_shares, b) = random(p, RING, shape);
    let c = p.mul(a, b);
    (a_shares, b_shares, deal(p, c))
}

fn multiply(p: &mut ProgramBuilder, x: [ValueId; 2], y: [ValueId; 2], (a, b, c): Triple) -> [ValueId; 2] {
    let (d, e) = (sub(p, x, a), sub(p, y, b));
    let (d, e) = (open(p, d), open(p, e));
    let share = |p: &mut ProgramBuilder, i: usize| {
        let right = if i == 0 { p.add(b[0], e) } else { b[1] };
        let (first, second) = (p.mul(d, right), p.mul(a[i], e));
        let sum = p.add(first, second);
        p.add(sum, c[i])
    };
    [share(p, 0), share(p, 1)]
}

#[test]
fn a_sound_product_is_proved_and_counted() {
    let program = program(|p| {
        let x = input(p, "x", RING, [1].into());
        let y = input(p, "y", RING, [1].into());
        let t = triple(p, &[1].into());
        let z = multiply(p, x, y, t);
        reveal(p, z);
    });
    for party in [P0, P1, Dealer, Client] {
        is_proved(&program, &[party]);
    }
    is_refuted(&program, &[P0, P1], "is held by");
}

#[test]
fn a_product_over_four_bits_is_counted_in_no_time() {
    let mut p = ProgramBuilder::new(PartySet::of(&[P0, P1, Dealer, Client]), Party::ModelOwner);
    let ring = Domain::Ring(4);
    let (x, y) = (input(&mut p, "x", ring, [1].into()), input(&mut p, "y", ring, [1].into()));
    let (a_shares, a) = random(&mut p, ring, &[1].into());
    let (b_shares, b) = random(&mut p, ring, &[1].into());
    let c = p.mul(a, b);
    let c = deal(&mut p, c);
    multiply(&mut p, x, y, (a_shares, b_shares, c));
    let program = p.finish().unwrap();
    for party in [P0, P1, Dealer, Client] {
        is_proved(&program, &[party]);
    }
}

#[test]
fn a_mask_used_in_two_openings() {
    let program = program(|p| {
        let x = input(p, "x", RING, [1].into());
        let y = input(p, "y", RING, [1].into());
        let (r, _) = random(p, RING, &[1].into());
        let (d, e) = (sub(p, x, r), sub(p, y, r));
        open(p, d);
        open(p, e);
    });
    is_refuted(&program, &[P0], "masked by the sample %9, which also reaches {P0}");
    is_refuted(&program, &[P1], "masked by the sample %8, which also reaches {P1}");
}

#[test]
fn a_mask_broadcast_over_a_tensor() {
    // SUF's early version: one mask for each tensor, which shows all differences.
    let program = program(|p| {
        let x = input(p, "x", RING, [2].into());
        let (r, _) = random(p, RING, &[1].into());
        let d = sub(p, x, r);
        open(p, d);
    });
    is_refuted(&program, &[P0], "broadcast");
    is_refuted(&program, &[P1], "");
}

#[test]
fn a_constant_mask() {
    // Bicoptor 2.0 reports systems that mask with the constant 2^26; Piranha #6, triples of zeros.
    let program = program(|p| {
        let x = input(p, "x", RING, [1].into());
        let r = p.constant(Constant::Splat(5), RING, [1].into());
        let d = p.add(x[1], r);
        p.send(d, P0);
    });
    is_refuted(&program, &[P0], "enters it");
}

#[test]
fn a_triple_used_twice() {
    // MP-SPDZ 0.1.2, CowGear.
    let program = program(|p| {
        let x = input(p, "x", Domain::Ring(2), [1].into());
        let y = input(p, "y", Domain::Ring(2), [1].into());
        let shape = [1].into();
        let (a_shares, a) = random(p, Domain::Ring(2), &shape);
        let (b_shares, b) = random(p, Domain::Ring(2), &shape);
        let c = p.mul(a, b);
        let c = deal(p, c);
        let t = (a_shares, b_shares, c);
        let z = multiply(p, x, x, t);
        multiply(p, z, y, t);
    });
    is_refuted(&program, &[P0], "also reaches");
    is_refuted(&program, &[P1], "");
}

#[test]
fn a_square_pair_used_as_a_triple() {
    let program = program(|p| {
        let x = input(p, "x", RING, [1].into());
        let y = input(p, "y", RING, [1].into());
        let (a_shares, a) = random(p, RING, &[1].into());
        let c = p.mul(a, a);
        let c = deal(p, c);
        multiply(p, x, y, (a_shares, a_shares, c));
    });
    is_refuted(&program, &[P0], "also reaches");
}

#[test]
fn an_output_revealed_without_resharing() {
    // MP-SPDZ 0.3.9: missing randomisation before a reveal. The client may learn w + v + x, but learns w and v.
    let program = program(|p| {
        let x = input(p, "x", RING, [1].into());
        let w = p.input(P0, "w", 0, RING, [1].into());
        let v = p.input(P1, "v", 0, RING, [1].into());
        let z = [p.add(x[0], w), p.add(x[1], v)];
        let z = [p.send(z[0], Client), p.send(z[1], Client)];
        let y = p.add(z[0], z[1]);
        p.reveal(y, Client, "y", 0);
    });
    is_refuted(&program, &[Client], "fresh sharing of zero");
}

#[test]
fn a_share_sent_to_the_wrong_party() {
    let program = program(|p| {
        let x = input(p, "x", RING, [1].into());
        p.send(x[1], P0);
    });
    is_refuted(&program, &[P0], "is held by");
}

#[test]
fn a_dealer_s_correction_in_clear() {
    let program = program(|p| {
        let x = input(p, "x", RING, [1].into());
        let (r_shares, r) = random(p, RING, &[1].into());
        let r_squared = p.mul(r, r);
        p.send(r_squared, P1);
        let d = sub(p, x, r_shares);
        open(p, d);
    });
    is_refuted(&program, &[P1], "no rule lets the sample");
    is_proved(&program, &[P0]);
}

#[test]
fn a_sine_mask_that_is_not_uniform_over_the_period() {
    // Sampled with fewer bits than the angle has, and extended.
    let program = program(|p| {
        let angle = Domain::Ring(4);
        let x = input(p, "x", angle, [1].into());
        let r = [P0, P1].map(|party| {
            let narrow = dealt(p, party, Domain::Ring(2), &[1].into());
            p.convert(narrow, angle)
        });
        let t = p.add(r[0], r[1]);
        let waves = WordFunction::Table { entries: (0..16).map(|t| t * t % 8).collect(), domain: RING };
        let sine = p.function(waves, t);
        deal(p, sine);
        let d = sub(p, x, r);
        open(p, d);
    });
    is_refuted(&program, &[P0], "high bits are not covered");
    is_refuted(&program, &[P1], "high bits are not covered");
}

#[test]
fn a_sine_mask_that_a_computing_party_knows() {
    // SecFormer's released code: t is drawn by party 0.
    let program = program(|p| {
        let x = input(p, "x", RING, [1].into());
        let t = p.sample(PartySet::of(&[Dealer, P0]), RING, [1].into());
        let d1 = p.send(x[1], P0);
        let d0 = p.sub(x[0], t);
        p.add(d0, d1);
    });
    is_refuted(&program, &[P0], "is held by");
}

#[test]
fn an_even_multiple_of_a_mask() {
    for even in [2, 4, 6] {
        let program = program(|p| {
            let x = input(p, "x", RING, [1].into());
            let (r, _) = random(p, RING, &[1].into());
            let two = p.splat(even, RING);
            let r = [p.mul(r[0], two), p.mul(r[1], two)];
            let d = sub(p, x, r);
            open(p, d);
        });
        is_refuted(&program, &[P0], "need not be odd");
    }
    let shifted = program(|p| {
        let x = input(p, "x", RING, [1].into());
        let (r, _) = random(p, RING, &[1].into());
        let r = [p.shift_left(r[0], 1), p.shift_left(r[1], 1)];
        let d = sub(p, x, r);
        open(p, d);
    });
    is_refuted(&shifted, &[P0], "shifted left");
}

#[test]
fn an_odd_multiple_of_a_mask_is_sound() {
    let program = program(|p| {
        let x = input(p, "x", RING, [2].into());
        let (r, _) = random(p, RING, &[2].into());
        let three = p.constant(Constant::Words([3, 5].into()), RING, [2].into());
        let r = [p.mul(r[0], three), p.mul(r[1], three)];
        let d = sub(p, x, r);
        let d = [p.neg(d[0]), p.neg(d[1])];
        open(p, d);
    });
    is_proved(&program, &[P0]);
    is_proved(&program, &[P1]);
}

#[test]
fn narrowing_slicing_summing_and_joining_keep_a_mask() {
    let program = program(|p| {
        let x = input(p, "x", RING, [2].into());
        let (r, _) = random(p, RING, &[2].into());
        let d = sub(p, x, r);
        let narrow = p.convert(d[1], Domain::Bits(2));
        p.send(narrow, P0);
        let (r, _) = random(p, RING, &[2].into());
        let d = sub(p, x, r);
        let slice = p.moved(d[1], Move::Slice { axis: 0, start: 1, length: 1 });
        p.send(slice, P0);
        let (r, _) = random(p, RING, &[2].into());
        let d = sub(p, x, r);
        let sum = p.sum(d[1], 0);
        p.send(sum, P0);
        let (r, _) = random(p, RING, &[2].into());
        let (s, _) = random(p, RING, &[2].into());
        let (d, e) = (sub(p, x, r), sub(p, x, s));
        let joined = p.concat(&[d[1], e[1]], 0);
        let turned = p.moved(joined, Move::Reshape([2, 2].into()));
        let turned = p.moved(turned, Move::Transpose([1, 0].into_iter().collect()));
        p.send(turned, P0);
    });
    is_proved(&program, &[P0]);
}

#[test]
fn a_joined_tensor_with_one_bare_part() {
    let program = program(|p| {
        let x = input(p, "x", RING, [1].into());
        let (r, _) = random(p, RING, &[1].into());
        let d = sub(p, x, r);
        let joined = p.concat(&[d[1], x[1]], 0);
        p.send(joined, P0);
    });
    is_refuted(&program, &[P0], "");
}

#[test]
fn two_slices_of_one_masked_tensor_are_proved_by_handing_it_over() {
    let program = program(|p| {
        let x = input(p, "x", RING, [2].into());
        let (r, _) = random(p, RING, &[2].into());
        let d = sub(p, x, r);
        for start in 0..2 {
            let part = p.moved(d[1], Move::Slice { axis: 0, start, length: 1 });
            p.send(part, P0);
        }
    });
    is_proved(&program, &[P0]);
    let certificate = privacy::prove(&program, Coalition::of(&program, &[P0]).unwrap()).certificate.unwrap();
    assert_eq!(certificate.handed.len(), 1);
}

#[test]
fn a_sampler_that_never_draws_one_value() {
    // CrypTen: `generate_random_ring_element` leaves out (ring - 1) / 2; over four elements it shows at once.
    let program = program(|p| {
        let x = input(p, "x", Domain::Ring(2), [1].into());
        let seed = dealt(p, P1, Domain::Ring(2), &[1].into());
        let r = p.function(WordFunction::Table { entries: vec![0, 1, 3, 3], domain: Domain::Ring(2) }, seed);
        let d = p.add(x[1], r);
        p.send(d, P0);
    });
    is_refuted(&program, &[P0], "need not be a bijection");
}

#[test]
fn a_missing_zero_share_among_three_parties() {
    // CrypTen #518: z0 = x0 y0 + x0 y1 + x1 y0 is sent on without a share of zero.
    let build = |zero_share: bool| {
        let mut p = ProgramBuilder::new(PartySet::of(&[P0, P1, Party::P2, Client]), Party::ModelOwner);
        let ring = Domain::Ring(2);
        // Party i holds shares i and i + 1.
        let parties = [P0, P1, Party::P2];
        let share = |p: &mut ProgramBuilder, name: &str| {
            let x = p.input(Client, name, 0, ring, [1].into());
            let x0 = p.sample(PartySet::of(&[Client, P0, Party::P2]), ring, [1].into());
            let x1 = p.sample(PartySet::of(&[Client, P0, P1]), ring, [1].into());
            let rest = p.sub(x, x0);
            let x2 = p.sub(rest, x1);
            let x2 = p.send(x2, P1);
            [x0, x1, p.send(x2, Party::P2)]
        };
        let (x, y) = (share(&mut p, "x"), share(&mut p, "y"));
        let keys: Vec<ValueId> =
            (0..3).map(|i| p.sample(PartySet::of(&[parties[i], parties[(i + 1) % 3]]), ring, [1].into())).collect();
        for i in 0..3 {
            let (j, k) = ((i + 1) % 3, (i + 2) % 3);
            let (a, b, c) = (p.mul(x[i], y[i]), p.mul(x[i], y[j]), p.mul(x[j], y[i]));
            let sum = p.add(a, b);
            let mut z = p.add(sum, c);
            if zero_share {
                z = p.add(z, keys[i]);
                z = p.sub(z, keys[k]);
            }
            p.send(z, parties[k]);
        }
        p.finish().unwrap()
    };
    for party in [P0, P1, Party::P2] {
        is_proved(&build(true), &[party]);
        is_refuted(&build(false), &[party], "");
    }
}

#[test]
fn a_mask_wider_than_its_value_is_near_enough() {
    let build = |mask_bits: u8, value_bits: u8| {
        program(|p| {
            let x = p.input(P1, "x", 0, Domain::Ring(value_bits), [2].into());
            let wide = Domain::Ring(mask_bits + 1);
            let x = p.convert(x, wide);
            let r = p.sample(PartySet::of(&[P1]), Domain::Ring(mask_bits), [2].into());
            let r = p.convert(r, wide);
            let masked = p.add(x, r);
            p.send(masked, P0);
        })
    };
    let far = build(60, 8);
    let coalition = Coalition::of(&far, &[P0]).unwrap();
    let report = privacy::prove(&far, coalition);
    let expected = 2f64.powi(8 - 60 + 1);
    assert_eq!(
        report.verdict,
        Verdict::Proved { statistical_distance: expected, simulator: Simulator::JointlyWithOutputs }
    );
    let checked = privacy::check::check(&far, &report.certificate.unwrap()).unwrap();
    assert_eq!(checked.statistical_distance, expected);
    // Too narrow for the customary 2^-40; the exact distance is below the bound.
    let near = build(6, 2);
    let coalition = Coalition::of(&near, &[P0]).unwrap();
    assert!(matches!(privacy::prove(&near, coalition).verdict, Verdict::Undecided { .. }));
    let options = symbolic::Options { largest_distance: 0.5, ..symbolic::Options::default() };
    let Verdict::Proved { statistical_distance, .. } = symbolic::prove(&near, coalition, &options).verdict else {
        panic!("half is allowed");
    };
    let Ok(Exhaustive::Leak(witness)) = exhaustive::count(&near, coalition) else { panic!("it does leak a little") };
    // Two secrets are each within the distance of the ideal.
    assert!(witness.distance > 0.0 && witness.distance <= 2.0 * statistical_distance);
}

#[test]
fn an_output_may_depend_on_the_client_s_own_samples() {
    // y = w + the sum of the truncated shares of x: the client's sharing of x decides the rounding, so that together with y it
    // tells w better than y alone. Given the samples, the shares of y tell nothing more.
    let program = program(|p| {
        let x = input(p, "x", RING, [1].into());
        let w = p.input(P0, "w", 0, RING, [1].into());
        let x = [p.shift_right_arithmetic(x[0], 1), p.shift_right_arithmetic(x[1], 1)];
        let x0 = p.add(x[0], w);
        reveal(p, [x0, x[1]]);
    });
    is_proved(&program, &[Client]);
    let coalition = Coalition::of(&program, &[Client]).unwrap();
    let strictly = exhaustive::Options { given_own_samples: false, ..exhaustive::Options::default() };
    assert!(matches!(exhaustive::count_with(&program, coalition, strictly), Ok(Exhaustive::Leak(_))));
    let Verdict::Proved { simulator, .. } = privacy::prove(&program, coalition).verdict else { panic!("it is proved") };
    assert_eq!(simulator, Simulator::GivenOwnSamples);
    assert_eq!(privacy::refute(&program, coalition, Simulator::GivenOwnSamples), None);
    assert!(
        privacy::refute(&program, coalition, Simulator::DrawsOwnSamples)
            .is_some_and(|found| found.witness.distance > 0.0)
    );
}

#[test]
fn an_output_that_depends_on_messages_otherwise_is_not_proved() {
    // The client learns a share and, as its output, the square of the sum: a function of the message that tells less than it.
    let program = program(|p| {
        let x = p.input(P0, "x", 0, RING, [1].into());
        let x = p.send(x, Client);
        let y = p.mul(x, x);
        p.reveal(y, Client, "y", 0);
    });
    is_refuted(&program, &[Client], "the input");
    // A message is masked, and the output is made from it: the simulator draws the message conditionally on the output.
    let coin = self::program(|p| {
        let s = p.sample(PartySet::of(&[P0]), RING, [1].into());
        let x = p.input(P0, "x", 0, RING, [1].into());
        let m = p.add(x, s);
        let m = p.send(m, Client);
        let y = p.mul(m, m);
        p.reveal(y, Client, "y", 0);
    });
    is_proved(&coin, &[Client]);
    let certificate = privacy::prove(&coin, Coalition::of(&coin, &[Client]).unwrap()).certificate.unwrap();
    assert!(check::check(&coin, &certificate).unwrap().conditional);
}

#[test]
fn waves_reveal_what_they_are_of() {
    let program = program(|p| {
        let t = p.sample(PartySet::of(&[Dealer, P0]), Domain::Ring(8), [1].into());
        let waves = vec![Wave { harmonic: 1, cosine: 1.0, sine: 0.0 }];
        let cosine = p.function(WordFunction::Waves { waves, fraction_bits: 20 }, t);
        p.send(cosine, P1);
        let x = p.input(P0, "x", 0, Domain::Ring(8), [1].into());
        let d = p.sub(x, t);
        p.send(d, P1);
    });
    assert!(matches!(verdict(&program, &[P1]), Verdict::Undecided { .. }));
    let refutation = privacy::refute(&program, Coalition::of(&program, &[P1]).unwrap(), Simulator::GivenOwnSamples)
        .expect("small copies leak");
    assert!(refutation.shrunk_to_bits.is_some());
}
