//! The exact joint law of a view, by counting all samples, for every assignment of the secrets.
//!
//! A Program is taken apart into words, and each computed word becomes a table that is 1 where the word is what it should be and
//! 0 elsewhere. The product of all tables, summed over everything that the coalition does not see, counts the samples that
//! lead to a view. The sums are carried inwards: one word at a time, smallest table first. A table that turns out not to
//! depend on a word forgets it: that is how independent samples factor out, by counting and not by any rule about masks. So a
//! Beaver multiplication over Z_2^4, with 2^28 samples for each of 2^8 secrets, takes milliseconds.
//!
//! A message that other messages and given words determine is summed out too, and tables that no message is left in are left
//! alone: they say how likely a given word is, not what the messages tell.
//!
//! What is left are tables over messages, secrets, and what is given (the coalition's inputs, samples and outputs). Those that
//! share no message are independent, given the rest. For each, every two secrets that are possible with the same given words
//! must have the same law of the messages: equal as fractions. If not, the total-variation distance is computed and the worst
//! pair returned; where several independent parts leak, it is that of the worst part, a lower bound of the whole.

mod scalar;
mod table;

use super::Coalition;
use super::view::{Knowledge, View};
use scalar::{Scalars, Word};
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, HashMap, HashSet};
use std::fmt;
use table::Table;
use thiserror::Error;
use viewless_protocols::program::{Op, Program, ValueId};

/// What counting found.
#[derive(Debug, Clone, PartialEq)]
pub enum Exhaustive {
    /// All distances are exactly zero.
    Private,
    /// Two assignments of the secrets give different laws.
    Leak(Box<Witness>),
}

/// Two assignments of the others' inputs that the coalition can tell apart.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Witness {
    /// Total-variation distance of the laws of the messages.
    pub distance: f64,
    /// The two assignments; inputs that are not named do not matter.
    pub secrets: [Vec<Assigned>; 2],
    /// The coalition's inputs, samples and outputs in question.
    pub given: Vec<Assigned>,
    /// The messages that tell them apart, as the values that computed them.
    pub messages: Vec<ValueId>,
}

/// A word of an input, sample or output.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Assigned {
    /// The value.
    pub value: ValueId,
    /// The element, row-major.
    pub element: usize,
    /// Name of the input; `%7` for a value without a name.
    pub name: String,
    /// Its word.
    pub word: u64,
}

impl fmt::Display for Witness {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let list = |assigned: &[Assigned]| {
            let items: Vec<_> =
                assigned.iter().map(|item| format!("{}[{}] = {}", item.name, item.element, item.word)).collect();
            if items.is_empty() { "nothing".to_owned() } else { items.join(", ") }
        };
        let messages: Vec<_> = self.messages.iter().map(|message| format!("%{}", message.0)).collect();
        write!(
            f,
            "{} against {}, given {}: the messages {} have laws at distance {}",
            list(&self.secrets[0]),
            list(&self.secrets[1]),
            list(&self.given),
            messages.join(", "),
            self.distance
        )
    }
}

/// A Program that cannot be counted.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum CountError {
    /// Too large.
    #[error("too large to count: {what}; shrink its words or its shapes")]
    Size {
        /// What would be needed.
        what: String,
    },
}

/// How to count.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Options {
    /// Largest table, as the binary logarithm of its entries.
    pub most_bits: u32,
    /// Whether the simulator is given the coalition's own samples. If not, they belong to the law that is compared: a stronger
    /// claim, which differs only for coalitions with outputs.
    pub given_own_samples: bool,
}

impl Default for Options {
    /// Tables of 2^24 counts, 128 MiB; own samples given.
    fn default() -> Self {
        Self { most_bits: 24, given_own_samples: true }
    }
}

/// Counts with the default options.
///
/// # Errors
/// [`CountError`] when the Program is too large.
pub fn count(program: &Program, coalition: Coalition) -> Result<Exhaustive, CountError> {
    count_with(program, coalition, Options::default())
}

