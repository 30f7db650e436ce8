//! A published table, each cell beside the count, in words and a table.

use super::table::{TextTable, hanging};
use super::words;
use std::fmt::Write;
use viewless_published::{CellReport, CellVerdict, Reproduction, SUM};

/// The readable page.
#[must_use]
pub fn text(reproduction: &Reproduction) -> String {
    format!("{}\n{}", words::first(&sentence(reproduction)), body(reproduction))
}

/// How many cells are what is counted.
#[must_use]
pub fn sentence(reproduction: &Reproduction) -> String {
    let cells = &reproduction.cells;
    let count = |verdict| cells.iter().filter(|cell| cell.verdict == verdict).count();
    format!(
        "Of {} {} equal to the digit what is counted here, {} agree under a stated inference, as exactly as its note and the table say, and {} cannot be reproduced.",
        words::count(cells.len(), "printed cell"),
        count(CellVerdict::Equal),
        count(CellVerdict::Inferred),
        count(CellVerdict::NotReproducible)
    )
}

fn body(reproduction: &Reproduction) -> String {
    let Reproduction { title, source, cells, .. } = reproduction;
    let mut table = TextTable::of_text(&["", "", "printed", "counted", "", "verdict", ""]);
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
    let sums = cells.iter().filter(|cell| cell.why == SUM).count();
    let count = |verdict| cells.iter().filter(|cell| cell.verdict == verdict).count();
    let _ = write!(
        text,
        "\n{} cells: {} equal to the printed digits{}, {} under a stated inference, {} not reproducible\n",
        cells.len(),
        count(CellVerdict::Equal),
        if sums == 0 { String::new() } else { format!(" ({sums} of them sums of printed cells)") },
        count(CellVerdict::Inferred),
        count(CellVerdict::NotReproducible),
    );
    text
}

/// What is to be said of a cell besides its verdict.
fn note(cell: &CellReport) -> Option<String> {
    match cell.verdict {
        CellVerdict::Equal | CellVerdict::Inferred | CellVerdict::NotReproducible => {
            Some(cell.why.clone()).filter(|why| !why.is_empty())
        }
    }
}

fn name_of(verdict: CellVerdict) -> &'static str {
    match verdict {
        CellVerdict::Equal => "equal",
        CellVerdict::Inferred => "inferred",
        CellVerdict::NotReproducible => "not reproducible",
    }
}
