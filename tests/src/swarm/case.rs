//! What a run of the swarm draws.

use crate::every_scheme;
use crate::property::Source;
use crate::random_circuit::{Operation, Recipe};
use std::collections::BTreeMap;
use std::fmt;
use viewless_protocols::circuit::{CheckedCircuit, Circuit, Owner};
use viewless_protocols::fixed::FixedPoint;
use viewless_protocols::nonlinear::{Protocol, Registry};
use viewless_protocols::scheme::SchemeSpec;
use viewless_simulator::execute::LEAST_LANE;
use viewless_simulator::kernels::CodePath;

/// What is compiled.
#[derive(Debug, Clone, PartialEq)]
pub enum What {
    /// A random circuit.
    Circuit(Recipe),
    /// A protocol on rows of numbers of its claimed interval.
    Protocol {
        /// Its name.
        name: String,
        /// How many rows.
        rows: usize,
        /// Elements of each.
        row_length: usize,
        /// Decides the numbers.
        data: u32,
    },
}

/// Everything that a run draws.
#[derive(Debug, Clone, PartialEq)]
pub struct Case {
    /// What is compiled.
    pub what: What,
    /// The scheme with its choices.
    pub scheme: SchemeSpec,
    /// The fixed point.
    pub fixed: FixedPoint,
    /// Decides all that the parties draw.
    pub seed: u64,
    /// Threads of the run that one on a single thread is compared with.
    pub threads: usize,
    /// Its kernels.
    pub code_path: CodePath,
    /// Whether it computes values together.
    pub least_lane: usize,
    /// Operations that the circuit is made without.
    pub left_out: Vec<Operation>,
}

impl Case {
    /// Bytes of the choices.
    pub const HEAD: usize = 19;
    /// Bytes of each step behind them.
    pub const STEP: usize = 5;

    /// What bytes draw; behind the end there are zeros.
    #[must_use]
    pub fn read(bytes: &[u8]) -> Self {
        let mut source = Source::new(bytes);
        let scheme = source.pick(&every_scheme());
        // Few bits, where errors are large, to many, where numbers leave the headroom.
        let fixed = FixedPoint::new(10 + source.byte() % 13).expect("there is room for products of 22 fraction bits");
        let seed = u16::from_le_bytes(source.bytes()).into();
        let threads = 1 + usize::from(source.byte() % 4);
        let code_path = source.pick(&CodePath::available());
        let least_lane = source.pick(&[LEAST_LANE, 1, 4, usize::MAX]);
        let [is_protocol, chosen, rows, row_length] = source.bytes();
        // Each operation is off in every second run of two in three.
        let off = match source.byte() % 3 {
            0 => 0,
            _ => u32::from_le_bytes(source.bytes()),
        };
        let rest = source.rest();
        // There are more operations than bits: the last go with the first.
        let is_off = |(bit, _): &(u32, Operation)| off >> (bit % u32::BITS) & 1 == 1;
        let left_out: Vec<Operation> =
            (0..).zip(Operation::ALL).filter(is_off).map(|(_, operation)| operation).collect();
        let what = if is_protocol % 4 == 1 {
            let protocols: Vec<_> = Registry::built_in().iter().collect();
            let protocol = protocols[usize::from(chosen) % protocols.len()];
            What::Protocol {
                name: protocol.card.name.clone(),
                rows: 1 + usize::from(rows % 3),
                row_length: 1 + usize::from(row_length % 6),
                data: u32::from_le_bytes(Source::new(rest).bytes()),
            }
        } else {
            let mut recipe = Recipe::from_bytes(rest);
            recipe.steps.retain(|step| !left_out.contains(&step.operation));
            What::Circuit(recipe)
        };
        Self { what, scheme, fixed, seed, threads, code_path, least_lane, left_out }
    }

    /// What kind of thing is compiled: `circuit`, or the function of a protocol.
    #[must_use]
    pub fn subject(&self) -> &str {
        match &self.what {
            What::Circuit(_) => "circuit",
            What::Protocol { name, .. } => name.split('/').next().unwrap_or(name),
        }
    }

    /// The circuit with its inputs.
    ///
    /// # Errors
    /// Why a protocol cannot be built so.
    pub fn circuit(&self) -> Result<(CheckedCircuit, BTreeMap<String, Vec<f64>>), String> {
        match &self.what {
            What::Circuit(recipe) => {
                let circuit = recipe.build_for(self.scheme.truncation, self.fixed);
                let inputs = crate::random_circuit::property::inputs(recipe, &circuit);
                Ok((circuit, inputs))
            }
            What::Protocol { name, rows, row_length, data } => {
                let protocol = Registry::built_in().protocol(name).map_err(|error| error.to_string())?;
                let mut circuit = Circuit::new();
                let x = circuit.input(Owner::Client, "x", [*rows, *row_length]);
                let y = protocol.build_alone(&mut circuit, x, 1e-3);
                circuit.reveal(y, "y");
                let circuit = circuit.finish().map_err(|error| error.to_string())?;
                Ok((circuit, numbers(protocol, *rows, *row_length, *data)))
            }
        }
    }
}

/// Inputs of a protocol: numbers of its claimed interval, or of [-4, 4] where that is larger.
fn numbers(protocol: &Protocol, rows: usize, row_length: usize, data: u32) -> BTreeMap<String, Vec<f64>> {
    let recipe = Recipe { steps: vec![], data };
    let interval = protocol.card.interval.at(row_length);
    let (low, high) = (interval.low.max(-4.0), interval.high.min(4.0));
    // Recipes give numbers from -3 to 3.
    let within = |x: f64| if low < high { low + (x + 3.0) / 6.0 * (high - low) } else { x };
    let x = recipe.numbers("x", rows * row_length).into_iter().map(within).collect();
    let of_model = |name: &str| (name.to_owned(), recipe.numbers(name, row_length));
    [("x".to_owned(), x), of_model("gamma"), of_model("beta")].into()
}

impl fmt::Display for Case {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.what {
            What::Circuit(recipe) => {
                write!(f, "circuit of {} steps, data {}", recipe.steps.len(), recipe.data)?;
                if !self.left_out.is_empty() {
                    write!(f, ", without {} operations", self.left_out.len())?;
                }
            }
            What::Protocol { name, rows, row_length, data } => {
                write!(f, "{name} on {rows} x {row_length}, data {data}")?;
            }
        }
        let SchemeSpec { sharing, truncation, comparison } = self.scheme;
        write!(f, "; {sharing:?} {truncation:?} {comparison:?}; {} fraction bits", self.fixed.fraction_bits())?;
        let lane = match self.least_lane {
            usize::MAX => "each by itself".to_owned(),
            lane => format!("together from {lane} elements"),
        };
        write!(f, "; seed {}; {} threads, {:?}, {lane}", self.seed, self.threads, self.code_path)
    }
}
