//! Whether two secrets give the same law of the messages.

use super::roles::{Role, Roles};
use super::scalar::Scalars;
use super::table::Table;
use super::{Assigned, Witness};
use viewless_protocols::program::{Op, Program, ValueId};

/// Pairs of laws are all compared up to this many counts; beyond, each with the first.
const MOST_COMPARISONS: usize = 1 << 26;

/// The worst pair of secrets of an independent part of the view.
pub(super) fn compare(table: &Table, roles: &Roles, scalars: &Scalars, program: &Program) -> Option<Witness> {
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
