//! Results on stdout.

use std::io::{self, Write};

use serde::Serialize;

/// Prints one line and hands it on at once: a reader of a pipe gets each result when it is there.
pub fn line(text: impl std::fmt::Display) -> io::Result<()> {
    let mut out = io::stdout().lock();
    writeln!(out, "{text}")?;
    out.flush()
}

/// Prints `value` as one line of JSON.
pub fn json(value: &impl Serialize) -> io::Result<()> {
    line(serde_json::to_string(value)?)
}

/// Prints rows with aligned columns; `left` tells for each column whether it is aligned to the left.
pub fn table(rows: &[impl AsRef<[String]>], left: impl AsRef<[bool]>) -> io::Result<()> {
    let left = left.as_ref();
    let width = |column: usize| {
        let widths = rows.iter().map(|row| row.as_ref()[column].chars().count());
        widths.max().unwrap_or(0)
    };
    let widths: Vec<usize> = (0..left.len()).map(width).collect();
    for row in rows {
        let cells: Vec<_> = (row.as_ref().iter().zip(&widths).zip(left))
            .map(|((cell, &width), left)| match left {
                true => format!("{cell:<width$}"),
                false => format!("{cell:>width$}"),
            })
            .collect();
        line(cells.join("  ").trim_end())?;
    }
    Ok(())
}

/// Milliseconds of wall time, as precise as clocks are.
pub fn to_microseconds(ms: f64) -> f64 {
    (ms * 1e3).round() / 1e3
}
