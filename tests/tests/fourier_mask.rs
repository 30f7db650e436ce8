//! The trigonometric protocol is right for every split of its secret into shares, and what it opens is uniform.
//!
//! The splits and masks are chosen by replacing samples of the compiled Program by constants: the Program that is tested is the
//! one that runs. Where a test is statistical its probability of a false alarm is derived and below 10^-6; and the samples come
//! from fixed seeds, so that a test that passed once passes always.

use std::collections::BTreeMap;
use std::sync::Arc;
use viewless_protocols::circuit::{CheckedCircuit, Series};
use viewless_protocols::fixed::FixedPoint;
use viewless_protocols::party::Party;
use viewless_protocols::program::Message;
use viewless_protocols::program::{Constant, Op, Program, ValueId};
use viewless_protocols::ring::{Domain, mask, shift_right_arithmetic, signed};
use viewless_protocols::scheme::{self, SchemeSpec, Truncation};
use viewless_simulator::execute::{Execution, Options, execute};
use viewless_simulator::packing;
use viewless_simulator::stream::{Seed, StreamKey};
use viewless_tests::{FIXED, PUBLISHED, map_circuit, random_circuit};

/// The shift of step 1, as on the protocol's card.
const PERIOD_SHIFT: u8 = 24;

fn series(period: f64) -> Series {
    Series {
        period,
        constant: 0.25,
        cosines: vec![0.5, 0.0, -0.125],
        sines: vec![1.0, 0.3],
        opening: viewless_protocols::circuit::Opening::Period,
        most_guard_bits: None,
    }
}

fn circuit(elements: usize, period: f64) -> CheckedCircuit {
    map_circuit(&[elements], |c, x| c.fourier(x, series(period)))
}

fn compile(circuit: &CheckedCircuit, fixed: FixedPoint) -> Program {
    let spec = SchemeSpec { truncation: Truncation::Exact, ..PUBLISHED };
    scheme::compile(circuit, &spec, fixed).expect("the test's circuit compiles")
}

/// The samples of a Program that have a domain, in order.
fn samples(program: &Program, domain: Domain) -> Vec<ValueId> {
    let is_sample =
        |id: &ValueId| matches!(program.value(*id).op, Op::Sample { .. }) && program.value(*id).domain == domain;
    program.iter().map(|(id, _)| id).filter(is_sample).collect()
}

/// The Program with a sample replaced by chosen words, which everyone may know.
fn with_words(program: Program, sample: ValueId, words: &[u64]) -> Program {
    let mut draft = program.into_draft();
    let parties = draft.parties;
    let value = &mut draft.values[sample.index()];
    assert!(matches!(value.op, Op::Sample { .. }) && value.shape.elements() == words.len());
    value.op = Op::Constant(Constant::Words(Arc::from(words)));
    value.holders = parties;
    draft.check().expect("a constant may stand for a sample")
}

/// What the parties exchange in step 4, and the run.
struct Opening {
    /// Sent by P0: n0 - t0.
    from_p0: Vec<u64>,
    /// Sent by P1: n1 - t1.
    from_p1: Vec<u64>,
    execution: Execution,
}

impl Opening {
    /// The opened delta = n - t modulo 2^m.
    fn delta(&self, angle_bits: u8) -> Vec<u64> {
        self.from_p0.iter().zip(&self.from_p1).map(|(a, b)| a.wrapping_add(*b) & mask(angle_bits)).collect()
    }
}

fn open(program: &Program, x: &[f64], seed: u64, angle_bits: u8) -> Opening {
    let angle = Domain::Ring(angle_bits);
    let mut sent: BTreeMap<Party, Vec<u64>> = BTreeMap::new();
    let mut observer = |message: &Message, contents: &[u8]| {
        if program.value(message.value).domain == angle {
            let mut words = vec![0; x.len()];
            packing::unpack(u32::from(angle_bits), contents, &mut words).expect("a message unpacks");
            assert!(sent.insert(message.from, words).is_none(), "each party opens one word of {angle_bits} bits");
        }
    };
    let mut options = Options::new(Seed::from_u64(seed));
    options.observer = Some(&mut observer);
    let inputs: BTreeMap<String, Vec<f64>> = [("x".to_owned(), x.to_vec())].into();
    let execution = execute(program, &inputs, options).expect("the test's inputs fit");
    let mut of = |party| sent.remove(&party).expect("both parties open");
    Opening { from_p0: of(Party::P0), from_p1: of(Party::P1), execution }
}

