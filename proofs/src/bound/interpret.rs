//! Runs a tape over forms: what every run of the protocol can give, for 64 cells of inputs at once.
//!
//! **The law of a trigonometric sum** (`scheme/additive2/fourier.rs`), for an argument x in units and a period of 2^m angle units:
//! - *angle*: n = x, or a neighbour of x c / 2^24 when the period is no power of two of units; n counts modulo 2^m. The shift by 24 bits
//!   cannot wrap: its wrap is a multiple of 2^40.
//! - *sum*: the parties add A_k C_k + B_k S_k in integers at G bits, where the dealt C_k, S_k = cos, sin(2 pi k t / 2^m) and the public
//!   A_k, B_k are rounded to nearest. With h = 2^-G (1/2 + 2^-20) for each of the four roundings (the 2^-20 covers libm, whose relative
//!   error of 2^-51 is below 2^-20 units up to 2^30 units), the error of the k-th term is at most
//!   h (|A| + |B| + |C| + |S|) + 2 h^2 <= sqrt(2) h (r_k + 1) + 2 h^2, r_k = sqrt(a_k^2 + b_k^2), because A^2 + B^2 = r_k^2 and C^2 + S^2 = 1
//!   whatever t is.
//! - *truncation*: to floor or ceiling, then the encoded constant is added.
//!
//! - *a remainder* (`Opening::Remainder`): the sum is taken anywhere. Its range is that of its values at 4096 angles, widened by the eighth of
//!   the square of their distance times the bound of |f''|.
//!
//! The exact sum f at n0 + d comes from value and slope at n0, the nearest integer to the middle: |f(n0 + d) - f(n0) - d f'(n0)| is at
//! most d^2/2 sum k^2 r_k w^2 with w = 2 pi / 2^m, and at most d^2/2 |f''(n0)| + d^3/6 sum k^3 r_k w^3; of sums of many terms also at most Taylor's sum to
//! the tenth derivative at n0 and the eleventh anywhere.

use super::form::{Form, Kind, LANES, Lane, down, lanes, up};
use super::power::{self, Power};
use super::table::Entries;
use super::tape::{Register, Scalar, Tape};
use super::waves::Waves;
use super::{Arithmetic, BoundError};
use std::sync::Arc;
use viewless_protocols::fixed::{self, RING_BITS, power_of_two};
use viewless_protocols::scheme::Truncation;
use viewless_protocols::scheme::laws::{self, PERIOD_SHIFT};

/// A step with its public numbers brought to units.
#[derive(Debug, Clone)]
enum Prepared {
    /// Nothing to prepare.
    Plain,
    /// A public number, in units.
    Number(f64),
    /// A public factor m / 2^e.
    Factor(f64, i32),
    /// A trigonometric sum.
    Waves(Arc<Waves>),
    /// A table.
    Entries(Arc<Entries>),
    /// A power of two.
    Power(Arc<Power>),
}

/// A tape ready to be bounded under an arithmetic.
#[derive(Debug, Clone)]
pub struct Interpreter {
    tape: Tape,
    arithmetic: Arithmetic,
    prepared: Vec<Prepared>,
    /// Registers that nobody needs after each step.
    dying: Vec<Vec<Register>>,
    /// Steps of which it is known that they stay within what they rest on.
    trusted: Vec<bool>,
}

/// The first number that leaves the headroom, or may.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Left {
    /// Its step of the tape.
    pub step: usize,
    /// Whether it leaves it in every run, which is known because all before it are bounded; otherwise its bound is too wide to tell.
    pub surely: bool,
}

/// What 64 cells gave.
pub(super) struct Outcome {
    /// The form of every output register, in order of the outputs.
    pub(super) outputs: Vec<Form>,
    /// The first number that leaves the headroom, or may; absent where all stay within.
    pub(super) left: [Option<Left>; LANES],
    /// Expected wraps of local truncations, for the largest magnitudes.
    pub(super) wraps: Lane,
    /// Comparisons that could come out either way.
    pub(super) undecided: [u32; LANES],
}

struct Lanes<'a> {
    interpreter: &'a Interpreter,
    registers: Vec<Option<Box<Form>>>,
    /// The step that is being done.
    position: usize,
    left: [Option<Left>; LANES],
    wraps: Lane,
    undecided: [u32; LANES],
    /// In each lane the outcome of the k-th undecided comparison is bit k, for k below the number given.
    outcomes: ([u32; LANES], u32),
}

