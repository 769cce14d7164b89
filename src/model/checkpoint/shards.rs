//! The index of a checkpoint in parts: which file holds which tensor.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Component, Path};

use serde::Deserialize;

use crate::files::{quoted, shown};
use crate::{Error, Result, files};

/// Far above any index.
const INDEX_BYTES: u64 = 4 << 20;

/// What `*.index.json` says.
#[derive(Deserialize)]
pub struct ShardIndex {
    /// The file of each tensor.
    weight_map: BTreeMap<String, String>,
}

impl ShardIndex {
    /// Reads the index at `path`. Errors are those of [`parse`](Self::parse), and of reading.
    pub(crate) fn read(path: &Path) -> Result<Self> {
        let json = files::read(path, "a JSON index of shards", INDEX_BYTES)?;
        Self::parse(path, &json)
    }

    /// Reads an index; `path` serves messages alone.
    ///
    /// Errors: malformed JSON, and files that are not simply in the same directory.
    pub fn parse(path: &Path, json: &[u8]) -> Result<Self> {
        let index: Self = serde_json::from_slice(json)
            .map_err(|e| Error::model(path, format!("not an index of shards: {}", quoted(e))))?;
        let elsewhere = (index.weight_map.iter()).find(|(_, file)| !is_plain(file));
        match elsewhere {
            None => Ok(index),
            Some((tensor, file)) => Err(Error::model(
                path,
                format!(
                    "tensor {}: expected the plain name of a file, found \"{}\"",
                    shown(tensor),
                    shown(file)
                ),
            )),
        }
    }

    /// The file of each tensor.
    pub fn tensors(&self) -> impl Iterator<Item = (&str, &str)> {
        (self.weight_map.iter()).map(|(tensor, file)| (tensor.as_str(), file.as_str()))
    }

    /// All files, in order of their names.
    pub fn files(&self) -> BTreeSet<&str> {
        self.weight_map.values().map(String::as_str).collect()
    }
}

/// Whether a name leads nowhere else, on any system.
fn is_plain(file: &str) -> bool {
    let mut components = Path::new(file).components();
    matches!(
        (components.next(), components.next()),
        (Some(Component::Normal(name)), None) if name == file
    ) && !file.contains(['/', '\\', ':'])
}
