//! Masked sines as Programs, written out so that the reduction of the opened difference can be wrong.
//!
//! x and the mask t are words of 16 bits with 6 fraction bits, so that any function of a word is a table. The dealer knows t and deals
//! sin(k t) and cos(k t); delta = x - t is opened; sin(k x) = sin(k delta) cos(k t) + cos(k delta) sin(k t). All is exact in the ring
//! but the rounding of the tables.

use crate::gallery::blocks::{Shares, deal, dealt, minus, open};
use viewless_protocols::circuit::{CheckedCircuit, Op, Series};
use viewless_protocols::nonlinear::extension::{self, Request, Waves};
use viewless_protocols::party::Party::{self, Client, Dealer, P0, P1};
use viewless_protocols::party::PartySet;
use viewless_protocols::program::{Program, ProgramBuilder, ValueId, WordFunction};
use viewless_protocols::ring::{self, Domain};
use viewless_protocols::scheme::CompileError;
use viewless_protocols::shape::Shape;

/// The tables' words.
const WORD: Domain = Domain::Ring(16);
/// Fraction bits of x and t.
pub(super) const FRACTION_BITS: u8 = 6;
/// Fraction bits of each of two factors.
const WAVE_BITS: u8 = 20;

/// tanh on [-4, 4] by seven sines.
pub(super) fn sines(period: f64) -> Series {
    let request = Request { low: 0.0, high: 4.0, period, terms: 7, waves: Waves::Sines, ridge: 1e-9 };
    extension::fit(libm_tanh, &request).series
}

fn libm_tanh(x: f64) -> f64 {
    x.tanh()
}

/// What becomes of the opened difference.
#[derive(Clone, Copy)]
enum Reduction {
    /// Nothing but what is said: the whole word is opened and reduced by this modulus, in real units.
    Whole(f64),
    /// Each party reduces its own share by the period, and the sum is taken for the difference.
    Shares,
}

/// The sines of the circuit's series, delta reduced by their own period. The mask is of 14 bits, so that delta does not wrap.
pub(super) fn reduced_by_the_period(circuit: &CheckedCircuit) -> Result<Program, CompileError> {
    let (series, elements) = asked(circuit);
    masked(&series, elements, Reduction::Whole(series.period))
}

/// The same, reduced by 2 pi, as SecFormer's released code does before it multiplies by k pi / 10.
pub(super) fn reduced_by_a_turn(circuit: &CheckedCircuit) -> Result<Program, CompileError> {
    let (series, elements) = asked(circuit);
    masked(&series, elements, Reduction::Whole(2.0 * std::f64::consts::PI))
}

/// Each share of delta is reduced by itself.
pub(super) fn reduced_by_shares(circuit: &CheckedCircuit) -> Result<Program, CompileError> {
    let (series, elements) = asked(circuit);
    masked(&series, elements, Reduction::Shares)
}

/// The series and the length of the vector.
fn asked(circuit: &CheckedCircuit) -> (Series, usize) {
    let found = circuit.nodes().iter().find_map(|node| match &node.op {
        Op::Fourier(_, series) => Some((series.as_ref().clone(), node.shape.elements())),
        _ => None,
    });
    found.expect("the circuits of this gallery have one series")
}

/// A function of a real number, given in units of the tables, as a table of words of 64 bits.
fn table(fraction_bits: u8, f: impl Fn(f64) -> f64) -> WordFunction {
    let entry = |word: u64| {
        let x = ring::signed(word, WORD.bits()) as f64 / f64::from(1u32 << FRACTION_BITS);
        (f(x) * f64::from(1u32 << fraction_bits)).round() as i64 as u64
    };
    WordFunction::Table { entries: (0..=WORD.mask()).map(entry).collect(), domain: Domain::Z64 }
}

fn masked(series: &Series, elements: usize, reduction: Reduction) -> Result<Program, CompileError> {
    let parties = PartySet::of(&[P0, P1, Dealer, Client, Party::ModelOwner]);
    let mut p = ProgramBuilder::new(parties, Party::ModelOwner);
    let shape: Shape = [elements].into();
    let x = p.input(Client, "x", FRACTION_BITS, WORD, shape.clone());
    let x0 = p.sample(PartySet::of(&[Client, P0]), WORD, shape.clone());
    let x1 = p.sub(x, x0);
    let x: Shares = [x0, p.send(x1, P1)];
    let t: Shares = match reduction {
        Reduction::Whole(_) => [P0, P1].map(|party| {
            let narrow = dealt(&mut p, party, Domain::Ring(13), shape.clone());
            p.convert(narrow, WORD)
        }),
        Reduction::Shares => [P0, P1].map(|party| dealt(&mut p, party, WORD, shape.clone())),
    };
    let t_clear = p.add(t[0], t[1]);
    let delta = minus(&mut p, x, t);
    let (delta, modulus) = match reduction {
        Reduction::Whole(modulus) => (open(&mut p, delta), modulus),
        Reduction::Shares => {
            let period = (series.period * f64::from(1u32 << FRACTION_BITS)) as i64;
            let entry = |word: u64| ring::signed(word, WORD.bits()).rem_euclid(period) as u64;
            let own = WordFunction::Table { entries: (0..=WORD.mask()).map(entry).collect(), domain: WORD };
            let delta = delta.map(|share| p.function(own.clone(), share));
            (open(&mut p, delta), series.period)
        }
    };
    let angle = |k: usize, x: f64| 2.0 * std::f64::consts::PI * (k + 1) as f64 * x / series.period;
    let mut y: Option<[ValueId; 2]> = None;
    for (k, &amplitude) in series.sines.iter().enumerate() {
        let [sine, cosine] = [f64::sin as fn(f64) -> f64, f64::cos].map(|wave| {
            let wave = p.function(table(WAVE_BITS, |t| wave(angle(k, t))), t_clear);
            deal(&mut p, wave)
        });
        let [opened_sine, opened_cosine] = [f64::sin as fn(f64) -> f64, f64::cos]
            .map(|wave| p.function(table(WAVE_BITS, |d| amplitude * wave(angle(k, d.rem_euclid(modulus)))), delta));
        let term = [0, 1].map(|i| {
            let (a, b) = (p.mul(opened_sine, cosine[i]), p.mul(opened_cosine, sine[i]));
            p.add(a, b)
        });
        y = Some(y.map_or(term, |y| [0, 1].map(|i| p.add(y[i], term[i]))));
    }
    let y = y.expect("a series has a sine");
    let zero = p.sample(PartySet::of(&[P0, P1]), Domain::Z64, shape);
    let fresh = [p.add(y[0], zero), p.sub(y[1], zero)];
    let received = fresh.map(|share| p.send(share, Client));
    let y = p.add(received[0], received[1]);
    p.reveal(y, Client, "y", 2 * WAVE_BITS);
    Ok(p.finish()?)
}
