//! The tensors of a model's files, memory-mapped.

use std::collections::HashMap;
use std::ops::Deref;
use std::path::{Path, PathBuf};

use memmap2::Mmap;
use safetensors::{Dtype, SafeTensors};

use crate::{Error, Result, files};

/// The names that weights are published under, or the index of several files of them; the first that
/// is there is taken.
pub(crate) const WEIGHTS: [&str; 5] = [
    "open_clip_model.safetensors",
    "open_clip_pytorch_model.safetensors",
    "model.safetensors",
    "open_clip_model.safetensors.index.json",
    "model.safetensors.index.json",
];

/// The tensors of one model, by name.
pub(crate) struct Checkpoint {
    files: Vec<(PathBuf, Bytes)>,
    entries: HashMap<String, Entry>,
}

struct Entry {
    file: usize,
    dtype: Dtype,
    shape: Vec<usize>,
    bytes: std::ops::Range<usize>,
}

pub(super) enum Bytes {
    Mapped(Mmap),
    #[cfg(feature = "shapes")]
    Static(&'static [u8]),
}

impl Deref for Bytes {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        match self {
            Self::Mapped(map) => map,
            #[cfg(feature = "shapes")]
            Self::Static(bytes) => bytes,
        }
    }
}

/// One tensor as the file stores it.
#[derive(Clone, Copy)]
pub(crate) struct Stored<'a> {
    pub shape: &'a [usize],
    pub dtype: Dtype,
    bytes: &'a [u8],
}

impl Stored<'_> {
    /// Elements `range` of the flattened tensor, as f32.
    pub fn elements(&self, range: std::ops::Range<usize>) -> impl Iterator<Item = f32> {
        let size = self.dtype.bitsize() / 8;
        let dtype = self.dtype;
        self.bytes[range.start * size..range.end * size]
            .chunks_exact(size)
            .map(move |raw| match dtype {
                Dtype::F32 => f32::from_le_bytes([raw[0], raw[1], raw[2], raw[3]]),
                Dtype::F16 => half::f16::from_le_bytes([raw[0], raw[1]]).to_f32(),
                Dtype::BF16 => half::bf16::from_le_bytes([raw[0], raw[1]]).to_f32(),
                other => unreachable!("{other:?} is refused when the checkpoint is checked"),
            })
    }
}

impl Checkpoint {
    /// Maps the published file names if one is there, else every `*.safetensors` as a shard.
    pub(super) fn open(folder: &Path) -> Result<Self> {
        let mut whole = (WEIGHTS.iter().filter(|name| name.ends_with(".safetensors")))
            .map(|name| folder.join(name));
        let paths = match whole.find(|path| path.exists()) {
            Some(path) => vec![path],
            None => shards(folder)?,
        };
        if paths.is_empty() {
            return Err(Error::model(
                folder,
                "expected *.safetensors weights in this directory, found none",
            ));
        }
        let files = paths.into_iter().map(|path| {
            let file = files::open(&path, "safetensors weights")?;
            // SAFETY: the map is only read; a file that someone truncates meanwhile ends the
            // process, as with every memory-mapped reader.
            let map = unsafe { Mmap::map(&file) }.map_err(Error::io(&path))?;
            Ok((path, Bytes::Mapped(map)))
        });
        Self::index(files.collect::<Result<_>>()?)
    }

    pub(super) fn index(files: Vec<(PathBuf, Bytes)>) -> Result<Self> {
        let mut entries = HashMap::new();
        for (file, (path, bytes)) in files.iter().enumerate() {
            let (header, metadata) = SafeTensors::read_metadata(bytes)
                .map_err(|e| Error::model(path, format!("not a whole safetensors file: {e}")))?;
            let data = 8 + header;
            for (name, info) in metadata.tensors() {
                let entry = Entry {
                    file,
                    dtype: info.dtype,
                    shape: info.shape.clone(),
                    bytes: data + info.data_offsets.0..data + info.data_offsets.1,
                };
                if entries.insert(name.clone(), entry).is_some() {
                    return Err(Error::model(path, format!("tensor {name} is stored twice")));
                }
            }
        }
        Ok(Self { files, entries })
    }

    pub fn get(&self, name: &str) -> Option<Stored<'_>> {
        let entry = self.entries.get(name)?;
        Some(Stored {
            shape: &entry.shape,
            dtype: entry.dtype,
            bytes: &self.files[entry.file].1[entry.bytes.clone()],
        })
    }

    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.entries.keys().map(String::as_str)
    }

    /// The path that messages name.
    pub fn path(&self) -> &Path {
        &self.files[0].0
    }
}

fn shards(folder: &Path) -> Result<Vec<PathBuf>> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder).map_err(Error::io(folder))? {
        let path = entry.map_err(Error::io(folder))?.path();
        if path.extension().is_some_and(|e| e == "safetensors") {
            found.push(path);
        }
    }
    found.sort();
    Ok(found)
}
