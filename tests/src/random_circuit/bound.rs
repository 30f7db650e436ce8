//! How far a run may be off: the worst case, element by element, derived from the laws of the operations.
//!
//! Notation: u = 2^-F is the unit of a value with F fraction bits; e bounds |computed - true|, true being over the reals. All
//! ring operations are exact, so errors come from encoding, truncation and rounded public numbers alone.
//!
//! | operation | bound |
//! |---|---|
//! | input, constant, offset | u/2, nothing for multiples of u |
//! | add, sub, sum | sum of the errors |
//! | truncation to u | u: it gives floor or floor + 1 |
//! | scale by c | abs(c) e + abs(x) abs(c) 2^-(b+1) + u, for a multiplier of b + 1 significant bits, b = max(F, f) |
//! | product | abs(x) e_y + abs(y) e_x + e_x e_y + u |
//! | comparison | none where the difference exceeds its error; else the bit is unknown, the error infinite |
//! | fourier | slope x (e + turn) + waves + u + constant, see [`fourier`] |
//! | power | slope x e + roundings of its words + u below 0, from 0 to 2^sector elsewhere, see [`power`] |
//! | level | two levels around it, and those that e allows, see [`level`] |
//!
//! This walk is also a second implementation of the plaintext interpreter, compared with the first.

use viewless_protocols::circuit::{CheckedCircuit, Levels, Node, NodeId, Op, Opening, Sectors, Series, Table};
use viewless_protocols::fixed::{FixedPoint, power_of_two};
use viewless_protocols::scheme::Truncation;
use viewless_protocols::scheme::laws::{PowerWords, wave_bits};
use viewless_protocols::shape::{Move, Shape};

/// Relative rounding of the reference itself, which is computed in f64: a few units of 2^-53 for each operation.
const REFERENCE: f64 = 1.0 / (1u64 << 49) as f64;

/// A tensor of true values and of bounds on the errors of the computed ones.
#[derive(Debug, Clone, PartialEq)]
pub struct Bounded {
    /// Shape of both.
    pub shape: Shape,
    /// True values, row-major.
    pub values: Vec<f64>,
    /// Bounds; infinite where the value depends on a comparison that is too close to call.
    pub errors: Vec<f64>,
}

/// One element: its true value and the bound on its error.
type Element = (f64, f64);

/// The outputs of a circuit by name, with their bounds when it is compiled with this fixed point and truncation.
pub fn outputs(
    circuit: &CheckedCircuit,
    fixed: FixedPoint,
    truncation: Truncation,
    input: impl Fn(&str) -> Vec<f64>,
) -> Vec<(String, Bounded)> {
    let mut values: Vec<Bounded> = Vec::with_capacity(circuit.nodes().len());
    let mut outputs = Vec::new();
    for node in circuit.nodes() {
        let value = evaluate(circuit, fixed, truncation, node, &values, &input);
        if let Op::Reveal(_, name) = &node.op {
            outputs.push((name.clone(), value.clone()));
        }
        values.push(value);
    }
    outputs
}

fn fraction_bits(fixed: FixedPoint, node: &Node) -> i32 {
    i32::from(fixed.fraction_bits()) + i32::from(node.guard_bits)
}

/// Half a unit, or nothing if x is a multiple of the unit.
fn encoding(x: f64, unit: f64) -> f64 {
    if (x / unit).fract() == 0.0 { 0.0 } else { unit / 2.0 }
}

/// a b, where nothing times infinity is nothing: an exact zero annihilates whatever is unknown.
fn times(a: f64, b: f64) -> f64 {
    if a == 0.0 || b == 0.0 { 0.0 } else { a * b }
}

fn product((x, e): Element, (y, d): Element) -> Element {
    (x * y, times(x.abs(), d) + times(y.abs(), e) + times(e, d))
}

/// The bit "x is negative", unless x is too close to zero.
fn negative((x, e): Element) -> Element {
    let known = x.abs() > e || e == 0.0;
    (f64::from(u8::from(x < 0.0)), if known { 0.0 } else { f64::INFINITY })
}

/// The bit "x is zero", unless x is too close to it.
fn zero((x, e): Element) -> Element {
    let known = x.abs() > e || e == 0.0;
    (f64::from(u8::from(x == 0.0)), if known { 0.0 } else { f64::INFINITY })
}

