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
