//! Where a model comes from, and its small files.

use std::borrow::Cow;
use std::path::{Path, PathBuf};
use std::str::FromStr;

use super::checkpoint::Checkpoint;
use crate::{Error, Result, files};

/// Where a model comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ModelSource {
    /// `open_clip_config.json`, `*.safetensors` or `*.bin`, and `tokenizer.json` in one directory.
    Directory(PathBuf),
    /// The small model compiled into this program: simple shapes on simple backgrounds.
    #[cfg(feature = "shapes")]
    Shapes,
}

/// Far above any configuration or tokenizer: that of CLIP takes some 3 MB. Reading a crafted one takes
/// up to sixty times its size.
const JSON_BYTES: u64 = 8 << 20;

/// The name of the built-in model.
pub const SHAPES: &str = "shapes";

impl FromStr for ModelSource {
    type Err = Error;

    /// `shapes`, or a directory.
    fn from_str(text: &str) -> Result<Self> {
        match text {
            #[cfg(feature = "shapes")]
            SHAPES => Ok(Self::Shapes),
            _ if Path::new(text).is_dir() => Ok(Self::Directory(text.into())),
            _ => Err(Error::model(
                Path::new(text),
                format!(
                    "expected {}a directory with open_clip_config.json, *.safetensors or \
                     *.bin, and tokenizer.json, found {}",
                    if cfg!(feature = "shapes") {
                        "\"shapes\" (built in) or "
                    } else {
                        ""
                    },
                    if Path::new(text).exists() {
                        "a file"
                    } else {
                        "nothing there"
                    }
                ),
            )),
        }
    }
}

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

impl ModelSource {
    /// How results name the model.
    pub fn name(&self) -> String {
        match self {
            Self::Directory(path) => path.display().to_string(),
            #[cfg(feature = "shapes")]
            Self::Shapes => SHAPES.to_owned(),
        }
    }

    /// The path that messages name for one of the model's files.
    pub fn file(&self, name: &str) -> PathBuf {
        match self {
            Self::Directory(path) => path.join(name),
            #[cfg(feature = "shapes")]
            Self::Shapes => Path::new(SHAPES).join(name),
        }
    }

    /// The content of `open_clip_config.json`.
    pub fn config_json(&self) -> Result<Cow<'static, [u8]>> {
        match self {
            Self::Directory(_) => self.read("open_clip_config.json"),
            #[cfg(feature = "shapes")]
            Self::Shapes => Ok(Cow::Borrowed(shapes_file!("open_clip_config.json"))),
        }
    }

    /// The content of `tokenizer.json`.
    pub fn tokenizer_json(&self) -> Result<Cow<'static, [u8]>> {
        match self {
            Self::Directory(_) => self.read("tokenizer.json"),
            #[cfg(feature = "shapes")]
            Self::Shapes => Ok(Cow::Borrowed(shapes_file!("tokenizer.json"))),
        }
    }

    fn read(&self, name: &str) -> Result<Cow<'static, [u8]>> {
        let path = self.file(name);
        files::read(&path, "a JSON file of a model", JSON_BYTES).map(Cow::Owned)
    }

    /// Maps the weights.
    pub(crate) fn weights(&self) -> Result<Checkpoint> {
        match self {
            Self::Directory(folder) => Checkpoint::open(folder),
            #[cfg(feature = "shapes")]
            Self::Shapes => Checkpoint::from_bytes(
                &self.file("model.safetensors"),
                shapes_file!("model.safetensors").as_slice(),
            ),
        }
    }
}