/// The error of the sum at x, known to within e, of a series whose argument and result have the unit u.
///
/// - *slope*: |d/dx sum a_k cos(k w x) + b_k sin(k w x)| <= w sum k r_k, w = 2 pi / period, r_k = sqrt(a_k^2 + b_k^2).
/// - *turn*: where the period is no power of two of units, x/u is multiplied by c / 2^24, c < 2^25 rounded to nearest and so
///   off by half a unit: |x|/u 2^-25; and truncated: 1. Both in units of the angle, 2^-m turns or period 2^-m.
/// - *waves*: with h = 2^-(F+g+1), half a unit of F + g bits, g the `guard_bits` of waves, each dealt wave C, S and each public factor A, B is off by at most
///   h, and A C + B S by h (|A| + |B| + |C| + |S| + 2 h) <= h (sqrt(2) (r_k + 1) + 2 h).
/// - the truncation: u; the constant: u/2.
fn fourier(series: &Series, (x, e): Element, unit: f64, guard_bits: u8) -> Element {
    let radii: Vec<f64> = (0..series.cosines.len().max(series.sines.len()))
        .map(|k| {
            let coefficient = |list: &[f64]| list.get(k).copied().unwrap_or(0.0);
            coefficient(&series.cosines).hypot(coefficient(&series.sines))
        })
        .collect();
    let weighted: f64 = radii.iter().enumerate().map(|(k, r)| (k + 1) as f64 * r).sum();
    let slope = 2.0 * std::f64::consts::PI / series.period * weighted;
    let units = series.period / unit;
    let angle_bits = units.log2().ceil();
    let turn = if units.log2() == angle_bits {
        0.0
    } else {
        ((x.abs() + e) / unit * power_of_two(-25) + 1.0) * series.period * power_of_two(-angle_bits as i32)
    };
    let h = unit * power_of_two(-i32::from(guard_bits) - 1);
    let waves: f64 =
        radii.iter().filter(|r| **r > 0.0).map(|r| h * (std::f64::consts::SQRT_2 * (r + 1.0) + 2.0 * h)).sum();
    let truncation = if waves > 0.0 { unit } else { 0.0 };
    let value = series.at(x);
    match series.opening {
        Opening::Period => {}
        // Any value of the sum.
        Opening::Remainder { .. } => {
            let size: f64 = radii.iter().sum();
            return (value, 2.0 * size + waves + truncation + encoding(series.constant, unit) + 1e-12);
        }
    }
    (value, times(slope, e + turn) + waves + truncation + encoding(series.constant, unit) + 1e-12)
}

/// The error of a look-up of x, known to within e: the law allows every entry from the floor of the least to the ceiling of the largest
/// argument, and entries are rounded.
fn lookup(table: &Table, (x, e): Element, unit: f64) -> Element {
    let (low, high) = (table.steps(x - e).floor(), table.steps(x + e).ceil());
    let count = table.entries.len();
    let near = high - low < count as f64;
    let indices = if near { low as i64..=high as i64 } else { 0..=count as i64 };
    let value = table.at(x);
    let farthest = indices.map(|i| (table.entry(i) - value).abs()).fold(0.0, f64::max);
    let rounding = table.entries.iter().map(|&entry| encoding(entry, unit)).fold(0.0, f64::max);
    (value, farthest + rounding)
}

/// The error of 2^x for x known to within e: by the slope within the exponents that there are, one of the numbers from 0 to 2^sector elsewhere.
fn power(sectors: Sectors, (x, e): Element, argument_bits: u8, bits: u8) -> Element {
    let (value, unit) = (sectors.at(x), power_of_two(-i32::from(bits)));
    let inside = x - e >= -sectors.reach() + power_of_two(-i32::from(argument_bits)) && x + e <= 0.0;
    let rounding = PowerWords::of(sectors, argument_bits, bits).map_or(f64::INFINITY, |words| words.rounding(sectors));
    let slope = std::f64::consts::LN_2 * (x + e).min(0.0).exp2();
    let lost = (2.0 * sectors.length() - sectors.modulus()).exp2();
    let error = if inside { slope * e + lost } else { sectors.length().exp2() };
    (value, error + (rounding + 1.0) * unit + 1e-12)
}

/// The error of the level of a row.
fn level(levels: Levels, row: &[Element]) -> Element {
    let value = levels.of(row.iter().map(|&(x, _)| x));
    let counts = row.iter().all(|&(x, e)| x - e >= levels.step() - levels.half() && x + e < levels.half());
    if !counts {
        return (value, 2.0 * levels.half());
    }
    let (low, high) = (levels.of(row.iter().map(|&(x, e)| x - e)), levels.of(row.iter().map(|&(x, e)| x + e)));
    (value, (high - value).max(value - (low - levels.step())))
}