fn assert_outputs_within_bound(circuit: &CheckedCircuit, x: &[f64], execution: &Execution) {
    let bounds = random_circuit::bound::outputs(circuit, FIXED, Truncation::Exact, |_| x.to_vec());
    let (_, bounded) = &bounds[0];
    for (i, &computed) in execution.outputs[0].values.iter().enumerate() {
        let (truth, bound) = (bounded.values[i], bounded.errors[i]);
        assert!((computed - truth).abs() <= bound, "f({}) = {truth} but got {computed}, bound {bound:e}", x[i]);
    }
}

/// First shares from which trouble is to be expected, and every value of the highest 16 bits over low bits of all kinds.
fn splits() -> Vec<u64> {
    let extremes = [0, u64::MAX, 1 << 63, (1 << 63) - 1, (1 << 63) + 1];
    let powers = (0..64).flat_map(|k| [1u64 << k, (1u64 << k).wrapping_neg(), (1u64 << k) - 1, (1u64 << k) + 1]);
    let low = StreamKey::derive(&Seed::from_u64(1), 0);
    let high_parts = (0..1u64 << 16).map(|high| {
        let low = match high % 4 {
            0 => 0,
            1 => mask(48),
            _ => low.word(high) & mask(48),
        };
        high << 48 | low
    });
    extremes.into_iter().chain(powers).chain(high_parts).collect()
}

/// Period 20 is no power of two: step 1 multiplies by c and shifts each share by itself.
#[test]
fn the_turn_is_floor_or_one_more_for_every_high_part_of_every_split() {
    let splits = splits();
    let circuit = circuit(splits.len(), 20.0);
    let (angle_bits, multiplier) = (21u8, (f64::from(1u32 << 21) * 16_777_216.0 / (20.0 * 65536.0)).round() as u64);
    let mut ones = 0;
    for x in [0.0, 1.0 / 65536.0, -1.0 / 65536.0, 1.7, -9.999, 10.0, -123.456, 32000.0, -32768.0, 1e12, -1.3e14] {
        let program = compile(&circuit, FIXED);
        let share0 = samples(&program, Domain::Z64)[0];
        let mut program = with_words(program, share0, &splits);
        // Without masks the messages are the turned and narrowed shares themselves.
        for t in samples(&program, Domain::Ring(angle_bits)) {
            program = with_words(program, t, &vec![0; splits.len()]);
        }
        let xs = vec![x; splits.len()];
        let opening = open(&program, &xs, 3, angle_bits);
        let word = (x * 65536.0).round() as i64;
        let floor = (i128::from(word) * i128::from(multiplier)) >> PERIOD_SHIFT;
        for (i, (&x0, turn)) in splits.iter().zip(opening.delta(angle_bits)).enumerate() {
            // Steps 1 and 2 again, in integers.
            let turned0 = shift_right_arithmetic(x0.wrapping_mul(multiplier), PERIOD_SHIFT, 64);
            let x1 = (word as u64).wrapping_sub(x0).wrapping_mul(multiplier);
            let turned1 = shift_right_arithmetic(x1.wrapping_neg(), PERIOD_SHIFT, 64).wrapping_neg();
            assert_eq!(opening.from_p0[i], turned0 & mask(angle_bits));
            assert_eq!(opening.from_p1[i], turned1 & mask(angle_bits));
            let off = turn.wrapping_sub(floor as u64) & mask(angle_bits);
            assert!(off <= 1, "x {x}, x0 {x0:#x}: off by {off}");
            ones += off;
        }
        // Far out the reference in f64 is no reference: the angle itself is rounded.
        if x.abs() < 40_000.0 {
            assert_outputs_within_bound(&circuit, &xs, &opening.execution);
        }
    }
    assert!(ones > 0, "both cases of the law occur");
}

/// The lemma behind it at a width where every split can be tried: 16 bits, shift 6, narrowed to 10 and fewer bits.
#[test]
fn at_sixteen_bits_the_turn_is_floor_or_one_more_for_all_splits() {
    let (bits, shift) = (16u8, 6u8);
    for x in (-(1i64 << 15)..1 << 15).step_by(127) {
        for x0 in 0..1u64 << bits {
            let x1 = (x as u64).wrapping_sub(x0) & mask(bits);
            let turned0 = shift_right_arithmetic(x0, shift, bits);
            let turned1 = shift_right_arithmetic(x1.wrapping_neg() & mask(bits), shift, bits).wrapping_neg();
            let off = turned0.wrapping_add(turned1).wrapping_sub((x >> shift) as u64);
            // 2^(bits - shift) vanishes; one bit more, and some splits are wrong.
            assert!(off & mask(bits - shift) <= 1, "x {x}, x0 {x0}");
        }
    }
    let wide = |x: i64, x0: u64| {
        let x1 = (x as u64).wrapping_sub(x0) & mask(bits);
        let turned1 = shift_right_arithmetic(x1.wrapping_neg() & mask(bits), shift, bits).wrapping_neg();
        let sum = shift_right_arithmetic(x0, shift, bits).wrapping_add(turned1);
        sum.wrapping_sub((x >> shift) as u64) & mask(bits - shift + 1) > 1
    };
    assert!((0..1u64 << bits).any(|x0| wide(20_000, x0)), "the canary: without narrowing enough, splits are wrong");
}

