//! The tensors of a model's files, memory-mapped: found, described and checked, not copied.

mod cursor;
mod pickle;
mod safetensors;
mod shards;
mod torch;
mod view;
mod zip;

use std::borrow::Cow;
use std::collections::HashMap;
use std::ops::Deref;
use std::path::{Path, PathBuf};

use ::safetensors::Dtype;
use memmap2::Mmap;

use crate::files::shown;
use crate::{Error, Result, files};
pub use shards::ShardIndex;
pub use view::Stored;
use view::View;

/// The names that weights are published under; the first that is there is taken. An index names
/// the files that go with it.
pub(crate) const WEIGHTS: [&str; 9] = [
    "open_clip_model.safetensors",
    "open_clip_pytorch_model.safetensors",
    "model.safetensors",
    "open_clip_model.safetensors.index.json",
    "model.safetensors.index.json",
    "open_clip_pytorch_model.bin",
    "pytorch_model.bin",
    "open_clip_pytorch_model.bin.index.json",
    "pytorch_model.bin.index.json",
];

/// What PyTorch's files are called otherwise.
const TORCH: [&str; 3] = ["bin", "pt", "pth"];

/// What wrappers of training put before every name: data parallel and compiled modules.
const PREFIXES: [&str; 2] = ["module.", "_orig_mod."];

/// A tensor, or why it cannot be read: only one that the model needs has to be readable.
type Found = Result<View, String>;

/// The tensors of one model, by name.
pub struct Checkpoint {
    /// What messages name.
    path: PathBuf,
    files: Vec<Bytes>,
    entries: HashMap<String, Entry>,
}

struct Entry {
    file: usize,
    tensor: Found,
}

enum Bytes {
    Mapped(Mmap),
    Held(Cow<'static, [u8]>),
}

impl Deref for Bytes {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        match self {
            Self::Mapped(map) => map,
            Self::Held(bytes) => bytes,
        }
    }
}

impl Checkpoint {
    /// Maps the weights in a directory: under the first published name that is there, else all
    /// `*.safetensors` as shards, else the one file of PyTorch's.
    ///
    /// # Errors
    ///
    /// [`Error::Model`] names the file and the tensor or the byte at fault.
    pub fn open(folder: &Path) -> Result<Self> {
        let published = WEIGHTS.iter().map(|name| folder.join(name));
        match published.into_iter().find(|path| path.exists()) {
            Some(path) if path.extension().is_some_and(|e| e == "json") => Self::indexed(&path),
            Some(path) => Self::map(path.clone(), vec![path]),
            None => Self::unpublished(folder),
        }
    }

    /// The tensors of one file that is in memory; `path` tells its format and serves messages.
    ///
    /// # Errors
    ///
    /// As [`open`](Self::open).
    pub fn from_bytes(path: &Path, bytes: impl Into<Cow<'static, [u8]>>) -> Result<Self> {
        let file = Bytes::Held(bytes.into());
        Self::read(path.to_owned(), vec![(path.to_owned(), file)]).map(Self::without_prefix)
    }

    /// Tensors in f16 that are parts of one run of bytes, which may overlap: name, shape, and where each
    /// begins.
    pub(super) fn of_tensors(
        bytes: Vec<u8>,
        tensors: impl IntoIterator<Item = (String, Vec<usize>, usize)>,
    ) -> Self {
        let entry = |(name, shape, start): (_, Vec<usize>, usize)| {
            let size = 2 * shape.iter().product::<usize>();
            let tensor = View::contiguous(Dtype::F16, shape, start..start + size);
            (name, Entry { file: 0, tensor })
        };
        Self {
            path: PathBuf::from("random weights"),
            entries: tensors.into_iter().map(entry).collect(),
            files: vec![Bytes::Held(bytes.into())],
        }
    }

    fn indexed(path: &Path) -> Result<Self> {
        let index = ShardIndex::read(path)?;
        let fail = |problem| Error::model(path, problem);
        let missing = (index.tensors()).find(|(_, file)| !path.with_file_name(file).exists());
        if let Some((tensor, file)) = missing {
            return Err(fail(format!(
                "tensor {} is said to be in {}, which is not there",
                shown(tensor),
                shown(file)
            )));
        }
        let names: Vec<_> = index.files().into_iter().collect();
        let files = names.iter().map(|name| path.with_file_name(name));
        let checkpoint = Self::map_all(path.to_owned(), files.collect())?;
        let misplaced = index.tensors().find(|&(tensor, file)| {
            let entry = checkpoint.entries.get(tensor);
            entry.is_none_or(|entry| names[entry.file] != file)
        });
        match misplaced {
            None => Ok(checkpoint.without_prefix()),
            Some((tensor, file)) => Err(fail(format!(
                "tensor {} is said to be in {}, which does not hold it",
                shown(tensor),
                shown(file)
            ))),
        }
    }

