//! The joint statement, by counting: is a Program as good as a trusted party that computes an ideal functionality, rounding and all?
//!
//! The functionality is a Program, too: inputs of the same names, outputs of the same names to the same parties, samples for its
//! rounding; what happens inside does not matter. For a coalition the joint statement says: view and *all* outputs together have
//! the law of a simulated view (made from the coalition's inputs and outputs) and all outputs of the functionality. That is
//! equivalent to two conditions, each of which is counted:
//!
//! 1. For every assignment of all inputs, the outputs of all parties have the same joint law in both.
//! 2. Given the coalition's inputs and outputs, its view (own samples included) is independent of the other parties' inputs *and
//!    outputs*.
//!
//! *Equivalent:* if both hold, S draws the view from its law given the coalition's inputs and outputs, and by 2 this is its law given all
//! inputs and outputs; with 1 the joint laws agree. If the statement holds, 1 is its marginal, and 2 holds because S sees nothing else.

use super::eliminate::Tables;
use super::roles::Roles;
use super::scalar::{Scalars, Word};
use super::table::Table;
use super::{Assigned, CountError, Exhaustive, Options, Witness, worst_leak};
use crate::privacy::Coalition;
use crate::privacy::view::View;
use std::collections::BTreeMap;
use thiserror::Error;
use viewless_protocols::party::Party;
use viewless_protocols::program::{Op, Program, ValueId};

/// What counting found of the joint statement.
#[derive(Debug, Clone, PartialEq)]
pub enum Joint {
    /// It holds exactly.
    Holds,
    /// Condition 1 fails: for these inputs, the outputs have another law than those of the functionality.
    Outputs {
        /// Total-variation distance of the two laws.
        distance: f64,
        /// The inputs.
        inputs: Vec<Assigned>,
    },
    /// Condition 2 fails: the view depends on other parties' inputs and outputs.
    View(Box<Witness>),
}

/// A joint statement that cannot be counted.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum JointError {
    /// Not the same inputs and outputs.
    #[error(
        "the functionality has other inputs or outputs than the Program, or of other sizes: {left} against {right}"
    )]
    Interface {
        /// Those of the Program.
        left: String,
        /// Those of the functionality.
        right: String,
    },
    /// Too large.
    #[error(transparent)]
    Count(#[from] CountError),
}

/// An element of an input or output: whether it is an output, whose, its name, its position.
type Slot = (bool, Party, String, usize);

/// Where a slot's word is: an axis of the table, or a constant.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Place {
    Axis(usize),
    Constant(u64),
}

/// The joint law of inputs and outputs of a Program.
struct Law {
    /// Width and place of each slot.
    slots: BTreeMap<Slot, (u8, Place)>,
    table: Table,
    /// For witnesses: the value of each input.
    values: BTreeMap<Slot, ValueId>,
}

/// Counts whether `program` does for `coalition` what the trusted party `functionality` does.
///
/// # Errors
/// [`JointError`] if inputs and outputs are not the same, or there is too much to count.
pub fn joint(program: &Program, functionality: &Program, coalition: Coalition) -> Result<Joint, JointError> {
    let options = Options::stronger();
    let (real, ideal) = (Law::new(program, options)?, Law::new(functionality, options)?);
    let interface = |law: &Law| law.slots.iter().map(|(slot, &(bits, _))| (slot.clone(), bits)).collect::<Vec<_>>();
    if interface(&real) != interface(&ideal) {
        let (left, right) = (format!("{:?}", interface(&real)), format!("{:?}", interface(&ideal)));
        return Err(JointError::Interface { left, right });
    }
    if let Some((distance, inputs)) = farthest(&real, &ideal, options)? {
        return Ok(Joint::Outputs { distance, inputs });
    }
    Ok(match count_jointly(program, coalition, options)? {
        Exhaustive::Private => Joint::Holds,
        Exhaustive::Leak(witness) => Joint::View(witness),
    })
}

/// Counts condition 2 alone: the joint statement against the functionality that computes outputs as the Program does.
///
/// # Errors
/// [`CountError`] when the Program is too large.
pub fn count_jointly(program: &Program, coalition: Coalition, options: Options) -> Result<Exhaustive, CountError> {
    let view = View::new(program, coalition);
    let mut scalars = Scalars::new(program)?;
    let mut roles = Roles::new(&view, &mut scalars, Options { given_own_samples: false, ..options });
    roles.add_outputs_of_others(&view, &mut scalars);
    let worst = worst_leak(program, &scalars, &roles, options, true)?;
    Ok(worst.map_or(Exhaustive::Private, |witness| Exhaustive::Leak(Box::new(witness))))
}

