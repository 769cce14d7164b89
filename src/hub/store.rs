//! Writing into the cache, by several processes at once if need be.

use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use super::Problem;
use super::cache::Folder;

impl Folder {
    pub fn blob(&self, etag: &str) -> PathBuf {
        self.root.join("blobs").join(etag)
    }

    /// Notes the commit that `revision` is at now. Whoever reads it meanwhile sees one or the other.
    pub fn set_commit(&self, revision: &str, commit: &str) -> Result<(), Problem> {
        // A cache that only others may write to needs no write while nothing changes.
        if revision == commit || self.commit(revision).as_deref() == Some(commit) {
            return Ok(());
        }
        let path = self.root.join("refs").join(revision);
        make_parent(&path)?;
        // Not among the names, where a process that is killed now would leave one more.
        let _lock = self.lock(commit)?;
        let whole = self.root.join(format!("{commit}.incomplete"));
        fs::write(&whole, commit).map_err(Problem::io(&whole))?;
        fs::rename(&whole, &path).map_err(Problem::io(&path))
    }

    /// Waits until no other process works on this blob, and keeps others off until dropped.
    pub fn lock(&self, etag: &str) -> Result<File, Problem> {
        let path = self.locks.join(format!("{etag}.lock"));
        make_parent(&path)?;
        let mut options = OpenOptions::new();
        let file = (options.write(true).create(true).truncate(false).open(&path))
            .map_err(Problem::io(&path))?;
        let locked = match file.try_lock() {
            Ok(()) => Ok(()),
            Err(TryLockError::WouldBlock) => {
                log::warn!("another process is fetching the same file; waiting for it");
                file.lock()
            }
            Err(TryLockError::Error(error)) => Err(error),
        };
        match locked {
            // Some network file systems have no locks. The checksum tells if two wrote at once.
            Err(error) if error.kind() != ErrorKind::Unsupported => Err(Problem::io(&path)(error)),
            _ => Ok(file),
        }
    }

    /// Makes `file` of `commit` stand for the blob.
    pub fn link(&self, etag: &str, commit: &str, file: &str) -> Result<(), Problem> {
        let path = self.snapshot(commit).join(file);
        if path.exists() {
            return Ok(());
        }
        make_parent(&path)?;
        // A link whose blob somebody deleted is in the way.
        let _ = fs::remove_file(&path);
        let blob = self.blob(etag);
        let relative = ["..", "..", "blobs", etag].iter().collect::<PathBuf>();
        symlink(&relative, &path)
            .or_else(|_| fs::hard_link(&blob, &path))
            .or_else(|_| fs::rename(&blob, &path))
            .map_err(Problem::io(&path))
    }
}

pub(super) fn make_parent(path: &Path) -> Result<(), Problem> {
    let folder = path.parent().expect("a path below the cache");
    fs::create_dir_all(folder).map_err(Problem::io(folder))
}

#[cfg(unix)]
use std::os::unix::fs::symlink;
#[cfg(windows)]
use std::os::windows::fs::symlink_file as symlink;
