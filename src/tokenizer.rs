//! Text to ids and back. Text is cleaned as OpenCLIP cleans it; then a model's own tokenizer takes
//! over, from a `tokenizer.json` or from CLIP's merges. What CoCa asks for (start and end tokens,
//! padding with 0, cutting) is done here, whatever the file says about it.

mod alphabet;
mod json;
mod merges;

use std::collections::HashMap;
use std::path::Path;

use crate::clean::clean;
use crate::{Error, Result};
use json::Json;
#[doc(hidden)]
pub use json::panic_is_contained;
use merges::Merges;

/// The longest text that is read.
const TEXT_BYTES: usize = 64 << 10;

/// What fills a row behind its text.
pub const PAD: u32 = 0;

/// The size of CLIP's vocabulary, whose merges are built in.
pub const CLIP_VOCAB: usize = 49408;

const CLIP_MERGES: &str = include_str!("../models/clip/merges.txt");

/// What ids stand for, in bytes.
type Pieces = HashMap<u32, Box<[u8]>>;

/// A model's tokenizer. Knows the text's ids, not what the file calls its special tokens: start
/// and end are the last two ids of the vocabulary, as in every CoCa.
pub struct Tokenizer {
    words: Words,
    context_length: usize,
    vocab: u32,
    /// Of each id but the special two.
    pieces: Pieces,
}

/// From cleaned text to ids.
enum Words {
    Json(Box<Json>),
    Merges(Box<Merges>),
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
        let vocab = check(path, context_length, vocab)?;
        let (json, pieces) = Json::read(path, json, vocab)?;
        Ok(Self {
            words: Words::Json(Box::new(json)),
            context_length,
            vocab,
            pieces,
        })
    }

    /// Reads the `merges.txt` of a CLIP: a line for each merge, first come the most frequent.
    /// Arguments as of [`from_json`](Self::from_json).
    ///
    /// # Errors
    ///
    /// [`Error::Model`] if the file is malformed or has not just as many merges as the vocabulary
    /// takes: all but 514.
    pub fn from_merges(
        path: &Path,
        merges: &[u8],
        context_length: usize,
        vocab: usize,
    ) -> Result<Self> {
        let vocab = check(path, context_length, vocab)?;
        let merges = str::from_utf8(merges)
            .map_err(|error| Error::model(path, format!("expected text: {error}")))?;
        let (merges, pieces) = Merges::read(path, merges, vocab)?;
        Ok(Self {
            words: Words::Merges(Box::new(merges)),
            context_length,
            vocab,
            pieces,
        })
    }

    /// CLIP's own, from the built-in merges.
    ///
    /// # Errors
    ///
    /// [`Error::Model`] if `context_length` holds no text.
    pub fn clip(context_length: usize) -> Result<Self> {
        let path = Path::new("CLIP's merges");
        Self::from_merges(path, CLIP_MERGES.as_bytes(), context_length, CLIP_VOCAB)
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

    /// The ids of a text alone, [cleaned](clean), but neither started nor ended nor cut.
    ///
    /// # Errors
    ///
    /// [`Error::Argument`] for texts of more than 64 KiB: a row holds less than a hundredth of that, and
    /// cleaning the worst of texts takes the square of its length. [`Error::Model`] if the tokenizer's
    /// file breaks the tokenizer.
    pub fn ids(&self, text: &str) -> Result<Vec<u32>> {
        if text.len() > TEXT_BYTES {
            return Err(Error::Argument {
                what: "text",
                expected: format!("at most {TEXT_BYTES} bytes"),
                found: text.len().to_string(),
            });
        }
        let text = clean(text);
        match &self.words {
            Words::Json(json) => json.ids(&text),
            Words::Merges(merges) => Ok(merges.ids(&text)),
        }
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

/// The model's vocabulary, if there is room for a text in it and in its context.
fn check(path: &Path, context_length: usize, vocab: usize) -> Result<u32> {
    if context_length < 2 {
        let problem = format!("a context of {context_length} ids holds no text");
        return Err(Error::model(path, problem));
    }
    u32::try_from(vocab)
        .ok()
        .filter(|&vocab| vocab > 2)
        .ok_or_else(|| Error::model(path, format!("a vocabulary of {vocab} entries")))
}
