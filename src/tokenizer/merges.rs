//! CLIP's tokenizer, built from nothing but its merges: the pieces that a text falls into, and the
//! byte pairs that merge within each.

use std::cmp::Reverse;
use std::collections::{BinaryHeap, HashMap};
use std::path::Path;

use regex::Regex;

use super::Pieces;
use super::alphabet::{self, END_OF_WORD};
use crate::files::shown;
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

/// In place of an id that was merged into the one before it. No vocabulary is as large.
const GONE: u32 = u32::MAX;

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
                    "line {}: expected two known pieces with a space between, found {}",
                    number + 1,
                    shown(line)
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

    /// The ids of one piece: its bytes, merged for as long as two neighbours can be, the lowest
    /// first, from left to right.
    fn word(&self, piece: &str) -> Vec<u32> {
        let mut ids: Vec<u32> = piece
            .bytes()
            .map(|byte| self.bytes[usize::from(byte)])
            .collect();
        *ids.last_mut().expect("no piece is empty") += ENDING;
        // The neighbours of each id. Those of the outermost are in no place that there is.
        let mut before: Vec<usize> = (0..ids.len()).map(|at| at.wrapping_sub(1)).collect();
        let mut after: Vec<usize> = (1..=ids.len()).collect();
        let merge = |ids: &[u32], left: usize, right: usize| {
            let pair = (*ids.get(left)?, *ids.get(right)?);
            self.merged.get(&pair).copied()
        };
        // A merge has an id above those of its parts, so what it makes possible never comes before
        // what waits already.
        let first =
            (1..ids.len()).filter_map(|right| Some((merge(&ids, right - 1, right)?, right - 1)));
        let mut waiting: BinaryHeap<_> = first.map(Reverse).collect();
        while let Some(Reverse((id, left))) = waiting.pop() {
            let right = after[left];
            // Either may have been merged with its other neighbour.
            if merge(&ids, left, right) != Some(id) {
                continue;
            }
            (ids[left], ids[right]) = (id, GONE);
            after[left] = after[right];
            if let Some(before) = before.get_mut(after[left]) {
                *before = left;
            }
            for (left, right) in [(before[left], left), (left, after[left])] {
                waiting.extend(merge(&ids, left, right).map(|id| Reverse((id, left))));
            }
        }
        ids.retain(|&id| id != GONE);
        ids
    }
}
