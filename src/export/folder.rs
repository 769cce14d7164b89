//! A folder of parts, which many runs may fill, one after another or side by side:
//!
//! ```text
//! settings.json                        what decides the bytes of all parts
//! img_emb/img_emb_00000.npy            (n, E); text_emb/text_emb_00000.npy for texts
//! metadata/metadata_00000.parquet      row i tells of row i there
//! embeddings/embeddings_00000.parquet  in place of both, for a format with everything in one table
//! errors/errors_00000.jsonl            inputs that failed, where some did
//! parts/part_00000.json                the part is whole: written last
//! ```
//!
//! The first two kinds are named as clip-retrieval names them.

use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::fs;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use serde_json::Value;
use sha2::{Digest, Sha256};

use super::lock::Lock;
use super::part::{Part, Record};
use super::{Layout, Table};
use crate::files::{hex, make_folder, write_json};
use crate::{Error, Result};

const SETTINGS: &str = "settings.json";

/// Far above any settings.
const JSON_BYTES: u64 = 1 << 20;

/// What else decides the bytes of a part, by name: the model's hash, how frames are chosen.
pub type Settings = BTreeMap<String, Value>;

/// Where parts are put together.
#[derive(Debug)]
pub struct Folder {
    root: PathBuf,
    layout: Layout,
    settings: Settings,
}

/// What became of a request for a part.
pub enum State<'a> {
    /// It is there already.
    Done(Record),
    /// Another process is making it.
    Taken,
    /// It can be made now.
    Open(Part<'a>),
}

/// The content of `settings.json`.
#[derive(Serialize, Deserialize)]
struct Stored {
    made_by: String,
    settings: Settings,
}

impl Folder {
    /// Opens a folder, or makes one.
    ///
    /// Errors: [`Error::Export`] if it holds parts of another layout or of other settings;
    /// [`Error::NotAFile`] if it is none; [`Error::Argument`] for Parquet without its feature;
    /// [`Error::Io`].
    pub fn open(root: &Path, layout: Layout, mut settings: Settings) -> Result<Self> {
        if layout.table() == Table::Parquet && cfg!(not(feature = "parquet")) {
            return Err(Error::Argument {
                what: "table",
                expected: "jsonl, in this build".into(),
                found: "parquet; build with the feature `parquet`".into(),
            });
        }
        if let Value::Object(fields) = serde_json::to_value(layout).expect("plain fields") {
            settings.extend(fields);
        }
        let folder = Self {
            root: root.to_owned(),
            layout,
            settings,
        };
        make_folder(root)?;
        folder.settle()?;
        Ok(folder)
    }

    /// Writes the settings, or holds ours against those that are there.
    fn settle(&self) -> Result<()> {
        let path = self.path(SETTINGS);
        if !path.exists() {
            self.write_settings()?;
        }
        let refuse = |problem| Error::Export {
            path: path.clone(),
            problem,
        };
        let json = crate::files::read(&path, "settings of embeddings", JSON_BYTES)?;
        let stored: Stored = serde_json::from_slice(&json)
            .map_err(|error| refuse(format!("expected settings of embeddings: {error}")))?;
        let keys = stored.settings.keys().chain(self.settings.keys());
        for key in keys {
            let (there, here) = (stored.settings.get(key), self.settings.get(key));
            if there != here {
                let [there, here] = [there, here].map(|value| match value {
                    Some(value) => value.to_string(),
                    None => "none".into(),
                });
                return Err(refuse(format!(
                    "the embeddings there were made with {key} {there}, this run has {here}; \
                     choose another folder, or the same settings"
                )));
            }
        }
        Ok(())
    }

    /// Writes the settings, whole, unless another process does.
    fn write_settings(&self) -> Result<()> {
        let mut lock = Lock::new(&self.path("settings.lock"))?;
        lock.take(true)?;
        if !self.path(SETTINGS).exists() {
            let stored = Stored {
                made_by: concat!("vcoca-gpu ", env!("CARGO_PKG_VERSION")).into(),
                settings: self.settings.clone(),
            };
            write_json(self.path(SETTINGS), &stored)?;
        }
        lock.remove()
    }

