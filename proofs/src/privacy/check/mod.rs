//! The independent checker of certificates. It shares no code with the prover, searches nothing, and looks at every value and
//! step once.
//!
//! The prover counts flows while it eliminates. The checker never changes anything: it gives each message the *time* of its
//! step (messages that stay, because they are shares of an output, have the end of time) and each value outside the view its
//! *last* time, the latest of the messages that it flows into without passing through something that the coalition knows.
//! What a mask of step t must satisfy is then a statement about each value on its way to the message: exactly one use of it has
//! a last time of t or later, and the operation there is balanced. `SOUNDNESS.md` shows that this suffices.

mod operations;
mod output;
mod own;
mod refusal;
mod withheld;

pub use refusal::Refusal;

use super::certificate::{Certificate, FORMAT, Simulator, Step};
use super::{Coalition, CoalitionError};
use operations::Keeps;
use std::collections::{HashMap, HashSet};
use thiserror::Error;
use viewless_protocols::party::Party;
use viewless_protocols::program::{Constant, Local, Op, Program, Value, ValueId};
use viewless_protocols::shape::Move;

/// What a checked certificate proves.
#[derive(Debug, Clone, PartialEq)]
pub struct Checked {
    /// Whose view can be simulated.
    pub coalition: Coalition,
    /// Number of messages in it, each contents once.
    pub messages: usize,
    /// At most this far from the ideal.
    pub statistical_distance: f64,
    /// What the simulator is given beside the coalition's inputs and outputs.
    pub simulator: Simulator,
    /// Whether an output depends on messages that the simulator draws. Then it draws them conditionally on the output, which is a
    /// well-defined law, but nobody says how fast it is sampled.
    pub conditional: bool,
}

/// A certificate that proves nothing.
#[derive(Debug, Clone, PartialEq, Error)]
pub enum CheckError {
    /// Of another version.
    #[error("the certificate has format {found}, this checker reads {FORMAT}; prove again")]
    Format {
        /// Its format.
        found: u32,
    },
    /// About another Program.
    #[error("the certificate is about the Program {certificate}, but this one is {program}")]
    OtherProgram {
        /// Digest that it names.
        certificate: String,
        /// Digest of the Program at hand.
        program: String,
    },
    /// About nobody, or a stranger.
    #[error("{0}")]
    Coalition(#[from] CoalitionError),
    /// A step that does not follow.
    #[error("step {step} is wrong: {why}")]
    Step {
        /// Its position, from 0.
        step: usize,
        /// What is wrong.
        why: Refusal,
    },
    /// Contents handed to the coalition that the Program does not have.
    #[error("the coalition is handed %{value}, which the Program does not have")]
    Handed {
        /// The number.
        value: u32,
    },
    /// Values that are said to be the same and are not.
    #[error("%{second} is not the same computation as %{first} before it")]
    NotSame {
        /// The first.
        first: u32,
        /// The second.
        second: u32,
    },
    /// A message that an output does not determine.
    #[error("the message %{message} cannot be withheld: {why}")]
    Withheld {
        /// The send.
        message: u32,
        /// What is wrong.
        why: Refusal,
    },
    /// A proof without outputs that uses one, or hands something over.
    #[error(
        "the simulator is given the coalition's randomness, so nothing is handed over, and no step is about an output"
    )]
    GivenRandomness,
    /// A message without a step.
    #[error("no step is about the message %{message} in region `{region}`")]
    Missing {
        /// The send.
        message: u32,
        /// Where it was built.
        region: String,
    },
    /// An output of something that is only near to its law.
    #[error("the output %{output} depends on messages that the simulator draws, and not all of them exactly")]
    Output {
        /// The reveal.
        output: u32,
    },
    /// A stronger claim, where outputs may depend on the coalition's own samples, or on masks of its messages. In the joint statement, the
    /// outputs of any party.
    #[error("the output %{output} may depend on randomness that the coalition knows: a simulator must be given it")]
    OwnSamples {
        /// The reveal.
        output: u32,
    },
    /// Masks that hide too little.
    #[error("the statistical distance adds up to {distance}, which says nothing")]
    Distance {
        /// The sum.
        distance: f64,
    },
}

