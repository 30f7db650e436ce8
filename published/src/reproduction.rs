//! The verdict on each cell.

use crate::count::{Counted, count, protocol};
use crate::table::{Cell, Configuration, PrintedTable, PublishedError, Quantity, Subject, Unit};
use rayon::prelude::*;
use serde::Serialize;
use std::collections::{BTreeMap, BTreeSet};
use viewless_proofs::audit::mean_error::{Evaluation, Grid, average};
use viewless_proofs::reference::RealFunction;
use viewless_protocols::program::Bill;
use viewless_protocols::suite::Suite;

/// Arguments on which an average error is taken, at equal distances.
const POINTS: usize = 200_001;

/// A table with what was counted for each cell.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Reproduction {
    /// Name of the table.
    pub table: String,
    /// What it shows.
    pub title: String,
    /// Paper and table.
    pub source: String,
    /// Its cells.
    pub cells: Vec<CellReport>,
}

/// A printed cell beside what was counted.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct CellReport {
    /// Row of the table.
    pub row: String,
    /// Column of the table.
    pub column: String,
    /// As printed.
    pub printed: String,
    /// What is counted, in the cell's unit, under [`CellReport::configuration`]; `None` where nothing can be.
    pub counted: Option<f64>,
    /// The same with as many digits as printed.
    pub counted_alike: Option<String>,
    /// Unit of both.
    pub unit: Unit,
    /// Suite, what is changed in it, and what it is applied to.
    pub configuration: String,
    /// What follows.
    pub verdict: CellVerdict,
    /// The inference, or the reason.
    pub why: String,
}

/// Whether a printed cell follows from the protocol.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum CellVerdict {
    /// What the paper states gives the printed digits.
    Equal,
    /// A stated departure from it gives the printed digits.
    Inferred,
    /// Nothing that was tried does.
    NotReproducible,
}

/// Said of a cell that agrees with the others of its row.
pub const SUM: &str = "the sum of printed cells of its row: nothing was counted";
const MEASURED: &str = "a duration on the authors' machines, which no count gives";

/// Counts every cell of a table.
///
/// # Errors
/// [`PublishedError`] says which configuration cannot be counted.
pub fn reproduce(table: &PrintedTable) -> Result<Reproduction, PublishedError> {
    let needed: BTreeSet<&String> =
        table.cells.iter().filter(|cell| cell.quantity.is_counted()).flat_map(|cell| &cell.configurations).collect();
    let counted: BTreeMap<&str, Counted> = needed
        .into_par_iter()
        .map(|name| Ok((name.as_str(), count(name, &table.configurations[name])?)))
        .collect::<Result<_, PublishedError>>()?;
    let judge = Judge { table, counted };
    let cells = table.cells.par_iter().map(|cell| judge.judge(cell)).collect::<Result<_, _>>()?;
    Ok(Reproduction { table: table.name.clone(), title: table.title.clone(), source: table.source.clone(), cells })
}

struct Judge<'a> {
    table: &'a PrintedTable,
    counted: BTreeMap<&'a str, Counted>,
}

/// What one configuration gives for a cell.
struct Attempt {
    value: f64,
    configuration: String,
    inference: Option<String>,
}

