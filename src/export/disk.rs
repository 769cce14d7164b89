//! Files that are there whole or not at all, and locks between processes.

use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::{self, ErrorKind, Write};
use std::path::{Path, PathBuf};

use serde::Serialize;

use crate::{Error, Result};

/// A file that is not whole yet, under the name of the whole one with `.incomplete` behind it.
pub struct Incomplete {
    path: PathBuf,
    here: PathBuf,
}

impl Incomplete {
    /// Creates the file, and the folders above it.
    pub fn create(path: PathBuf) -> Result<(Self, File)> {
        make_parent(&path)?;
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
            let parent = self.path.parent().expect("a file in a folder");
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
pub fn write_json(path: PathBuf, value: &impl Serialize) -> Result<()> {
    let (incomplete, mut file) = Incomplete::create(path)?;
    let json = serde_json::to_string_pretty(value).map_err(io::Error::from);
    let written = json.and_then(|json| writeln!(file, "{json}"));
    written.map_err(incomplete.error())?;
    incomplete.complete(&file).map(drop)
}

/// Keeps other processes off until it is dropped, or its process dies.
///
/// Whoever takes it looks next whether there is anything left to do: the file may have been removed,
/// its work done, since it was opened. It is removed for that reason alone; after a failure it stays.
pub struct Lock {
    file: File,
    path: PathBuf,
}

impl Lock {
    /// Opens the lock's file, without taking the lock.
    pub fn new(path: &Path) -> Result<Self> {
        make_parent(path)?;
        let mut options = OpenOptions::new();
        let file = options.write(true).create(true).truncate(false).open(path);
        Ok(Self {
            file: file.map_err(Error::io(path))?,
            path: path.to_owned(),
        })
    }

    /// Takes the lock; false if another process has it and there is to be no waiting. Some network
    /// file systems have no locks, which has to do.
    pub fn take(&self, wait: bool) -> Result<bool> {
        let taken = match wait {
            true => self.file.lock().map_err(TryLockError::Error),
            false => self.file.try_lock(),
        };
        match taken {
            Err(TryLockError::WouldBlock) => Ok(false),
            Err(TryLockError::Error(error)) if error.kind() != ErrorKind::Unsupported => {
                Err(Error::io(&self.path)(error))
            }
            _ => Ok(true),
        }
    }

    /// Removes the lock's file once what it is for is done.
    pub fn remove(&self) -> Result<()> {
        remove(&self.path)
    }
}

/// Removes a file, if it is there.
pub fn remove(path: &Path) -> Result<()> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != ErrorKind::NotFound => Err(Error::io(path)(error)),
        _ => Ok(()),
    }
}

fn make_parent(path: &Path) -> Result<()> {
    let parent = path.parent().expect("a file in a folder");
    fs::create_dir_all(parent).map_err(Error::io(parent))
}
