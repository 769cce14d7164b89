//! UTF-8 that somebody has read as something else: `sÃ³` for `só`.
//!
//! Which repairs are tried, and in which order, is that of ftfy 6.3.1.

use super::badness::is_bad;
use super::codecs::{self, CODECS};

/// Repairs a text, as often as it has been broken.
pub(super) fn fix(mut text: String) -> String {
    loop {
        let fixed = fix_once(&text);
        if fixed == text {
            return text;
        }
        text = fixed;
    }
}

fn fix_once(text: &str) -> String {
    if text.is_ascii() || !is_bad(text) {
        return text.to_owned();
    }
    let bytes: Vec<_> = text.chars().map(codecs::bytes).collect();
    for (which, codec) in CODECS.iter().enumerate() {
        let bytes = bytes.iter().map(|bytes| bytes[which]);
        let Some(mut bytes) = bytes.collect::<Option<Vec<u8>>>() else {
            continue;
        };
        if codec.spaces {
            bytes = restore_spaces(&bytes);
        }
        if codec.lossy {
            bytes = replace_lost(&bytes);
        }
        if let Some(fixed) = decode(&bytes) {
            return fixed;
        }
    }
    let fixed = fix_parts(text);
    if fixed != text {
        return fixed;
    }
    // What is left of Latin-1 was meant to be Windows-1252.
    text.chars().map(codecs::control).collect()
}

/// Puts byte A0 back where somebody has made a space of it within a character.
fn restore_spaces(bytes: &[u8]) -> Vec<u8> {
    // "Ã" by itself is the word "à"; its space is one, too, but in Portuguese contractions.
    let together: [&[u8]; 5] = [b" ", b"quele", b"quela", b"quilo", b"s "];
    let grave = replace(bytes, |rest| {
        let behind = rest.strip_prefix(b"\xc3 ")?;
        let word = !together.iter().any(|letters| behind.starts_with(letters));
        word.then(|| (2, b"\xc3\xa0 ".to_vec()))
    });
    // Not byte 85, whose character is an ellipsis.
    let tail = |byte: u8| matches!(byte, 0x80..=0x84 | 0x86..=0x9f | 0xa1..=0xbf);
    replace(&grave, |rest| {
        let length = match *rest {
            [0xc2 | 0xc3 | 0xc5 | 0xce | 0xd0 | 0xd9, b' ', ..] => 2,
            [0xe2 | 0xe3, b' ', c, ..] if tail(c) => 3,
            [0xe0..=0xe3, b, b' ', ..] if tail(b) => 3,
            [0xf0, b' ', 0x80..=0xbf, 0x80..=0xbf, ..]
            | [0xf0, 0x80..=0xbf, b' ', 0x80..=0xbf, ..]
            | [0xf0, 0x80..=0xbf, 0x80..=0xbf, b' ', ..] => 4,
            _ => return None,
        };
        let space = |&byte: &u8| if byte == b' ' { 0xa0 } else { byte };
        Some((length, rest[..length].iter().map(space).collect()))
    })
}

/// Makes U+FFFD of each character that has lost a byte to 1A or, once, to a question mark.
fn replace_lost(bytes: &[u8]) -> Vec<u8> {
    let count = |tails: &[u8], byte| tails.iter().filter(|&&tail| tail == byte).count();
    let lost = |tails: &[u8], questions| {
        tails
            .iter()
            .all(|tail| matches!(tail, 0x1a | b'?' | 0x80..=0xbf))
            && count(tails, b'?') <= questions
            && count(tails, b'?') + count(tails, 0x1a) > 0
    };
    replace(bytes, |rest| {
        let length = match *rest {
            [0x1a, ..] => 1,
            [0xc2..=0xdf, 0x1a, ..] | [0xc2 | 0xc3, b'?', ..] => 2,
            // Two surrogates
            [0xed, 0xa0..=0xaf, a, 0xed, 0xb0..=0xbf, b, ..] if lost(&[a, b], 2) => 6,
            [0xe0..=0xef, a, b, ..] if lost(&[a, b], 1) => 3,
            [0xf0..=0xf4, a, b, c, ..] if lost(&[a, b, c], 1) => 4,
            _ => return None,
        };
        Some((length, "\u{fffd}".into()))
    })
}

