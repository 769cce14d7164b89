//! Embeddings as files: NumPy's `.npy`, safetensors, Parquet and JSON lines; knows no GPU and no model.
//!
//! A writer takes row by row and does not keep what it has written, but for the part of a group of
//! Parquet that is not yet full. The same rows make the same bytes. [`Folder`] puts many parts
//! together, each there whole or not at all, and knows which of them are there.
//!
//! ```
//! use std::io::Cursor;
//! use vcoca_gpu::export::{Element, Npy, Row, Rows};
//!
//! let mut npy = Npy::begin(Cursor::new(Vec::new()), 2, Element::F32)?;
//! npy.row(&Row::default(), &[0.6, 0.8])?;
//! let bytes = Box::new(npy).end()?.into_inner();
//! assert_eq!(bytes.len(), 128 + 2 * 4);
//! # Ok::<(), std::io::Error>(())
//! ```

mod folder;
mod jsonl;
mod layout;
mod lock;
mod npy;
#[cfg(feature = "parquet")]
mod parquet;
mod part;
mod safetensors;

use std::io;

use serde::{Deserialize, Serialize};

use crate::frames::Seconds;

#[cfg(feature = "parquet")]
pub use self::parquet::Parquet;
pub use self::safetensors::Safetensors;
pub use folder::{Folder, Settings, State};
pub use jsonl::Jsonl;
pub use layout::{Format, Layout, Table};
pub use npy::Npy;
pub use part::{Part, Record};

/// The element type of embeddings in `.npy` and safetensors.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Element {
    F32,
    /// The nearest half, ties to even.
    F16,
}

impl Element {
    fn bytes(self) -> usize {
        match self {
            Self::F32 => 4,
            Self::F16 => 2,
        }
    }

    /// Appends values in little endian.
    fn encode(self, values: &[f32], out: &mut Vec<u8>) {
        match self {
            Self::F32 => out.extend(values.iter().flat_map(|value| value.to_le_bytes())),
            Self::F16 => {
                let half = |value: &f32| half::f16::from_f32(*value).to_le_bytes();
                out.extend(values.iter().flat_map(half));
            }
        }
    }
}

/// What a row tells beside its embedding.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Row<'a> {
    /// None for a text.
    pub moment: Option<Moment<'a>>,
    /// What the moment shows, or the text that was embedded.
    pub caption: Option<&'a str>,
}

/// A stretch of a video.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Moment<'a> {
    pub video: &'a str,
    /// Written as seconds in a double.
    pub start: Seconds,
    pub end: Seconds,
}

/// Which columns a table has beside the embedding. Each row has a value in each of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Columns {
    /// `video`, `start` and `end`.
    pub moments: bool,
    /// `caption`.
    pub captions: bool,
}

impl Columns {
    /// Asserts that a row has them and no others.
    fn check(self, row: &Row) {
        let found = Self {
            moments: row.moment.is_some(),
            captions: row.caption.is_some(),
        };
        assert_eq!(found, self, "a row has other columns than its table");
    }
}

/// A file that takes rows.
pub trait Rows<W> {
    /// Writes one row: `embedding` is (E). A format for embeddings alone leaves out what `row` says; a
    /// table without embeddings leaves out the embedding.
    fn row(&mut self, row: &Row, embedding: &[f32]) -> io::Result<()>;

    /// Completes the file, flushes it, and gives back what was written to. A file without this call
    /// cannot be read.
    fn end(self: Box<Self>) -> io::Result<W>;
}
