//! Locks between processes.

use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use crate::files::make_folder;
use crate::{Error, Result};

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
        make_folder(path.parent().expect("a file in a folder"))?;
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