/// A period that is a power of two needs no step 1; narrowing alone is exact.
#[test]
fn the_turn_is_exact_for_every_split_where_the_period_is_a_power_of_two() {
    let splits = splits();
    let circuit = circuit(splits.len(), 16.0);
    for x in [0.0, 1.7, -9.999, 32000.0, -1.3e14] {
        let program = compile(&circuit, FIXED);
        let share0 = samples(&program, Domain::Z64)[0];
        let mut program = with_words(program, share0, &splits);
        for t in samples(&program, Domain::Ring(20)) {
            program = with_words(program, t, &vec![0; splits.len()]);
        }
        let xs = vec![x; splits.len()];
        let opening = open(&program, &xs, 4, 20);
        let turn = (x * 65536.0).round() as i64 as u64 & mask(20);
        assert!(opening.delta(20).iter().all(|&delta| delta == turn));
        if x.abs() < 40_000.0 {
            assert_outputs_within_bound(&circuit, &xs, &opening.execution);
        }
    }
}

/// The canary: SecFormer's Algorithm 4 as printed. Each party reduces x_j - t_j, a signed word of 64 bits, modulo 20; the
/// dealer's t is the signed word t_0 + t_1.
///
/// With uniform t_j the two differences are independent and uniform, and their sum leaves the signed range with probability
/// 1/4 (to within 2^-63); 2^48 is 16 modulo 20, so the angle is then wrong. Hoeffding: |observed - 1/4| >= e has probability
/// at most 2 exp(-2 n e^2), which for n = 2^20 and e = 0.0027 is 4.6e-7.
#[test]
fn reducing_each_masked_share_modulo_twenty_is_wrong_in_a_quarter_of_all_cases() {
    const CASES: u64 = 1 << 20;
    const TOLERANCE: f64 = 0.0027;
    assert!(2.0 * (-2.0 * CASES as f64 * TOLERANCE * TOLERANCE).exp() < 1e-6);
    let stream = |number| StreamKey::derive(&Seed::from_u64(2), number);
    let words: [Vec<u64>; 3] = [0, 1, 2].map(|number| {
        let mut words = vec![0; CASES as usize];
        stream(number).fill(0, &mut words);
        words
    });
    let period = 20i128 << 16;
    let x = 111_411u64; // 1.7
    let wrong = (0..CASES as usize).filter(|&i| {
        let [x0, t0, t1] = [words[0][i], words[1][i], words[2][i]];
        let reduced = |word: u64| i128::from(signed(word, 64)).rem_euclid(period);
        let delta = reduced(x0.wrapping_sub(t0)) + reduced(x.wrapping_sub(x0).wrapping_sub(t1));
        let angle = delta + reduced(t0.wrapping_add(t1));
        (angle - i128::from(x)).rem_euclid(period) != 0
    });
    let rate = wrong.count() as f64 / CASES as f64;
    println!("wrong in {rate} of {CASES} cases");
    assert!((rate - 0.25).abs() < TOLERANCE, "{rate}");
}

/// Two fraction bits and period 4: an angle of 4 bits, so that every mask can be tried.
const TINY: FixedPoint = FixedPoint::of::<2>();
const ANGLE_BITS: u8 = 4;
const ANGLES: u64 = 1 << ANGLE_BITS;

