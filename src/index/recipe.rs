//! What the embeddings of an index were made with.

use std::path::Path;
use std::str::FromStr;

use rusqlite::{Connection, Transaction};

use super::schema;
use crate::engine::{Engine, Pooling, WindowOptions};
use crate::frames::Sampling;
use crate::model::ModelSource;
use crate::windows::Windows;
use crate::{Error, Result};

/// What the embeddings of an index were made with: only those of one recipe can be compared.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Recipe {
    /// How to find the model: `shapes`, a directory, or a repository on Hugging Face.
    pub model: String,
    /// The sha256 of the model's files, as [`ModelSource::hash`](crate::ModelSource::hash) gives it. It
    /// decides, not the name.
    pub model_hash: String,
    /// E: values of an embedding.
    pub width: usize,
    /// How videos are cut into windows.
    pub windows: Windows,
    /// Frames looked at in each window.
    pub frames: usize,
    /// How these frames are chosen.
    pub sampling: Sampling,
    /// How the tokens of several frames become one embedding.
    pub pooling: Pooling,
}

/// Far above the width of any model, and the frames of any window.
const MOST: usize = 1 << 16;

/// Hexadecimal digits of a hash that messages show.
const SHOWN: usize = 12;

impl Recipe {
    /// What embeddings of this model, of videos read so, are made with. Reads all of the model's files.
    ///
    /// # Errors
    ///
    /// As [`ModelSource::hash`].
    pub fn of(source: &ModelSource, engine: &Engine, options: &WindowOptions) -> Result<Self> {
        // A directory is found again from anywhere.
        let model = match source {
            ModelSource::Directory(path) => {
                let path = path.canonicalize().unwrap_or_else(|_| path.clone());
                path.display().to_string()
            }
            _ => source.name(),
        };
        Ok(Self {
            model,
            model_hash: source.hash()?,
            width: engine.model().config().embed_dim,
            windows: options.windows,
            frames: options.frames,
            sampling: options.sampling,
            pooling: Pooling::Flatten,
        })
    }

    fn fields(&self) -> [(&'static str, String); 7] {
        [
            ("model", self.model.clone()),
            ("model_sha256", self.model_hash.clone()),
            ("width", self.width.to_string()),
            ("windows", self.windows.to_string()),
            ("frames", self.frames.to_string()),
            ("sampling", self.sampling.to_string()),
            ("pooling", self.pooling.to_string()),
        ]
    }

    pub(super) fn write(&self, transaction: &Transaction) -> rusqlite::Result<()> {
        let mut insert = transaction.prepare("INSERT INTO recipe (name, value) VALUES (?1, ?2)")?;
        for (name, value) in self.fields() {
            insert.execute((name, value))?;
        }
        Ok(())
    }

    pub(super) fn read(db: &Connection, path: &Path) -> Result<Self> {
        let fault = schema::fault(path);
        let mut select =
            (db.prepare("SELECT value FROM recipe WHERE name = ?1")).map_err(&fault)?;
        let mut text = |name: &str| -> Result<String> {
            (select.query_row([name], |row| row.get(0))).map_err(|error| match error {
                rusqlite::Error::QueryReturnedNoRows => strange(path, name),
                error => fault(error),
            })
        };
        Ok(Self {
            model: text("model")?,
            model_hash: text("model_sha256")?,
            width: number(path, "width", &text("width")?)?,
            windows: parsed(path, "windows", &text("windows")?)?,
            frames: number(path, "frames", &text("frames")?)?,
            sampling: parsed(path, "sampling", &text("sampling")?)?,
            pooling: parsed(path, "pooling", &text("pooling")?)?,
        })
    }

    /// How videos are read into an index of this recipe.
    pub fn options(&self) -> WindowOptions {
        WindowOptions {
            windows: self.windows,
            frames: self.frames,
            sampling: self.sampling,
        }
    }

    /// What keeps embeddings of `other` out of an index of this recipe, and what to do.
    pub(super) fn difference(&self, other: &Self) -> Option<String> {
        if self.model_hash != other.model_hash {
            return Some(format!(
                "its embeddings are of the model {} (sha256 {}), not of {} (sha256 {}), and those of two \
                 models cannot be compared; use the model it was made with, or another index",
                self.model,
                short(&self.model_hash),
                other.model,
                short(&other.model_hash),
            ));
        }
        let pairs = self.fields().into_iter().zip(other.fields());
        // Two names of one model are no difference.
        let (ours, theirs) = pairs.skip(2).find(|(ours, theirs)| ours.1 != theirs.1)?;
        Some(format!(
            "it was made with {} {}, not {}; use what it was made with, or another index",
            ours.0, ours.1, theirs.1
        ))
    }
}

/// A value as it was written.
fn parsed<T: FromStr>(path: &Path, name: &str, text: &str) -> Result<T> {
    text.parse().map_err(|_| strange(path, name))
}

/// A number that sizes are computed from.
fn number(path: &Path, name: &str, text: &str) -> Result<usize> {
    let number: usize = parsed(path, name, text)?;
    match (1..=MOST).contains(&number) {
        true => Ok(number),
        false => Err(strange(path, name)),
    }
}

fn strange(path: &Path, name: &str) -> Error {
    let problem = format!(
        "does not say its {name} in words of this program: it is damaged, or made by another"
    );
    Error::index(path, problem)
}

fn short(hash: &str) -> String {
    hash.chars().take(SHOWN).collect()
}
