//! Which contents outside the view flow into which messages, with the flows counted while messages are eliminated.

use crate::privacy::view::{Knowledge, View};
use viewless_protocols::program::{Op, ValueId};

/// What remains to be done about a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Item {
    /// No message.
    None,
    /// To be eliminated.
    Pending,
    /// A share of a declared output: stays, because the simulator is given the output.
    Share,
    /// Eliminated (or given up).
    Gone,
}

/// The flows from contents to their users, cut at what the coalition knows: a user is a message or contents unknown.
///
/// A flow is live while it leads to a message that remains. Contents without live flows matter no more.
#[derive(Debug)]
pub(super) struct Graph<'v, 'p> {
    pub(super) view: &'v View<'p>,
    pub(super) items: Vec<Item>,
    /// Number of live flows out of each contents.
    live: Vec<u32>,
    /// Where the users of each contents start in `users`.
    starts: Vec<u32>,
    /// Users with the position of the argument, in order of the users.
    users: Vec<(u32, u32)>,
}

impl<'v, 'p> Graph<'v, 'p> {
    /// The graph of a view; `shares` are the messages that are shares of outputs.
    pub(super) fn new(view: &'v View<'p>, shares: &[ValueId]) -> Self {
        let program = view.program;
        let count = program.values.len();
        let mut items = vec![Item::None; count];
        for &message in view.messages() {
            if view.knowledge(message) == Knowledge::Message {
                items[view.contents(message).index()] = Item::Pending;
            }
        }
        shares.iter().for_each(|&share| items[view.contents(share).index()] = Item::Share);
        let mut graph = Self { view, items, live: vec![0; count], starts: vec![0; count + 1], users: Vec::new() };
        graph.connect();
        graph
    }

    fn connect(&mut self) {
        let count = self.view.program.values.len();
        let is_user = |graph: &Self, id: ValueId| {
            let known = graph.items[id.index()] == Item::None && graph.view.knowledge(id) != Knowledge::Unknown;
            graph.view.contents(id) == id && !known
        };
        for i in 0..count as u32 {
            if is_user(self, ValueId(i)) {
                self.each_argument(ValueId(i), |graph, argument, _| graph.starts[argument.index() + 1] += 1);
            }
        }
        for i in 0..count {
            self.starts[i + 1] += self.starts[i];
        }
        self.users = vec![(0, 0); self.starts[count] as usize];
        let mut next = self.starts.clone();
        for i in 0..count as u32 {
            if is_user(self, ValueId(i)) {
                self.each_argument(ValueId(i), |graph, argument, position| {
                    graph.users[next[argument.index()] as usize] = (i, position);
                    next[argument.index()] += 1;
                });
            }
        }
        for i in (0..count as u32).rev() {
            if self.view.contents(ValueId(i)) == ValueId(i) && self.is_live(ValueId(i)) {
                self.each_argument(ValueId(i), |graph, argument, _| graph.live[argument.index()] += 1);
            }
        }
    }

    /// Calls `f` with the contents of each unknown argument of a computation, and its position.
    pub(super) fn each_argument(&mut self, id: ValueId, mut f: impl FnMut(&mut Self, ValueId, u32)) {
        let program = self.view.program;
        if let Op::Local(_, arguments) = &program.value(id).op {
            for (position, &argument) in arguments.iter().enumerate() {
                if !self.view.knows(argument) {
                    f(self, self.view.contents(argument), position as u32);
                }
            }
        }
    }

    /// Whether contents lead to, or are, a message that remains.
    pub(super) fn is_live(&self, id: ValueId) -> bool {
        match self.items[id.index()] {
            Item::Pending | Item::Share => true,
            Item::Gone => false,
            Item::None => self.live[id.index()] > 0,
        }
    }

    /// Number of live flows out of contents.
    pub(super) fn live_flows(&self, id: ValueId) -> u32 {
        self.live[id.index()]
    }

    /// Live users of contents, with the position of the argument.
    pub(super) fn live_users(&self, id: ValueId) -> impl Iterator<Item = (ValueId, usize)> + '_ {
        let range = self.starts[id.index()] as usize..self.starts[id.index() + 1] as usize;
        let users = self.users[range].iter().map(|&(user, position)| (ValueId(user), position as usize));
        users.filter(|&(user, _)| self.is_live(user))
    }

    /// Whether contents are a sample that nobody in the coalition knows.
    pub(super) fn is_fresh(&self, id: ValueId) -> bool {
        matches!(self.view.program.value(id).op, Op::Sample { .. }) && !self.view.knows(id)
    }

    /// Ends a message, and with it the flows that led nowhere else. `left_with_one` is told of contents that have one live
    /// flow left.
    pub(super) fn end(&mut self, message: ValueId, mut left_with_one: impl FnMut(ValueId)) {
        self.items[message.index()] = Item::Gone;
        let mut dead = vec![message];
        while let Some(id) = dead.pop() {
            self.each_argument(id, |graph, argument, _| {
                let live = &mut graph.live[argument.index()];
                *live -= 1;
                match *live {
                    0 => dead.push(argument),
                    1 => left_with_one(argument),
                    _ => {}
                }
            });
        }
    }
}
