//! Where a model comes from, and its small files.

use std::borrow::Cow;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use sha2::{Digest, Sha256};

use super::checkpoint::Checkpoint;
use super::config::{CONFIG, Config};
use super::published;
use crate::hub::{Hub, Repo};
use crate::tokenizer::{CLIP_VOCAB, Tokenizer};
use crate::{Error, Result, files};

/// Where a model comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ModelSource {
    /// `open_clip_config.json`, weights and, unless it is CLIP's, a tokenizer in one directory.
    Directory(PathBuf),
    /// The same, of a repository on Hugging Face.
    Repo {
        repo: Repo,
        /// Where the cache has its files.
        folder: PathBuf,
    },
    /// The small model compiled into this program: simple shapes on simple backgrounds.
    #[cfg(feature = "shapes")]
    Shapes,
}

/// Far above any configuration or tokenizer: that of CLIP takes some 3 MB. Reading a crafted one takes
/// up to sixty times its size.
const TEXT_BYTES: u64 = 8 << 20;

const MERGES: &str = "merges.txt";

/// The name of the built-in model.
pub const SHAPES: &str = "shapes";

#[cfg(feature = "shapes")]
macro_rules! shapes_file {
    ($name:literal) => {
        include_bytes!(concat!(
            env!("CARGO_MANIFEST_DIR"),
            "/models/shapes/",
            $name
        ))
    };
}

/// The size of the built-in model's files.
#[cfg(feature = "shapes")]
pub const SHAPES_BYTES: u64 = (shapes_file!("open_clip_config.json").len()
    + shapes_file!("tokenizer.json").len()
    + shapes_file!("model.safetensors").len()) as u64;

impl ModelSource {
    /// The model called `name`: `shapes`, a directory, or a repository on Hugging Face
    /// (`owner/name`, or `owner/name@revision`), which is downloaded if the cache lacks it. Blocks
    /// until it is there. A directory goes before a repository of the same name.
    ///
    /// Errors: [`Error::Hub`] if a repository is not to be had; [`Error::Model`] if `name` is none of
    /// the three.
    pub fn open(name: &str, hub: &Hub) -> Result<Self> {
        let path = Path::new(name);
        let found = match name {
            #[cfg(feature = "shapes")]
            SHAPES => return Ok(Self::Shapes),
            _ if path.is_dir() => return Ok(Self::Directory(path.into())),
            _ if path.exists() => "a file",
            _ => match name.parse::<Repo>() {
                Ok(repo) => {
                    let folder = hub.fetch(&repo, &published::wanted(&repo))?;
                    return Ok(Self::Repo { repo, folder });
                }
                Err(_) => "nothing there",
            },
        };
        let built_in = if cfg!(feature = "shapes") {
            "\"shapes\" (built in), "
        } else {
            ""
        };
        Err(Error::model(
            path,
            format!(
                "expected {built_in}a directory with {CONFIG} and weights, or a repository on \
                 Hugging Face (owner/name or owner/name@revision), found {found}"
            ),
        ))
    }

    /// How results name the model.
    pub fn name(&self) -> String {
        match self {
            Self::Directory(path) => path.display().to_string(),
            Self::Repo { repo, .. } => repo.to_string(),
            #[cfg(feature = "shapes")]
            Self::Shapes => SHAPES.to_owned(),
        }
    }

    /// Whether the model was trained on questions with answers; `None` where nothing is known of it. One
    /// that was not goes on with a question as it would with any text, seldom with an answer.
    pub fn answers_questions(&self) -> Option<bool> {
        match self {
            Self::Directory(_) => None,
            Self::Repo { repo, .. } => published::find(repo).map(|known| known.answers),
            #[cfg(feature = "shapes")]
            Self::Shapes => Some(true),
        }
    }

    /// The path that messages name for one of the model's files.
    pub fn file(&self, name: &str) -> PathBuf {
        match self {
            Self::Directory(folder) | Self::Repo { folder, .. } => folder.join(name),
            #[cfg(feature = "shapes")]
            Self::Shapes => Path::new(SHAPES).join(name),
        }
    }