impl Judge<'_> {
    fn judge(&self, cell: &Cell) -> Result<CellReport, PublishedError> {
        let report = |attempt: Option<&Attempt>, verdict, why| CellReport {
            row: cell.row.clone(),
            column: cell.column.clone(),
            printed: cell.printed.to_string(),
            counted: attempt.map(|attempt| attempt.value),
            counted_alike: attempt.map(|attempt| cell.printed.alike(attempt.value)),
            unit: cell.unit,
            configuration: attempt.map(|attempt| attempt.configuration.clone()).unwrap_or_default(),
            verdict,
            why,
        };
        if cell.quantity == Quantity::Measured {
            return Ok(report(None, CellVerdict::NotReproducible, MEASURED.to_owned()));
        }
        let attempts = self.attempts(cell)?;
        let printed = cell.printed.value();
        let met = |attempt: &&Attempt| match (cell.read_off, cell.within) {
            (Some(exactly), _) => (attempt.value - printed).abs() <= exactly,
            (None, Some(part)) => (attempt.value - printed).abs() <= part * printed.abs(),
            (None, None) => cell.printed.is(attempt.value),
        };
        let can_be_met = !matches!(cell.quantity, Quantity::Seconds(_));
        let (attempt, verdict, why) = match attempts.iter().find(met) {
            Some(attempt) if can_be_met => match &attempt.inference {
                None if matches!(cell.quantity, Quantity::SumOfColumns(_)) => {
                    (attempt, CellVerdict::Equal, SUM.to_owned())
                }
                None => (attempt, CellVerdict::Equal, String::new()),
                Some(inference) => (attempt, CellVerdict::Inferred, inference.clone()),
            },
            _ => {
                let others = attempts[1..]
                    .iter()
                    .map(|attempt| format!("{} with {}", cell.printed.alike(attempt.value), attempt.configuration));
                let others: Vec<String> = others.collect();
                let mut why: Vec<String> = cell.otherwise.iter().cloned().collect();
                if !can_be_met {
                    why.push(format!("{MEASURED}; beside it the time that the volume needs at the stated bandwidth"));
                }
                if !others.is_empty() {
                    why.push(format!("also tried: {}", others.join("; ")));
                }
                (&attempts[0], CellVerdict::NotReproducible, why.join("; "))
            }
        };
        Ok(report(Some(attempt), verdict, why))
    }

    /// What each configuration gives, the paper's own first; at least one.
    fn attempts(&self, cell: &Cell) -> Result<Vec<Attempt>, PublishedError> {
        if let Quantity::SumOfColumns(columns) = &cell.quantity {
            let printed = columns.iter().filter_map(|column| self.table.cell(&cell.row, column));
            let value = printed.map(|cell| cell.printed.value()).sum();
            let configuration = format!("sum of {}", columns.join(", "));
            return Ok(vec![Attempt { value, configuration, inference: None }]);
        }
        let attempt = |name: &String| {
            let configuration = &self.table.configurations[name];
            let value = self.value(cell, name, configuration)? / cell.unit.size();
            let inference = configuration.inference.clone();
            Ok(Attempt { value, configuration: configuration.describe(&cell.quantity), inference })
        };
        cell.configurations.iter().map(attempt).collect()
    }

    fn value(&self, cell: &Cell, name: &str, configuration: &Configuration) -> Result<f64, PublishedError> {
        let refuse = |what: &str| {
            let (table, row, column) = (self.table.name.clone(), cell.row.clone(), cell.column.clone());
            PublishedError::Cell { table, row, column, what: format!("configuration {name} is {what}") }
        };
        let counted = self.counted.get(name);
        Ok(match (&cell.quantity, counted) {
            (Quantity::BytesOf(of), Some(Counted::Model(functions))) => bytes_of(functions, of),
            (Quantity::Seconds(of), Some(Counted::Model(functions))) => {
                // Both directions of a link carry half of the volume at a time.
                let bits_each_way = bytes_of(functions, of) / 2.0 * 8.0;
                self.table.gigabits_per_second.map_or(f64::NAN, |bandwidth| bits_each_way / (bandwidth * 1e9))
            }
            (Quantity::Bytes, Some(Counted::Part { bits, .. })) => *bits as f64 / 8.0,
            (Quantity::BitsForEachElement, Some(Counted::Part { bits, elements, .. })) => {
                *bits as f64 / *elements as f64
            }
            (Quantity::Rounds, Some(Counted::Part { rounds, .. })) => f64::from(*rounds),
            (&Quantity::MeanError { low, high }, _) => error_over(name, configuration, low, high)?.0,
            (&Quantity::VarianceOfError { low, high }, _) => error_over(name, configuration, low, high)?.1,
            (Quantity::BytesOf(_) | Quantity::Seconds(_), _) => {
                return Err(refuse("no model"));
            }
            (Quantity::Bytes | Quantity::BitsForEachElement | Quantity::Rounds, _) => {
                return Err(refuse("neither a protocol nor an operation"));
            }
            (Quantity::SumOfColumns(_) | Quantity::Measured, _) => return Err(refuse("not needed here")),
        })
    }
}

impl Quantity {
    /// Whether it is counted from a Program.
    fn is_counted(&self) -> bool {
        match self {
            Self::BytesOf(_) | Self::Bytes | Self::BitsForEachElement | Self::Rounds | Self::Seconds(_) => true,
            Self::MeanError { .. } | Self::VarianceOfError { .. } | Self::SumOfColumns(_) | Self::Measured => false,
        }
    }
}

impl Configuration {
    /// The configuration in words.
    fn describe(&self, quantity: &Quantity) -> String {
        let changed = [&self.gelu, &self.softmax, &self.layernorm];
        let mut words: Vec<String> = changed.into_iter().flatten().cloned().collect();
        match &self.subject {
            Subject::Model { name, tokens, intermediate_size } => {
                words.insert(0, format!("suite {}", self.suite));
                words.push(name.clone());
                words.extend(intermediate_size.map(|size| format!("intermediate size {size}")));
                words.push(format!("{tokens} tokens"));
            }
            Subject::Protocol { name, rows, row_length } => {
                words.insert(0, name.clone());
                if self.runs {
                    words.push(format!("runs under suite {}", self.suite));
                }
                if self.alone {
                    words.push("one party alone".to_owned());
                }
                if quantity.is_counted() {
                    words.push(format!("suite {}", self.suite));
                    words.push(format!("{rows} x {row_length} elements"));
                }
            }
            Subject::Product { protocol, side } => {
                words.insert(0, format!("x times {protocol} of y"));
                words.push(format!("suite {}", self.suite));
                words.push(format!("{side} x {side} elements"));
            }
            Subject::Operation { name, side } => {
                words.insert(0, format!("{name:?}"));
                words.push(format!("suite {}", self.suite));
                words.push(format!("{side} x {side} elements"));
            }
        }
        words.join(", ")
    }
}

fn bytes_of(bill: &Bill, functions: &[String]) -> f64 {
    let bytes =
        functions.iter().filter_map(|name| bill.region(name)).map(|region| region.bytes_between_computing_parties);
    bytes.sum::<u64>() as f64
}

/// Mean and variance of |y - truth| over the reals, or of runs, on a protocol's arguments from `low` to `high`.
fn error_over(name: &str, configuration: &Configuration, low: f64, high: f64) -> Result<(f64, f64), PublishedError> {
    let refuse = |what: String| PublishedError::Configuration { name: name.to_owned(), what };
    let Subject::Protocol { name: subject, .. } = &configuration.subject else {
        return Err(refuse("an error is that of a protocol".to_owned()));
    };
    let protocol = protocol(subject).map_err(refuse)?;
    let grid = Grid { low, high, points: POINTS };
    let evaluation = if configuration.runs {
        let suite = Suite::built_in(&configuration.suite)?;
        Evaluation::Runs { scheme: suite.scheme, fixed: suite.fixed(), seed: 0 }
    } else if configuration.alone {
        Evaluation::Alone { fixed: Suite::built_in(&configuration.suite)?.fixed() }
    } else {
        Evaluation::Reals
    };
    let average = average(protocol, RealFunction::GeluErf, grid, evaluation)?;
    Ok((average.mean, average.variance))
}
