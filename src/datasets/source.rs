//! An annotation file in memory, and messages that name a place in it.

use std::fmt::Display;
use std::path::{Path, PathBuf};

use crate::frames::Seconds;
use crate::{Error, Result, files};

/// Some thirty times the largest published file.
const BYTES: u64 = 1 << 30;

/// A text file with its path.
pub(super) struct Source {
    pub path: PathBuf,
    pub text: String,
}

impl Source {
    /// Reads a text file; a byte order mark at its start is dropped.
    ///
    /// Errors: what cannot be read, is above 1 GiB, is no UTF-8, or has nothing but blanks.
    pub fn open(path: &Path) -> Result<Self> {
        let bytes = files::read(path, "an annotation file of at most 1 GiB", BYTES)?;
        let text = String::from_utf8(bytes).map_err(|error| {
            let at = error.utf8_error().valid_up_to();
            let byte = error.as_bytes()[at];
            Error::dataset(
                path,
                format!("expected UTF-8, found the byte 0x{byte:02x} at offset {at}"),
            )
        })?;
        let text = match text.strip_prefix('\u{feff}') {
            Some(rest) => rest.to_owned(),
            None => text,
        };
        if text.trim().is_empty() {
            return Err(Error::dataset(path, "is empty"));
        }
        let path = path.to_owned();
        Ok(Self { path, text })
    }

    /// The lines that have something in them, without the blanks around it, with their numbers from 1.
    pub fn lines(&self) -> impl Iterator<Item = (usize, &str)> {
        let numbered = self.text.lines().enumerate();
        numbered
            .map(|(i, line)| (i + 1, line.trim()))
            .filter(|(_, line)| !line.is_empty())
    }

    /// An error at a place of the file.
    pub fn error(&self, place: impl Display, problem: impl Display) -> Error {
        Error::dataset(&self.path, format!("{place}: {problem}"))
    }

    /// An error at a line.
    pub fn line_error(&self, number: usize, problem: impl Display) -> Error {
        self.error(format_args!("line {number}"), problem)
    }

    /// An error of the file as a whole.
    pub fn whole_error(&self, problem: impl Into<String>) -> Error {
        Error::dataset(&self.path, problem)
    }
}

/// Seconds in whole microseconds; none for what no video can have.
pub(super) fn seconds(number: f64) -> Option<Seconds> {
    let longest = 1e9;
    (0.0..=longest)
        .contains(&number)
        .then(|| Seconds::new((number * 1e6).round() as i64, 1_000_000))
}