/// Exact: for every secret and every share of the mask, what is opened runs through all angles as the other share does. So it
/// has the same distribution, the uniform one, whatever the secret: the view has nothing of it.
#[test]
fn over_all_masks_each_message_and_the_opened_word_take_every_angle_equally_often() {
    // Element (x, t0, t1), each through all 16 angles.
    let elements = ANGLES.pow(3);
    let part = |place: u32| move |i: u64| i / ANGLES.pow(place) % ANGLES;
    let (x_of, t0_of, t1_of) = (part(2), part(1), part(0));
    let circuit = circuit(elements as usize, 4.0);
    let program = compile(&circuit, TINY);
    let masks = samples(&program, Domain::Ring(ANGLE_BITS));
    assert_eq!(masks.len(), 2);
    let words = |of: &dyn Fn(u64) -> u64| (0..elements).map(of).collect::<Vec<_>>();
    let program = with_words(program, masks[0], &words(&t0_of));
    let program = with_words(program, masks[1], &words(&t1_of));
    let xs: Vec<f64> = (0..elements).map(|i| (x_of(i) as f64 - 8.0) / 4.0).collect();

    let mut outputs: BTreeMap<u64, Vec<f64>> = BTreeMap::new();
    for seed in 0..4 {
        let opening = open(&program, &xs, seed, ANGLE_BITS);
        let delta = opening.delta(ANGLE_BITS);
        for i in 0..elements {
            // delta = n - t, bit for bit.
            let expected = x_of(i).wrapping_sub(8).wrapping_sub(t0_of(i)).wrapping_sub(t1_of(i)) & mask(ANGLE_BITS);
            assert_eq!(delta[i as usize], expected);
            outputs.entry(x_of(i)).or_default().push(opening.execution.outputs[0].values[i as usize]);
        }
        for x in 0..ANGLES {
            for fixed in 0..ANGLES {
                let with = |t0: Option<u64>, t1: Option<u64>| {
                    (0..elements).filter(move |&i| {
                        x_of(i) == x && t0.is_none_or(|t| t0_of(i) == t) && t1.is_none_or(|t| t1_of(i) == t)
                    })
                };
                let all = |seen: Vec<u64>| {
                    let mut sorted = seen;
                    sorted.sort_unstable();
                    sorted == (0..ANGLES).collect::<Vec<_>>()
                };
                assert!(all(with(None, Some(fixed)).map(|i| delta[i as usize]).collect()));
                assert!(all(with(Some(fixed), None).map(|i| delta[i as usize]).collect()));
            }
        }
    }
    // Right for each mask: within two units of 1/4 and the rounding of the waves.
    for (x, outputs) in outputs {
        let truth = series(4.0).at((x as f64 - 8.0) / 4.0);
        assert!(outputs.iter().all(|y| (y - truth).abs() <= 0.25 + 0.125), "f({x}) = {truth}, got {outputs:?}");
    }
}

/// Pearson's statistic of counts against equal probabilities.
fn chi_square(counts: &[u64]) -> f64 {
    let expected = counts.iter().sum::<u64>() as f64 / counts.len() as f64;
    counts.iter().map(|&count| (count as f64 - expected).powi(2) / expected).sum()
}

/// A number that a chi-square variable with d degrees of freedom exceeds with probability at most exp(-t):
/// d + 2 sqrt(d t) + 2 t (Laurent and Massart, Annals of Statistics 2000, lemma 1).
fn chi_square_bound(degrees: usize, t: f64) -> f64 {
    let d = degrees as f64;
    d + 2.0 * (d * t).sqrt() + 2.0 * t
}

fn delta_counts(program: &Program, x: f64, elements: usize, seeds: std::ops::Range<u64>) -> [Vec<u64>; 3] {
    let mut counts = [(); 3].map(|()| vec![0; ANGLES as usize]);
    for seed in seeds {
        let opening = open(program, &vec![x; elements], seed, ANGLE_BITS);
        for (counts, words) in counts.iter_mut().zip([opening.delta(ANGLE_BITS), opening.from_p0, opening.from_p1]) {
            words.into_iter().for_each(|word| counts[word as usize] += 1);
        }
    }
    counts
}

/// Six statistics of 15 degrees of freedom and 8192 expected in each cell, where Pearson's statistic is chi-square for all
/// purposes; t = ln(6 / 10^-6) makes a false alarm in any of them less likely than 10^-6.
#[test]
fn opened_words_and_messages_of_real_runs_are_uniform_whatever_the_secret() {
    const ELEMENTS: usize = 4096;
    const SEEDS: u64 = 32;
    let program = compile(&circuit(ELEMENTS, 4.0), TINY);
    let bound = chi_square_bound(15, (6.0f64 / 1e-6).ln());
    // Seeds of its own for each secret: with the same ones the counts would be each other's rotations.
    for (x, seeds) in [(0.0, 0..SEEDS), (1.25, SEEDS..2 * SEEDS)] {
        for (what, counts) in ["delta", "P0's", "P1's"].iter().zip(delta_counts(&program, x, ELEMENTS, seeds)) {
            let statistic = chi_square(&counts);
            println!("x {x}, {what}: {statistic:.1} of at most {bound:.1}");
            assert!(statistic < bound, "{what}: {counts:?}");
        }
    }
    // The canary: a mask that is always even leaves the lowest bit of x in the open word, and the test sees it.
    let masks = samples(&program, Domain::Ring(ANGLE_BITS));
    let even: Vec<u64> = (0..ELEMENTS as u64).map(|i| 2 * i % ANGLES).collect();
    let flawed = with_words(with_words(program, masks[0], &even), masks[1], &even);
    let [delta, ..] = delta_counts(&flawed, 1.25, ELEMENTS, 0..1);
    assert!(chi_square(&delta) > bound, "{delta:?}");
}
