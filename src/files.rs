//! Files that somebody else named: how they are opened and written.

mod whole;

use std::fs::{self, File};
use std::io::Read;
#[cfg(feature = "gstreamer")]
use std::io::{self, ErrorKind};
use std::path::Path;
#[cfg(feature = "gstreamer")]
use std::path::PathBuf;

use crate::{Error, Result};

pub(crate) use whole::{Incomplete, write_json};

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

/// Makes a folder and those above it, where they are not there yet.
pub(crate) fn make_folder(path: &Path) -> Result<()> {
    if path.metadata().is_ok_and(|meta| !meta.is_dir()) {
        return Err(Error::NotAFile {
            path: path.to_owned(),
            expected: "a folder, or nothing yet",
            found: "a file".into(),
        });
    }
    fs::create_dir_all(path).map_err(Error::io(path))
}

/// Names tried before giving up.
#[cfg(feature = "gstreamer")]
const MAX_NAMES: u32 = 10_000;

/// Creates the file `name.extension` in a folder, or `name-2.extension` and so on if that is there: nothing
/// is overwritten.
#[cfg(feature = "gstreamer")]
pub(crate) fn create_free(folder: &Path, name: &str, extension: &str) -> Result<(PathBuf, File)> {
    for number in 1..MAX_NAMES {
        let number = match number {
            1 => String::new(),
            _ => format!("-{number}"),
        };
        let path = folder.join(format!("{name}{number}.{extension}"));
        match File::create_new(&path) {
            Ok(file) => return Ok((path, file)),
            Err(error) if error.kind() == ErrorKind::AlreadyExists => {}
            Err(error) => return Err(Error::io(&path)(error)),
        }
    }
    let taken = io::Error::new(ErrorKind::AlreadyExists, "all its names are taken");
    Err(Error::io(&folder.join(name))(taken))
}

/// Bytes in hexadecimal digits, as hashes are written.
pub(crate) fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// A name that a file gives, in a message: it takes no more than a line and cannot do harm there.
pub(crate) fn shown(name: &str) -> String {
    name.chars().take(80).flat_map(char::escape_debug).collect()
}

/// Another library's words on a file, which may quote it at any length: their beginning, and their
/// end, which tells the place.
pub(crate) fn quoted(error: impl std::fmt::Display) -> String {
    let (error, most) = (error.to_string(), 120);
    let count = error.chars().count();
    let part = |skip, take| -> String {
        let characters = error.chars().skip(skip).take(take);
        characters.flat_map(char::escape_debug).collect()
    };
    match count <= 2 * most {
        true => part(0, count),
        false => format!("{} … {}", part(0, most), part(count - most, most)),
    }
}

#[cfg(test)]
mod tests {
    use super::quoted;

    #[test]
    fn a_long_quotation_keeps_its_two_ends() {
        assert_eq!(quoted("what\u{1b}[2J"), "what\\u{1b}[2J");
        let long = format!("unknown {} at line 3", "x".repeat(1 << 20));
        let cut = quoted(&long);
        assert!(cut.starts_with("unknown xxx") && cut.ends_with("xxx at line 3"));
        assert!(cut.chars().count() < 250);
    }
}
