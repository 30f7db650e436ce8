//! `viewless reproduce`: a printed table, each cell beside what the counted Program gives.

use super::Verdict;
use crate::card::hanging;
use crate::error::CliError;
use crate::screen;
use crate::table::Table;
use clap::Args;
use std::fmt::Write;
use viewless_published::{CellReport, CellVerdict, Reproduction, names, reproduce, table};

/// What to reproduce.
#[derive(Debug, Args)]
pub struct Arguments {
    /// A published table
    #[arg(value_name = "TABLE", help = format!("One of {}", names().collect::<Vec<_>>().join(", ")))]
    table: String,
}

/// Counts every cell and prints them.
///
/// # Errors
/// No such table.
pub fn run(arguments: &Arguments, json: bool) -> Result<Verdict, CliError> {
    let reproduction = reproduce(&table(&arguments.table)?)?;
    if json {
        screen::print_json(&reproduction)?;
    } else {
        screen::print(text(&reproduction))?;
    }
    Ok(Verdict::Positive)
}

fn text(reproduction: &Reproduction) -> String {
    let Reproduction { title, source, cells, .. } = reproduction;
    let mut table = Table::of_text(&["", "", "printed", "counted", "", "verdict", ""]);
    let mut row = "";
    // Each reason once, numbered in the order of the cells.
    let mut notes: Vec<String> = Vec::new();
    for cell in cells {
        let shown = if row == cell.row { "" } else { cell.row.as_str() };
        row = &cell.row;
        let note = note(cell).map(|note| {
            let known = notes.iter().position(|known| *known == note).unwrap_or_else(|| {
                notes.push(note);
                notes.len() - 1
            });
            format!("({})", known + 1)
        });
        table.row([
            shown.to_owned(),
            cell.column.clone(),
            cell.printed.clone(),
            cell.counted_alike.clone().unwrap_or_else(|| "-".to_owned()),
            cell.unit.symbol().to_owned(),
            name_of(cell.verdict).to_owned(),
            note.unwrap_or_default(),
        ]);
    }
    let mut text = format!("{}\n{}\n{}\n", hanging("", title), hanging("", source), table.lines());
    for (i, note) in notes.iter().enumerate() {
        text.push_str(&hanging(&format!("{:>4} ", format!("({})", i + 1)), note));
    }
    let count = |verdict| cells.iter().filter(|cell| cell.verdict == verdict).count();
    let _ = write!(
        text,
        "\n{} cells: {} equal to the printed digits, {} under a stated inference, {} not reproducible\n",
        cells.len(),
        count(CellVerdict::Equal),
        count(CellVerdict::Inferred),
        count(CellVerdict::NotReproducible),
    );
    text
}

/// What is to be said of a cell besides its verdict.
fn note(cell: &CellReport) -> Option<String> {
    match cell.verdict {
        CellVerdict::Equal => None,
        CellVerdict::Inferred | CellVerdict::NotReproducible => Some(cell.why.clone()).filter(|why| !why.is_empty()),
    }
}

fn name_of(verdict: CellVerdict) -> &'static str {
    match verdict {
        CellVerdict::Equal => "equal",
        CellVerdict::Inferred => "inferred",
        CellVerdict::NotReproducible => "not reproducible",
    }
}
