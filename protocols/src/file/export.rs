//! A protocol as a protocol file: its circuit, line by line, with its card above.

use crate::circuit::{Circuit, CircuitError, Kind as NodeKind, Node, Op, Opening, Owner};
use crate::nonlinear::family::of_member;
use crate::nonlinear::{Kind, Protocol, Quality, Reading, Truth};
use crate::region::RegionId;
use crate::shape::{Move, Shape};
use crate::windows::Windows;
use std::fmt::Write;
use thiserror::Error;

/// Added to the variance of an exported layer normalisation.
const EPSILON: f64 = 1e-12;

/// A protocol that no file can hold.
#[derive(Debug, Clone, PartialEq, Error)]
pub enum ExportError {
    /// It cannot be built for the shape.
    #[error(transparent)]
    Circuit(#[from] CircuitError),
    /// A text with a quotation mark or a line's end, or an input that is not its own.
    #[error("{name}: {what} cannot be written in a protocol file")]
    Unwritable {
        /// The protocol.
        name: String,
        /// What cannot be written.
        what: String,
    },
}

/// The protocol as a file, for arguments of `shape`: repetitions are unrolled, and calls are written out as regions. Where the lines do not
/// depend on the shape, which is tried, the file is for every shape; otherwise it says for which one it is.
///
/// # Errors
/// [`ExportError`] for a shape that the protocol cannot take.
pub fn export(protocol: &Protocol, shape: &Shape) -> Result<String, ExportError> {
    let lines = body(protocol, shape)?;
    let other: Shape = shape.axes().iter().map(|axis| axis + 3).collect();
    let everywhere = body(protocol, &other).is_ok_and(|other| other == lines);
    let mut text = card(protocol, shape)?;
    if !everywhere {
        let _ = writeln!(text, "shape    {shape}");
    }
    let parameters = match protocol.build.kind() {
        Kind::Map | Kind::Softmax => "x",
        Kind::LayerNorm => "x, gamma, beta, epsilon",
    };
    let _ = write!(text, "\nbuild {parameters}\n{lines}");
    Ok(text)
}

fn card(protocol: &Protocol, shape: &Shape) -> Result<String, ExportError> {
    let card = &protocol.card;
    let interval = card.interval.at(shape.axes().last().copied().unwrap_or(1));
    let quoted = |text: &str| {
        if text.contains(['"', '\n']) {
            Err(ExportError::Unwritable { name: card.name.clone(), what: format!("the text `{text}`") })
        } else {
            Ok(format!("\"{text}\""))
        }
    };
    let reading = match card.reading {
        Reading::Ours => "ours",
        Reading::AsPrinted => "printed",
        Reading::AsCoded => "coded",
        Reading::AsBenchmarked => "benchmarked",
        Reading::Corrected => "corrected",
    };
    let truth = match card.error.truth {
        Truth::Exp => "exp",
        Truth::Reciprocal => "reciprocal",
        Truth::Rsqrt => "rsqrt",
        Truth::Max => "max",
        Truth::Relu => "relu",
        Truth::LeakyRelu => "leaky_relu",
        Truth::Gelu => "gelu",
        Truth::GeluTanh => "gelu_tanh",
        Truth::Tanh => "tanh",
        Truth::Softmax => "softmax",
        Truth::TwoQuad { shift } => &format!("two_quad {shift:?}"),
        Truth::TwoRelu => "two_relu",
        Truth::LayerNorm => "layernorm",
    };
    // A name of a file is one word.
    let name = of_member(&card.name).map_or_else(|| card.name.clone(), |(family, _)| format!("{family}-fitted"));
    let mut text =
        format!("protocol {name}\nsummary  {}\nsource   {}\n", quoted(&card.summary)?, quoted(&card.source)?);
    let _ = writeln!(text, "reading  {reading}");
    let _ = writeln!(text, "interval [{:?}, {:?}] of {}", interval.low, interval.high, quoted(&interval.of)?);
    let _ = writeln!(text, "error    {:?} + {:?} relative", card.error.absolute, card.error.relative);
    let _ = writeln!(text, "truth    {truth}");
    for failing in &card.fails {
        let quality = match failing.quality {
            Quality::Right => "right",
            Quality::Private => "private",
            Quality::Cheap => "cheap",
        };
        let _ = writeln!(text, "fails    {quality} {}", quoted(&failing.why)?);
    }
    for known in &card.known {
        let _ = writeln!(text, "known    {}", quoted(known)?);
    }
    Ok(text)
}

/// The lines of a body that builds the same circuit.
fn body(protocol: &Protocol, shape: &Shape) -> Result<String, ExportError> {
    let mut c = Circuit::new();
    let x = c.input(Owner::Client, "x", shape.clone());
    let y = protocol.build_alone(&mut c, x, EPSILON);
    let unwritable = |what: &str| ExportError::Unwritable { name: protocol.card.name.clone(), what: what.to_owned() };
    c.reveal(y, "y");
    let circuit = c.finish()?;
    let mut writer =
        Writer { circuit: &circuit, text: String::new(), open: vec![RegionId::default()], next: 0, claims: 0 };
    // The first region that is not the root is the protocol's own, which whoever reads the file opens.
    let mut ids = circuit.regions().ids().skip(1);
    let own = ids.next().ok_or_else(|| unwritable("a protocol without a region"))?;
    writer.open.push(own);
    writer.next = crate::region::Regions::index(own) + 1;
    for (position, node) in circuit.nodes().iter().enumerate() {
        match &node.op {
            Op::Input { name, .. } if ["x", "gamma", "beta"].contains(&name.as_str()) => {}
            Op::Input { name, .. } => return Err(unwritable(&format!("the input `{name}`"))),
            Op::Reveal(result, _) => {
                writer.close_to(own, position);
                let result = writer.name(*result);
                writer.line(&format!("return {result}"));
            }
            _ => {
                writer.enter(node.region, position);
                let value = writer.operation(node);
                writer.line(&format!("v{position} = {value}"));
            }
        }
    }
    Ok(writer.text)
}

struct Writer<'a> {
    circuit: &'a Circuit,
    text: String,
    /// Regions from the root to the current one; the root and the protocol's own are opened by the reader.
    open: Vec<RegionId>,
    /// Index of the first region that was not opened yet.
    next: usize,
    /// Claims that were written.
    claims: usize,
}

