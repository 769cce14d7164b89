//! The Penn Treebank tokens of a caption, as pycocoevalcap's `PTBTokenizer` gives them.
//!
//! It runs the lexer of Stanford CoreNLP 3.4.1 in lower case and drops punctuation. The lexer is a
//! list of rules; at each place the longest match wins, and of two as long the rule that stands
//! first. The rules here were found out by giving texts to that lexer: `docs/metrics.md` tells how
//! often the tokens are the same, and what comes out otherwise.

mod abbreviations;
mod rules;
mod symbols;

use std::borrow::Cow;

use rules::{Kept, RULES};

/// What pycocoevalcap drops of the tokens.
const PUNCTUATION: [&str; 17] = [
    "''", "'", "``", "`", "-lrb-", "-rrb-", "-lcb-", "-rcb-", ".", "?", "!", ",", ":", "-", "--",
    "...", ";",
];

/// No rule looks further ahead than so many bytes: a text without white space takes no longer to
/// read than another.
const REACH: usize = 512;

/// The tokens of a caption, in lower case, without punctuation.
///
/// Most are words. A few have a no-break space within them, where the lexer keeps together what
/// spaces separate ("1 1/2", telephone numbers). What tells an emoji from another is lost, as it is
/// there: characters beyond the first 65,536 are dropped.
pub fn tokenize(text: &str) -> Vec<String> {
    let mut tokens = Vec::new();
    // As in a file of captions, where a line ends behind each.
    let text = format!("{text}\n");
    let mut rest = text.as_str();
    while let Some(c) = rest.chars().next() {
        if symbols::separates(c) {
            rest = &rest[c.len_utf8()..];
            continue;
        }
        let length = match plain_word(rest) {
            Some(length) => {
                tokens.push(rest[..length].to_lowercase());
                length
            }
            None => take(rest, c, &mut tokens),
        };
        rest = &rest[length..];
    }
    tokens.retain(|token| !token.is_empty() && !PUNCTUATION.contains(&token.as_str()));
    tokens
}

/// The length of a word of nothing but letters with a space behind it, as most are, unless it is one
/// of those that are taken apart.
fn plain_word(text: &str) -> Option<usize> {
    let length = text.bytes().take_while(u8::is_ascii_alphabetic).count();
    let ends = matches!(text.as_bytes().get(length), Some(b' ' | b'\n'));
    (length > 0 && ends && !rules::is_taken_apart(&text[..length])).then_some(length)
}

/// Takes what begins a text by the rule that fits the most of it, else its first character. Gives
/// the number of bytes that were taken.
fn take(text: &str, first: char, tokens: &mut Vec<String>) -> usize {
    let seen = &text[..text.floor_char_boundary(REACH)];
    let mut longest: Option<(usize, usize, Kept)> = None;
    for rule in RULES.iter() {
        // A rule may ask for what follows: that counts for the length, but is not taken.
        if let Some((length, own)) = rule.fits(seen)
            && longest.is_none_or(|(longest, ..)| length > longest)
        {
            longest = Some((length, own, rule.kept));
        }
    }
    let Some((_, length, kept)) = longest else {
        if let Some(token) = symbols::token(first) {
            tokens.push(token.into_owned());
        }
        return first.len_utf8();
    };
    let token = &text[..length];
    match kept {
        Kept::As(other) => tokens.push(other.to_owned()),
        Kept::Whole => tokens.push(lower(token)),
        Kept::Apart(place) => {
            // Apostrophes of two sorts have different lengths.
            let place = token.char_indices().nth(place).map_or(length, |(at, _)| at);
            let (first, second) = token.split_at(place);
            tokens.extend([lower(first), lower(second)]);
        }
    }
    length
}

/// A token as it is written out: in lower case, with plain apostrophes and named brackets.
fn lower(token: &str) -> String {
    let written: String = (token.chars())
        .filter(|&c| c != '\u{ad}')
        .map(|c| symbols::within(c).unwrap_or_else(|| Cow::Owned(c.to_string())))
        .collect();
    written.to_lowercase()
}