/// Counts the views of `coalition`.
///
/// # Errors
/// [`CountError`] when the Program is too large.
pub fn count_with(program: &Program, coalition: Coalition, options: Options) -> Result<Exhaustive, CountError> {
    let view = View::new(program, coalition);
    let mut scalars = Scalars::new(program)?;
    let roles = Roles::new(&view, &mut scalars, options);
    let worst_of = |with_likelihood_of_outputs: bool| -> Result<Option<Witness>, CountError> {
        let mut tables = Tables::new(&scalars, &roles, options.most_bits, with_likelihood_of_outputs)?;
        tables.hide_determined(&scalars);
        tables.sum_out()?;
        let mut worst: Option<Witness> = None;
        let (components, roles) = tables.components()?;
        for table in components {
            if let Some(found) = compare(&table, &roles, &scalars, program)
                && worst.as_ref().is_none_or(|worst| found.distance > worst.distance)
            {
                worst = Some(found);
            }
        }
        Ok(worst)
    };
    // Whether an output is possible at all matters only if the messages differ where it might be.
    let mut worst = worst_of(false)?;
    if worst.is_some() && view.has_outputs() {
        worst = worst_of(true)?;
    }
    Ok(worst.map_or(Exhaustive::Private, |witness| Exhaustive::Leak(Box::new(witness))))
}

/// What a word is to the coalition.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Role {
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
struct Roles {
    roles: BTreeMap<usize, Role>,
    /// Words that must be equal to others: an input or sample that is sent as it is.
    copies: Vec<(usize, usize)>,
}

impl Roles {
    fn new(view: &View<'_>, scalars: &mut Scalars, options: Options) -> Self {
        let mut this = Self { roles: BTreeMap::new(), copies: Vec::new() };
        for (id, value) in view.program.iter() {
            let own = view.coalition.meets(value.holders);
            let role = match &value.op {
                Op::Input { .. } if own => Role::Given,
                Op::Input { .. } => Role::Secret,
                Op::Sample { .. } if own && options.given_own_samples => Role::Given,
                Op::Sample { .. } if own => Role::Seen,
                Op::Sample { .. } | Op::Constant(_) | Op::Local(..) | Op::Send(..) | Op::Reveal { .. } => continue,
            };
            this.roles.extend(scalars.values[id.index()].iter().map(|&word| (word, role)));
        }
        // Outputs first: a message that is an output is given.
        let mut done = HashSet::new();
        let outputs = view.outputs().iter().map(|&output| (output, Role::Output));
        let messages = view.messages().iter().filter(|&&message| view.knowledge(message) == Knowledge::Message);
        let seen: Vec<_> = outputs.chain(messages.map(|&message| (message, Role::Seen))).collect();
        for (id, role) in seen {
            for word in scalars.values[id.index()].clone() {
                if done.insert(word) {
                    this.see(scalars, word, role);
                }
            }
        }
        this
    }

    fn see(&mut self, scalars: &mut Scalars, word: usize, role: Role) {
        match (&scalars.scalars[word].word, self.roles.get(&word)) {
            (Word::Constant(_), _) | (_, Some(Role::Given | Role::Output | Role::Seen)) => {}
            (Word::Computed(..), _) => _ = self.roles.insert(word, role),
            (Word::Input | Word::Sample, _) => {
                let copy = scalars.scalars.len();
                scalars.scalars.push(scalars.scalars[word].clone());
                self.copies.push((word, copy));
                self.roles.insert(copy, role);
            }
        }
    }

    fn is(&self, word: usize, role: Role) -> bool {
        self.roles.get(&word) == Some(&role)
    }
}

/// The tables that remain.
struct Tables {
    tables: Vec<Option<Table>>,
    /// For each word that is to be summed out, its width and the tables that know it.
    hidden: HashMap<usize, (u8, HashSet<usize>)>,
    roles: Roles,
    most_bits: u32,
    /// Whether tables that only say how likely the outputs are must be kept.
    with_likelihood_of_outputs: bool,
}

