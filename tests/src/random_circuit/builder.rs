//! From a recipe to a circuit: what exists, how large it may be, and the step that each operation is.

use super::{INPUT_MAGNITUDE, Operation, Step};
use viewless_protocols::circuit::{
    Bit, CheckedCircuit, Circuit, Levels, Opening, Owner, Secret, Sectors, Series, Table,
};
use viewless_protocols::fixed::{FixedPoint, power_of_two};
use viewless_protocols::scheme::Truncation;
use viewless_protocols::scheme::laws::{self, PowerWords};
use viewless_protocols::shape::Shape;
use viewless_protocols::windows::Windows;

/// No value may be larger.
const MAGNITUDE: f64 = 1024.0;
const ELEMENTS: usize = 48;
const GUARD_BITS: std::ops::RangeInclusive<i8> = -6..=8;
const SHAPES: [&[usize]; 8] = [&[2, 3], &[3], &[3, 2], &[2, 2, 3], &[1, 3], &[2, 3, 2], &[4], &[]];
const PERIODS: [f64; 7] = [16.0, 20.0, 4.0, 2.5, 6.75, 1.0, 31.0];

/// low <= x <= high.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Range {
    low: f64,
    high: f64,
}

impl Range {
    fn new(a: f64, b: f64) -> Self {
        Self { low: a.min(b), high: a.max(b) }
    }

    fn add(self, other: Self) -> Self {
        Self { low: self.low + other.low, high: self.high + other.high }
    }

    fn scaled(self, factor: f64) -> Self {
        Self::new(self.low * factor, self.high * factor)
    }

    fn times(self, other: Self) -> Self {
        self.scaled(other.low).hull(self.scaled(other.high))
    }

    fn hull(self, other: Self) -> Self {
        Self { low: self.low.min(other.low), high: self.high.max(other.high) }
    }

    fn magnitude(self) -> f64 {
        self.low.abs().max(self.high.abs())
    }
}

struct Real {
    secret: Secret,
    range: Range,
    used: bool,
}

struct Truth {
    bit: Bit,
    shape: Shape,
    used: bool,
}

pub(super) struct Builder {
    circuit: Circuit,
    fixed: FixedPoint,
    /// Binary logarithm of the largest integer that may be truncated.
    headroom_bits: i32,
    /// Guard bits of the waves of a series.
    wave_guard_bits: u8,
    reals: Vec<Real>,
    bits: Vec<Truth>,
    inputs: usize,
    outputs: usize,
}

/// A public number: an integer, a multiple of 1/16 or neither, by the parameter's residue modulo 3.
fn number(parameter: i16) -> f64 {
    match parameter.rem_euclid(3) {
        0 => f64::from(parameter / 3 % 8),
        1 => f64::from(parameter % 97) / 16.0,
        _ => f64::from(parameter) * 1.1e-4,
    }
}

fn guard_bits(parameter: i16) -> i8 {
    let count = i16::from(GUARD_BITS.end() - GUARD_BITS.start()) + 1;
    GUARD_BITS.start() + parameter.rem_euclid(count) as i8
}

impl Builder {
    pub(super) fn new(truncation: Truncation, fixed: FixedPoint) -> Self {
        // Local: a wrap has probability 2^-16 for the largest admitted integer. Exact: none below 2^62, with a bit to spare
        // for errors.
        let headroom_bits = match truncation {
            Truncation::Local => 48,
            Truncation::Exact | Truncation::Narrowing => 61,
        };
        let mut builder = Self {
            circuit: Circuit::new(),
            fixed,
            headroom_bits,
            wave_guard_bits: laws::wave_guard_bits(truncation),
            reals: vec![],
            bits: vec![],
            inputs: 0,
            outputs: 0,
        };
        builder.input(Owner::Client, SHAPES[0]);
        builder
    }

