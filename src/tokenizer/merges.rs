//! CLIP's tokenizer, built from nothing but its merges: the pieces that a text falls into, and the
//! byte pairs that merge within each.

use std::collections::HashMap;
use std::path::Path;

use regex::Regex;

use super::Pieces;
use super::alphabet::{self, END_OF_WORD};
use crate::{Error, Result};

/// The tokens that start and end a text, as OpenCLIP reads them in a text.
const SPECIAL: [&str; 2] = ["<start_of_text>", "<end_of_text>"];

/// A text's pieces, the first alternative that fits. OpenCLIP says it all in any case, where a
/// symbol is also what is the other case of none: U+0345, whose capital is a letter, is dropped.
const PIECES: &str = r"(?i:<start_of_text>|<end_of_text>|'s|'t|'re|'ve|'m|'ll|'d)|\p{L}+|\p{N}|[^\s\p{L}\p{N}\u{345}]+";

/// Ids: 256 bytes, the same at the end of a word, merges, start, end.
const FIRST_MERGE: usize = 512;

pub(super) struct Merges {
    pieces: Regex,
    /// The id of each byte within a word; [`ENDING`] more at its end.
    bytes: [u32; 256],
    /// The id that two neighbours merge into. The lowest of a word goes first.
    merged: HashMap<(u32, u32), u32>,
    special: [u32; 2],
}

/// What the end of a word adds to a byte's id.
const ENDING: u32 = 256;

impl Merges {
    /// Reads a `merges.txt`: a line for each merge, its two parts with a space between, and
    /// possibly a line with a version at the top. Gives the bytes of each id, too.
    pub fn read(path: &Path, text: &str, vocab: u32) -> Result<(Self, Pieces)> {
        let lines = text
            .lines()
            .enumerate()
            .skip_while(|(_, line)| line.starts_with("#version"));
        let merges = lines.clone().count();
        let found = FIRST_MERGE + merges + SPECIAL.len();
        if found != vocab as usize {
            let problem =
                format!("{merges} merges make a vocabulary of {found}, the model has {vocab}");
            return Err(Error::model(path, problem));
        }
        let mut bytes = [0; 256];
        let mut ids = HashMap::with_capacity(found);
        let mut pieces = Pieces::with_capacity(found);
        for (id, c) in (0..).zip(alphabet::characters()) {
            let byte = alphabet::byte(c).expect("a character of the alphabet");
            bytes[usize::from(byte)] = id;
            ids.insert(c.to_string(), id);
            ids.insert(format!("{c}{END_OF_WORD}"), id + ENDING);
            pieces.insert(id, [byte].into());
            pieces.insert(id + ENDING, [byte, b' '].into());
        }
        let mut merged = HashMap::with_capacity(merges);
        for (id, (number, line)) in (FIRST_MERGE as u32..).zip(lines) {
            let known = |part| ids.get(part).copied();
            let pair = line
                .split_once(' ')
                .and_then(|(left, right)| Some((known(left)?, known(right)?)));
            let Some(pair) = pair else {
                let problem = format!(
                    "line {}: expected two known pieces with a space between, found {line:?}",
                    number + 1
                );
                return Err(Error::model(path, problem));
            };
            merged.insert(pair, id);
            pieces.insert(id, [&*pieces[&pair.0], &*pieces[&pair.1]].concat().into());
            ids.insert(line.replace(' ', ""), id);
        }
        let tokenizer = Self {
            pieces: Regex::new(PIECES).expect("the pattern is a constant"),
            bytes,
            merged,
            special: [vocab - 2, vocab - 1],
        };
        Ok((tokenizer, pieces))
    }

    /// The ids of a cleaned text.
    pub fn ids(&self, text: &str) -> Vec<u32> {
        let mut ids = Vec::new();
        for piece in self.pieces.find_iter(text) {
            match SPECIAL.iter().position(|&token| token == piece.as_str()) {
                Some(which) => ids.push(self.special[which]),
                None => ids.extend(self.word(piece.as_str())),
            }
        }
        ids
    }

    /// The ids of one piece: its bytes, merged for as long as two neighbours can be.
    fn word(&self, piece: &str) -> Vec<u32> {
        let mut ids: Vec<u32> = piece
            .bytes()
            .map(|byte| self.bytes[usize::from(byte)])
            .collect();
        *ids.last_mut().expect("no piece is empty") += ENDING;
        let merge = |pair: &[u32]| self.merged.get(&(pair[0], pair[1])).copied();
        while let Some(lowest) = ids.windows(2).filter_map(merge).min() {
            let mut read = 0;
            let mut written = 0;
            while read < ids.len() {
                let pair = ids.get(read..read + 2);
                (ids[written], read) = if pair.and_then(merge) == Some(lowest) {
                    (lowest, read + 2)
                } else {
                    (ids[read], read + 1)
                };
                written += 1;
            }
            ids.truncate(written);
        }
        ids
    }
}
