//! Plain tables: columns aligned, no lines, so that they read well in a terminal, a file and a message.

use comfy_table::{CellAlignment, ContentArrangement, Table as Grid, presets};

/// Characters in a line of wrapped text.
pub const LINE_WIDTH: u16 = 110;

/// A table under construction.
pub struct TextTable(Grid);

impl TextTable {
    /// A table whose first column is text and whose others are numbers, aligned at the right.
    #[must_use]
    pub fn of_numbers(header: &[&str]) -> Self {
        let mut table = Self::of_text(header);
        for column in table.0.column_iter_mut().skip(1) {
            column.set_cell_alignment(CellAlignment::Right);
        }
        table
    }

    /// A table of text.
    #[must_use]
    pub fn of_text(header: &[&str]) -> Self {
        let mut grid = Grid::new();
        grid.load_style(presets::NOTHING).set_header(header.iter().copied());
        grid.set_content_arrangement(ContentArrangement::Disabled);
        grid.column_iter_mut().for_each(|column| {
            column.set_padding((0, 2));
        });
        Self(grid)
    }

    /// Aligns columns at the right.
    #[must_use]
    pub fn numbers_in(mut self, columns: &[usize]) -> Self {
        for &column in columns {
            if let Some(column) = self.0.column_mut(column) {
                column.set_cell_alignment(CellAlignment::Right);
            }
        }
        self
    }

    /// Wraps long cells so that lines have at most [`LINE_WIDTH`] characters.
    #[must_use]
    pub fn wrapped(mut self) -> Self {
        self.0.set_content_arrangement(ContentArrangement::Dynamic).set_width(LINE_WIDTH);
        self
    }

    /// Adds a row.
    pub fn row<Cell: Into<String>>(&mut self, cells: impl IntoIterator<Item = Cell>) {
        self.0.add_row(cells.into_iter().map(Into::into));
    }

    /// The table in Markdown.
    #[must_use]
    pub fn markdown(mut self) -> String {
        self.0.load_style(presets::ASCII_MARKDOWN).set_content_arrangement(ContentArrangement::Disabled);
        format!("{}\n", self.0)
    }

    /// The lines, each ended, without spaces at the ends.
    #[must_use]
    pub fn lines(&self) -> String {
        self.0.lines().map(|line| format!("{}\n", line.trim_end())).collect()
    }
}

/// A text wrapped to lines whose continuations stand under its start.
#[must_use]
pub fn hanging(label: &str, text: &str) -> String {
    let (mut lines, mut line) = (String::new(), label.to_owned());
    let indent = " ".repeat(label.len());
    for word in text.split_whitespace() {
        if line.len() + 1 + word.len() > usize::from(LINE_WIDTH) && line.len() > indent.len() {
            lines.push_str(line.trim_end());
            lines.push('\n');
            line.clone_from(&indent);
        }
        if line.len() > indent.len() && !line.ends_with(' ') {
            line.push(' ');
        }
        line.push_str(word);
    }
    lines.push_str(line.trim_end());
    lines.push('\n');
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_stand_under_their_heading_at_the_right() {
        let mut table = TextTable::of_numbers(&["name", "bytes"]);
        table.row(["a", "1"]);
        table.row(["longer", "1000000"]);
        assert_eq!(table.lines(), "name      bytes\na             1\nlonger  1000000\n");
    }

    #[test]
    fn long_cells_are_wrapped() {
        let mut table = TextTable::of_text(&["name", "text"]).wrapped();
        table.row(["a".to_owned(), "word ".repeat(60)]);
        assert!(table.lines().lines().count() > 3);
        assert!(table.lines().lines().all(|line| line.len() <= usize::from(LINE_WIDTH)));
    }
}