#[expect(clippy::too_many_lines, reason = "one arm for each operation")]
fn evaluate(
    circuit: &CheckedCircuit,
    fixed: FixedPoint,
    truncation: Truncation,
    node: &Node,
    values: &[Bounded],
    input: &impl Fn(&str) -> Vec<f64>,
) -> Bounded {
    let bits = fraction_bits(fixed, node);
    let unit = power_of_two(-bits);
    let value = |id: NodeId| &values[id.index()];
    let bits_of = |id: NodeId| fraction_bits(fixed, &circuit.nodes()[id.index()]);
    // The error of a truncation from `from` bits; none where bits are added.
    let rounding = |from: i32| if from > bits { unit } else { 0.0 };
    let widen = |(x, e): Element, more: f64| (x, e + more);
    let shape = &node.shape;
    let map = |a: NodeId, f: &dyn Fn(Element) -> Element| value(a).map(shape, f);
    let zip = |a: NodeId, b: NodeId, f: &dyn Fn(Element, Element) -> Element| {
        let (a, b) = (value(a), value(b));
        Bounded::from_fn(shape, |index| f(a.at(&aligned(index, &a.shape)), b.at(&aligned(index, &b.shape))))
    };
    let encoded = |numbers: &[f64]| {
        let elements: Vec<Element> = numbers.iter().map(|&x| (x, encoding(x, unit))).collect();
        Bounded::new(shape, elements)
    };
    match &node.op {
        Op::Input { name, .. } => encoded(&input(name)),
        Op::Constant(numbers) => encoded(numbers),
        &Op::Add(a, b) => zip(a, b, &|(x, e), (y, d)| (x + y, e + d)),
        &Op::Sub(a, b) => zip(a, b, &|(x, e), (y, d)| (x - y, e + d)),
        &Op::Neg(a) => map(a, &|(x, e)| (-x, e)),
        &Op::Scale(a, factor) => {
            let from = bits_of(a);
            let multiplier_bits = bits.max(i32::from(fixed.fraction_bits()));
            // An integer below 2^b is its own multiplier.
            let whole = factor.fract() == 0.0 && factor.abs() < power_of_two(multiplier_bits);
            let relative = if whole { 0.0 } else { power_of_two(-multiplier_bits - 1) };
            let last = if whole { rounding(from) } else { unit };
            map(a, &|(x, e)| {
                let product = times(factor.abs(), e) + times((x.abs() + e) * factor.abs(), relative);
                (x * factor, product + last)
            })
        }
        &Op::Offset(a, summand) => map(a, &|(x, e)| (x + summand, e + encoding(summand, unit))),
        &Op::Shift(a, exponent) => {
            let factor = power_of_two(i32::from(exponent));
            map(a, &|(x, e)| (x * factor, e * factor))
        }
        &Op::Precision(a) => map(a, &|x| widen(x, rounding(bits_of(a)))),
        &Op::Mul(a, b) => zip(a, b, &|x, y| widen(product(x, y), rounding(bits_of(a) + bits_of(b)))),
        &Op::Square(a) => map(a, &|x| widen(product(x, x), rounding(2 * bits_of(a)))),
        &Op::MatMul(a, b) => {
            let last = rounding(bits_of(a) + bits_of(b));
            let (a, b) = (value(a), value(b));
            Bounded::from_fn(shape, |index| {
                let (batch, &[i, j]) = index.split_last_chunk::<2>().expect("a checked matrix product has two axes");
                let batch_b = if b.shape.rank() == 2 { &[][..] } else { batch };
                let inner = a.shape.axes()[a.shape.rank() - 1];
                let term = |k: usize| product(a.at(&[batch, &[i, k]].concat()), b.at(&[batch_b, &[k, j]].concat()));
                widen((0..inner).map(term).fold((0.0, 0.0), |(s, r), (x, e)| (s + x, r + e)), last)
            })
        }
        &Op::Sum(a, axis) => {
            let a = value(a);
            Bounded::from_fn(shape, |index| {
                let mut index = index.to_vec();
                let mut sum = (0.0, 0.0);
                for i in 0..a.shape.axes()[axis] {
                    index[axis] = i;
                    let (x, e) = a.at(&index);
                    sum = (sum.0 + x, sum.1 + e);
                }
                sum
            })
        }
        Op::Move(a, rearrangement) => {
            let a = value(*a);
            match rearrangement {
                Move::Reshape(_) => Bounded { shape: shape.clone(), ..a.clone() },
                Move::Broadcast(_) => Bounded::from_fn(shape, |index| a.at(&aligned(index, &a.shape))),
                Move::Transpose(order) => Bounded::from_fn(shape, |index| {
                    let mut source = vec![0; index.len()];
                    order.iter().zip(index).for_each(|(&axis, &i)| source[usize::from(axis)] = i);
                    a.at(&source)
                }),
                &Move::Slice { axis, start, .. } => Bounded::from_fn(shape, |index| {
                    let mut index = index.to_vec();
                    index[axis] += start;
                    a.at(&index)
                }),
                Move::Windows(windows) => Bounded::from_fn(shape, |index| {
                    let (mut source, at) = (index.to_vec(), windows.axis);
                    let tap = source.remove(at + 1);
                    match windows.source(source[at], tap, a.shape.axes()[at]) {
                        Some(found) => {
                            source[at] = found;
                            a.at(&source)
                        }
                        None => (0.0, 0.0),
                    }
                }),
            }
        }
        Op::Concat(parts, axis) => Bounded::from_fn(shape, |index| {
            let mut index = index.to_vec();
            for &part in parts {
                let extent = value(part).shape.axes()[*axis];
                if index[*axis] < extent {
                    return value(part).at(&index);
                }
                index[*axis] -= extent;
            }
            unreachable!("the extents add up to the result's")
        }),
        &Op::Less(a, b) => zip(a, b, &|(x, e), (y, d)| negative((x - y, e + d))),
        &Op::Equal(a, b) => zip(a, b, &|(x, e), (y, d)| zero((x - y, e + d))),
        &Op::LessThan(a, bound) => {
            let unit = power_of_two(-bits_of(a));
            map(a, &|(x, e)| negative((x - bound, e + encoding(bound, unit))))
        }
        // A known zero decides.
        &Op::And(a, b) => zip(a, b, &|x, y| product(x, y)),
        &Op::Xor(a, b) => zip(a, b, &|(x, e), (y, d)| (f64::from(u8::from(x != y)), e + d)),
        &Op::Not(a) => map(a, &|(x, e)| (1.0 - x, e)),
        &Op::Select(bit, x) => zip(bit, x, &|bit, x| product(bit, x)),
        &Op::Real(a) => map(a, &|x| x),
        Op::Fourier(a, series) => {
            map(*a, &|x| fourier(series, x, unit, (wave_bits(series, bits as u8, truncation) as i32 - bits) as u8))
        }
        Op::Lookup(a, table) => map(*a, &|(x, e)| lookup(table, (x, e), unit)),
        &Op::Power(a, sectors) => map(a, &|x| power(sectors, x, bits_of(a) as u8, bits as u8)),
        &Op::Level(a, levels) => {
            let (a, last) = (value(a), shape.rank() - 1);
            Bounded::from_fn(shape, |index| {
                let mut index = index.to_vec();
                let at = |i: usize| {
                    index[last] = i;
                    a.at(&index)
                };
                let row: Vec<Element> = (0..a.shape.axes()[last]).map(at).collect();
                level(levels, &row)
            })
        }
        &Op::Reveal(a, _) => value(a).clone(),
    }
}