impl Interpreter {
    /// Prepares a tape.
    ///
    /// # Errors
    /// [`BoundError`] for public numbers that have no encoding, as the compiler would say too.
    pub fn new(tape: Tape, arithmetic: Arithmetic) -> Result<Self, BoundError> {
        let prepare = |step: &super::tape::Step| prepare(&tape, arithmetic, &step.scalar, step.fraction_bits);
        let prepared = tape.steps.iter().map(prepare).collect::<Result<_, _>>()?;
        let mut last_use: Vec<usize> = (0..tape.steps.len()).collect();
        for (i, step) in tape.steps.iter().enumerate() {
            step.scalar.for_each_argument(|argument| last_use[argument as usize] = i);
        }
        for output in &tape.outputs {
            output.registers.iter().for_each(|&register| last_use[register as usize] = usize::MAX);
        }
        let mut dying = vec![Vec::new(); tape.steps.len()];
        for (register, &last) in (0..).zip(&last_use) {
            if let Some(dying) = dying.get_mut(last) {
                dying.push(register);
            }
        }
        let trusted = vec![false; tape.steps.len()];
        Ok(Self { tape, arithmetic, prepared, dying, trusted })
    }

    /// The same, where it is known of some steps that their numbers stay within what they rest on, as long as those of all steps before do: of these it is
    /// not asked whether they leave it.
    #[must_use]
    pub fn trusting(self, trusted: &[bool]) -> Self {
        Self { trusted: trusted.to_vec(), ..self }
    }

    /// The tape.
    #[must_use]
    pub fn tape(&self) -> &Tape {
        &self.tape
    }

    /// Runs over inputs between `low` and `high`, in units; element i of lane l is `ends(i, l)`.
    pub(super) fn run(&self, ends: impl Fn(usize, usize) -> (f64, f64)) -> Outcome {
        self.run_assuming(ends, ([0; LANES], 0))
    }

    /// As [`Interpreter::run`], for the runs in which the first comparisons that the interval leaves open have known outcomes: bit k of a
    /// lane's word is that of the k-th, for k below the number given.
    pub(super) fn run_assuming(
        &self,
        ends: impl Fn(usize, usize) -> (f64, f64),
        outcomes: ([u32; LANES], u32),
    ) -> Outcome {
        let mut run = Lanes {
            interpreter: self,
            registers: vec![None; self.tape.steps.len()],
            position: 0,
            left: [None; LANES],
            wraps: [0.0; LANES],
            undecided: [0; LANES],
            outcomes,
        };
        for position in 0..self.tape.steps.len() {
            let form = run.step(position, &ends);
            if let (Some(bits), Arithmetic::Ring(_)) = (self.tape.steps[position].number_bits, self.arithmetic) {
                run.within(&form, bits);
            }
            run.registers[position] = Some(Box::new(form));
            for &dead in &self.dying[position] {
                run.registers[dead as usize] = None;
            }
        }
        for output in self.tape.outputs.iter().filter(|_| self.arithmetic != Arithmetic::Reals) {
            let Some(bits) = output.room_bits else { continue };
            for &register in &output.registers {
                run.position = register as usize;
                let form = run.form(register).clone();
                run.within(&form, bits);
            }
        }
        let registers = self.tape.outputs.iter().flat_map(|output| &output.registers);
        let outputs = registers.map(|&register| run.form(register).clone()).collect();
        Outcome { outputs, left: run.left, wraps: run.wraps, undecided: run.undecided }
    }
}

fn kind(arithmetic: Arithmetic) -> Kind {
    match arithmetic {
        Arithmetic::Reals => Kind::Reals,
        Arithmetic::Ring(_) => Kind::Ring,
    }
}