    fn unpublished(folder: &Path) -> Result<Self> {
        let shards = listed(folder, &["safetensors"])?;
        if !shards.is_empty() {
            return Self::map(folder.to_owned(), shards);
        }
        let torch = listed(folder, &TORCH)?;
        match torch.len() {
            1 => Self::map(torch[0].clone(), torch),
            0 => Err(Error::model(
                folder,
                "expected *.safetensors or *.bin weights in this directory, found none",
            )),
            count => Err(Error::model(
                folder,
                format!(
                    "expected one *.bin or *.pt, found {count}; call the one that is meant \
                     open_clip_pytorch_model.bin"
                ),
            )),
        }
    }

    fn map(path: PathBuf, files: Vec<PathBuf>) -> Result<Self> {
        Self::map_all(path, files).map(Self::without_prefix)
    }

    fn map_all(path: PathBuf, files: Vec<PathBuf>) -> Result<Self> {
        let files = files.into_iter().map(|path| {
            let file = files::open(&path, "weights")?;
            // SAFETY: the map is only read; a file that someone truncates meanwhile ends the
            // process, as with every memory-mapped reader.
            let map = unsafe { Mmap::map(&file) }.map_err(Error::io(&path))?;
            Ok((path, Bytes::Mapped(map)))
        });
        Self::read(path, files.collect::<Result<_>>()?)
    }

    fn read(path: PathBuf, parts: Vec<(PathBuf, Bytes)>) -> Result<Self> {
        let mut files = Vec::new();
        let mut entries = HashMap::new();
        for (file, (path, bytes)) in parts.into_iter().enumerate() {
            for (name, tensor) in tensors(&path, &bytes)? {
                if entries.contains_key(&name) {
                    let problem = format!("tensor {} is stored twice", shown(&name));
                    return Err(Error::model(&path, problem));
                }
                entries.insert(name, Entry { file, tensor });
            }
            files.push(bytes);
        }
        Ok(Self {
            path,
            files,
            entries,
        })
    }

    fn without_prefix(mut self) -> Self {
        for _ in PREFIXES {
            let common = |prefix: &&str| self.entries.keys().all(|name| name.starts_with(*prefix));
            let Some(prefix) = PREFIXES.into_iter().find(common) else {
                break;
            };
            let named = self.entries.into_iter();
            self.entries = named
                .map(|(name, entry)| (name[prefix.len()..].to_owned(), entry))
                .collect();
        }
        self
    }

    /// A tensor, or why it cannot be read. `None` where there is none of that name.
    pub fn get(&self, name: &str) -> Option<Result<Stored<'_>, &str>> {
        let entry = self.entries.get(name)?;
        Some(match &entry.tensor {
            Ok(view) => Ok(view.of(&self.files[entry.file])),
            Err(problem) => Err(problem),
        })
    }

    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.entries.keys().map(String::as_str)
    }

    /// The bytes of each file, in order.
    pub(super) fn contents(&self) -> impl Iterator<Item = &[u8]> {
        self.files.iter().map(|file| &**file)
    }

    /// The path that messages name.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Lets the system take back the memory of what was read so far; it is read again if need be.
    pub(super) fn release(&self) {
        #[cfg(unix)]
        for file in &self.files {
            if let Bytes::Mapped(map) = file {
                // SAFETY: the map is of a file and only read, so its pages come back as they were.
                // Nothing is lost where the system does not follow the advice.
                let _ = unsafe { map.unchecked_advise(memmap2::UncheckedAdvice::DontNeed) };
            }
        }
    }
}

fn tensors(path: &Path, bytes: &[u8]) -> Result<Vec<(String, Found)>> {
    if bytes.starts_with(b"version https://git-lfs") {
        let problem = "a pointer of Git LFS in place of the weights; fetch them with git lfs pull";
        return Err(Error::model(path, problem));
    }
    match path.extension() {
        Some(extension) if extension == "safetensors" => safetensors::read(path, bytes),
        _ => torch::read(path, bytes),
    }
}

/// The files in a directory that end in one of `extensions`, in order of their names.
fn listed(folder: &Path, extensions: &[&str]) -> Result<Vec<PathBuf>> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder).map_err(Error::io(folder))? {
        let path = entry.map_err(Error::io(folder))?.path();
        let extension = path.extension().unwrap_or_default();
        if extensions.iter().any(|wanted| extension == *wanted) {
            found.push(path);
        }
    }
    found.sort();
    Ok(found)
}
