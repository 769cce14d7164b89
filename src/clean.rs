//! Text as OpenCLIP's tokenizer cleans it, step by step the same, so that the same ids come out.
//!
//! 1. What ftfy 6.3.1 fixes, line by line: named and numbered HTML characters, text in the wrong
//!    encoding, ligatures, full-width letters, curly quotes, line breaks, terminal escapes,
//!    control characters, NFC.
//! 2. HTML characters as Python's `html.unescape` reads them, twice.
//! 3. Every run of white space becomes one space, none at the ends.
//! 4. Lower case.
//!
//! `docs/tokenizer.md` names the code points that come out otherwise.

mod badness;
mod characters;
mod codecs;
mod html;
mod mojibake;

use unicode_normalization::UnicodeNormalization;

/// ftfy looks at no more characters at a time.
const SEGMENT: usize = 1_000_000;

/// What the model reads of a text.
pub fn clean(text: &str) -> String {
    let text = html::unescape(&html::unescape(&fix(text)));
    let words: Vec<_> = text.split_whitespace().collect();
    words.join(" ").to_lowercase()
}

/// What ftfy makes of a text.
fn fix(text: &str) -> String {
    let mut fixed = String::with_capacity(text.len());
    // A line with a tag in it shows that this and what follows is HTML, not text taken from it.
    let mut entities = true;
    for line in text.split_inclusive('\n') {
        for segment in segments(line) {
            entities &= !segment.contains('<');
            fixed += &fix_segment(segment, entities);
        }
    }
    fixed
}

fn segments(mut line: &str) -> impl Iterator<Item = &str> {
    std::iter::from_fn(move || {
        let end = line.char_indices().nth(SEGMENT);
        let (segment, rest) = line.split_at(end.map_or(line.len(), |(end, _)| end));
        line = rest;
        (!segment.is_empty()).then_some(segment)
    })
}

/// Repeats every step until none has anything to do. It ends: whatever makes a text longer leaves
/// nothing behind that could be made longer again.
fn fix_segment(segment: &str, entities: bool) -> String {
    let mut text = segment.to_owned();
    loop {
        let mut next = if entities {
            html::unescape_whole(&text)
        } else {
            text.clone()
        };
        // Plain text, as most is, is what the other steps leave as it is.
        if !next.bytes().all(|byte| matches!(byte, b' '..=b'~' | b'\n')) {
            next = mojibake::fix(next);
            next = characters::fix(&next);
            next = next.nfc().collect();
        }
        if next == text {
            return text;
        }
        text = next;
    }
}