/// Checks that a certificate proves what it says about `program`.
///
/// # Errors
/// [`CheckError`] with the first bad step.
pub fn check(program: &Program, certificate: &Certificate) -> Result<Checked, CheckError> {
    if certificate.format != FORMAT {
        return Err(CheckError::Format { found: certificate.format });
    }
    let digest = program.digest().to_hex().to_string();
    if certificate.digest != digest {
        return Err(CheckError::OtherProgram { certificate: certificate.digest.clone(), program: digest });
    }
    let coalition = Coalition::of(program, &certificate.coalition)?;
    if let Some(&ValueId(value)) = certificate.handed.iter().find(|handed| handed.index() >= program.values.len()) {
        return Err(CheckError::Handed { value });
    }
    let mut checker = Checker::new(program, coalition, certificate)?;
    for (step, contents) in certificate.steps.iter().enumerate() {
        checker.schedule(step, contents).map_err(|why| CheckError::Step { step, why })?;
    }
    checker.connect();
    let mut distance = 0.0;
    for (step, contents) in certificate.steps.iter().enumerate() {
        distance += checker.step(step, contents).map_err(|why| CheckError::Step { step, why })?;
    }
    checker.nothing_is_missing()?;
    if distance >= 1.0 {
        return Err(CheckError::Distance { distance });
    }
    let conditional = match checker.outputs_or_withheld(certificate)? {
        Some(output) if distance > 0.0 => return Err(CheckError::Output { output: output as u32 }),
        output => output.is_some(),
    };
    if let Some(output) = checker.output_of_randomness(certificate) {
        return Err(CheckError::OwnSamples { output: output as u32 });
    }
    let (messages, simulator) = (checker.covered.len(), certificate.simulator);
    Ok(Checked { coalition, messages, statistical_distance: distance, simulator, conditional })
}

/// The strongest of the claims that a proof of a view can carry: whether outputs are no functions of own samples, or of masks of messages.
#[must_use]
pub(super) fn strongest(program: &Program, coalition: Coalition, certificate: &Certificate) -> Simulator {
    let weakest =
        if certificate.withheld.is_empty() { Simulator::GivenOwnSamples } else { Simulator::GivenOwnRandomness };
    let Ok(checker) = Checker::new(program, coalition, certificate) else { return weakest };
    let claims = [Simulator::JointlyWithOutputs, Simulator::DrawsOwnSamples, Simulator::GivenOwnSamples].into_iter();
    let holds = |simulator: &Simulator| {
        let claimed = Certificate { simulator: *simulator, ..certificate.clone() };
        checker.output_of_randomness(&claimed).is_none()
    };
    claims.filter(|&claim| claim < weakest).find(holds).unwrap_or(weakest)
}

/// What the coalition knows of a value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    Outside,
    Own,
    Derived,
    Received,
}

/// The time of messages that stay.
const END: u64 = u64::MAX;

struct Checker<'p> {
    program: &'p Program,
    coalition: Coalition,
    /// The value that a value is a copy of, by sends and reveals; itself otherwise.
    origin: Vec<usize>,
    /// Of origins.
    state: Vec<State>,
    /// Whether an origin is known and depends on no message.
    own: Vec<bool>,
    /// Origins of messages that a step is about.
    covered: HashSet<usize>,
    /// Time of each received origin; the end unless a step says otherwise.
    time: Vec<u64>,
    /// Last time of each outside origin.
    last: Vec<u64>,
    /// Uses of each outside origin by what is outside or received: user and position of the argument.
    uses: Vec<Vec<(usize, usize)>>,
}