/// The index in a tensor of `shape` of position `index` of the result of a broadcast.
fn aligned(index: &[usize], shape: &Shape) -> Vec<usize> {
    let skipped = index.len() - shape.rank();
    index[skipped..].iter().zip(shape.axes()).map(|(&i, &length)| if length == 1 { 0 } else { i }).collect()
}

impl Bounded {
    fn new(shape: &Shape, elements: Vec<Element>) -> Self {
        // An error of zero says that all numbers so far were multiples of their units below 2^40 units, exact in f64.
        let with_reference = |x: f64, e: f64| if e == 0.0 { 0.0 } else { e + x.abs() * REFERENCE };
        let errors = elements.iter().map(|&(x, e)| with_reference(x, e)).collect();
        Self { shape: shape.clone(), values: elements.iter().map(|&(x, _)| x).collect(), errors }
    }

    fn from_fn(shape: &Shape, f: impl Fn(&[usize]) -> Element) -> Self {
        let mut index = vec![0; shape.rank()];
        let mut elements = Vec::with_capacity(shape.elements());
        for _ in 0..shape.elements() {
            elements.push(f(&index));
            for (i, &length) in index.iter_mut().zip(shape.axes()).rev() {
                *i += 1;
                if *i < length {
                    break;
                }
                *i = 0;
            }
        }
        Self::new(shape, elements)
    }

    fn map(&self, shape: &Shape, f: impl Fn(Element) -> Element) -> Self {
        let elements = self.values.iter().zip(&self.errors).map(|(&x, &e)| f((x, e))).collect();
        Self::new(shape, elements)
    }

    fn at(&self, index: &[usize]) -> Element {
        let position = index.iter().zip(self.shape.axes()).fold(0, |position, (i, length)| position * length + i);
        (self.values[position], self.errors[position])
    }
}