    /// The content of `open_clip_config.json`.
    pub fn config_json(&self) -> Result<Cow<'static, [u8]>> {
        match self {
            Self::Directory(_) => self.read(CONFIG),
            Self::Repo { repo, folder } => match published::find(repo) {
                Some(known) if !folder.join(CONFIG).exists() => {
                    Ok(Cow::Borrowed(known.config.as_bytes()))
                }
                _ => self.read(CONFIG),
            },
            #[cfg(feature = "shapes")]
            Self::Shapes => Ok(Cow::Borrowed(shapes_file!("open_clip_config.json"))),
        }
    }

    /// The model's tokenizer: its `tokenizer.json`, else its `merges.txt`, else CLIP's built-in merges
    /// if it has CLIP's vocabulary.
    ///
    /// Errors: [`Error::Model`] if none of these is there, or if it is malformed.
    pub fn tokenizer(&self, config: &Config) -> Result<Tokenizer> {
        let (context_length, vocab) = (config.context_length, config.vocab);
        let (json, merges) = ("tokenizer.json", MERGES);
        if let Some(content) = self.tokenizer_json()? {
            return Tokenizer::from_json(&self.file(json), &content, context_length, vocab);
        }
        if let Some(content) = self.merges()? {
            return Tokenizer::from_merges(&self.file(merges), &content, context_length, vocab);
        }
        if vocab == CLIP_VOCAB {
            return Tokenizer::clip(context_length);
        }
        let problem = format!(
            "expected {json} or {merges}, found neither; CLIP's merges, which are built in, serve a \
             vocabulary of {CLIP_VOCAB}, the model has {vocab}"
        );
        Err(Error::model(Path::new(&self.name()), problem))
    }

    fn tokenizer_json(&self) -> Result<Option<Cow<'static, [u8]>>> {
        match self {
            Self::Directory(_) | Self::Repo { .. } => self.read_if_there("tokenizer.json"),
            #[cfg(feature = "shapes")]
            Self::Shapes => Ok(Some(Cow::Borrowed(shapes_file!("tokenizer.json")))),
        }
    }

    fn merges(&self) -> Result<Option<Cow<'static, [u8]>>> {
        match self {
            Self::Directory(_) | Self::Repo { .. } => self.read_if_there(MERGES),
            #[cfg(feature = "shapes")]
            Self::Shapes => Ok(None),
        }
    }

    fn read_if_there(&self, name: &str) -> Result<Option<Cow<'static, [u8]>>> {
        match self.read(name) {
            Err(Error::Io { reason, .. }) if reason.kind() == ErrorKind::NotFound => Ok(None),
            read => read.map(Some),
        }
    }

    fn read(&self, name: &str) -> Result<Cow<'static, [u8]>> {
        let path = self.file(name);
        files::read(&path, "a text file of a model", TEXT_BYTES).map(Cow::Owned)
    }

    /// What tells this model from any other: sha256 over configuration, tokenizer and weights, in
    /// hexadecimal. Reads all of them.
    ///
    /// Errors: a file that cannot be read, or weights that are none.
    pub fn hash(&self) -> Result<String> {
        let mut hash = Sha256::new();
        let mut add = |bytes: &[u8]| {
            hash.update((bytes.len() as u64).to_le_bytes());
            hash.update(bytes);
        };
        add(&self.config_json()?);
        for text in [self.tokenizer_json()?, self.merges()?] {
            add(text.as_deref().unwrap_or_default());
        }
        let weights = self.weights()?;
        weights.contents().for_each(&mut add);
        weights.release();
        Ok(files::hex(&hash.finalize()))
    }

    /// Maps the weights.
    pub(crate) fn weights(&self) -> Result<Checkpoint> {
        match self {
            Self::Directory(folder) | Self::Repo { folder, .. } => Checkpoint::open(folder),
            #[cfg(feature = "shapes")]
            Self::Shapes => Checkpoint::from_bytes(
                &self.file("model.safetensors"),
                shapes_file!("model.safetensors").as_slice(),
            ),
        }
    }
}