impl<'p> Checker<'p> {
    fn new(program: &'p Program, coalition: Coalition, certificate: &Certificate) -> Result<Self, CheckError> {
        let same: HashMap<ValueId, ValueId> = certificate.same.iter().map(|&(first, second)| (second, first)).collect();
        let count = program.values.len();
        let mut origin: Vec<usize> = (0..count).collect();
        let mut known = vec![false; count];
        for (id, value) in program.iter() {
            let i = id.index();
            if let Op::Send(copied, _) | Op::Reveal { value: copied, .. } = &value.op {
                origin[i] = origin[copied.index()];
            }
            if let Some(&first) = same.get(&id) {
                if !is_same(program, &origin, first, id) {
                    return Err(CheckError::NotSame { first: first.0, second: id.0 });
                }
                origin[i] = origin[first.index()];
            }
            // What members compute themselves brings nothing that they do not know.
            known[origin[i]] |= match &value.op {
                Op::Send(argument, _) => {
                    coalition.meets(value.holders) && !coalition.meets(program.value(*argument).holders)
                }
                Op::Input { .. } | Op::Constant(_) | Op::Sample { .. } | Op::Local(..) | Op::Reveal { .. } => false,
            };
        }
        for withheld in &certificate.withheld {
            if let Some(&origin) = origin.get(withheld.message.index()) {
                known[origin] = false;
            }
        }
        certificate.handed.iter().for_each(|value| known[origin[value.index()]] = true);
        let mut state = vec![State::Outside; count];
        let mut own = vec![false; count];
        for (id, value) in program.iter() {
            let i = id.index();
            if origin[i] != i {
                continue;
            }
            let arguments = value.op.arguments();
            let zero = is_zero(program, &origin, value);
            let derived = zero
                || !arguments.is_empty()
                    && arguments.iter().all(|argument| state[origin[argument.index()]] != State::Outside);
            state[i] = match (derived, arguments.is_empty() && coalition.meets(value.holders), known[i]) {
                (true, _, _) => State::Derived,
                (false, true, _) => State::Own,
                (false, false, true) => State::Received,
                (false, false, false) => State::Outside,
            };
            own[i] = match state[i] {
                State::Own => true,
                State::Derived => zero || arguments.iter().all(|argument| own[origin[argument.index()]]),
                State::Received | State::Outside => false,
            };
        }
        let (time, last, uses) = (vec![END; count], vec![0; count], vec![Vec::new(); count]);
        Ok(Self { program, coalition, origin, state, own, covered: HashSet::new(), time, last, uses })
    }

    fn origin_of(&self, id: ValueId) -> Result<usize, Refusal> {
        self.origin.get(id.index()).copied().ok_or(Refusal::NoSuchValue(id.0))
    }