impl Law {
    fn new(program: &Program, options: Options) -> Result<Self, CountError> {
        let mut scalars = Scalars::new(program)?;
        let roles = Roles::of_law(program, &mut scalars);
        let copy_of: BTreeMap<usize, usize> = roles.copies.iter().copied().collect();
        let (mut slots, mut values) = (BTreeMap::new(), BTreeMap::new());
        for (id, value) in program.iter() {
            let (is_output, party, name) = match &value.op {
                Op::Input { name, .. } => match value.holders.iter().next() {
                    Some(owner) => (false, owner, name),
                    None => continue,
                },
                Op::Reveal { to, name, .. } => (true, *to, name),
                Op::Constant(_) | Op::Sample { .. } | Op::Local(..) | Op::Send(..) => continue,
            };
            for (element, &word) in scalars.values[id.index()].iter().enumerate() {
                let place = match scalars.scalars[word].word {
                    Word::Constant(word) => Place::Constant(word),
                    Word::Input | Word::Sample if is_output => Place::Axis(copy_of.get(&word).copied().unwrap_or(word)),
                    Word::Input | Word::Sample | Word::Computed(..) => Place::Axis(word),
                };
                let slot = (is_output, party, name.to_string(), element);
                values.insert(slot.clone(), id);
                slots.insert(slot, (value.domain.bits(), place));
            }
        }
        let mut tables = Tables::new(&scalars, &roles, options, true)?;
        tables.sum_out()?;
        let (components, _) = tables.components()?;
        let all: Vec<&Table> = components.iter().collect();
        let table = Table::product(&all, None, options.most_bits)?;
        Ok(Self { slots, table, values })
    }

    /// How many samples lead to these words, in the order of the slots.
    fn count(&self, words: &[u64]) -> u64 {
        let mut axes: BTreeMap<usize, u64> = BTreeMap::new();
        for (&(_, place), &word) in self.slots.values().zip(words) {
            match place {
                Place::Constant(constant) if constant != word => return 0,
                Place::Constant(_) => {}
                // Two slots may show one word.
                Place::Axis(axis) => match axes.insert(axis, word) {
                    Some(other) if other != word => return 0,
                    Some(_) | None => {}
                },
            }
        }
        self.table.count_at(|axis| axes.get(&axis).copied().unwrap_or(0))
    }
}

/// The inputs for which two laws of the outputs differ most, if any do.
fn farthest(real: &Law, ideal: &Law, options: Options) -> Result<Option<(f64, Vec<Assigned>)>, CountError> {
    let widths: Vec<(bool, u8)> = real.slots.iter().map(|((is_output, ..), &(bits, _))| (*is_output, bits)).collect();
    let bits = |of_outputs: bool| {
        widths.iter().filter(|(is_output, _)| *is_output == of_outputs).map(|&(_, bits)| u32::from(bits)).sum::<u32>()
    };
    let (input_bits, output_bits) = (bits(false), bits(true));
    if input_bits + output_bits > options.most_bits {
        let what = format!("inputs and outputs of {} bits (at most {})", input_bits + output_bits, options.most_bits);
        return Err(CountError::Size { what });
    }
    let words = |inputs: u64, outputs: u64| -> Vec<u64> {
        let (mut inputs, mut outputs) = (inputs, outputs);
        let mut take = |is_output: bool, bits: u8| {
            let from = if is_output { &mut outputs } else { &mut inputs };
            let word = *from & ((1 << bits) - 1);
            *from >>= bits;
            word
        };
        widths.iter().map(|&(is_output, bits)| take(is_output, bits)).collect()
    };
    let mut worst: Option<(f64, u64)> = None;
    for inputs in 0..1u64 << input_bits {
        let law =
            |law: &Law| (0..1u64 << output_bits).map(|outputs| law.count(&words(inputs, outputs))).collect::<Vec<_>>();
        let (real, ideal) = (law(real), law(ideal));
        let (all, ideally) = (real.iter().sum::<u64>(), ideal.iter().sum::<u64>());
        let differs = |(&a, &b): (&u64, &u64)| u128::from(a) * u128::from(ideally) != u128::from(b) * u128::from(all);
        if real.iter().zip(&ideal).any(differs) {
            let term = |(&a, &b): (&u64, &u64)| (a as f64 / all as f64 - b as f64 / ideally as f64).abs();
            let distance = real.iter().zip(&ideal).map(term).sum::<f64>() / 2.0;
            if worst.is_none_or(|(worst, _)| distance > worst) {
                worst = Some((distance, inputs));
            }
        }
    }
    Ok(worst.map(|(distance, inputs)| {
        let words = words(inputs, 0);
        let named = real.slots.keys().zip(words).filter(|((is_output, ..), _)| !is_output);
        let assigned = named.map(|(slot, word)| {
            let (_, _, name, element) = slot;
            Assigned { value: real.values[slot], element: *element, name: name.clone(), word }
        });
        (distance, assigned.collect())
    }))
}