/// From this size of a sum on it is worth looking for tables that no message is in.
const WORTH_PRUNING_BITS: u32 = 8;

impl Tables {
    fn new(
        scalars: &Scalars,
        roles: &Roles,
        most_bits: u32,
        with_likelihood_of_outputs: bool,
    ) -> Result<Self, CountError> {
        let mut this = Self {
            tables: Vec::new(),
            hidden: HashMap::new(),
            roles: roles.clone(),
            most_bits,
            with_likelihood_of_outputs,
        };
        let kept = roles.roles.iter().filter(|&(_, role)| matches!(role, Role::Seen | Role::Output));
        let sent = roles.copies.iter().map(|&(word, _)| word);
        let needed = scalar::needed(&scalars.scalars, kept.map(|(&word, _)| word).chain(sent));
        let width = |word: usize| scalars.scalars[word].domain.bits();
        let mut needed: Vec<usize> = needed.into_keys().collect();
        needed.sort_unstable();
        for word in needed {
            let Word::Computed(operation, arguments) = &scalars.scalars[word].word else { continue };
            let mut axes: Vec<(usize, u8)> = Vec::new();
            for &argument in arguments {
                let constant = matches!(scalars.scalars[argument].word, Word::Constant(_));
                if !constant && !axes.iter().any(|&(other, _)| other == argument) {
                    axes.push((argument, width(argument)));
                }
            }
            let bits: Vec<u8> = arguments.iter().map(|&argument| width(argument)).collect();
            let places = axes.clone();
            let apply = |words: &[u64]| {
                let of = |argument: &usize| match scalars.scalars[*argument].word {
                    Word::Constant(word) => word,
                    Word::Input | Word::Sample | Word::Computed(..) => {
                        let place = places.iter().position(|(other, _)| other == argument);
                        words[place.expect("every argument that is no constant is an axis")]
                    }
                };
                let arguments: Vec<u64> = arguments.iter().map(of).collect();
                scalar::evaluate(operation, &arguments, &bits, scalars.scalars[word].domain)
            };
            axes.push((word, width(word)));
            this.add(Table::of_function(&axes, apply, most_bits)?);
        }
        for &(word, copy) in &roles.copies {
            let axes = [(word, width(word)), (copy, width(word))];
            this.add(Table::of_function(&axes, |words| words[0], most_bits)?);
        }
        Ok(this)
    }

    fn add(&mut self, table: Table) {
        let table = table.simplified();
        if table.axes.is_empty() {
            return;
        }
        let id = self.tables.len();
        for &(word, bits) in &table.axes {
            if !self.roles.roles.contains_key(&word) {
                self.hidden.entry(word).or_insert((bits, HashSet::new())).1.insert(id);
            }
        }
        self.tables.push(Some(table));
    }

    /// Hides messages that other messages and given words determine.
    fn hide_determined(&mut self, scalars: &Scalars) {
        for id in 0..self.tables.len() {
            let Some(table) = &self.tables[id] else { continue };
            let kept = |word: usize| self.roles.roles.get(&word).is_some_and(|&role| role != Role::Secret);
            if !table.axes.iter().all(|&(word, _)| kept(word)) {
                continue;
            }
            let is_seen = |&&(word, _): &&(usize, u8)| self.roles.is(word, Role::Seen);
            let Some(&(word, bits)) = table.axes.iter().filter(is_seen).find(|&&(word, _)| table.determines(word))
            else {
                continue;
            };
            // A copy stands for an input or sample, which has tables of its own.
            if !matches!(scalars.scalars[word].word, Word::Computed(..)) {
                continue;
            }
            self.roles.roles.remove(&word);
            let knows = |table: &Option<Table>| table.iter().any(|table| table.axes.iter().any(|&(w, _)| w == word));
            let ids = (0..self.tables.len()).filter(|&id| knows(&self.tables[id])).collect();
            self.hidden.insert(word, (bits, ids));
        }
    }