    fn arguments(&self, origin: usize) -> impl Iterator<Item = usize> + '_ {
        self.program.values[origin].op.arguments().iter().map(|argument| self.origin[argument.index()])
    }

    /// Notes the time of a step's messages. Each contents may have one step.
    fn schedule(&mut self, step: usize, contents: &Step) -> Result<(), Refusal> {
        match contents {
            Step::Uniform { message, .. } | Step::Wide { message, .. } => {
                self.schedule_message(*message, step as u64 + 1)
            }
            Step::Output { shares, .. } => {
                shares.iter().try_for_each(|share| self.schedule_message(share.message, END))
            }
        }
    }

    fn schedule_message(&mut self, message: ValueId, time: u64) -> Result<(), Refusal> {
        let origin = self.origin_of(message)?;
        if self.state[origin] != State::Received {
            return Err(Refusal::NoMessage(message.index()));
        }
        if !self.covered.insert(origin) {
            return Err(Refusal::SecondStep(message.index()));
        }
        self.time[origin] = time;
        Ok(())
    }

    /// When a use of something ends to matter: at the time of a message, or the last time of what is outside.
    fn until(&self, user: usize) -> u64 {
        match self.state[user] {
            State::Received => self.time[user],
            State::Outside => self.last[user],
            State::Own | State::Derived => 0,
        }
    }

    fn connect(&mut self) {
        for user in (0..self.origin.len()).rev().filter(|&user| self.origin[user] == user) {
            let until = self.until(user);
            if until == 0 {
                continue;
            }
            for position in 0..self.program.values[user].op.arguments().len() {
                let argument = self.origin[self.program.values[user].op.arguments()[position].index()];
                if self.state[argument] == State::Outside {
                    self.last[argument] = self.last[argument].max(until);
                    self.uses[argument].push((user, position));
                }
            }
        }
    }

    /// The uses of `value` that matter at `time` or later.
    fn uses_from(&self, value: usize, time: u64) -> impl Iterator<Item = (usize, usize)> + '_ {
        self.uses[value].iter().copied().filter(move |&(user, _)| self.until(user) >= time)
    }

    fn only_use(&self, value: usize, time: u64) -> Result<(usize, usize), Refusal> {
        let mut uses = self.uses_from(value, time);
        match (uses.next(), uses.next()) {
            (Some(only), None) => Ok(only),
            (None, _) => Err(Refusal::NoUse(value)),
            (Some((first, _)), Some((second, _))) => Err(Refusal::TwoUses { value, first, second }),
        }
    }

    /// Verifies a step; returns the statistical distance that it costs.
    fn step(&self, step: usize, contents: &Step) -> Result<f64, Refusal> {
        let time = step as u64 + 1;
        match contents {
            Step::Uniform { message, masks } => {
                let target = self.origin_of(*message)?;
                let drawn = matches!(self.program.values[target].op, Op::Sample { .. });
                let by_itself = matches!(masks[..], [mask] if self.origin_of(mask) == Ok(target));
                if drawn && by_itself {
                    return Ok(0.0);
                }
                match self.follow(masks, target, time)? {
                    None => Ok(0.0),
                    Some(_) => Err(Refusal::Widened),
                }
            }
            Step::Wide { message, masks } => {
                let target = self.origin_of(*message)?;
                self.follow(masks, target, time)?.ok_or(Refusal::NotWidened)
            }
            Step::Output { output, shares } => self.output(*output, shares, time).map(|()| 0.0),
        }
    }

    /// A sample outside the view.
    fn mask(&self, mask: ValueId) -> Result<usize, Refusal> {
        let origin = self.origin_of(mask)?;
        let sample = matches!(self.program.values[origin].op, Op::Sample { .. });
        match (sample, self.state[origin]) {
            (true, State::Outside) => Ok(origin),
            (true, State::Own | State::Derived | State::Received) => Err(Refusal::MaskKnown(origin)),
            (false, _) => Err(Refusal::MaskNoSample(origin)),
        }
    }

    /// A sample outside the view, or a slice of one: all else that the sample still matters to is slices apart from this.
    fn mask_or_part(&self, mask: ValueId, time: u64) -> Result<usize, Refusal> {
        let part = self.origin_of(mask)?;
        let Op::Local(Local::Move(Move::Slice { .. }), arguments) = &self.program.values[part].op else {
            return self.mask(mask);
        };
        let sample = self.mask(arguments[0])?;
        match self.uses_from(sample, time).find(|&(other, _)| other != part && !self.are_apart(part, other)) {
            None => Ok(part),
            Some((other, _)) => Err(Refusal::PartsOverlap { part, other }),
        }
    }

    /// Follows masks to the target, by uses that are the only ones from `time` on and balanced. If the last operation adds
    /// something bounded to a widened mask, returns the distance.
    fn follow(&self, masks: &[ValueId], target: usize, time: u64) -> Result<Option<f64>, Refusal> {
        let mut parts: HashMap<usize, HashSet<usize>> = HashMap::new();
        let mut reached = false;
        for &mask in masks {
            let mut at = self.mask_or_part(mask, time)?;
            while at != target {
                let (user, position) = self.only_use(at, time)?;
                match self.keeps_uniform(user, position) {
                    Keeps::Yes => at = user,
                    Keeps::WithAllParts => {
                        let seen = parts.entry(user).or_default();
                        seen.insert(position);
                        if seen.len() < self.program.values[user].op.arguments().len() {
                            break;
                        }
                        at = user;
                    }
                    Keeps::LowBits(bits) => {
                        let (narrow, _) = self.only_use(user, time)?;
                        match &self.program.values[narrow].op {
                            Op::Local(Local::Convert(domain), _) if domain.bits() <= bits => at = narrow,
                            Op::Input { .. }
                            | Op::Constant(_)
                            | Op::Sample { .. }
                            | Op::Local(..)
                            | Op::Send(..)
                            | Op::Reveal { .. } => return Err(Refusal::NotBalanced { user, argument: at }),
                        }
                    }
                    Keeps::Widened => {
                        let (sum, position) = self.only_use(user, time)?;
                        if sum != target {
                            return Err(Refusal::WidenedElsewhere(user));
                        }
                        return self.wide_distance(at, sum, position).map(Some);
                    }
                    Keeps::No => return Err(Refusal::NotBalanced { user, argument: at }),
                }
            }
            reached |= at == target;
        }
        if reached { Ok(None) } else { Err(Refusal::NotCovered(target)) }
    }

    /// Distance of `sum`, a widened mask plus or minus something bounded, from the widened mask alone.
    fn wide_distance(&self, mask: usize, sum: usize, position: usize) -> Result<f64, Refusal> {
        let value = &self.program.values[sum];
        let Op::Local(Local::Add | Local::Sub, arguments) = &value.op else {
            return Err(Refusal::WidenedNoSum(sum));
        };
        let elements = value.shape.elements();
        if self.program.value(arguments[position]).shape.elements() != elements {
            return Err(Refusal::WidenedBroadcast(sum));
        }
        let bits = self.bits_at_most(arguments[1 - position].index(), 4);
        let mask_bits = self.program.values[mask].domain.bits();
        Ok(elements as f64 * (f64::from(bits) - f64::from(mask_bits)).exp2())
    }

    fn nothing_is_missing(&self) -> Result<(), CheckError> {
        let received = |origin: &usize| self.state[*origin] == State::Received;
        match (0..self.origin.len()).filter(received).find(|origin| !self.covered.contains(origin)) {
            None => Ok(()),
            Some(origin) => Err(CheckError::Missing {
                message: origin as u32,
                region: self.program.regions.path(self.program.values[origin].region),
            }),
        }
    }

    fn outputs_of_coalition(&self) -> impl Iterator<Item = usize> + '_ {
        self.outputs_of(|to| self.coalition.members().contains(to))
    }

    fn outputs_of(&self, whose: impl Fn(Party) -> bool) -> impl Iterator<Item = usize> {
        self.program.iter().filter_map(move |(id, value)| match &value.op {
            Op::Reveal { to, .. } if whose(*to) => Some(id.index()),
            Op::Input { .. }
            | Op::Constant(_)
            | Op::Sample { .. }
            | Op::Local(..)
            | Op::Send(..)
            | Op::Reveal { .. } => None,
        })
    }
}

