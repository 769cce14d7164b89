//! Results on stdout.

use std::borrow::Cow;
use std::io::{self, Write};
use std::path::Path;

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

/// A text on one line, with its control characters escaped: names of files and labels may have any, and
/// none may reach a terminal.
pub fn plain(text: &str) -> Cow<'_, str> {
    if !text.contains(char::is_control) {
        return text.into();
    }
    let mut plain = String::with_capacity(text.len());
    for c in text.chars() {
        match c.is_control() {
            true => plain.extend(c.escape_debug()),
            false => plain.push(c),
        }
    }
    plain.into()
}

/// A path as people see it: on one line, without control characters.
pub fn path(path: &Path) -> String {
    plain(&path.to_string_lossy()).into_owned()
}

/// "1 window", "2 windows".
pub fn count(number: usize, one: &str) -> String {
    match number {
        1 => format!("1 {one}"),
        _ => format!("{number} {one}s"),
    }
}

/// Milliseconds of wall time, as precise as clocks are.
pub fn to_microseconds(ms: f64) -> f64 {
    (ms * 1e3).round() / 1e3
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn control_characters_are_escaped_and_nothing_else() {
        for (text, shown) in [
            (
                "a b\\c \"\u{e9}\u{65e5}\".mp4",
                "a b\\c \"\u{e9}\u{65e5}\".mp4",
            ),
            ("new\nline\r\t.mp4", "new\\nline\\r\\t.mp4"),
            (
                "\u{1b}[31m\u{9b}31m\u{7f}\0",
                "\\u{1b}[31m\\u{9b}31m\\u{7f}\\0",
            ),
        ] {
            assert_eq!(plain(text), shown);
        }
    }

    #[cfg(unix)]
    #[test]
    fn a_path_need_not_be_utf8() {
        use std::os::unix::ffi::OsStrExt;
        let name = std::ffi::OsStr::from_bytes(b"\xff\n.mp4");
        assert_eq!(path(Path::new(name)), "\u{fffd}\\n.mp4");
    }
}
