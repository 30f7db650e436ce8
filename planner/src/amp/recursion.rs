//! AMP's search for a cut, as coded and with its flaw mended.
//!
//! A state is (last layer i, cuts used j, m), with m a bottleneck that is already accepted: one of the times of contiguous layers.
//! With x(c, i) the time of layers c + 1 to i:
//!
//! ```text
//! V(i, 0, m) = (B - 1) * max(0, x(-1, i) - m)
//! V(i, j, m) = min over c of V(c, j - 1, max(m, x(c, i))) + (B - 1) * max(0, x(c, i) - m) + link(c, j - 1)
//! ```
//!
//! The increments of the bottleneck telescope, so the recursion is exact. The code compares with the link but stores the value
//! without it: later comparisons are with a value that is too small, and the cut need not be the best.

use crate::error::PlanError;
use crate::problem::{Plan, Problem};
use crate::time::Picoseconds;

/// Values of states for every accepted bottleneck, and the cuts that lead to them. No value is [`Picoseconds::MAX`].
struct Row {
    values: Vec<Picoseconds>,
    cuts: Vec<usize>,
}

/// The cut that the code finds; with `store_link`, the cut that the recursion as stated finds, which is a best one.
///
/// Only the times of the first stage count: the code knows one time for a layer. Every operation has its first variant.
///
/// # Errors
/// A state space without a plan, which a checked problem does not have.
pub fn cut(problem: &Problem, store_link: bool) -> Result<Plan, PlanError> {
    let (layers, stages) = (problem.operations().len(), problem.stages());
    let mut prefixes = vec![Picoseconds::ZERO];
    for operation in problem.operations() {
        prefixes.push(prefixes[prefixes.len() - 1] + operation.variants[0].times[0]);
    }
    let sum = |begin: usize, end: usize| prefixes[end] - prefixes[begin];
    let mut possible = vec![Picoseconds::ZERO];
    for begin in 0..layers {
        possible.extend((begin + 1..=layers).map(|end| sum(begin, end)));
    }
    possible.sort_unstable();
    possible.dedup();
    let index = |time: Picoseconds| possible.partition_point(|&other| other < time);
    let more = problem.micro_batches() - 1;
    // By last layer, then by cuts used.
    let mut table: Vec<Vec<Row>> = Vec::with_capacity(layers);
    for i in 0..layers {
        let whole = sum(0, i + 1);
        let values = possible.iter().map(|&m| whole.saturating_sub(m) * more).collect();
        let mut rows = vec![Row { values, cuts: vec![i; possible.len()] }];
        for j in 1..stages.min(i + 1) {
            let mut row = Row { values: vec![Picoseconds::MAX; possible.len()], cuts: vec![0; possible.len()] };
            for (c, earlier) in table.iter().enumerate().skip(j - 1) {
                let (time, link) = (sum(c + 1, i + 1), problem.handover(c + 1, j - 1));
                row.offer(&earlier[j - 1], &possible, (time, index(time)), more, (link, store_link), c);
            }
            rows.push(row);
        }
        table.push(rows);
    }
    let mut ends = vec![layers];
    let (mut i, mut m) = (layers - 1, 0);
    for j in (1..stages).rev() {
        let row = &table[i][j];
        if row.values[m] == Picoseconds::MAX {
            return Err(PlanError::NotAPlan { reason: "the recursion reaches no cut".to_owned() });
        }
        let c = row.cuts[m];
        m = m.max(index(sum(c + 1, i + 1)));
        i = c;
        ends.push(i + 1);
    }
    ends.reverse();
    Ok(Plan { ends, variants: vec![0; layers] })
}

impl Row {
    /// Tries the cut `c`, after which the last stage takes `time`, at its place among the possible times.
    fn offer(
        &mut self,
        earlier: &Self,
        possible: &[Picoseconds],
        (time, place): (Picoseconds, usize),
        more: u64,
        (link, store_link): (Picoseconds, bool),
        c: usize,
    ) {
        for (m, &accepted) in possible.iter().enumerate() {
            // The accepted bottleneck grows with a stage longer than it.
            let value = earlier.values[m.max(place)];
            if value == Picoseconds::MAX {
                continue;
            }
            let stored = value + time.saturating_sub(accepted) * more;
            if stored + link < self.values[m] {
                self.values[m] = if store_link { stored + link } else { stored };
                self.cuts[m] = c;
            }
        }
    }
}