    fn input(&mut self, owner: Owner, shape: &[usize]) {
        let name = format!("input.{}", self.inputs);
        self.inputs += 1;
        let secret = self.circuit.input(owner, &name, shape);
        self.keep(secret, Range::new(-INPUT_MAGNITUDE, INPUT_MAGNITUDE));
    }

    fn keep(&mut self, secret: Secret, range: Range) {
        self.reals.push(Real { secret, range, used: false });
    }

    fn keep_bit(&mut self, bit: Bit, shape: Shape) {
        self.bits.push(Truth { bit, shape, used: false });
    }

    fn fraction_bits(&self, x: Secret) -> i32 {
        i32::from(self.fixed.fraction_bits()) + i32::from(self.circuit.guard_bits(x))
    }

    /// Whether a value is small enough, as a result and as an integer of `fraction_bits` that is to be truncated.
    fn fits(&self, range: Range, fraction_bits: i32) -> bool {
        range.magnitude() <= MAGNITUDE
            && range.magnitude() * power_of_two(fraction_bits) <= power_of_two(self.headroom_bits)
    }

    /// A real value, by number modulo those that satisfy `condition`.
    fn real(&mut self, choice: u8, condition: impl Fn(&Circuit, Secret) -> bool) -> Option<(Secret, Range)> {
        let fitting: Vec<usize> =
            (0..self.reals.len()).filter(|&i| condition(&self.circuit, self.reals[i].secret)).collect();
        // Counted from the latest, so that circuits grow deep.
        let chosen = *fitting.iter().rev().nth(usize::from(choice) % fitting.len().max(1))?;
        self.reals[chosen].used = true;
        Some((self.reals[chosen].secret, self.reals[chosen].range))
    }

    fn bit(&mut self, choice: u8, condition: impl Fn(&Shape) -> bool) -> Option<(Bit, Shape)> {
        let fitting: Vec<usize> = (0..self.bits.len()).filter(|&i| condition(&self.bits[i].shape)).collect();
        let chosen = *fitting.iter().rev().nth(usize::from(choice) % fitting.len().max(1))?;
        self.bits[chosen].used = true;
        Some((self.bits[chosen].bit, self.bits[chosen].shape.clone()))
    }

    /// A second operand of a sum: the same precision, a shape that broadcasts to few elements.
    fn summand(&mut self, choice: u8, a: Secret) -> Option<(Secret, Range)> {
        let guard_bits = self.circuit.guard_bits(a);
        let shape = self.circuit.shape(a).clone();
        self.real(choice, |c, b| c.guard_bits(b) == guard_bits && broadcasts(&shape, c.shape(b)))
    }

    pub(super) fn step(&mut self, step: &Step) {
        let name = format!("{:?}", step.operation).to_lowercase();
        // The region encloses the step: `region` lends the circuit, which the step expects in the builder.
        let mut circuit = std::mem::take(&mut self.circuit);
        circuit.region(&name, |c| {
            std::mem::swap(c, &mut self.circuit);
            let _does_not_apply = self.apply(step);
            std::mem::swap(c, &mut self.circuit);
        });
        self.circuit = circuit;
    }

