//! What was said, in memory and, a line for each clip, in a file that a killed run leaves whole.

use std::collections::HashMap;
use std::fs::{File, OpenOptions, TryLockError};
use std::io::{ErrorKind, Read, Write};
use std::path::{Path, PathBuf};

use super::manifest::Manifest;
use super::{Record, Settings};
use crate::files::{self, quoted};
use crate::{Error, Result};

/// The file of records in the folder of results.
const RECORDS: &str = "items.jsonl";

/// Records by clip.
pub struct Store {
    records: HashMap<String, Record>,
    log: Option<Log>,
}

/// The file behind a store.
struct Log {
    path: PathBuf,
    /// Locked until it is closed.
    file: File,
}

impl Store {
    /// A store that is gone with the process.
    pub fn in_memory() -> Self {
        Self {
            records: HashMap::new(),
            log: None,
        }
    }

    /// The store in a folder, which is made if it is not there. Records of an earlier run with the same
    /// settings are kept; a line that a killed run did not finish is dropped.
    ///
    /// # Errors
    ///
    /// [`Error::Results`] for a folder with results of other settings, one that another process is
    /// writing to, and records that cannot be read; [`Error::NotAFile`] if it is no folder;
    /// [`Error::Io`].
    pub fn open(folder: &Path, settings: &Settings) -> Result<Self> {
        files::make_folder(folder)?;
        let path = folder.join(RECORDS);
        let mut options = OpenOptions::new();
        options.read(true).append(true).create(true);
        if path.exists() {
            files::open(&path, "the records of an evaluation")?;
        }
        let mut file = options.open(&path).map_err(Error::io(&path))?;
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                return Err(Error::results(folder, "another process is writing to it"));
            }
            // Some file systems have no locks.
            Err(TryLockError::Error(error)) if error.kind() == ErrorKind::Unsupported => {}
            Err(TryLockError::Error(error)) => return Err(Error::io(&path)(error)),
        }
        let mut text = Vec::new();
        file.read_to_end(&mut text).map_err(Error::io(&path))?;
        match Manifest::read(folder)? {
            Some(earlier) => {
                if let Some(difference) = settings.difference(&earlier.settings) {
                    let problem = format!(
                        "expected results of the same settings, found others: {difference}; \
                         choose another folder, or delete this one"
                    );
                    return Err(Error::results(folder, problem));
                }
            }
            None if text.is_empty() => {}
            None => {
                let problem = format!("has {RECORDS} without the manifest that tells what it is");
                return Err(Error::results(folder, problem));
            }
        }
        let whole = text
            .iter()
            .rposition(|&byte| byte == b'\n')
            .map_or(0, |end| end + 1);
        if whole < text.len() {
            log::warn!("{}: dropping a line that was not finished", path.display());
            file.set_len(whole as u64).map_err(Error::io(&path))?;
        }
        let records = parse(&path, &text[..whole])?;
        let log = Some(Log { path, file });
        Ok(Self { records, log })
    }

    /// What was said of a clip, if it was.
    pub fn get(&self, id: &str) -> Option<&Record> {
        self.records.get(id)
    }

    /// Number of clips.
    pub fn len(&self) -> usize {
        self.records.len()
    }

    pub fn is_empty(&self) -> bool {
        self.records.is_empty()
    }

    /// Adds a record. When this returns it is with the operating system, as one line.
    ///
    /// Errors: [`Error::Io`]; the store on disk is then as it was.
    pub fn add(&mut self, record: Record) -> Result<()> {
        if let Some(Log { path, file }) = &mut self.log {
            let mut line = serde_json::to_vec(&record).expect("a record is JSON");
            line.push(b'\n');
            let before = file.metadata().map_err(Error::io(path))?.len();
            if let Err(error) = file.write_all(&line) {
                // A disk that is full takes a part of a line.
                let _ = file.set_len(before);
                return Err(Error::io(path)(error));
            }
        }
        self.records.insert(record.id.clone(), record);
        Ok(())
    }
}

fn parse(path: &Path, text: &[u8]) -> Result<HashMap<String, Record>> {
    let mut records = HashMap::new();
    for (i, line) in text.split(|&byte| byte == b'\n').enumerate() {
        if line.is_empty() {
            continue;
        }
        let record: Record = serde_json::from_slice(line)
            .map_err(|error| Error::results(path, format!("line {}: {}", i + 1, quoted(error))))?;
        records.insert(record.id.clone(), record);
    }
    Ok(records)
}
