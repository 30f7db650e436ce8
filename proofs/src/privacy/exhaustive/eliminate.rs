//! Summing out, one word at a time, what the coalition does not see.

use super::roles::{Role, Roles};
use super::scalar::{self, Scalars, Word};
use super::table::{self, Table};
use super::{CountError, Options};
use std::collections::{BTreeSet, HashMap, HashSet};

/// The tables that remain.
pub(super) struct Tables {
    tables: Vec<Option<Table>>,
    /// For each word that is to be summed out, its width and the tables that know it.
    hidden: HashMap<usize, (u8, HashSet<usize>)>,
    roles: Roles,
    most_bits: u32,
    /// Entries that may still be multiplied.
    entries_left: u64,
    /// Whether tables that only say how likely the outputs are must be kept.
    with_likelihood_of_outputs: bool,
}

/// From this size of a sum on it is worth looking for tables that no message is in, if it is larger than there are tables to look at: so the
/// looking takes no longer than the sums, whose entries are bounded.
const WORTH_PRUNING_BITS: u32 = 8;

impl Tables {
    pub(super) fn new(
        scalars: &Scalars,
        roles: &Roles,
        options: Options,
        with_likelihood_of_outputs: bool,
    ) -> Result<Self, CountError> {
        let Options { most_bits, most_entries, .. } = options;
        let mut this = Self {
            tables: Vec::new(),
            hidden: HashMap::new(),
            roles: roles.clone(),
            most_bits,
            entries_left: most_entries,
            with_likelihood_of_outputs,
        };
        let is_computed = |word: usize| matches!(scalars.scalars[word].word, Word::Computed(..));
        let kept = roles.roles.iter().filter(|&(&word, role)| match role {
            Role::Seen | Role::Output => true,
            // An output of somebody outside, which the view must not depend on.
            Role::Secret => is_computed(word),
            Role::Given => false,
        });
        let sent = roles.copies.iter().map(|&(word, _)| word);
        let needed = scalar::needed(&scalars.scalars, kept.map(|(&word, _)| word).chain(sent));
        let width = |word: usize| scalars.scalars[word].domain.bits();
        let mut needed: Vec<usize> = needed.into_iter().collect();
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
            this.spend(table::total_bits(&axes))?;
            this.add(Table::of_function(&axes, apply, most_bits)?);
        }
        for &(word, copy) in &roles.copies {
            let axes = [(word, width(word)), (copy, width(word))];
            this.add(Table::of_function(&axes, |words| words[0], most_bits)?);
        }
        Ok(this)
    }

    /// Takes the entries of a table over so many bits from those that are left.
    fn spend(&mut self, bits: u32) -> Result<(), CountError> {
        let left = 1u64.checked_shl(bits).and_then(|entries| self.entries_left.checked_sub(entries));
        self.entries_left = left.ok_or_else(|| {
            let left = self.entries_left;
            CountError::Size {
                what: format!("a table over {bits} bits, with {left} entries left of those that may be multiplied"),
            }
        })?;
        Ok(())
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
    pub(super) fn hide_determined(&mut self, scalars: &Scalars) {
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
    pub(super) fn sum_out(&mut self) -> Result<(), CountError> {
        let mut costs: BTreeSet<(u32, usize)> = BTreeSet::new();
        let mut cost_of: HashMap<usize, u32> = HashMap::new();
        let words: Vec<usize> = self.hidden.keys().copied().collect();
        for word in words {
            self.price(word, &mut costs, &mut cost_of);
        }
        while let Some((cost, word)) = costs.pop_first() {
            cost_of.remove(&word);
            if cost >= WORTH_PRUNING_BITS
                && 1u64.checked_shl(cost).is_none_or(|entries| entries >= self.tables.len() as u64)
            {
                self.prune();
            }
            let Some((bits, ids)) = self.hidden.remove(&word) else { continue };
            let mut ids: Vec<usize> = ids.into_iter().collect();
            ids.sort_unstable();
            let used: Vec<Table> = ids.iter().filter_map(|&id| self.tables[id].take()).collect();
            let used: Vec<&Table> = used.iter().collect();
            self.spend(table::total_bits(&table::union(&used, None)))?;
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

    fn price(&self, word: usize, costs: &mut BTreeSet<(u32, usize)>, cost_of: &mut HashMap<usize, u32>) {
        let Some((_, ids)) = self.hidden.get(&word) else { return };
        let tables: Vec<&Table> = ids.iter().filter_map(|&id| self.tables[id].as_ref()).collect();
        let cost = table::total_bits(&table::union(&tables, None));
        if let Some(old) = cost_of.insert(word, cost) {
            costs.remove(&(old, word));
        }
        costs.insert((cost, word));
    }

    /// One table for each set of tables that share messages (for all, if the likelihood of outputs matters), and the roles.
    pub(super) fn components(mut self) -> Result<(Vec<Table>, Roles), CountError> {
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
