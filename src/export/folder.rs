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
use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::{self, ErrorKind, Write};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use serde_json::Value;
use sha2::{Digest, Sha256};

use super::part::{Part, Record};
use super::{Columns, Element, Jsonl, Npy, Rows, Safetensors};
use crate::{Error, Result};

/// Far above any settings and any part's record.
const JSON_BYTES: u64 = 1 << 20;

/// The files that embeddings go to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Format {
    /// With a table of metadata beside it.
    Npy,
    /// With a table of metadata beside it.
    Safetensors,
    /// Everything in one table. Needs the feature `parquet`.
    Parquet,
    /// Everything in one table.
    Jsonl,
}

impl Format {
    /// The table that has the embeddings in it.
    fn table(self) -> Option<Table> {
        match self {
            Self::Npy | Self::Safetensors => None,
            Self::Parquet => Some(Table::Parquet),
            Self::Jsonl => Some(Table::Jsonl),
        }
    }
}

/// The files that tables go to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Table {
    /// Needs the feature `parquet`.
    Parquet,
    Jsonl,
}

/// What the files of a part are.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Layout {
    pub format: Format,
    /// The table beside `.npy` and safetensors.
    pub metadata: Table,
    /// Of `.npy` and safetensors; tables have f32.
    pub element: Element,
    pub columns: Columns,
    /// The number of values of an embedding, E.
    pub width: usize,
}

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

/// One file of a part.
#[derive(Clone, Copy)]
pub(super) enum Kind {
    Npy,
    Safetensors,
    Table { table: Table, embeddings: bool },
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
    /// [`Error::Argument`] for Parquet without its feature; [`Error::Io`].
    pub fn open(root: &Path, layout: Layout, mut settings: Settings) -> Result<Self> {
        if layout.format.table().unwrap_or(layout.metadata) == Table::Parquet
            && cfg!(not(feature = "parquet"))
        {
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
        fs::create_dir_all(root).map_err(Error::io(root))?;
        folder.settle()?;
        Ok(folder)
    }

    /// Writes the settings, or holds ours against those that are there.
    fn settle(&self) -> Result<()> {
        let path = self.root.join("settings.json");
        if !path.exists() {
            let stored = Stored {
                made_by: concat!("vcoca-gpu ", env!("CARGO_PKG_VERSION")).into(),
                settings: self.settings.clone(),
            };
            let own = self
                .root
                .join(format!("settings.json.{}", std::process::id()));
            write_whole(&own, &stored)?;
            // Unlike a rename this does not replace what another process has written meanwhile.
            let placed = match fs::hard_link(&own, &path) {
                Err(error) if error.kind() == ErrorKind::AlreadyExists => Ok(()),
                Err(_) => fs::copy(&own, &path).map(drop),
                linked => linked,
            };
            let _ = fs::remove_file(&own);
            placed.map_err(Error::io(&path))?;
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

    /// Asks for part `number`, which is made of `inputs`. It is locked against other processes until
    /// it is finished or dropped, where the file system has locks.
    ///
    /// What was made of the first of these inputs is made again: a list may grow at its end.
    ///
    /// Errors: [`Error::Export`] if the part was made of other inputs; [`Error::Io`].
    pub fn part<T: AsRef<OsStr>>(&self, number: usize, inputs: &[T]) -> Result<State<'_>> {
        if let Some(record) = self.done(number, inputs)? {
            return Ok(State::Done(record));
        }
        let parts = self.root.join("parts");
        fs::create_dir_all(&parts).map_err(Error::io(&parts))?;
        let path = self.lock_path(number);
        let mut options = OpenOptions::new();
        let lock = (options.write(true).create(true).truncate(false).open(&path))
            .map_err(Error::io(&path))?;
        match lock.try_lock() {
            Err(TryLockError::WouldBlock) => return Ok(State::Taken),
            // Some network file systems have no locks.
            Err(TryLockError::Error(error)) if error.kind() != ErrorKind::Unsupported => {
                return Err(Error::io(&path)(error));
            }
            _ => (),
        }
        // Another process may have finished it, and unlocked it, just now.
        if let Some(record) = self.done(number, inputs)? {
            let _ = fs::remove_file(&path);
            return Ok(State::Done(record));
        }
        Ok(State::Open(Part::begin(
            self,
            number,
            inputs.len(),
            digest(inputs),
            lock,
        )?))
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
        self.files(number).swap_remove(0).0
    }

    /// The files of a part, the embeddings first.
    pub(super) fn files(&self, number: usize) -> Vec<(String, Kind)> {
        let layout = &self.layout;
        let stem = match layout.columns.moments {
            true => "img_emb",
            false => "text_emb",
        };
        let name = |stem, ending| format!("{stem}/{stem}_{number:05}.{ending}");
        let table = |stem, table, embeddings| {
            (name(stem, ending(table)), Kind::Table { table, embeddings })
        };
        if let Some(format) = layout.format.table() {
            return vec![table("embeddings", format, true)];
        }
        let matrix = match layout.format {
            Format::Safetensors => (name(stem, "safetensors"), Kind::Safetensors),
            _ => (name(stem, "npy"), Kind::Npy),
        };
        vec![matrix, table("metadata", layout.metadata, false)]
    }

    /// Begins a file of a part.
    pub(super) fn begin(&self, kind: Kind, file: File) -> io::Result<Box<dyn Rows<File>>> {
        let Layout {
            width,
            element,
            columns,
            ..
        } = self.layout;
        Ok(match kind {
            Kind::Npy => Box::new(Npy::begin(file, width, element)?),
            Kind::Safetensors => {
                let text = |value: &Value| match value {
                    Value::String(text) => text.clone(),
                    value => value.to_string(),
                };
                let metadata = self.settings.iter();
                let metadata = metadata.map(|(key, value)| (key.clone(), text(value)));
                let metadata = metadata.collect();
                Box::new(Safetensors::begin(file, width, element, metadata)?)
            }
            Kind::Table {
                table: Table::Jsonl,
                embeddings,
            } => Box::new(Jsonl::begin(file, columns, embeddings)),
            #[cfg(feature = "parquet")]
            Kind::Table {
                table: Table::Parquet,
                embeddings,
            } => {
                let width = embeddings.then_some(width);
                Box::new(super::Parquet::begin(file, columns, width)?)
            }
            #[cfg(not(feature = "parquet"))]
            Kind::Table {
                table: Table::Parquet,
                ..
            } => unreachable!("refused when the folder was opened"),
        })
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

    pub(super) fn lock_path(&self, number: usize) -> PathBuf {
        self.path(&format!("parts/part_{number:05}.lock"))
    }
}

fn ending(table: Table) -> &'static str {
    match table {
        Table::Parquet => "parquet",
        Table::Jsonl => "jsonl",
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
    hash.finalize()
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect()
}

/// Writes a file of JSON to the disk, not only to its cache.
pub(super) fn write_whole(path: &Path, value: &impl Serialize) -> Result<()> {
    let write = || {
        let mut file = File::create(path)?;
        let mut json = serde_json::to_vec_pretty(value)?;
        json.push(b'\n');
        file.write_all(&json)?;
        file.sync_all()
    };
    write().map_err(Error::io(path))
}