    /// Takes the step, or returns `None` if it does not apply.
    #[expect(clippy::too_many_lines, reason = "one arm for each operation")]
    fn apply(&mut self, step: &Step) -> Option<()> {
        let &Step { operation, a, b, parameter } = step;
        let any = |_: &Circuit, _: Secret| true;
        let amount = usize::from(parameter.unsigned_abs());
        match operation {
            Operation::Client => self.input(Owner::Client, SHAPES[usize::from(a) % SHAPES.len()]),
            Operation::Model => self.input(Owner::Model, SHAPES[usize::from(a) % SHAPES.len()]),
            Operation::Constant => {
                let shape = SHAPES[usize::from(a) % SHAPES.len()];
                let count: usize = shape.iter().product();
                let values: Vec<f64> = (0..count as i16).map(|i| number(parameter.wrapping_add(i * 7))).collect();
                let range = values.iter().map(|&x| Range::new(x, x)).reduce(Range::hull)?;
                let secret = self.circuit.constant(&values, shape, guard_bits(i16::from(b)));
                self.keep(secret, range);
            }
            Operation::Add | Operation::Sub => {
                let (x, x_range) = self.real(a, any)?;
                let (y, y_range) = self.summand(b, x)?;
                let sign = if operation == Operation::Add { 1.0 } else { -1.0 };
                let range = x_range.add(y_range.scaled(sign));
                if self.fits(range, 0) {
                    let secret =
                        if operation == Operation::Add { self.circuit.add(x, y) } else { self.circuit.sub(x, y) };
                    self.keep(secret, range);
                }
            }
            Operation::Neg => {
                let (x, range) = self.real(a, any)?;
                let secret = self.circuit.neg(x);
                self.keep(secret, range.scaled(-1.0));
            }
            Operation::Offset => {
                let ((x, range), summand) = (self.real(a, any)?, number(parameter));
                let range = range.add(Range::new(summand, summand));
                if self.fits(range, 0) {
                    let secret = self.circuit.offset(x, summand);
                    self.keep(secret, range);
                }
            }
            Operation::Scale => {
                let ((x, range), factor) = (self.real(a, any)?, number(parameter));
                let to = if b.is_multiple_of(2) { self.circuit.guard_bits(x) } else { guard_bits(i16::from(b / 2)) };
                let result_bits = i32::from(self.fixed.fraction_bits()) + i32::from(to);
                // The multiplier has one significant bit more than the larger of the result's and the fixed point's bits.
                let product_bits = self.fraction_bits(x) + result_bits.max(i32::from(self.fixed.fraction_bits())) + 1;
                if self.fits(range, product_bits) && self.fits(range.scaled(factor), 0) {
                    let secret = self.circuit.scale_to(x, factor, to);
                    self.keep(secret, range.scaled(factor));
                }
            }
            Operation::Shift => {
                let ((x, range), exponent) = (self.real(a, any)?, (parameter % 4) as i8);
                let range = range.scaled(power_of_two(i32::from(exponent)));
                if self.fits(range, 0) && GUARD_BITS.contains(&(self.circuit.guard_bits(x) - exponent)) {
                    let secret = self.circuit.shift(x, exponent);
                    self.keep(secret, range);
                }
            }
            Operation::Precision => {
                let (x, range) = self.real(a, any)?;
                let secret = self.circuit.precision(x, guard_bits(parameter));
                self.keep(secret, range);
            }
            Operation::Mul => {
                let (x, x_range) = self.real(a, any)?;
                let shape = self.circuit.shape(x).clone();
                let (y, y_range) = self.real(b, |c, y| broadcasts(&shape, c.shape(y)))?;
                let range = x_range.times(y_range);
                if self.fits(range, self.fraction_bits(x) + self.fraction_bits(y)) {
                    let secret = if parameter % 2 == 0 {
                        self.circuit.mul(x, y)
                    } else {
                        self.circuit.mul_to(x, y, guard_bits(parameter / 2))
                    };
                    self.keep(secret, range);
                }
            }
            Operation::Square => {
                let (x, range) = self.real(a, any)?;
                let range = range.times(range).hull(Range::new(0.0, 0.0));
                if self.fits(range, 2 * self.fraction_bits(x)) {
                    let secret = if parameter % 2 == 0 {
                        self.circuit.square(x)
                    } else {
                        self.circuit.square_to(x, guard_bits(parameter / 2))
                    };
                    self.keep(secret, range);
                }
            }
            Operation::MatMul => {
                let (x, x_range) = self.real(a, |c, x| c.shape(x).rank() >= 2)?;
                let shape = self.circuit.shape(x).clone();
                let fits = |c: &Circuit, y: Secret| shape.matmul(c.shape(y)).is_ok_and(|z| z.elements() <= ELEMENTS);
                let (y, y_range) = match self.real(b, fits) {
                    Some(found) => found,
                    // None fits: x times its own transpose does.
                    None => {
                        let mut order: Vec<u8> = (0..shape.rank() as u8).collect();
                        order.swap(shape.rank() - 1, shape.rank() - 2);
                        (self.circuit.transpose(x, &order), x_range)
                    }
                };
                let range = x_range.times(y_range).scaled(shape.axes()[shape.rank() - 1] as f64);
                if self.fits(range, self.fraction_bits(x) + self.fraction_bits(y)) {
                    let secret = self.circuit.matmul(x, y);
                    self.keep(secret, range);
                }
            }
            Operation::Sum | Operation::Mean => {
                let (x, range) = self.real(a, |c, x| c.shape(x).rank() >= 1)?;
                let axis = amount % self.circuit.shape(x).rank();
                let length = self.circuit.shape(x).axes()[axis] as f64;
                let bits = self.fraction_bits(x);
                let sum = range.scaled(length);
                if operation == Operation::Sum && self.fits(sum, 0) {
                    let secret = self.circuit.sum(x, axis);
                    self.keep(secret, sum);
                } else if operation == Operation::Mean
                    && self.fits(sum, bits + bits.max(i32::from(self.fixed.fraction_bits())) + 1)
                {
                    let secret = self.circuit.mean(x, axis);
                    self.keep(secret, range);
                }
            }
            Operation::Reshape => {
                let (x, range) = self.real(a, any)?;
                let shape = self.circuit.shape(x).clone();
                let mut axes = shape.axes().to_vec();
                match parameter.rem_euclid(3) {
                    0 => axes = vec![shape.elements()],
                    1 => axes.insert(0, 1),
                    _ => axes.reverse(),
                }
                if axes.len() <= 4 {
                    let secret = self.circuit.reshape(x, axes.as_slice());
                    self.keep(secret, range);
                }
            }
            Operation::Transpose => {
                let (x, range) = self.real(a, any)?;
                let mut order: Vec<u8> = (0..self.circuit.shape(x).rank() as u8).collect();
                let by = amount % order.len().max(1);
                order.rotate_left(by);
                let secret = self.circuit.transpose(x, &order);
                self.keep(secret, range);
            }
            Operation::Broadcast => {
                let (x, range) = self.real(a, any)?;
                let mut axes = self.circuit.shape(x).axes().to_vec();
                axes.iter_mut().filter(|length| **length == 1).for_each(|length| *length = 1 + amount % 3);
                if axes.len() < 3 {
                    axes.insert(0, 1 + amount / 3 % 3);
                }
                if axes.iter().product::<usize>() <= ELEMENTS {
                    let secret = self.circuit.broadcast(x, axes.as_slice());
                    self.keep(secret, range);
                }
            }
            Operation::Slice => {
                let (x, range) = self.real(a, |c, x| c.shape(x).rank() >= 1)?;
                let axis = amount % self.circuit.shape(x).rank();
                let extent = self.circuit.shape(x).axes()[axis];
                let start = usize::from(b) % extent;
                let length = 1 + amount / 4 % (extent - start);
                let secret = self.circuit.slice(x, axis, start, length);
                self.keep(secret, range);
            }
            Operation::Windows => {
                let (x, range) = self.real(a, |c, x| c.shape(x).rank() >= 1)?;
                let axis = amount % self.circuit.shape(x).rank();
                let b = i64::from(b);
                let (start, steps) = (b % 5 - 2, [b / 5 % 4 - 1, b / 20 % 4 - 1]);
                let windows = Windows { axis, start, lengths: [1 + amount / 4 % 3, 1 + amount / 16 % 3], steps };
                if self.circuit.shape(x).elements() * windows.lengths.iter().product::<usize>() <= ELEMENTS {
                    let secret = self.circuit.windows(x, windows);
                    // Outside of the tensor there are zeros.
                    self.keep(secret, range.hull(Range::new(0.0, 0.0)));
                }
            }
            Operation::Concat => {
                let (x, mut range) = self.real(a, |c, x| c.shape(x).rank() >= 1)?;
                let axis = amount % self.circuit.shape(x).rank();
                let (shape, guard_bits) = (self.circuit.shape(x).clone(), self.circuit.guard_bits(x));
                let mut parts = vec![x];
                for choice in [b, b.wrapping_add(1)].iter().take(1 + amount % 2) {
                    let (y, y_range) = self.real(*choice, |c, y| {
                        c.guard_bits(y) == guard_bits && Shape::concat([&shape, c.shape(y)].into_iter(), axis).is_ok()
                    })?;
                    range = range.hull(y_range);
                    parts.push(y);
                }
                if parts.iter().map(|&part| self.circuit.shape(part).elements()).sum::<usize>() <= ELEMENTS {
                    let secret = self.circuit.concat(&parts, axis);
                    self.keep(secret, range);
                }
            }
            Operation::LessThan => {
                let (x, _) = self.real(a, any)?;
                let shape = self.circuit.shape(x).clone();
                let bit = self.circuit.less_than(x, number(parameter));
                self.keep_bit(bit, shape);
            }
            Operation::Less | Operation::Equal => {
                let (x, _) = self.real(a, any)?;
                let (y, _) = self.summand(b, x)?;
                let shape = self.circuit.shape(x).broadcast(self.circuit.shape(y)).ok()?;
                let bit = if operation == Operation::Less { self.circuit.less(x, y) } else { self.circuit.equal(x, y) };
                self.keep_bit(bit, shape);
            }
            Operation::Not => {
                let (x, shape) = self.bit(a, |_| true)?;
                let bit = self.circuit.not(x);
                self.keep_bit(bit, shape);
            }
            Operation::And | Operation::Xor => {
                let (x, x_shape) = self.bit(a, |_| true)?;
                let (y, y_shape) = self.bit(b, |shape| broadcasts(&x_shape, shape))?;
                let shape = x_shape.broadcast(&y_shape).ok()?;
                let bit = if operation == Operation::And { self.circuit.and(x, y) } else { self.circuit.xor(x, y) };
                self.keep_bit(bit, shape);
            }
            Operation::Select => {
                let (bit, shape) = self.bit(a, |_| true)?;
                let (x, range) = self.real(b, |c, x| broadcasts(&shape, c.shape(x)))?;
                let secret = self.circuit.select(bit, x);
                self.keep(secret, range.hull(Range::new(0.0, 0.0)));
            }
            Operation::Real => {
                let (bit, _) = self.bit(a, |_| true)?;
                let secret = self.circuit.real(bit, guard_bits(parameter));
                self.keep(secret, Range::new(0.0, 1.0));
            }
            Operation::Fourier => {
                let (x, _) = self.real(a, any)?;
                let coefficient = |i: i16| number(parameter.wrapping_mul(31).wrapping_add(i * 1009)) / 8.0;
                let cosines: Vec<f64> = (0..i16::from(b % 4)).map(coefficient).collect();
                let sines: Vec<f64> = (0..=i16::from(b / 4 % 3)).map(|i| coefficient(i + 5)).collect();
                let period = PERIODS[usize::from(b / 16) % PERIODS.len()];
                let sum: f64 = cosines.iter().chain(&sines).map(|x| x.abs()).sum();
                let constant = coefficient(11);
                let bits = 2 * (self.fraction_bits(x) + i32::from(self.wave_guard_bits));
                // The compiler refuses a series whose terms are all zero, and waves of which not even the smallest product would fit.
                if sum > 0.0 && bits < 61 && self.fits(Range::new(-sum, sum), bits) {
                    let most_guard_bits = (b % 3 == 0).then_some(b / 3 % 8);
                    let opening = Opening::Period;
                    let secret =
                        self.circuit.fourier(x, Series { period, constant, cosines, sines, opening, most_guard_bits });
                    self.keep(secret, Range::new(constant - sum, constant + sum));
                }
            }
            Operation::Lookup => {
                let (x, _) = self.real(a, any)?;
                let index_bits = b % 5 + 1;
                let shift = i32::from(b / 5) % 24;
                let index_fraction_bits = i8::try_from(self.fraction_bits(x) - shift).ok()?;
                let entries: Vec<f64> = (0..1 << index_bits)
                    .map(|i: i16| number(parameter.wrapping_mul(29).wrapping_add(i * 1013)))
                    .collect();
                let range = entries.iter().map(|&x| Range::new(x, x)).reduce(Range::hull)?;
                let guard_bits = guard_bits(parameter / 3);
                let secret = self.circuit.lookup(x, Table { index_fraction_bits, entries }, guard_bits);
                self.keep(secret, range);
            }
            Operation::Power => {
                let (x, range) = self.real(a, any)?;
                // Most exponents are brought below 0, and to where the modulus reaches; some are left as they are.
                let (x, range) = if b % 8 == 0 {
                    (x, range)
                } else {
                    let above = range.high.ceil() + 1.0;
                    (self.circuit.offset(x, -above), Range::new(range.low - above, range.high - above))
                };
                let sector_bits = b / 8 % 4;
                let needed = (range.magnitude() + 1.0 + f64::from(1_u32 << sector_bits)).log2().ceil() as u8;
                let sectors = Sectors { modulus_bits: needed.max(sector_bits + 1), sector_bits };
                let guard_bits = guard_bits(parameter);
                let (from, to) = (self.fraction_bits(x), i32::from(self.fixed.fraction_bits()) + i32::from(guard_bits));
                let words = PowerWords::of(sectors, u8::try_from(from).ok()?, u8::try_from(to).ok()?)?;
                let most = power_of_two(1 << sector_bits);
                if sectors.are_some() && self.fits(Range::new(0.0, most), to + i32::from(words.shift)) {
                    let secret = self.circuit.power(x, sectors, guard_bits);
                    self.keep(secret, Range::new(0.0, most));
                }
            }
            Operation::Level => {
                let (x, range) = self.real(a, |c, x| c.shape(x).rank() > 0)?;
                let step_exponent = (b % 6) as i8 - 3;
                let levels = |index_bits| Levels { index_bits, step_exponent };
                let most = range.magnitude() + 2.0;
                let levels = (1..=8).map(levels).find(|levels| levels.half() - levels.step() > most)?;
                if laws::level_words(levels, u8::try_from(self.fraction_bits(x)).ok()?).is_some() {
                    let secret = self.circuit.level(x, levels);
                    self.keep(secret, Range::new(-levels.half(), levels.half()));
                }
            }
            Operation::Claim => {
                let (x, range) = self.real(a, any)?;
                self.circuit.claim_domain(x, range.low - 1.0, range.high + 1.0);
            }
            Operation::Reveal => {
                let (x, _) = self.real(a, any)?;
                self.reveal(x);
            }
        }
        Some(())
    }

    fn reveal(&mut self, x: Secret) {
        let name = format!("output.{}", self.outputs);
        self.outputs += 1;
        self.circuit.reveal(x, &name);
    }

    /// Reveals everything that nothing uses, so that every value is tested.
    pub(super) fn finish(mut self) -> CheckedCircuit {
        for i in 0..self.bits.len() {
            if !self.bits[i].used {
                let real = self.circuit.real(self.bits[i].bit, 0);
                self.reveal(real);
            }
        }
        for i in 0..self.reals.len() {
            if !self.reals[i].used {
                self.reveal(self.reals[i].secret);
            }
        }
        if self.outputs == 0 {
            self.reveal(self.reals[0].secret);
        }
        self.circuit.finish().expect("every step that applies is well-formed")
    }
}

fn broadcasts(a: &Shape, b: &Shape) -> bool {
    a.broadcast(b).is_ok_and(|shape| shape.elements() <= ELEMENTS)
}
