//! The one error type of the library.
//!
//! Each message names the thing, what was expected, what was found and what to do. Mistakes of our
//! own (a shape that an op cannot take, a kernel without a binding) are assertions, not errors.

use std::path::{Path, PathBuf};

use crate::gpu::DType;
use crate::hub::Problem;

/// Everything that can go wrong in the world outside this crate.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A file or directory could not be opened or read. (Not a `source`: the message says it all.)
    #[error("{}: {reason}", path.display())]
    Io {
        path: PathBuf,
        reason: std::io::Error,
    },

    /// A path is there, but is not the kind of file that was wanted.
    #[error("{}: expected {expected}, found {found}", path.display())]
    NotAFile {
        path: PathBuf,
        expected: &'static str,
        found: String,
    },

    /// A video or image could not be decoded.
    #[error("{}: {problem}", path.display())]
    Media { path: PathBuf, problem: String },

    /// A codec or container needs a plugin that is not installed.
    #[error("{}: no decoder for {codec}; install {install}", path.display())]
    MissingCodec {
        path: PathBuf,
        codec: String,
        install: String,
    },

    /// A live source cannot be opened, or does not deliver.
    #[error("{name}: {problem}")]
    Live {
        /// The source as typed, without its password.
        name: String,
        problem: String,
    },

    /// A window cannot be opened.
    #[error("no window: {0}; `live --headless` needs none")]
    Window(String),

    /// Decoding made no progress within its deadline.
    #[error("{}: gave up after {seconds} s without progress while {doing}", path.display())]
    Stalled {
        path: PathBuf,
        seconds: u64,
        doing: &'static str,
    },

    /// A model file (configuration, weights, tokenizer) is missing, malformed or of the wrong shape.
    #[error("model {}: {problem}", path.display())]
    Model { path: PathBuf, problem: String },

    /// A model's repository is neither in the cache nor to be had from the hub.
    #[error("model {repo}: {problem}{advice}")]
    Hub {
        /// `owner/name`, or `owner/name@revision`.
        repo: String,
        problem: Problem,
        /// What else to do, if the problem does not say it all.
        advice: String,
    },

    /// A reference dump could not be used.
    #[error("reference {}: {problem}", path.display())]
    Reference { path: PathBuf, problem: String },

    /// An annotation file or a list of labels could not be used.
    #[error("{}: {problem}", path.display())]
    Dataset { path: PathBuf, problem: String },

    /// An index could not be used, or is not the one that is needed.
    #[error("index {}: {problem}", path.display())]
    Index { path: PathBuf, problem: String },

    /// A folder of embeddings holds what cannot be gone on with.
    #[error("{}: {problem}", path.display())]
    Export { path: PathBuf, problem: String },

    /// Results of an evaluation that are there cannot be gone on with.
    #[error("results {}: {problem}", path.display())]
    Results { path: PathBuf, problem: String },

    /// A table of tuning could not be used, or is not the one of this adapter.
    #[error("tuning {}: {problem}", path.display())]
    Tuning { path: PathBuf, problem: String },

    /// An argument of a public call is outside what it takes.
    #[error("{what}: expected {expected}, found {found}")]
    Argument {
        what: &'static str,
        expected: String,
        found: String,
    },

    /// No adapter fits, or the chosen one cannot be opened.
    #[error("no usable GPU adapter: {0}")]
    NoAdapter(String),

    /// The adapter lacks a feature or its limits are too small for this model.
    #[error("adapter {adapter}: {what} needs {needed}, the adapter allows {allowed}; {advice}")]
    AdapterLimit {
        adapter: String,
        what: String,
        needed: u64,
        allowed: u64,
        advice: &'static str,
    },

    /// The model's results were not numbers.
    #[error(
        "the model computed values that are not finite in {0}; try --dtype f32, or check its weights"
    )]
    Overflow(DType),

    /// The device ran out of memory.
    #[error("out of GPU memory: {0}; use fewer frames, --dtype f16 or a smaller model")]
    OutOfMemory(String),

    /// The device was lost; the engine has to be built anew.
    #[error("GPU device lost: {0}; build the engine again")]
    DeviceLost(String),

    /// The driver or wgpu refused a command.
    #[error("GPU error: {0}")]
    Gpu(String),
}

/// The result of every fallible call of the library.
pub type Result<T, E = Error> = std::result::Result<T, E>;

impl Error {
    /// Wraps an I/O error with the path it happened on.
    pub(crate) fn io(path: &Path) -> impl FnOnce(std::io::Error) -> Self + '_ {
        move |reason| Self::Io {
            path: path.to_owned(),
            reason,
        }
    }

    /// A model error at `path`.
    pub(crate) fn model(path: &Path, problem: impl Into<String>) -> Self {
        Self::Model {
            path: path.to_owned(),
            problem: problem.into(),
        }
    }

    /// An error of the index at `path`.
    #[cfg(feature = "index")]
    pub(crate) fn index(path: &Path, problem: impl Into<String>) -> Self {
        Self::Index {
            path: path.to_owned(),
            problem: problem.into(),
        }
    }

    /// An annotation error at `path`.
    pub(crate) fn dataset(path: &Path, problem: impl Into<String>) -> Self {
        Self::Dataset {
            path: path.to_owned(),
            problem: problem.into(),
        }
    }

    /// An error with the results of an evaluation at `path`.
    pub(crate) fn results(path: &Path, problem: impl Into<String>) -> Self {
        Self::Results {
            path: path.to_owned(),
            problem: problem.into(),
        }
    }

    /// An error of the live source `name`.
    #[cfg(feature = "gstreamer")]
    pub(crate) fn live(name: impl ToString, problem: impl Into<String>) -> Self {
        Self::Live {
            name: name.to_string(),
            problem: problem.into(),
        }
    }

    /// A decoding error at `path`.
    pub(crate) fn media(path: &Path, problem: impl Into<String>) -> Self {
        Self::Media {
            path: path.to_owned(),
            problem: problem.into(),
        }
    }
}
