//! How a video is told again: by size and time at a glance, by its content for certain.

use std::fs::{self, Metadata};
use std::io::Read;
use std::path::{Component, Path, PathBuf};
use std::time::UNIX_EPOCH;

use sha2::{Digest, Sha256};

use crate::{Error, Result, files};

/// What a look at a file tells: a file whose stamp is unchanged counts as unchanged.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stamp {
    /// Bytes.
    pub size: u64,
    /// Nanoseconds since 1970.
    pub mtime: i64,
}

/// A stamp with the content's hash.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Identity {
    pub stamp: Stamp,
    pub sha256: [u8; 32],
}

impl Stamp {
    /// Looks at a file without opening it.
    pub fn of(path: &Path) -> Result<Self> {
        let meta = fs::metadata(path).map_err(Error::io(path))?;
        Ok(Self {
            size: meta.len(),
            mtime: mtime(&meta),
        })
    }
}

impl Identity {
    /// Reads a file from beginning to end.
    ///
    /// # Errors
    ///
    /// [`Error::Io`]; [`Error::NotAFile`] for anything but a regular file.
    pub fn of(path: &Path) -> Result<Self> {
        // Before reading: a change meanwhile shows in the next stamp.
        let stamp = Stamp::of(path)?;
        let mut file = files::open(path, "a video or an image")?;
        let mut sha256 = Sha256::new();
        let mut buffer = vec![0; 1 << 20];
        loop {
            match file.read(&mut buffer).map_err(Error::io(path))? {
                0 => break,
                read => sha256.update(&buffer[..read]),
            }
        }
        Ok(Self {
            stamp,
            sha256: sha256.finalize().into(),
        })
    }

    /// The hash in hexadecimal digits.
    pub fn hex(&self) -> String {
        files::hex(&self.sha256)
    }
}

fn mtime(meta: &Metadata) -> i64 {
    let Ok(time) = meta.modified() else {
        return 0;
    };
    match time.duration_since(UNIX_EPOCH) {
        Ok(since) => i64::try_from(since.as_nanos()).unwrap_or(i64::MAX),
        Err(before) => i64::try_from(before.duration().as_nanos()).map_or(i64::MIN, |t| -t),
    }
}

/// The path by which the index knows a file, however it was reached: absolute, without links. Of a file
/// that is gone, the path that it had if the folders that are left are what they were.
pub(super) fn canonical(path: &Path) -> Result<PathBuf> {
    if let Ok(real) = fs::canonicalize(path) {
        return Ok(real);
    }
    let path = std::path::absolute(path).map_err(Error::io(path))?;
    let left = |folder: &Path| Some((fs::canonicalize(folder).ok()?, folder.to_owned()));
    let Some((mut real, folder)) = path.ancestors().skip(1).find_map(left) else {
        return Ok(path);
    };
    let gone = path.strip_prefix(&folder).expect("a folder above it");
    for part in gone.components() {
        match part {
            Component::ParentDir => drop(real.pop()),
            part => real.push(part),
        }
    }
    Ok(real)
}

/// A path as the bytes that the system has for it.
pub(super) fn path_bytes(path: &Path) -> &[u8] {
    path.as_os_str().as_encoded_bytes()
}

/// The path of these bytes. Elsewhere than on Unix, names that are no Unicode are changed where they
/// are not: such a video is then missing.
pub(super) fn bytes_path(bytes: &[u8]) -> PathBuf {
    #[cfg(unix)]
    {
        use std::os::unix::ffi::OsStrExt;
        std::ffi::OsStr::from_bytes(bytes).into()
    }
    #[cfg(not(unix))]
    {
        String::from_utf8_lossy(bytes).into_owned().into()
    }
}
