//! Files that are there whole or not at all.

use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use serde::Serialize;

use super::make_folder;
use crate::{Error, Result};

/// A file that is not whole yet, under the name of the whole one with `.incomplete` behind it.
pub(crate) struct Incomplete {
    path: PathBuf,
    here: PathBuf,
}

impl Incomplete {
    /// Creates the file, and the folders above it.
    pub fn create(path: PathBuf) -> Result<(Self, File)> {
        make_folder(parent(&path))?;
        let mut here = path.clone().into_os_string();
        here.push(".incomplete");
        let incomplete = Self {
            path,
            here: here.into(),
        };
        let file = File::create(&incomplete.here).map_err(incomplete.error())?;
        Ok((incomplete, file))
    }

    /// Gives `file`, which is all written, its name, and sees that the disk knows; its size.
    pub fn complete(self, file: &File) -> Result<u64> {
        let written = file.sync_all().and_then(|()| file.metadata());
        let bytes = written.map_err(self.error())?.len();
        fs::rename(&self.here, &self.path).map_err(self.error())?;
        if cfg!(unix) {
            let parent = parent(&self.path);
            let synced = File::open(parent).and_then(|folder| folder.sync_all());
            synced.map_err(Error::io(parent))?;
        }
        Ok(bytes)
    }

    /// What to make of an I/O error with it.
    pub fn error(&self) -> impl FnOnce(io::Error) -> Error + '_ {
        Error::io(&self.here)
    }
}

impl Drop for Incomplete {
    /// What will not be finished takes no room; what is has another name by now.
    fn drop(&mut self) {
        let _ = fs::remove_file(&self.here);
    }
}

/// Writes a file of JSON.
pub(crate) fn write_json(path: PathBuf, value: &impl Serialize) -> Result<()> {
    let (incomplete, mut file) = Incomplete::create(path)?;
    let json = serde_json::to_string_pretty(value).map_err(io::Error::from);
    let written = json.and_then(|json| writeln!(file, "{json}"));
    written.map_err(incomplete.error())?;
    incomplete.complete(&file).map(drop)
}

fn parent(path: &Path) -> &Path {
    path.parent().expect("a file in a folder")
}