fn prepare(tape: &Tape, arithmetic: Arithmetic, scalar: &Scalar, fraction_bits: u8) -> Result<Prepared, BoundError> {
    let encode = |number: f64, bits: u8| match arithmetic {
        Arithmetic::Reals => Ok(number * power_of_two(i32::from(bits))),
        Arithmetic::Ring(_) => fixed::encode(number, bits, RING_BITS).map(|word| word as i64 as f64),
    };
    let bits_of = |register: Register| tape.steps[register as usize].fraction_bits;
    Ok(match scalar {
        &Scalar::Constant(number) | &Scalar::Offset(_, number) => Prepared::Number(encode(number, fraction_bits)?),
        &Scalar::LessThan(a, bound) => Prepared::Number(encode(bound, bits_of(a))?),
        &Scalar::Scale(_, factor) => match arithmetic {
            Arithmetic::Reals => Prepared::Factor(factor, 0),
            Arithmetic::Ring(_) => {
                let (multiplier, exponent) = laws::multiplier(factor, fraction_bits, tape.fixed);
                Prepared::Factor(multiplier as f64, exponent)
            }
        },
        Scalar::Fourier(_, series) => Prepared::Waves(Arc::new(Waves::new(arithmetic, series, fraction_bits)?)),
        Scalar::Lookup(a, table) => {
            Prepared::Entries(Arc::new(Entries::new(arithmetic, table, bits_of(*a), fraction_bits)?))
        }
        &Scalar::Power(a, sectors) => {
            Prepared::Power(Arc::new(Power::new(arithmetic, sectors, bits_of(a), fraction_bits)?))
        }
        Scalar::Input(_)
        | Scalar::Add(..)
        | Scalar::Sub(..)
        | Scalar::Neg(_)
        | Scalar::Shift(_)
        | Scalar::Precision(_)
        | Scalar::Mul(..)
        | Scalar::Square(_)
        | Scalar::Dot(_)
        | Scalar::Sum(_)
        | Scalar::Less(..)
        | Scalar::Equal(..)
        | Scalar::And(..)
        | Scalar::Xor(..)
        | Scalar::Not(_)
        | Scalar::Select(..)
        | Scalar::Real(_)
        | Scalar::Level(..) => Prepared::Plain,
    })
}