    /// Asks for part `number`, which is made of `inputs`. It is locked against other processes until
    /// it is finished or dropped, where the file system has locks.
    ///
    /// What was made of the first of these inputs is made again: a list may grow at its end.
    ///
    /// Errors: [`Error::Export`] if the part was made of other inputs; [`Error::Io`].
    pub fn part<T: AsRef<OsStr>>(&self, number: usize, inputs: &[T]) -> Result<State<'_>> {
        self.request(number, inputs, false)
    }

    /// [`part`](Self::part), after whichever process makes it has finished it or died. Blocks.
    pub fn wait_for<T: AsRef<OsStr>>(&self, number: usize, inputs: &[T]) -> Result<State<'_>> {
        self.request(number, inputs, true)
    }

    fn request<T: AsRef<OsStr>>(
        &self,
        number: usize,
        inputs: &[T],
        wait: bool,
    ) -> Result<State<'_>> {
        let path = self.path(&format!("parts/part_{number:05}.lock"));
        if let Some(record) = self.done(number, inputs)? {
            // Of a process that was killed when all but this was done; not of one that makes more of it.
            if path.exists() {
                let mut lock = Lock::new(&path)?;
                if lock.take(false)? {
                    lock.remove()?;
                }
            }
            return Ok(State::Done(record));
        }
        let mut lock = Lock::new(&path)?;
        if !lock.take(wait)? {
            return Ok(State::Taken);
        }
        // Another process may have finished it, and unlocked it, just now.
        if let Some(record) = self.done(number, inputs)? {
            lock.remove()?;
            return Ok(State::Done(record));
        }
        let part = Part::begin(self, number, inputs.len(), digest(inputs), lock)?;
        Ok(State::Open(part))
    }

    /// The record of a part that is whole.
    fn done<T: AsRef<OsStr>>(&self, number: usize, inputs: &[T]) -> Result<Option<Record>> {
        let path = self.record_path(number);
        let json = match fs::read(&path) {
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
            read => read.map_err(Error::io(&path))?,
        };
        let Ok(record) = serde_json::from_slice::<Record>(&json) else {
            log::warn!("{}: is no record; the part is made again", path.display());
            return Ok(None);
        };
        let begins_alike = |count: usize| {
            let first = inputs.get(..count);
            first.is_some_and(|first| digest(first) == record.digest)
        };
        if !begins_alike(record.inputs) {
            return Err(Error::Export {
                path,
                problem: "the part was made of other inputs; choose another folder, or give the \
                          same list (it may be longer at its end)"
                    .into(),
            });
        }
        let whole = (record.files.iter()).all(|(name, bytes)| {
            fs::metadata(self.root.join(name)).is_ok_and(|meta| meta.len() == *bytes)
        });
        if !whole {
            log::warn!(
                "{}: a file is missing or cut; the part is made again",
                path.display()
            );
        }
        Ok((whole && record.inputs == inputs.len()).then_some(record))
    }

    /// Where the embeddings of a part are, relative to the folder.
    pub fn name(&self, number: usize) -> String {
        self.layout.files(number).swap_remove(0).0
    }

    pub(super) fn settings(&self) -> &Settings {
        &self.settings
    }

    pub fn layout(&self) -> &Layout {
        &self.layout
    }

    /// The path of a file that a [`Record`] names.
    pub fn path(&self, name: &str) -> PathBuf {
        self.root.join(name)
    }

    pub(super) fn record_path(&self, number: usize) -> PathBuf {
        self.path(&format!("parts/part_{number:05}.json"))
    }
}

/// The sha256 of inputs, each after its length.
fn digest<T: AsRef<OsStr>>(inputs: &[T]) -> String {
    let mut hash = Sha256::new();
    for input in inputs {
        let bytes = input.as_ref().as_encoded_bytes();
        hash.update((bytes.len() as u64).to_le_bytes());
        hash.update(bytes);
    }
    hex(&hash.finalize())
}
