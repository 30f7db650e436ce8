//! Which words the coalition sees, is given, or must not learn.

use super::Options;
use super::scalar::{Scalars, Word};
use crate::privacy::view::{Knowledge, View};
use std::collections::{BTreeMap, HashSet};
use viewless_protocols::program::{Op, Program, ValueId};

/// What a word is to the coalition.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Role {
    /// An input of somebody outside.
    Secret,
    /// An input or sample of the coalition.
    Given,
    /// An output of the coalition.
    Output,
    /// A word of a message.
    Seen,
}

/// The roles of words; all others are summed out.
#[derive(Clone)]
pub(super) struct Roles {
    pub(super) roles: BTreeMap<usize, Role>,
    /// Words that must be equal to others: an input or sample that is sent as it is.
    pub(super) copies: Vec<(usize, usize)>,
}

impl Roles {
    pub(super) fn new(view: &View<'_>, scalars: &mut Scalars, options: Options) -> Self {
        let outputs = view.outputs().iter().map(|&output| (output, Role::Output));
        let seen: Vec<_> = outputs.chain(messages(view)).collect();
        Self::of(view, scalars, options.given_own_samples, &seen)
    }

    /// The roles for the law of own samples and messages, without outputs.
    pub(super) fn of_randomness(view: &View<'_>, scalars: &mut Scalars) -> Self {
        Self::of(view, scalars, false, &messages(view).collect::<Vec<_>>())
    }

    /// The roles for the law of what is `withheld`, given own samples, all other messages and the outputs.
    pub(super) fn of_withheld(view: &View<'_>, scalars: &mut Scalars, withheld: &[ValueId]) -> Self {
        let outputs = view.outputs().iter().map(|&output| (output, Role::Output));
        let given = outputs.chain(messages(view).map(|(message, _)| (message, Role::Output)));
        let seen: Vec<_> = given.chain(withheld.iter().map(|&message| (message, Role::Seen))).collect();
        Self::of(view, scalars, true, &seen)
    }

    /// Inputs and own samples, and then what is `seen`; the first role of a word counts.
    fn of(view: &View<'_>, scalars: &mut Scalars, given_own_samples: bool, seen: &[(ValueId, Role)]) -> Self {
        let mut this = Self { roles: BTreeMap::new(), copies: Vec::new() };
        for (id, value) in view.program.iter() {
            let own = view.coalition.meets(value.holders);
            let role = match &value.op {
                Op::Input { .. } if own => Role::Given,
                Op::Input { .. } => Role::Secret,
                Op::Sample { .. } if own && given_own_samples => Role::Given,
                Op::Sample { .. } if own => Role::Seen,
                Op::Sample { .. } | Op::Constant(_) | Op::Local(..) | Op::Send(..) | Op::Reveal { .. } => continue,
            };
            this.roles.extend(scalars.values[id.index()].iter().map(|&word| (word, role)));
        }
        // Outputs first: a message that is an output is given.
        let mut done = HashSet::new();
        for &(id, role) in seen {
            for word in scalars.values[id.index()].clone() {
                if done.insert(word) {
                    this.see(scalars, word, role);
                }
            }
        }
        this
    }

    /// Words of outputs of parties outside, which the view must not depend on either.
    pub(super) fn add_outputs_of_others(&mut self, view: &View<'_>, scalars: &mut Scalars) {
        for (id, value) in view.program.iter() {
            if matches!(&value.op, Op::Reveal { to, .. } if !view.coalition.members().contains(*to)) {
                for word in scalars.values[id.index()].clone() {
                    self.see(scalars, word, Role::Secret);
                }
            }
        }
    }

    /// The roles for the law of all outputs, given all inputs.
    pub(super) fn of_law(program: &Program, scalars: &mut Scalars) -> Self {
        let mut this = Self { roles: BTreeMap::new(), copies: Vec::new() };
        for (id, value) in program.iter() {
            if matches!(value.op, Op::Input { .. }) {
                this.roles.extend(scalars.values[id.index()].iter().map(|&word| (word, Role::Secret)));
            }
        }
        let mut done = HashSet::new();
        for (id, value) in program.iter() {
            if matches!(value.op, Op::Reveal { .. }) {
                for word in scalars.values[id.index()].clone() {
                    if done.insert(word) {
                        this.see(scalars, word, Role::Seen);
                    }
                }
            }
        }
        this
    }

    fn see(&mut self, scalars: &mut Scalars, word: usize, role: Role) {
        match (&scalars.scalars[word].word, self.roles.get(&word), role) {
            (Word::Constant(_), ..) | (_, Some(Role::Given | Role::Output), _) => {}
            // An own sample that is an output is given with the outputs.
            (_, Some(Role::Seen), Role::Output) => _ = self.roles.insert(word, role),
            (_, Some(Role::Seen), Role::Seen | Role::Given) => {}
            (Word::Computed(..), None | Some(Role::Secret), _) => _ = self.roles.insert(word, role),
            // What is seen, and somebody else's output, too; or a word of an input or sample that is sent as it is.
            (_, Some(Role::Seen), Role::Secret) | (Word::Input | Word::Sample, None | Some(Role::Secret), _) => {
                let copy = scalars.scalars.len();
                scalars.scalars.push(scalars.scalars[word].clone());
                self.copies.push((word, copy));
                self.roles.insert(copy, role);
            }
        }
    }

    pub(super) fn is(&self, word: usize, role: Role) -> bool {
        self.roles.get(&word) == Some(&role)
    }
}

fn messages<'v>(view: &'v View<'_>) -> impl Iterator<Item = (ValueId, Role)> + 'v {
    let messages = view.messages().iter().filter(|&&message| view.knowledge(message) == Knowledge::Message);
    messages.map(|&message| (message, Role::Seen))
}