/// Whether two values are the same operation on the same contents, the first before the second.
fn is_same(program: &Program, origin: &[usize], first: ValueId, second: ValueId) -> bool {
    if first >= second {
        return false;
    }
    match (&program.value(first).op, &program.value(second).op) {
        (Op::Local(one, a), Op::Local(other, b)) => {
            let origins = |arguments: &[ValueId]| arguments.iter().map(|id| origin[id.index()]).collect::<Vec<_>>();
            one == other && origins(a) == origins(b)
        }
        (
            Op::Input { .. } | Op::Constant(_) | Op::Sample { .. } | Op::Local(..) | Op::Send(..) | Op::Reveal { .. },
            _,
        ) => false,
    }
}

/// Whether a value is zero whatever it is computed from: the difference of contents and themselves, or a product with zero.
fn is_zero(program: &Program, origin: &[usize], value: &Value) -> bool {
    let Op::Local(local, arguments) = &value.op else { return false };
    let zero =
        |argument: &ValueId| matches!(program.values[origin[argument.index()]].op, Op::Constant(Constant::Splat(0)));
    match local {
        Local::Sub | Local::Xor => origin[arguments[0].index()] == origin[arguments[1].index()],
        Local::Mul | Local::And => arguments.iter().any(zero),
        Local::Add
        | Local::Neg
        | Local::MatMul
        | Local::Sum(_)
        | Local::Not
        | Local::ShiftLeft(_)
        | Local::ShiftRight(_)
        | Local::ShiftRightArithmetic(_)
        | Local::BitReversal
        | Local::Convert(_)
        | Local::Move(_)
        | Local::Concat(_)
        | Local::Function(_) => false,
    }
}