/// Hands each place to `find`, which says how many bytes to replace there, and by what.
fn replace(mut bytes: &[u8], find: impl Fn(&[u8]) -> Option<(usize, Vec<u8>)>) -> Vec<u8> {
    let mut replaced = Vec::with_capacity(bytes.len());
    while let [first, rest @ ..] = bytes {
        match find(bytes) {
            Some((length, by)) => {
                replaced.extend(by);
                bytes = &bytes[length..];
            }
            None => {
                replaced.push(*first);
                bytes = rest;
            }
        }
    }
    replaced
}

/// Reads UTF-8, and Java's variants of it: C0 80 for U+0000, and a pair of surrogates of three
/// bytes each. (A line's end for the last byte of either is ftfy's slip.)
fn decode(bytes: &[u8]) -> Option<String> {
    let standard = replace(bytes, |rest| match *rest {
        [0xc0, 0x80, ..] | [0xc0, b'\n'] => Some((2, vec![0])),
        [
            0xed,
            a @ 0xa0..=0xaf,
            b @ 0x80..=0xbf,
            0xed,
            c @ 0xb0..=0xbf,
            ref last @ ..,
        ] => {
            let d = match *last {
                [d @ 0x80..=0xbf, ..] | [d @ b'\n'] => d,
                _ => return None,
            };
            let bits = [(a & 0x0f, 16), (b & 0x3f, 10), (c & 0x0f, 6), (d & 0x3f, 0)];
            let code = bits
                .iter()
                .map(|&(bits, at)| u32::from(bits) << at)
                .sum::<u32>();
            let c = char::from_u32(0x10000 + code)?;
            Some((6, c.to_string().into()))
        }
        _ => None,
    });
    String::from_utf8(standard).ok()
}

/// Repairs those parts alone that look like UTF-8 and are bad in themselves.
fn fix_parts(text: &str) -> String {
    let mut fixed = String::with_capacity(text.len());
    let mut rest = text;
    let mut garbled = false;
    while let Some(c) = rest.chars().next() {
        // Not from the middle of a garble: that would make it worse.
        let length = if garbled { 0 } else { sequences(rest) };
        let (part, behind) = rest.split_at(length.max(c.len_utf8()));
        if length > 0 && length < text.len() && is_bad(part) {
            fixed += &fix(part.to_owned());
        } else {
            fixed += part;
        }
        garbled = part.chars().next_back().is_some_and(is_inner);
        rest = behind;
    }
    fixed
}

/// The length of what starts a text and could be UTF-8 in one codec or another.
fn sequences(text: &str) -> usize {
    let mut chars = text.char_indices();
    let mut end = 0;
    while let Some((_, lead)) = chars.next() {
        let tails = if stands_for(lead, |byte| matches!(byte, 0xc2..=0xdf)) {
            1
        } else if stands_for(lead, |byte| matches!(byte, 0xe0..=0xef)) {
            2
        } else if stands_for(lead, |byte| matches!(byte, 0xf0 | 0xf3)) {
            3
        } else {
            break;
        };
        if chars
            .by_ref()
            .take(tails)
            .filter(|&(_, c)| is_tail(c))
            .count()
            < tails
        {
            break;
        }
        end = chars.offset();
    }
    end
}

/// A character that is a byte behind the first, or the space of one.
fn is_tail(c: char) -> bool {
    c == ' ' || stands_for(c, |byte| matches!(byte, 0x80..=0xbf))
}

/// A character that is a byte behind the first and next to others hardly stands for itself.
fn is_inner(c: char) -> bool {
    let itself = "–—―‘’‚“”„•…";
    c != ' ' && is_tail(c) && !itself.contains(c)
}

fn stands_for(c: char, wanted: impl Fn(u8) -> bool) -> bool {
    let bytes = &codecs::bytes(c)[..codecs::LIKE_LATIN_1];
    bytes.iter().flatten().any(|&byte| wanted(byte))
}
