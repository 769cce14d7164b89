//! The Penn Treebank tokens of a caption, as pycocoevalcap's `PTBTokenizer` gives them.
//!
//! It runs the lexer of Stanford CoreNLP 3.4.1 in lower case and drops punctuation. The lexer is a
//! list of rules; at each place the longest match wins, and of two as long the rule that stands
//! first. The rules here were found out by giving texts to that lexer: `docs/metrics.md` tells how
//! often the tokens are the same, and what comes out otherwise.

mod abbreviations;
mod rules;
mod symbols;

use rules::{RULES, Written};

/// What pycocoevalcap drops of the tokens. Its list has round and curly brackets, too, but by names in
/// capitals, and the tokens are in lower case: so brackets of all sorts stay, as `-lrb-` and the like.
const PUNCTUATION: [&str; 13] = [
    "''", "'", "``", "`", ".", "?", "!", ",", ":", "-", "--", "...", ";",
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
    let letters = text.bytes().take(REACH).take_while(u8::is_ascii_alphabetic);
    let length = letters.count();
    let ends = matches!(text.as_bytes().get(length), Some(b' ' | b'\n'));
    (length > 0 && ends && !rules::is_taken_apart(&text[..length])).then_some(length)
}

/// Takes what begins a text by the rule that fits the most of it, else its first character. Gives
/// the number of bytes that were taken.
fn take(text: &str, first: char, tokens: &mut Vec<String>) -> usize {
    let seen = &text[..text.floor_char_boundary(REACH)];
    // What a rule only looks at counts for the length, too.
    let mut longest = None;
    let mut most = 0;
    for rule in RULES.iter() {
        if let Some((length, taken)) = rule.fits(seen)
            && length > most
        {
            most = length;
            longest = Some((taken, rule.written));
        }
    }
    let Some((taken, written)) = longest else {
        tokens.extend(symbols::token(first));
        return first.len_utf8();
    };
    let token = &text[..taken];
    tokens.push(match written {
        Written::AsItStands => lower(token),
        Written::Straight => lower(&token.replace(['’', '\u{92}'], "'")),
        Written::Quotes => token.chars().map(symbols::plain_quote).collect(),
        Written::This(token) => token.to_owned(),
    });
    taken
}

/// A token in lower case, with named brackets and no soft hyphens.
fn lower(token: &str) -> String {
    let mut written = String::with_capacity(token.len());
    for c in token.chars().filter(|&c| c != '\u{ad}') {
        match symbols::within(c) {
            Some(other) => written += other,
            None => written.push(c),
        }
    }
    written.to_lowercase()
}
