//! A reference dump on disk. Anybody may have written it, so nothing in it is taken on trust.

use std::collections::{BTreeMap, HashMap};
use std::ops::Range;
use std::path::{Path, PathBuf};

use memmap2::Mmap;
use safetensors::{Dtype, SafeTensors};

use crate::{Error, Result, files};

/// The tensors of one dump, by name; read from the mapped file when asked for.
pub struct Dump {
    path: PathBuf,
    map: Mmap,
    entries: BTreeMap<String, Entry>,
    metadata: HashMap<String, String>,
}

struct Entry {
    dtype: Dtype,
    shape: Vec<usize>,
    bytes: Range<usize>,
}

impl Dump {
    /// Opens a dump and checks that the file is whole.
    ///
    /// # Errors
    ///
    /// [`Error::Io`], [`Error::NotAFile`], and [`Error::Reference`] for what is no safetensors.
    pub fn open(path: &Path) -> Result<Self> {
        let file = files::open(path, "a reference dump")?;
        // SAFETY: the map is only read; a file that someone cuts meanwhile ends the program, as it
        // does wherever files are mapped.
        let map = unsafe { Mmap::map(&file) }.map_err(Error::io(path))?;
        let broken = |error: safetensors::SafeTensorError| Error::Reference {
            path: path.to_owned(),
            problem: format!("is no whole safetensors file: {error}"),
        };
        let (_, header) = SafeTensors::read_metadata(&map).map_err(broken)?;
        let metadata = header.metadata().clone().unwrap_or_default();
        let tensors = SafeTensors::deserialize(&map).map_err(broken)?;
        let entries = (tensors.iter())
            .map(|(name, view)| {
                let begin = view.data().as_ptr() as usize - map.as_ptr() as usize;
                let entry = Entry {
                    dtype: view.dtype(),
                    shape: view.shape().to_vec(),
                    bytes: begin..begin + view.data().len(),
                };
                (name.to_owned(), entry)
            })
            .collect();
        Ok(Self {
            path: path.to_owned(),
            entries,
            metadata,
            map,
        })
    }

    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The names of all entries, sorted.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.entries.keys().map(String::as_str)
    }

    /// The shape of an entry, if it is there.
    pub fn shape(&self, name: &str) -> Option<&[usize]> {
        Some(&self.entries.get(name)?.shape)
    }

    /// A number from the file's metadata.
    pub(super) fn number(&self, name: &str) -> Result<Option<usize>> {
        let Some(text) = self.metadata.get(name) else {
            return Ok(None);
        };
        let number = text.parse().map_err(|_| {
            self.error(format!(
                "metadata {name}: expected a number, found {text:?}"
            ))
        })?;
        Ok(Some(number))
    }

    /// An entry of f32.
    pub(super) fn f32(&self, name: &str) -> Result<Vec<f32>> {
        let (values, _) = self.bytes(name, Dtype::F32)?.as_chunks();
        Ok(values
            .iter()
            .map(|&value| f32::from_le_bytes(value))
            .collect())
    }

    /// An entry of i64 whose values are ids below `vocab`.
    pub(super) fn ids(&self, name: &str, vocab: usize) -> Result<Vec<u32>> {
        let (values, _) = self.bytes(name, Dtype::I64)?.as_chunks();
        values
            .iter()
            .map(|&value| {
                let id = i64::from_le_bytes(value);
                u32::try_from(id)
                    .ok()
                    .filter(|&id| (id as usize) < vocab)
                    .ok_or_else(|| {
                        let expected = format!("expected ids below {vocab}, found {id}");
                        self.error(format!("{name}: {expected}"))
                    })
            })
            .collect()
    }

    fn bytes(&self, name: &str, dtype: Dtype) -> Result<&[u8]> {
        let entry = (self.entries.get(name)).ok_or_else(|| self.error(format!("lacks {name}")))?;
        if entry.dtype != dtype {
            let found = entry.dtype;
            return Err(self.error(format!("{name}: expected {dtype:?}, found {found:?}")));
        }
        Ok(&self.map[entry.bytes.clone()])
    }
}