/// 2^63.
const HEADROOM: f64 = 9_223_372_036_854_775_808.0;
impl Lanes<'_> {
    fn form(&self, register: Register) -> &Form {
        self.registers[register as usize].as_deref().expect("a register lives until its last use")
    }

    fn bits(&self, register: Register) -> i32 {
        i32::from(self.interpreter.tape.steps[register as usize].fraction_bits)
    }

    /// What the step that is being done rests on, see [`super::tape::Step`].
    fn room_bits(&self) -> u8 {
        self.interpreter.tape.steps[self.position].room_bits
    }

    /// Marks the lanes in which a number may reach 2^bits.
    fn within(&mut self, form: &Form, bits: u8) {
        let bound = power_of_two(i32::from(bits));
        for i in 0..LANES {
            // Also false for what is not a number.
            let stays = form.low[i] > -bound && form.high[i] < bound;
            self.require(i, stays, form.low[i] >= bound || form.high[i] <= -bound);
        }
    }

    /// Notes the first number of a lane that does not stay within.
    fn require(&mut self, lane: usize, stays: bool, surely_leaves: bool) {
        if !stays && !self.interpreter.trusted[self.position] {
            self.left[lane].get_or_insert(Left { step: self.position, surely: surely_leaves });
        }
    }

    #[expect(clippy::too_many_lines, reason = "one arm for each operation")]
    fn step(&mut self, position: usize, ends: &impl Fn(usize, usize) -> (f64, f64)) -> Form {
        let interpreter = self.interpreter;
        let kind = kind(interpreter.arithmetic);
        let step = &interpreter.tape.steps[position];
        self.position = position;
        let symbol = position as u32;
        let to = i32::from(step.fraction_bits);
        let prepared = &interpreter.prepared[position];
        let number = || match prepared {
            Prepared::Number(number) => *number,
            other @ (Prepared::Plain
            | Prepared::Factor(..)
            | Prepared::Waves(_)
            | Prepared::Entries(_)
            | Prepared::Power(_)) => {
                unreachable!("not prepared: {other:?}")
            }
        };
        let form = match &step.scalar {
            Scalar::Input(element) => {
                let (low, high) = (lanes(|i| ends(*element, i).0), lanes(|i| ends(*element, i).1));
                Form::between(low, high, symbol, kind)
            }
            Scalar::Constant(_) => Form::splat(number()),
            &Scalar::Add(a, b) => Form::sum(self.form(a), self.form(b), 1.0, kind),
            &Scalar::Sub(a, b) => Form::sum(self.form(a), self.form(b), -1.0, kind),
            &Scalar::Neg(a) => Form::scaled(self.form(a), -1.0, true, kind),
            &Scalar::Offset(a, _) => Form::offset(self.form(a), number()),
            &Scalar::Shift(a) => self.form(a).clone(),
            &Scalar::Scale(a, _) => {
                let Prepared::Factor(factor, exponent) = *prepared else { unreachable!("a factor is prepared") };
                let power = factor.abs() == 1.0;
                let scaled = Form::scaled(self.form(a), factor, power, kind);
                self.rescale(scaled, self.bits(a) + exponent, to, symbol)
            }
            &Scalar::Precision(a) => self.rescale(self.form(a).clone(), self.bits(a), to, symbol),
            &Scalar::Mul(a, b) => {
                let product = Form::product(self.form(a), self.form(b), kind);
                self.rescale(product, self.bits(a) + self.bits(b), to, symbol)
            }
            &Scalar::Square(a) => {
                let square = Form::square(self.form(a), kind);
                self.rescale(square, 2 * self.bits(a), to, symbol)
            }
            Scalar::Dot(terms) => {
                let mut sum = Form::splat(0.0);
                let mut from = to;
                for &(a, b) in terms {
                    from = self.bits(a) + self.bits(b);
                    sum = Form::sum(&sum, &Form::product(self.form(a), self.form(b), kind), 1.0, kind);
                }
                self.rescale(sum, from, to, symbol)
            }
            Scalar::Sum(terms) => {
                let mut terms = terms.iter();
                let first = terms.next().map_or_else(|| Form::splat(0.0), |&a| self.form(a).clone());
                terms.fold(first, |sum, &a| Form::sum(&sum, self.form(a), 1.0, kind))
            }
            &Scalar::Less(a, b) => {
                let difference = Form::sum(self.form(a), self.form(b), -1.0, kind);
                self.sign(&difference)
            }
            &Scalar::Equal(a, b) => {
                let difference = Form::sum(self.form(a), self.form(b), -1.0, kind);
                bit(|i| match (difference.low[i], difference.high[i]) {
                    (low, high) if low > 0.0 || high < 0.0 => (0.0, 0.0),
                    (low, high) if low == 0.0 && high == 0.0 => (1.0, 1.0),
                    _ => (0.0, 1.0),
                })
            }
            &Scalar::LessThan(a, _) => {
                let difference = Form::offset(self.form(a), -number());
                self.sign(&difference)
            }
            &Scalar::And(a, b) => {
                let (a, b) = (self.form(a), self.form(b));
                bit(|i| (a.low[i] * b.low[i], a.high[i] * b.high[i]))
            }
            &Scalar::Xor(a, b) => {
                let (a, b) = (self.form(a), self.form(b));
                let known = |i: usize| a.low[i] == a.high[i] && b.low[i] == b.high[i];
                let value = |i: usize| (a.low[i] - b.low[i]).abs();
                bit(|i| if known(i) { (value(i), value(i)) } else { (0.0, 1.0) })
            }
            &Scalar::Not(a) => {
                let a = self.form(a);
                bit(|i| (1.0 - a.high[i], 1.0 - a.low[i]))
            }
            &Scalar::Select(b, x) => self.select(self.form(b), self.form(x), symbol, kind),
            &Scalar::Real(a) => Form::scaled(self.form(a), power_of_two(to), true, kind),
            &Scalar::Fourier(a, _) => {
                let Prepared::Waves(waves) = prepared else { unreachable!("waves are prepared") };
                self.fourier(self.form(a).clone(), waves, symbol, kind)
            }
            &Scalar::Power(a, _) => {
                let Prepared::Power(power) = prepared else { unreachable!("a power is prepared") };
                let form = power.of(self.form(a).clone(), kind);
                self.cut(form, power.shift, symbol, kind)
            }
            Scalar::Level(row, levels) => {
                let row: Vec<&Form> = row.iter().map(|&x| self.form(x)).collect();
                let ends = |i: usize| row.iter().map(move |form| (form.low[i], form.high[i]));
                let mut form = interval(|i| power::level(*levels, to, ends(i), kind));
                form.settle(Some(symbol), kind);
                form
            }
            &Scalar::Lookup(a, _) => {
                let Prepared::Entries(entries) = prepared else { unreachable!("entries are prepared") };
                let a = self.form(a);
                let mut form = interval(|i| entries.between(a.low[i], a.high[i]));
                form.settle(Some(symbol), kind);
                form
            }
        };
        match interpreter.arithmetic {
            Arithmetic::Reals => self.within(&form, 200),
            Arithmetic::Ring(_) => self.within(&form, RING_BITS - 1),
        }
        form
    }

    /// From `from` to `to` fraction bits.
    fn rescale(&mut self, mut form: Form, from: i32, to: i32, symbol: u32) -> Form {
        match self.interpreter.arithmetic {
            Arithmetic::Reals => {
                form.scale(power_of_two(to - from), true, Kind::Reals);
                form.settle(Some(symbol), Kind::Reals);
                form
            }
            Arithmetic::Ring(_) if from <= to => {
                form.scale(power_of_two(to - from), true, Kind::Ring);
                form
            }
            Arithmetic::Ring(truncation) => {
                self.within(&form, self.room_bits());
                self.count_wraps(truncation, &form, 1.0);
                let shift = u8::try_from(from - to).expect("fraction bits are below 64");
                form.truncated(shift, symbol)
            }
        }
    }

    /// A number that is truncated by `shift` bits, given in units of the result.
    fn cut(&mut self, mut form: Form, shift: i32, symbol: u32, kind: Kind) -> Form {
        if let Arithmetic::Ring(truncation) = self.interpreter.arithmetic {
            let (scale, room) = (power_of_two(shift), power_of_two(i32::from(self.room_bits())));
            for i in 0..LANES {
                let magnitude = form.low[i].abs().max(form.high[i].abs()) * scale;
                self.require(i, magnitude < room, false);
                (form.low[i], form.high[i]) = (form.low[i].floor(), form.high[i].ceil());
                form.error[i] += 1.0;
            }
            self.count_wraps(truncation, &form, scale);
        }
        form.settle(Some(symbol), kind);
        form
    }

    fn count_wraps(&mut self, truncation: Truncation, form: &Form, scale: f64) {
        match truncation {
            Truncation::Exact | Truncation::Narrowing => {}
            Truncation::Local => {
                let word = scale * power_of_two(-i32::from(RING_BITS));
                for i in 0..LANES {
                    self.wraps[i] += form.low[i].abs().max(form.high[i].abs()) * word;
                }
            }
        }
    }

    /// The bit "below zero".
    fn sign(&mut self, difference: &Form) -> Form {
        if self.interpreter.arithmetic != Arithmetic::Reals {
            self.within(difference, self.room_bits());
        }
        let (outcomes, assumed) = self.outcomes;
        let undecided = &mut self.undecided;
        let mut outcome = [(0.0, 1.0); LANES];
        for i in 0..LANES {
            let (surely, never) = (difference.high[i] < 0.0, difference.low[i] >= 0.0);
            outcome[i] = match (surely, never) {
                (true, _) => (1.0, 1.0),
                (false, true) => (0.0, 0.0),
                (false, false) => {
                    let k = undecided[i];
                    undecided[i] += 1;
                    let known = f64::from(outcomes[i] >> k.min(31) & 1);
                    if k < assumed { (known, known) } else { (0.0, 1.0) }
                }
            };
        }
        bit(|i| outcome[i])
    }

    fn select(&self, bit: &Form, x: &Form, symbol: u32, kind: Kind) -> Form {
        let mut form = x.clone();
        for i in 0..LANES {
            if bit.low[i] > 0.5 {
                continue;
            }
            let known = bit.high[i] < 0.5;
            form.low[i] = if known { 0.0 } else { x.low[i].min(0.0) };
            form.high[i] = if known { 0.0 } else { x.high[i].max(0.0) };
            form.centre[i] = 0.0;
            form.error[i] = form.high[i].max(-form.low[i]);
            form.terms.iter_mut().for_each(|(_, term)| term[i] = 0.0);
        }
        form.settle(Some(symbol), kind);
        form
    }

    fn fourier(&mut self, mut form: Form, waves: &Waves, symbol: u32, kind: Kind) -> Form {
        if let Some(ends) = waves.anywhere {
            return self.anywhere(ends, waves, symbol, kind);
        }
        let room_bits = self.room_bits();
        for i in 0..LANES {
            let (x_low, x_high) = (form.low[i], form.high[i]);
            let (x_centre, x_radius, x_error) = (form.centre[i], form.radius[i], form.error[i]);
            // The angle, in angle units: an interval of n, and n - n0 = ratio (x - centre) + shift + at most `inexact`.
            let (low, high) = match waves.multiplier {
                Some(c) if kind == Kind::Ring => {
                    // Clamped for lanes that left the headroom and are given up anyway.
                    let word = |x: f64| x.clamp(-HEADROOM, HEADROOM) as i128 * i128::from(c);
                    let low = laws::truncated(word(x_low), PERIOD_SHIFT).0;
                    (low as f64, laws::truncated(word(x_high), PERIOD_SHIFT).1 as f64)
                }
                _ => (down(x_low * waves.ratio, kind), up(x_high * waves.ratio, kind)),
            };
            let n = ((low + high) / 2.0).round();
            let at = waves.at(n as i64);
            let (value, slope) = (at.value, at.slope);
            let reach = (high - n).max(n - low);
            // From the interval of n.
            let rest = waves.beyond(reach, &at) + waves.rounding + slope.abs() * (n.abs() * 4.0 * f64::EPSILON);
            let (p, q) = (slope * (low - n), slope * (high - n));
            let limit = waves.amplitude + waves.rounding;
            let slack = f64::EPSILON * 8.0 * limit;
            let mut ends = (
                (value + p.min(q) - rest - slack).max(-limit - slack),
                (value + p.max(q) + rest + slack).min(limit + slack),
            );
            // From the affine form.
            let factor = slope * waves.ratio;
            let shift = x_centre * waves.ratio - n;
            let inexact = match (kind, waves.multiplier) {
                (Kind::Ring, None) => 0.0,
                (Kind::Ring, Some(_)) => 1.0,
                (Kind::Reals, _) => 0.0,
            } + 8.0 * f64::EPSILON * n.abs();
            let distance = shift.abs() + waves.ratio * x_radius + inexact;
            form.centre[i] = value + slope * shift;
            form.terms.iter_mut().for_each(|(_, term)| term[i] *= factor);
            form.error[i] = x_error * factor.abs()
                + slope.abs() * inexact
                + waves.beyond(distance, &at)
                + waves.rounding
                + slack * (1.0 + waves.fastest * distance);
            if let Arithmetic::Ring(truncation) = self.interpreter.arithmetic {
                let magnitude = ends.0.abs().max(ends.1.abs()) * power_of_two(waves.shift);
                self.require(i, magnitude < power_of_two(i32::from(room_bits)), false);
                if truncation == Truncation::Local {
                    self.wraps[i] += magnitude * power_of_two(-i32::from(RING_BITS));
                }
                ends = (ends.0.floor(), ends.1.ceil());
                form.error[i] += 1.0;
            }
            form.centre[i] += waves.constant;
            (form.low[i], form.high[i]) = (down(ends.0 + waves.constant, kind), up(ends.1 + waves.constant, kind));
            form.error[i] += 4.0 * f64::EPSILON * (waves.constant.abs() + limit);
        }
        form.settle(Some(symbol), kind);
        form
    }
}