    /// Drops what no message is connected with.
    fn prune(&mut self) {
        if self.with_likelihood_of_outputs {
            return;
        }
        let mut by_word: HashMap<usize, Vec<usize>> = HashMap::new();
        let (mut open, mut reached) = (Vec::new(), HashSet::new());
        for (id, table) in self.tables.iter().enumerate() {
            for &(word, _) in table.iter().flat_map(|table| &table.axes) {
                by_word.entry(word).or_default().push(id);
                if self.roles.is(word, Role::Seen) && reached.insert(id) {
                    open.push(id);
                }
            }
        }
        while let Some(id) = open.pop() {
            for (word, _) in self.tables[id].iter().flat_map(|table| &table.axes) {
                if self.hidden.contains_key(word) {
                    open.extend(by_word[word].iter().filter(|&&id| reached.insert(id)));
                }
            }
        }
        for id in (0..self.tables.len()).filter(|id| !reached.contains(id)) {
            for (word, _) in self.tables[id].take().iter().flat_map(|table| &table.axes) {
                self.hidden.remove(word);
            }
        }
    }

    /// Sums out every hidden word, that with the smallest table first.
    fn sum_out(&mut self) -> Result<(), CountError> {
        let mut costs: BTreeMap<(u32, usize), ()> = BTreeMap::new();
        let mut cost_of: HashMap<usize, u32> = HashMap::new();
        let words: Vec<usize> = self.hidden.keys().copied().collect();
        for word in words {
            self.price(word, &mut costs, &mut cost_of);
        }
        while let Some(((cost, word), ())) = costs.pop_first() {
            cost_of.remove(&word);
            if cost >= WORTH_PRUNING_BITS {
                self.prune();
            }
            let Some((bits, ids)) = self.hidden.remove(&word) else { continue };
            let mut ids: Vec<usize> = ids.into_iter().collect();
            ids.sort_unstable();
            let used: Vec<Table> = ids.iter().filter_map(|&id| self.tables[id].take()).collect();
            let used: Vec<&Table> = used.iter().collect();
            let product = Table::product(&used, Some((word, bits)), self.most_bits)?;
            let mut neighbours = HashSet::new();
            for table in &used {
                for (other, _) in &table.axes {
                    if let Some((_, tables)) = self.hidden.get_mut(other) {
                        ids.iter().for_each(|id| _ = tables.remove(id));
                        neighbours.insert(*other);
                    }
                }
            }
            self.add(product);
            for neighbour in neighbours {
                self.price(neighbour, &mut costs, &mut cost_of);
            }
        }
        Ok(())
    }

    fn price(&self, word: usize, costs: &mut BTreeMap<(u32, usize), ()>, cost_of: &mut HashMap<usize, u32>) {
        let Some((_, ids)) = self.hidden.get(&word) else { return };
        let tables: Vec<&Table> = ids.iter().filter_map(|&id| self.tables[id].as_ref()).collect();
        let cost = table::total_bits(&table::union(&tables, None));
        if let Some(old) = cost_of.insert(word, cost) {
            costs.remove(&(old, word));
        }
        costs.insert((cost, word), ());
    }

    /// One table for each set of tables that share messages (for all, if the likelihood of outputs matters), and the roles.
    fn components(mut self) -> Result<(Vec<Table>, Roles), CountError> {
        self.prune();
        let (roles, with_outputs) = (self.roles, self.with_likelihood_of_outputs);
        let mut parts: Vec<(HashSet<usize>, Vec<Table>)> = Vec::new();
        for table in self.tables.into_iter().flatten() {
            let seen = |word: &usize| roles.is(*word, Role::Seen);
            let mut words: HashSet<usize> = table.axes.iter().map(|&(word, _)| word).filter(seen).collect();
            let mut members = vec![table];
            // Secrets are possible with all outputs together, or not.
            let (same, others) = parts.into_iter().partition(|(others, _)| with_outputs || !others.is_disjoint(&words));
            parts = others;
            for (more, tables) in same {
                words.extend(more);
                members.extend(tables);
            }
            parts.push((words, members));
        }
        let most_bits = self.most_bits;
        let joined = parts.into_iter().map(|(_, tables)| {
            let tables: Vec<&Table> = tables.iter().collect();
            Ok(Table::product(&tables, None, most_bits)?.simplified())
        });
        Ok((joined.collect::<Result<_, _>>()?, roles))
    }
}

