//! Text to ids and back: a thin layer over the `tokenizers` crate that fixes what CoCa asks for
//! (start and end tokens, padding with 0, cutting) whatever the file says about it.

use std::cell::Cell;
use std::collections::HashMap;
use std::fmt::Display;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};

use crate::{Error, Result};

/// What fills a row behind its text.
pub const PAD: u32 = 0;

/// Marks the end of a word in CLIP's vocabulary; a space in text.
const END_OF_WORD: &str = "</w>";

/// A model's tokenizer. Knows the text's ids, not what the file calls its special tokens: start
/// and end are the last two ids of the vocabulary, as in every CoCa.
pub struct Tokenizer {
    inner: tokenizers::Tokenizer,
    path: PathBuf,
    context_length: usize,
    vocab: u32,
    /// What each id but the special two stands for, in bytes.
    pieces: HashMap<u32, Box<[u8]>>,
}

impl Tokenizer {
    /// Reads a `tokenizer.json`; `path` serves messages alone. `context_length` and `vocab` are
    /// the model's: no row gets longer and no id larger.
    ///
    /// # Errors
    ///
    /// [`Error::Model`] if the file is malformed or gives a token an id that the model has not.
    pub fn from_json(
        path: &Path,
        json: &[u8],
        context_length: usize,
        vocab: usize,
    ) -> Result<Self> {
        let vocab = u32::try_from(vocab)
            .ok()
            .filter(|&vocab| vocab > 2)
            .ok_or_else(|| Error::model(path, format!("a vocabulary of {vocab} entries")))?;
        if context_length < 2 {
            let problem = format!("a context of {context_length} ids holds no text");
            return Err(Error::model(path, problem));
        }
        let mut inner = contain(path, || tokenizers::Tokenizer::from_bytes(json))?;
        // Both are ours to do: files of CLIP pad with the end token and cut at 77.
        contain(path, || {
            inner.with_padding(None);
            inner.with_truncation(None).map(drop)
        })?;
        let entries = contain(path, || Ok::<_, Error>(inner.get_vocab(true)))?;
        let mut pieces = HashMap::with_capacity(entries.len());
        for (token, id) in entries {
            if id >= vocab {
                let problem = format!("token {token:?} has id {id}, the model has {vocab} ids");
                return Err(Error::model(path, problem));
            }
            if id < vocab - 2 {
                pieces.insert(id, bytes(&token).into());
            }
        }
        Ok(Self {
            inner,
            path: path.to_owned(),
            context_length,
            vocab,
            pieces,
        })
    }

    /// The id that starts a text.
    pub fn sot(&self) -> u32 {
        self.vocab - 2
    }

    /// The id that ends a text.
    pub fn eot(&self) -> u32 {
        self.vocab - 1
    }

    /// The most ids in a row.
    pub fn context_length(&self) -> usize {
        self.context_length
    }

    /// The ids of a text alone, neither started nor ended nor cut.
    ///
    /// # Errors
    ///
    /// [`Error::Model`] if the tokenizer's file breaks the tokenizer.
    pub fn ids(&self, text: &str) -> Result<Vec<u32>> {
        let ids = contain(&self.path, || {
            // Without special tokens: which ones the file would add is its own affair.
            self.inner.encode_fast(text.trim(), false)
        })?;
        Ok(ids.get_ids().to_vec())
    }

    /// Start, text, end. A text longer than the context is cut, its last id then the end.
    ///
    /// # Errors
    ///
    /// As [`ids`](Self::ids).
    pub fn encode(&self, text: &str) -> Result<Vec<u32>> {
        let mut row = vec![self.sot()];
        row.extend(self.ids(text)?);
        row.truncate(self.context_length - 1);
        row.push(self.eot());
        Ok(row)
    }

    /// [`encode`](Self::encode), filled to the context length with [`PAD`].
    ///
    /// # Errors
    ///
    /// As [`ids`](Self::ids).
    pub fn encode_padded(&self, text: &str) -> Result<Vec<u32>> {
        let mut row = self.encode(text)?;
        row.resize(self.context_length, PAD);
        Ok(row)
    }

    /// The text of ids up to the end token, without start tokens, padding and unknown ids. Bytes
    /// that are no UTF-8 become U+FFFD.
    pub fn decode(&self, ids: &[u32]) -> String {
        let bytes: Vec<u8> = ids
            .iter()
            .take_while(|&&id| id != self.eot())
            .filter(|&&id| id != PAD)
            .filter_map(|id| self.pieces.get(id))
            .flat_map(|piece| piece.iter().copied())
            .collect();
        String::from_utf8_lossy(&bytes).trim().to_owned()
    }
}

/// The bytes that a vocabulary entry stands for. GPT-2's byte-level alphabet shows each byte as
/// one printable character: itself where it is printable, else the next free one from U+0100 on.
fn bytes(token: &str) -> Vec<u8> {
    let (word, space) = match token.strip_suffix(END_OF_WORD) {
        Some(word) => (word, " "),
        None => (token, ""),
    };
    let mut bytes = Vec::with_capacity(token.len());
    for c in word.chars() {
        match byte(c) {
            Some(byte) => bytes.push(byte),
            None => bytes.extend(c.encode_utf8(&mut [0; 4]).bytes()),
        }
    }
    bytes.extend(space.bytes());
    bytes
}

fn byte(c: char) -> Option<u8> {
    let code = u32::from(c);
    let byte = match code {
        0x21..=0x7e | 0xa1..=0xac | 0xae..=0xff => code,
        0x100..=0x120 => code - 0x100,        // 0x00..=0x20
        0x121..=0x142 => code - 0x121 + 0x7f, // 0x7f..=0xa0
        0x143 => 0xad,
        _ => return None,
    };
    Some(byte as u8)
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
            format!("not a usable tokenizer: {error}"),
        )),
        Err(_) => Err(Error::model(
            path,
            "not a usable tokenizer: it contradicts itself",
        )),
    }
}
