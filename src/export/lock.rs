//! Locks between processes.

use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use crate::files::make_folder;
use crate::{Error, Result};

/// Keeps other processes off until it is dropped, or its process dies.
///
/// Whoever takes it looks next whether there is anything left to do: another process may have done it.
/// The file is removed for that reason alone; after a failure it stays.
pub struct Lock {
    file: File,
    path: PathBuf,
}

/// Some network file systems number a file anew each time: then it never seems to be there.
const TRIES: usize = 16;

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
    pub fn take(&mut self, wait: bool) -> Result<bool> {
        let mut tries = 0;
        loop {
            tries += 1;
            let taken = match wait {
                true => self.file.lock().map_err(TryLockError::Error),
                false => self.file.try_lock(),
            };
            match taken {
                Err(TryLockError::WouldBlock) => return Ok(false),
                Err(TryLockError::Error(error)) if error.kind() != ErrorKind::Unsupported => {
                    return Err(Error::io(&self.path)(error));
                }
                _ if tries == TRIES || self.is_there() => return Ok(true),
                // It was removed since it was opened: others take another file by now.
                _ => self.file = Self::new(&self.path)?.file,
            }
        }
    }

    /// Whether the path still leads to the file that is open. Elsewhere than on Unix, a file that is open
    /// is not removed.
    fn is_there(&self) -> bool {
        #[cfg(unix)]
        {
            use std::os::unix::fs::MetadataExt;
            let (open, there) = (self.file.metadata(), fs::metadata(&self.path));
            open.and_then(|open| Ok((open, there?)))
                .is_ok_and(|(a, b)| (a.dev(), a.ino()) == (b.dev(), b.ino()))
        }
        #[cfg(not(unix))]
        true
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

#[cfg(all(test, unix))]
mod tests {
    use super::*;

    #[test]
    fn one_that_was_removed_meanwhile_keeps_others_off_all_the_same() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("part.lock");
        let lock = || Lock::new(&path).unwrap();
        let (mut first, mut second) = (lock(), lock());
        assert!(first.take(false).unwrap());
        assert!(!second.take(false).unwrap());
        first.remove().unwrap();
        drop(first);
        assert!(second.take(true).unwrap());
        assert!(!lock().take(false).unwrap(), "the second has it");
        drop(second);
        assert!(lock().take(false).unwrap(), "nobody has it");
    }
}