/// Pairs of laws are all compared up to this many counts; beyond, each with the first.
const MOST_COMPARISONS: usize = 1 << 26;

/// The worst pair of secrets of an independent part of the view.
fn compare(table: &Table, roles: &Roles, scalars: &Scalars, program: &Program) -> Option<Witness> {
    let secrets = table.indices(|word| roles.is(word, Role::Secret));
    let given = table.indices(|word| roles.is(word, Role::Given) || roles.is(word, Role::Output));
    let seen = table.indices(|word| roles.is(word, Role::Seen));
    let mut worst: Option<(f64, usize, usize, usize)> = None;
    for &given in &given {
        let law = |secret: usize| seen.iter().map(move |&seen| table.counts[given | secret | seen]);
        let totals: Vec<u128> = secrets.iter().map(|&secret| law(secret).map(u128::from).sum()).collect();
        let possible: Vec<usize> = (0..secrets.len()).filter(|&i| totals[i] > 0).collect();
        let equal = |i: usize, j: usize| {
            law(secrets[i]).zip(law(secrets[j])).all(|(a, b)| u128::from(a) * totals[j] == u128::from(b) * totals[i])
        };
        let Some((&first, others)) = possible.split_first() else { continue };
        if others.iter().all(|&other| equal(first, other)) {
            continue;
        }
        let distance = |i: usize, j: usize| {
            let terms = law(secrets[i]).zip(law(secrets[j]));
            terms.map(|(a, b)| (a as f64 / totals[i] as f64 - b as f64 / totals[j] as f64).abs()).sum::<f64>() / 2.0
        };
        let all = possible.len() * possible.len() * seen.len() <= MOST_COMPARISONS;
        for (position, &i) in possible.iter().enumerate().take(if all { possible.len() } else { 1 }) {
            for &j in &possible[position + 1..] {
                let distance = distance(i, j);
                if worst.is_none_or(|(worst, ..)| distance > worst) {
                    worst = Some((distance, given, secrets[i], secrets[j]));
                }
            }
        }
    }
    let (distance, given, first, second) = worst?;
    let assigned = |index: usize, wanted: &[Role]| {
        let words = table.axes.iter().map(|&(word, _)| word);
        let words = words.filter(|word| wanted.iter().any(|&role| roles.is(*word, role)));
        words.map(|word| assigned(scalars, program, word, table.word(index, word).unwrap_or(0))).collect()
    };
    let mut messages: Vec<ValueId> = table
        .axes
        .iter()
        .filter(|&&(word, _)| roles.is(word, Role::Seen))
        .map(|&(word, _)| ValueId(scalars.scalars[word].element.0))
        .collect();
    messages.sort_unstable();
    messages.dedup();
    Some(Witness {
        distance,
        secrets: [assigned(first, &[Role::Secret]), assigned(second, &[Role::Secret])],
        given: assigned(given, &[Role::Given, Role::Output]),
        messages,
    })
}

fn assigned(scalars: &Scalars, program: &Program, word: usize, contents: u64) -> Assigned {
    let (value, element) = scalars.scalars[word].element;
    let name = match &program.values[value as usize].op {
        Op::Input { name, .. } => name.to_string(),
        Op::Constant(_) | Op::Sample { .. } | Op::Local(..) | Op::Send(..) | Op::Reveal { .. } => format!("%{value}"),
    };
    Assigned { value: ValueId(value), element, name, word: contents }
}
