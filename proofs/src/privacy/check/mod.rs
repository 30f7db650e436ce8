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

use super::certificate::{Certificate, FORMAT, Step};
use super::{Coalition, CoalitionError};
use operations::Keeps;
use std::collections::{HashMap, HashSet};
use thiserror::Error;
use viewless_protocols::program::{Local, Op, Program, ValueId};

/// What a checked certificate proves.
#[derive(Debug, Clone, PartialEq)]
pub struct Checked {
    /// Whose view can be simulated.
    pub coalition: Coalition,
    /// Number of messages in it, each contents once.
    pub messages: usize,
    /// At most this far from the ideal.
    pub statistical_distance: f64,
    /// Whether the simulator is given the coalition's own samples (it is when the coalition has outputs).
    pub given_own_samples: bool,
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
        why: String,
    },
    /// A message without a step.
    #[error("no step is about the message %{message} in region `{region}`")]
    Missing {
        /// The send.
        message: u32,
        /// Where it was built.
        region: String,
    },
    /// An output that is not accounted for.
    #[error("the output %{output} depends on messages that the simulator draws without it")]
    Output {
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
    let mut checker = Checker::new(program, coalition);
    for (step, contents) in certificate.steps.iter().enumerate() {
        checker.schedule(step, contents).map_err(|why| CheckError::Step { step, why })?;
    }
    checker.connect();
    let mut distance = 0.0;
    for (step, contents) in certificate.steps.iter().enumerate() {
        distance += checker.step(step, contents).map_err(|why| CheckError::Step { step, why })?;
    }
    checker.nothing_is_missing()?;
    checker.outputs(&certificate.steps)?;
    if distance >= 1.0 {
        return Err(CheckError::Distance { distance });
    }
    let messages = checker.covered.len();
    let given_own_samples = checker.outputs_of_coalition().next().is_some();
    Ok(Checked { coalition, messages, statistical_distance: distance, given_own_samples })
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
    /// Origins that a send carries into the coalition.
    arrives: HashSet<usize>,
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
    fn new(program: &'p Program, coalition: Coalition) -> Self {
        let count = program.values.len();
        let mut origin: Vec<usize> = (0..count).collect();
        let mut known = vec![false; count];
        let mut arrives = HashSet::new();
        for (id, value) in program.iter() {
            let i = id.index();
            if let Op::Send(copied, _) | Op::Reveal { value: copied, .. } = &value.op {
                origin[i] = origin[copied.index()];
                let from_outside = !coalition.meets(program.value(*copied).holders) && coalition.meets(value.holders);
                if from_outside {
                    arrives.insert(origin[i]);
                }
            }
            known[origin[i]] |= coalition.meets(value.holders);
        }
        let mut state = vec![State::Outside; count];
        let mut own = vec![false; count];
        for (id, value) in program.iter() {
            let i = id.index();
            if origin[i] != i {
                continue;
            }
            let arguments = value.op.arguments();
            let derived = !arguments.is_empty()
                && arguments.iter().all(|argument| state[origin[argument.index()]] != State::Outside);
            state[i] = match (derived, arguments.is_empty() && coalition.meets(value.holders), known[i]) {
                (true, _, _) => State::Derived,
                (false, true, _) => State::Own,
                (false, false, true) => State::Received,
                (false, false, false) => State::Outside,
            };
            own[i] = match state[i] {
                State::Own => true,
                State::Derived => arguments.iter().all(|argument| own[origin[argument.index()]]),
                State::Received | State::Outside => false,
            };
        }
        let (time, last, uses) = (vec![END; count], vec![0; count], vec![Vec::new(); count]);
        Self { program, coalition, origin, state, own, arrives, covered: HashSet::new(), time, last, uses }
    }

    fn origin_of(&self, id: ValueId) -> Result<usize, String> {
        self.origin.get(id.index()).copied().ok_or_else(|| format!("there is no value %{}", id.0))
    }

    fn arguments(&self, origin: usize) -> impl Iterator<Item = usize> + '_ {
        self.program.values[origin].op.arguments().iter().map(|argument| self.origin[argument.index()])
    }

    /// Notes the time of a step's messages. Each contents may have one step.
    fn schedule(&mut self, step: usize, contents: &Step) -> Result<(), String> {
        let time = step as u64 + 1;
        match contents {
            Step::Function { message } => self.schedule_message(*message, State::Derived, END),
            Step::Uniform { message, .. } | Step::Wide { message, .. } => {
                self.schedule_message(*message, State::Received, time)
            }
            Step::Output { shares, .. } => {
                shares.iter().try_for_each(|share| self.schedule_message(share.message, State::Received, END))
            }
        }
    }

    fn schedule_message(&mut self, message: ValueId, state: State, time: u64) -> Result<(), String> {
        let origin = self.origin_of(message)?;
        if !self.arrives.contains(&origin) {
            return Err(format!("%{} is no message to {}", message.0, self.coalition));
        }
        if self.state[origin] != state {
            return Err(match state {
                State::Derived => format!("%{} is not computed from what {} knows", message.0, self.coalition),
                State::Outside | State::Own | State::Received => {
                    format!("%{} is computed from what {} knows", message.0, self.coalition)
                }
            });
        }
        if !self.covered.insert(origin) {
            return Err(format!("an earlier step is about the message %{} already", message.0));
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

    fn only_use(&self, value: usize, time: u64) -> Result<(usize, usize), String> {
        let mut uses = self.uses_from(value, time);
        match (uses.next(), uses.next()) {
            (Some(only), None) => Ok(only),
            (None, _) => Err(format!("%{value} flows into no message that remains")),
            (Some((first, _)), Some((second, _))) => {
                Err(format!("%{value} flows into %{first} and %{second}, which both matter to messages that remain"))
            }
        }
    }

    /// Verifies a step; returns the statistical distance that it costs.
    fn step(&self, step: usize, contents: &Step) -> Result<f64, String> {
        let time = step as u64 + 1;
        match contents {
            // That the message is derived was checked when it was scheduled.
            Step::Function { .. } => Ok(0.0),
            Step::Uniform { message, masks } => {
                let target = self.origin_of(*message)?;
                let drawn = matches!(self.program.values[target].op, Op::Sample { .. });
                if drawn && *masks == [ValueId(target as u32)] {
                    return Ok(0.0);
                }
                match self.follow(masks, target, time)? {
                    None => Ok(0.0),
                    Some(_) => Err("the mask is read as a wider word and does not cover its high bits".to_owned()),
                }
            }
            Step::Wide { message, masks } => {
                let target = self.origin_of(*message)?;
                match self.follow(masks, target, time)? {
                    Some(distance) => Ok(distance),
                    None => Err("the mask is not read as a wider word".to_owned()),
                }
            }
            Step::Output { output, shares } => self.output(*output, shares, time).map(|()| 0.0),
        }
    }

    fn mask(&self, mask: ValueId) -> Result<usize, String> {
        let origin = self.origin_of(mask)?;
        let sample = matches!(self.program.values[origin].op, Op::Sample { .. });
        match (sample, self.state[origin]) {
            (true, State::Outside) => Ok(origin),
            (true, State::Own | State::Derived | State::Received) => {
                Err(format!("{} knows the mask %{}", self.coalition, mask.0))
            }
            (false, _) => Err(format!("the mask %{} is no sample", mask.0)),
        }
    }

    /// Follows masks to the target, by uses that are the only ones from `time` on and balanced. If the last operation adds
    /// something bounded to a widened mask, returns the distance.
    fn follow(&self, masks: &[ValueId], target: usize, time: u64) -> Result<Option<f64>, String> {
        let mut parts: HashMap<usize, HashSet<usize>> = HashMap::new();
        let (mut reached, mut distance) = (false, None);
        for &mask in masks {
            let mut at = self.mask(mask)?;
            loop {
                let (user, position) = self.only_use(at, time)?;
                match self.keeps_uniform(user, position) {
                    Keeps::Yes => {}
                    Keeps::WithAllParts => {
                        let seen = parts.entry(user).or_default();
                        seen.insert(position);
                        if seen.len() < self.program.values[user].op.arguments().len() {
                            break;
                        }
                    }
                    Keeps::Widened if distance.is_none() => {
                        let (sum, position) = self.only_use(user, time)?;
                        if sum != target {
                            return Err(format!("the widened mask %{user} is not added to the message itself"));
                        }
                        distance = Some(self.wide_distance(at, sum, position)?);
                        reached = true;
                        break;
                    }
                    Keeps::Widened | Keeps::No => {
                        return Err(format!("%{user} is not uniform whenever %{at} is"));
                    }
                }
                if user == target {
                    reached = true;
                    break;
                }
                at = user;
            }
        }
        if reached { Ok(distance) } else { Err(format!("the masks do not cover the message %{target}")) }
    }

    /// Distance of `sum`, a widened mask plus or minus something bounded, from the widened mask alone.
    fn wide_distance(&self, mask: usize, sum: usize, position: usize) -> Result<f64, String> {
        let value = &self.program.values[sum];
        let Op::Local(Local::Add | Local::Sub, arguments) = &value.op else {
            return Err(format!("%{sum} is no sum with a widened mask"));
        };
        let elements = value.shape.elements();
        if self.program.value(arguments[position]).shape.elements() != elements {
            return Err(format!("the widened mask is broadcast in %{sum}"));
        }
        let bits = self.bits_at_most(arguments[1 - position].index(), 4);
        let mask_bits = self.program.values[mask].domain.bits();
        Ok(elements as f64 * (f64::from(bits) - f64::from(mask_bits)).exp2())
    }

    fn nothing_is_missing(&self) -> Result<(), CheckError> {
        match self.arrives.iter().filter(|&origin| !self.covered.contains(origin)).min() {
            None => Ok(()),
            Some(&origin) => Err(CheckError::Missing {
                message: origin as u32,
                region: self.program.regions.path(self.program.values[origin].region),
            }),
        }
    }

    fn outputs_of_coalition(&self) -> impl Iterator<Item = usize> + '_ {
        self.program.iter().filter_map(|(id, value)| match &value.op {
            Op::Reveal { to, .. } if self.coalition.members().contains(*to) => Some(id.index()),
            Op::Input { .. }
            | Op::Constant(_)
            | Op::Sample { .. }
            | Op::Local(..)
            | Op::Send(..)
            | Op::Reveal { .. } => None,
        })
    }
}
