//! The files: what is printed, and what it is to be counted as.

use crate::operation::Operation;
use crate::printed::Printed;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use thiserror::Error;
use viewless_proofs::audit::AuditError;
use viewless_protocols::circuit::CircuitError;
use viewless_protocols::model::BuildError;
use viewless_protocols::scheme::CompileError;
use viewless_protocols::suite::SuiteError;

/// A printed table.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct PrintedTable {
    /// Its name on the command line.
    pub name: String,
    /// What it shows.
    pub title: String,
    /// Paper, table, and what is to be known of the reading.
    pub source: String,
    /// Bandwidth of each direction of a link that the paper states, where times are printed.
    pub gigabits_per_second: Option<f64>,
    /// Configurations by name.
    pub configurations: BTreeMap<String, Configuration>,
    /// The cells in the order of the paper.
    pub cells: Vec<Cell>,
}

/// A suite and what it is applied to.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Configuration {
    /// Name of a built-in suite.
    pub suite: String,
    /// What is counted under it.
    pub subject: Subject,
    /// The protocol in place of the suite's activation.
    pub gelu: Option<String>,
    /// The protocol in place of the suite's softmax.
    pub softmax: Option<String>,
    /// The protocol in place of the suite's layer normalisation.
    pub layernorm: Option<String>,
    /// Whether errors are those of runs in the ring, wrapped words included, and not those over the reals.
    #[serde(default)]
    pub runs: bool,
    /// Whether errors are those of one party alone, wrapped words included.
    #[serde(default)]
    pub alone: bool,
    /// How it departs from what the paper states; `None` for the paper's own configuration.
    pub inference: Option<String>,
}

/// What a figure is about.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub enum Subject {
    /// A whole model.
    #[serde(rename_all = "kebab-case")]
    Model {
        /// Its name.
        name: String,
        /// Tokens of the sequence.
        tokens: usize,
        /// Width of the feed-forward block, if not the model's.
        intermediate_size: Option<usize>,
    },
    /// A protocol on rows.
    #[serde(rename_all = "kebab-case")]
    Protocol {
        /// Its name in the registry.
        name: String,
        /// Rows.
        rows: usize,
        /// Elements of a row.
        row_length: usize,
    },
    /// A secret times what a protocol makes of another: a quotient, or a root.
    #[serde(rename_all = "kebab-case")]
    Product {
        /// The protocol's name in the registry.
        protocol: String,
        /// Rows, and elements of a row.
        side: usize,
    },
    /// A single operation on a square.
    #[serde(rename_all = "kebab-case")]
    Operation {
        /// Which.
        name: Operation,
        /// Rows, and elements of a row.
        side: usize,
    },
}

/// One printed cell.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Cell {
    /// Row of the table.
    pub row: String,
    /// Column of the table.
    pub column: String,
    /// What is printed.
    pub printed: Printed,
    /// Its unit.
    pub unit: Unit,
    /// How exactly it could be read off a drawing, in its unit; digits decide where it is printed.
    pub read_off: Option<f64>,
    /// How exactly it can be met, in proportion, where it is a mean over points that the paper does not state.
    pub within: Option<f64>,
    /// What is counted.
    pub quantity: Quantity,
    /// Names of configurations to count it under, the paper's own first.
    #[serde(default, rename = "under")]
    pub configurations: Vec<String>,
    /// Why none gives it, where that is known.
    pub otherwise: Option<String>,
}

/// What is counted for a cell.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub enum Quantity {
    /// Bytes of a model's functions together.
    BytesOf(Vec<String>),
    /// Bytes of a protocol or operation.
    Bytes,
    /// Bits of a protocol or operation for each element.
    BitsForEachElement,
    /// Rounds of a protocol or operation.
    Rounds,
    /// Mean over `low`..`high` of |y - truth| over the reals.
    MeanError {
        /// Lower end of the arguments.
        low: f64,
        /// Upper end.
        high: f64,
    },
    /// Variance over `low`..`high` of |y - truth| over the reals.
    VarianceOfError {
        /// Lower end of the arguments.
        low: f64,
        /// Upper end.
        high: f64,
    },
    /// Sum of other printed cells of the row, by their columns: whether the table agrees with itself.
    SumOfColumns(Vec<String>),
    /// A measured duration. What is counted is the time that the volume of these functions needs at the table's bandwidth, without
    /// latency: it is a lower bound, and never a reproduction.
    Seconds(Vec<String>),
    /// A measurement beside which nothing can be counted.
    Measured,
}

/// Unit of a cell.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Unit {
    /// 1e9 bytes.
    #[serde(rename = "GB")]
    Gigabytes,
    /// 1e6 bytes.
    #[serde(rename = "MB")]
    Megabytes,
    /// Bits.
    #[serde(rename = "bit")]
    Bits,
    /// Rounds.
    #[serde(rename = "rounds")]
    Rounds,
    /// Seconds.
    #[serde(rename = "s")]
    Seconds,
    /// A number without a unit.
    #[serde(rename = "")]
    One,
}