impl Writer<'_> {
    fn current(&self) -> RegionId {
        self.open.last().copied().unwrap_or_default()
    }

    fn line(&mut self, line: &str) {
        let depth = self.open.len().saturating_sub(1).max(1);
        let _ = writeln!(self.text, "{}{line}", "  ".repeat(depth));
    }

    /// Claims that were made here before the node of a position.
    fn claim(&mut self, position: usize) {
        while let Some(claim) = self.circuit.domains().get(self.claims)
            && claim.region == self.current()
            && claim.value.index() < position
        {
            let value = self.name(claim.value);
            let also = claim.also.map_or_else(String::new, |also| format!(" and [{:?}, {:?}]", also.at, also.most));
            self.line(&format!("claim {value} in [{:?}, {:?}]{also}", claim.low, claim.high));
            self.claims += 1;
        }
    }

    fn close_to(&mut self, region: RegionId, position: usize) {
        self.claim(position);
        while self.current() != region && self.open.len() > 2 {
            self.open.pop();
            self.line("}");
            self.claim(position);
        }
    }

    /// Closes and opens regions until `region` is the current one; regions without nodes are opened and closed on the way.
    fn enter(&mut self, region: RegionId, position: usize) {
        let ids: Vec<RegionId> = self.circuit.regions().ids().collect();
        while self.next <= crate::region::Regions::index(region) {
            let id = ids[self.next];
            self.close_to(self.circuit.regions().parent(id), position);
            let name = self.circuit.regions().name(id).to_owned();
            self.line(&format!("region \"{name}\" {{"));
            self.open.push(id);
            self.next += 1;
            self.claim(position);
        }
        self.close_to(region, position);
    }

    fn name(&self, id: crate::circuit::NodeId) -> String {
        match &self.circuit.nodes()[id.index()].op {
            Op::Input { name, .. } => name.clone(),
            _ => format!("v{}", id.index()),
        }
    }

    fn operation(&self, node: &Node) -> String {
        let guard = node.guard_bits;
        let name = |id: &crate::circuit::NodeId| self.name(*id);
        let numbers = |list: &[f64]| list.iter().map(|x| format!("{x:?}")).collect::<Vec<_>>().join(", ");
        let sizes = |shape: &Shape| shape.axes().iter().map(ToString::to_string).collect::<Vec<_>>().join(", ");
        match &node.op {
            Op::Input { name, .. } => name.clone(),
            Op::Constant(values) => {
                format!("constant([{}], shape = [{}], guard = {guard})", numbers(values), sizes(&node.shape))
            }
            Op::Add(a, b) => format!("{} + {}", name(a), name(b)),
            Op::Sub(a, b) => format!("{} - {}", name(a), name(b)),
            Op::Neg(a) => format!("-{}", name(a)),
            Op::Scale(a, factor) => format!("scale({}, {factor:?}, guard = {guard})", name(a)),
            Op::Offset(a, summand) => format!("{} + {summand:?}", name(a)),
            Op::Shift(a, exponent) => format!("shift({}, {exponent})", name(a)),
            Op::Precision(a) => format!("guard({}, {guard})", name(a)),
            Op::Mul(a, b) => format!("product({}, {}, guard = {guard})", name(a), name(b)),
            Op::Square(a) => format!("square({}, guard = {guard})", name(a)),
            Op::MatMul(a, b) => format!("matmul({}, {})", name(a), name(b)),
            Op::Sum(a, axis) => format!("sum({}, axis = {axis})", name(a)),
            Op::Move(a, rearrangement) => match rearrangement {
                Move::Reshape(shape) => format!("reshape({}, [{}])", name(a), sizes(shape)),
                Move::Broadcast(shape) => format!("broadcast({}, [{}])", name(a), sizes(shape)),
                Move::Transpose(order) => {
                    let order: Vec<String> = order.iter().map(ToString::to_string).collect();
                    format!("transpose({}, [{}])", name(a), order.join(", "))
                }
                Move::Slice { axis, start, length } => format!("slice({}, {start}, {length}, axis = {axis})", name(a)),
                Move::Windows(Windows { axis, start, lengths: [n, k], steps: [by, tap] }) => {
                    format!("windows({}, {start}, [{n}, {k}], [{by}, {tap}], axis = {axis})", name(a))
                }
            },
            Op::Concat(parts, axis) => {
                let parts: Vec<String> = parts.iter().map(name).collect();
                format!("concat({}, axis = {axis})", parts.join(", "))
            }
            Op::Less(a, b) => format!("{} < {}", name(a), name(b)),
            Op::LessThan(a, bound) => format!("{} < {bound:?}", name(a)),
            Op::Equal(a, b) => format!("{} == {}", name(a), name(b)),
            Op::And(a, b) => format!("{} and {}", name(a), name(b)),
            Op::Xor(a, b) => format!("{} xor {}", name(a), name(b)),
            Op::Not(a) => format!("not {}", name(a)),
            Op::Select(bit, x) => format!("select({}, {})", name(bit), name(x)),
            Op::Real(a) => format!("real({}, guard = {guard})", name(a)),
            Op::Fourier(a, series) => {
                let mut text =
                    format!("fourier({}, period = {:?}, constant = {:?}", name(a), series.period, series.constant);
                let _ =
                    write!(text, ", cosines = [{}], sines = [{}]", numbers(&series.cosines), numbers(&series.sines));
                if let Opening::Remainder { modulus } = series.opening {
                    let _ = write!(text, ", remainder = {modulus:?}");
                }
                if let Some(bits) = series.most_guard_bits {
                    let _ = write!(text, ", waves = {bits}");
                }
                text + ")"
            }
            Op::Lookup(a, table) => {
                format!(
                    "table({}, steps = {}, entries = [{}], guard = {guard})",
                    name(a),
                    table.index_fraction_bits,
                    numbers(&table.entries)
                )
            }
            Op::Power(a, sectors) => format!(
                "power({}, modulus = {}, sector = {}, guard = {guard})",
                name(a),
                sectors.modulus(),
                sectors.length()
            ),
            Op::Level(a, levels) => {
                format!("level({}, step = {:?}, levels = {})", name(a), levels.step(), 1_u32 << levels.index_bits)
            }
            Op::Reveal(a, _) => {
                debug_assert_eq!(node.kind, NodeKind::Real, "only reals are revealed");
                name(a)
            }
        }
    }
}
