//! Opening files that somebody else named.

use std::fs::{self, File};
use std::io::Read;
use std::path::Path;

use crate::{Error, Result};

/// Opens a regular file. Anything else is refused before it is opened: a FIFO would block.
pub(crate) fn open(path: &Path, expected: &'static str) -> Result<File> {
    let kind = fs::metadata(path).map_err(Error::io(path))?.file_type();
    if !kind.is_file() {
        return Err(Error::NotAFile {
            path: path.to_owned(),
            expected,
            found: if kind.is_dir() {
                "a directory".into()
            } else {
                "no regular file".into()
            },
        });
    }
    File::open(path).map_err(Error::io(path))
}

/// Reads a regular file of at most `limit` bytes.
pub(crate) fn read(path: &Path, expected: &'static str, limit: u64) -> Result<Vec<u8>> {
    let mut bytes = Vec::new();
    open(path, expected)?
        .take(limit + 1)
        .read_to_end(&mut bytes)
        .map_err(Error::io(path))?;
    if bytes.len() as u64 > limit {
        return Err(Error::NotAFile {
            path: path.to_owned(),
            expected,
            found: format!("more than {limit} bytes"),
        });
    }
    Ok(bytes)
}