impl Unit {
    /// How many of what is counted make one.
    #[must_use]
    pub fn size(self) -> f64 {
        match self {
            Self::Gigabytes => 1e9,
            Self::Megabytes => 1e6,
            Self::Bits | Self::Rounds | Self::Seconds | Self::One => 1.0,
        }
    }

    /// As it is written.
    #[must_use]
    pub fn symbol(self) -> &'static str {
        match self {
            Self::Gigabytes => "GB",
            Self::Megabytes => "MB",
            Self::Bits => "bit",
            Self::Rounds => "rounds",
            Self::Seconds => "s",
            Self::One => "",
        }
    }
}

/// A table that cannot be counted.
#[derive(Debug, Error)]
pub enum PublishedError {
    /// No such table.
    #[error("there is no table `{name}`; there are {}", names().collect::<Vec<_>>().join(", "))]
    Unknown {
        /// The name asked for.
        name: String,
    },
    /// Not the TOML of a table.
    #[error("table {name}: {message}")]
    Parse {
        /// The table.
        name: String,
        /// What and where.
        message: String,
    },
    /// A cell names something that the table does not have.
    #[error("table {table}, {row}, {column}: {what}")]
    Cell {
        /// The table.
        table: String,
        /// Row of the cell.
        row: String,
        /// Column of the cell.
        column: String,
        /// What is wrong.
        what: String,
    },
    /// A configuration names something that does not exist.
    #[error("configuration {name}: {what}")]
    Configuration {
        /// The configuration.
        name: String,
        /// What is wrong.
        what: String,
    },
    /// A suite that cannot be used.
    #[error(transparent)]
    Suite(#[from] SuiteError),
    /// Sizes that a model cannot take.
    #[error(transparent)]
    Model(#[from] BuildError),
    /// Shapes that a protocol cannot take.
    #[error(transparent)]
    Circuit(#[from] CircuitError),
    /// A circuit that a scheme cannot carry out.
    #[error(transparent)]
    Compile(#[from] CompileError),
    /// An error that cannot be measured.
    #[error(transparent)]
    Audit(#[from] AuditError),
}

const BUILT_IN: [(&str, &str); 5] = [
    ("secformer-table1", include_str!("../tables/secformer-table1.toml")),
    ("secformer-table3", include_str!("../tables/secformer-table3.toml")),
    ("secformer-table4", include_str!("../tables/secformer-table4.toml")),
    ("secformer-figures", include_str!("../tables/secformer-figures.toml")),
    ("mpcformer-table1", include_str!("../tables/mpcformer-table1.toml")),
];

/// Names of the tables.
pub fn names() -> impl Iterator<Item = &'static str> {
    BUILT_IN.iter().map(|(name, _)| *name)
}

/// A table by its name.
///
/// # Errors
/// [`PublishedError::Unknown`] lists the names.
pub fn table(name: &str) -> Result<PrintedTable, PublishedError> {
    let found = BUILT_IN.iter().find(|(known, _)| *known == name);
    let (_, text) = found.ok_or_else(|| PublishedError::Unknown { name: name.to_owned() })?;
    PrintedTable::parse(name, text)
}

impl PrintedTable {
    /// Reads a table; `name` stands in errors.
    ///
    /// # Errors
    /// [`PublishedError`] names the cell that cannot be counted.
    pub fn parse(name: &str, text: &str) -> Result<Self, PublishedError> {
        let table: Self = toml::from_str(text)
            .map_err(|error| PublishedError::Parse { name: name.to_owned(), message: error.to_string() })?;
        for cell in &table.cells {
            let refuse = |what: String| {
                let (table, row, column) = (table.name.clone(), cell.row.clone(), cell.column.clone());
                Err(PublishedError::Cell { table, row, column, what })
            };
            if let Quantity::SumOfColumns(columns) = &cell.quantity {
                if let Some(missing) = columns.iter().find(|column| table.cell(&cell.row, column).is_none()) {
                    return refuse(format!("the row has no column `{missing}`"));
                }
            } else if cell.configurations.is_empty() && cell.quantity != Quantity::Measured {
                return refuse("name a configuration to count it under".to_owned());
            }
            if matches!(cell.quantity, Quantity::Seconds(_)) && table.gigabits_per_second.is_none() {
                return refuse("give the table's gigabits-per-second, or no seconds".to_owned());
            }
            if let Some(missing) = cell.configurations.iter().find(|name| !table.configurations.contains_key(*name)) {
                return refuse(format!("there is no configuration `{missing}`"));
            }
        }
        Ok(table)
    }

    /// A cell by its place.
    #[must_use]
    pub fn cell(&self, row: &str, column: &str) -> Option<&Cell> {
        self.cells.iter().find(|cell| cell.row == row && cell.column == column)
    }
}
