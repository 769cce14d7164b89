//! A tokenizer from a `tokenizer.json`, through the `tokenizers` crate.

use std::cell::Cell;
use std::fmt::Display;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};

use super::{Pieces, alphabet};
use crate::files::{quoted, shown};
use crate::{Error, Result};

pub(super) struct Json {
    inner: tokenizers::Tokenizer,
    path: PathBuf,
}

impl Json {
    /// Reads the file; `path` serves messages alone. Gives the bytes of each id but the last two,
    /// too.
    pub fn read(path: &Path, json: &[u8], vocab: u32) -> Result<(Self, Pieces)> {
        let mut inner = contain(path, || tokenizers::Tokenizer::from_bytes(json))?;
        // Both are ours to do: files of CLIP pad with the end token and cut at 77.
        contain(path, || {
            inner.with_padding(None);
            inner.with_truncation(None).map(drop)
        })?;
        let entries = contain(path, || Ok::<_, Error>(inner.get_vocab(true)))?;
        let mut pieces = Pieces::with_capacity(entries.len());
        for (token, id) in entries {
            if id >= vocab {
                let problem = format!(
                    "token {} has id {id}, the model has {vocab} ids",
                    shown(&token)
                );
                return Err(Error::model(path, problem));
            }
            if id < vocab - 2 {
                pieces.insert(id, alphabet::bytes(&token).into());
            }
        }
        let path = path.to_owned();
        Ok((Self { inner, path }, pieces))
    }

    /// The ids of a cleaned text.
    pub fn ids(&self, text: &str) -> Result<Vec<u32>> {
        let ids = contain(&self.path, || {
            // Without special tokens: which ones the file would add is its own affair.
            self.inner.encode_fast(text, false)
        })?;
        Ok(ids.get_ids().to_vec())
    }
}

thread_local! {
    static CONTAINED: Cell<bool> = const { Cell::new(false) };
}

/// Whether a panic on this thread, now, is one that becomes an [`Error`]. A program's panic hook
/// may ask, to print nothing then; the library leaves the hook alone.
#[doc(hidden)]
pub fn panic_is_contained() -> bool {
    CONTAINED.get()
}

/// Runs `f`, which reads a file that anybody may have written: crafted ones make the crate panic.
fn contain<T, E: Display>(path: &Path, f: impl FnOnce() -> Result<T, E>) -> Result<T> {
    CONTAINED.set(true);
    // Nothing that `f` leaves half-done is used after an error.
    let outcome = catch_unwind(AssertUnwindSafe(f));
    CONTAINED.set(false);
    match outcome {
        Ok(Ok(value)) => Ok(value),
        Ok(Err(error)) => Err(Error::model(
            path,
            format!("not a usable tokenizer: {}", quoted(error)),
        )),
        Err(_) => Err(Error::model(
            path,
            "not a usable tokenizer: it contradicts itself",
        )),
    }
}
