//! Rows of CSV files, by the names of their columns.

use std::str::FromStr;

use csv::{ReaderBuilder, StringRecord, Trim};

use super::source::{Source, seconds};
use crate::files::{quoted, shown};
use crate::frames::Seconds;
use crate::{Error, Result};

/// One row, with the names of the columns.
pub(super) struct Row<'a> {
    source: &'a Source,
    columns: &'a StringRecord,
    pub line: u64,
    cells: StringRecord,
}

/// Calls `take` with each row below the header.
///
/// Errors: a row with more or fewer cells than the header, and what `take` says.
pub(super) fn each(source: &Source, mut take: impl FnMut(Row) -> Result<()>) -> Result<()> {
    let mut reader = ReaderBuilder::new()
        .trim(Trim::All)
        .from_reader(source.text.as_bytes());
    let columns = match reader.headers() {
        Ok(columns) => columns.clone(),
        Err(error) => return Err(source.line_error(1, quoted(error))),
    };
    for row in reader.records() {
        let cells = row.map_err(|error| source.whole_error(quoted(error)))?;
        take(Row {
            source,
            columns: &columns,
            line: cells.position().map_or(0, csv::Position::line),
            cells,
        })?;
    }
    Ok(())
}

impl Row<'_> {
    /// An error at this row.
    pub fn error(&self, problem: impl std::fmt::Display) -> Error {
        self.source
            .error(format_args!("line {}", self.line), problem)
    }

    /// The cell of a column that has to be there; it may be empty.
    pub fn cell(&self, column: &str) -> Result<&str> {
        self.cell_if_there(column).ok_or_else(|| {
            let names: Vec<&str> = self.columns.iter().collect();
            let found = shown(&names.join(", "));
            self.source.line_error(
                1,
                format_args!("expected the column {column}, found {found}"),
            )
        })
    }

    /// The cell of a column, if there is that column.
    pub fn cell_if_there(&self, column: &str) -> Option<&str> {
        let place = self.columns.iter().position(|name| name == column)?;
        self.cells.get(place)
    }

    /// A text with something in it.
    pub fn text(&self, column: &str) -> Result<&str> {
        match self.cell(column)? {
            "" => Err(self.wrong(column, "a text", "")),
            text => Ok(text),
        }
    }

    /// A time in seconds.
    pub fn seconds(&self, column: &str) -> Result<Seconds> {
        let text = self.cell(column)?;
        (f64::from_str(text).ok())
            .and_then(seconds)
            .ok_or_else(|| self.wrong(column, "a time in seconds", text))
    }

    fn wrong(&self, column: &str, expected: &str, found: &str) -> Error {
        let found = match found {
            "" => "nothing".to_owned(),
            text => shown(text),
        };
        self.error(format_args!(
            "field {column}: expected {expected}, found {found}"
        ))
    }
}