impl Lanes<'_> {
    /// The sum at any angle.
    fn anywhere(&mut self, (low, high): (f64, f64), waves: &Waves, symbol: u32, kind: Kind) -> Form {
        let (mut low, mut high) = (low - waves.rounding, high + waves.rounding);
        if let Arithmetic::Ring(truncation) = self.interpreter.arithmetic {
            let magnitude = high.abs().max(low.abs()) * power_of_two(waves.shift);
            let within = magnitude < power_of_two(i32::from(self.room_bits()));
            (0..LANES).for_each(|i| self.require(i, within, false));
            if truncation == Truncation::Local {
                self.wraps.iter_mut().for_each(|wraps| *wraps += magnitude * power_of_two(-i32::from(RING_BITS)));
            }
            (low, high) = (low.floor(), high.ceil());
        }
        let ends = (down(low + waves.constant, kind), up(high + waves.constant, kind));
        let mut form = interval(|_| ends);
        form.settle(Some(symbol), kind);
        form
    }
}

fn bit(ends: impl Fn(usize) -> (f64, f64)) -> Form {
    interval(ends)
}

/// A form of which nothing but its ends is known.
fn interval(ends: impl Fn(usize) -> (f64, f64)) -> Form {
    let mut form = Form::known(lanes(|i| ends(i).0));
    for i in 0..LANES {
        form.high[i] = ends(i).1;
        let half = (form.high[i] - form.low[i]) / 2.0;
        form.centre[i] = form.low[i] + half;
        form.error[i] = half;
        form.radius[i] = half;
    }
    form
}
