//! What the lexer takes as one token, or as two.
//!
//! In the patterns `L` is a letter, `W` a letter or digit, `A` an apostrophe, all in angle brackets.

use std::sync::LazyLock;

use regex::Regex;

use super::abbreviations::{ANY_CASE, CAPITAL, NUMBERED};

/// What becomes of what a rule takes.
#[derive(Clone, Copy, Debug)]
pub(super) enum Kept {
    Whole,
    /// Two tokens, the second from this character on.
    Apart(usize),
    /// This instead.
    As(&'static str),
}

use Kept::{Apart, As, Whole};

/// Words that are two tokens, and the length of the first.
const TAKEN_APART: [(&str, usize); 6] = [
    ("cannot", 3),
    ("gimme", 3),
    ("gonna", 3),
    ("gotta", 3),
    ("lemme", 3),
    ("wanna", 3),
];

/// In parentheses: what is taken, where the rule also asks for what follows.
const PATTERNS: &[(Kept, &str)] = &[
    // Tags and comments of HTML
    (
        Whole,
        r"</?[A-Za-z][\w:.-]*(?: +[A-Za-z][\w:.-]*(?: *= *(?:'[^']*'|\x22[^\x22]*\x22|[^ '\x22>]+))?)* */?>",
    ),
    (Whole, r"<[!?][A-Za-z-][^>]*>"),
    (As("&"), "(?i:&amp;)"),
    (As("<"), "(?i:&lt;)"),
    (As(">"), "(?i:&gt;)"),
    (As("''"), "(?i:&quot;)"),
    (As("'"), "(?i:&apos;)"),
    (As(""), "(?i:&nbsp;)"),
    (Whole, "&#[0-9]+;"),
    // Contractions
    (Apart(2), "(?i)<A>t(?:is|was)"),
    (Apart(3), "(?i)mor<A>n"),
    (Whole, "(?i)(<L>+)n<A>t"),
    (Whole, "(?i)n<A>t"),
    (Whole, "(?i)(<W>+)<A>(?:[dms]|ll|re|ve)"),
    (Whole, "(?i)(<A>(?:[dms]|ll|re|ve))[^A-Za-z]"),
    (Whole, "(?i)<A>(?:em|til|cause|n<A>)"),
    (Whole, r"(?i)(<A>n)\s"),
    (
        Whole,
        "(?i)(?:c<A>mon|c<A>est|e<A>er|li<A>l|nat<A>l|cap<A>n|ev<A>ry|s<A>mores|ol<A>|dunkin<A>|somethin<A>)",
    ),
    (Whole, "(?i)[djl]<A>"),
    (Whole, "(?i)(y<A>)<L>"),
    (Whole, "(?i)[dlno]<A><L><L>+"),
    (Whole, "(?i)<L>+[aeiouy]<A>[aeiou]<L>*"),
    // Words
    (Whole, "<W>+"),
    (Whole, r"<L><W>*(?:[.!?]<L><W>*)+"),
    (
        Whole,
        r"<W>[<W>.,]*(?:[-\u{2010}\u{2011}](?:[A-Za-z](?:\.[A-Za-z])+\.|<W>+))+",
    ),
    (Whole, "<W>+(?:_<W>+)+"),
    (
        Whole,
        r"[A-Za-z0-9]+(?:-[A-Za-z]+){0,2}(?:/[A-Za-z0-9]+(?:-[A-Za-z]+){0,2}){1,2}",
    ),
    (Whole, "[A-Z]+&[A-Z]+"),
    (Whole, r"(?i:[cf]#|c\+\+)"),
    // Abbreviations
    (Whole, r"[A-Za-z](?:\.[A-Za-z])*\."),
    (Whole, r"(?i)ph\.d\."),
    (Whole, r"<ABBREVIATION>\."),
    (Whole, r"(<NUMBERED>\.) ?[0-9]"),
    // Numbers
    (Whole, r"[+-]?(?:\d*(?:[.,:]\d+)+|\d+)"),
    (Whole, r"(<A>\d\ds?)[^A-Za-z0-9]"),
    (Whole, r"(?:\d{1,4}[- \u{a0}])?\d{1,4}/\d{1,4}"),
    (Whole, r"\d{1,2}[-/]\d{1,2}[-/]\d{2,4}"),
    (
        Whole,
        r"(?:\(\d{2,3}\)[ \u{a0}]?|(?:\+\+?)?(?:\d{2,4}[- \u{a0}])?\d{2,4}[- \u{a0}])\d{3,4}[- \u{a0}]?\d{3,5}",
    ),
    (Whole, r"(?:(?:\+\+?)?\d{2,4}\.)?\d{2,4}\.\d{3,4}\.\d{3,5}"),
    (Whole, r"[A-Z]{1,2}\$"),
    // Addresses
    (Whole, r"(?i)https?://[^\s\x22<>|()]+[^\s\x22<>|.!?(){},-]"),
    (
        Whole,
        r"(?i)(?:www\.(?:[^\s\x22<>|.!?(){},]+\.)+[a-z]{2,4}|(?:[^\s\x22<>|.!?(){},_$-]+\.)+(?:com|net|org|edu))(?:/[^\s\x22<>|()]+[^\s\x22<>|.!?(){},-])?",
    ),
    (
        Whole,
        r"[A-Za-z0-9][^\s\x22<>|()\u{a0}]*@(?:[^\s\x22<>|(){}.\u{a0}]+\.)*[^\s\x22<>|(){}.\u{a0}]+",
    ),
    (Whole, r"@[A-Za-z_]\w*"),
    (Whole, "#<L><W>*"),
    // Faces
    (Whole, r"([<>]?[:;=][-o*']?[()DPdpO\\{@|\[\]])[^A-Za-z]"),
    (
        Whole,
        r"[-^x=~<>']_[-^x=~<>']|\([-^x=~<>'][_.]?[-^x=~<>']\)",
    ),
    // Runs of one mark
    (Whole, r"[!?]+|\*+|_+|<<|>>"),
    (As("--"), r"-[-]+"),
    (As("..."), r"\.\.\.+"),
];

/// The rules, in order.
pub(super) static RULES: LazyLock<Vec<Rule>> = LazyLock::new(|| {
    let apart = (TAKEN_APART.iter()).map(|&(word, length)| (Apart(length), format!("(?i){word}")));
    let all = (PATTERNS.iter()).map(|&(kept, pattern)| (kept, pattern.to_owned()));
    apart
        .chain(all)
        .map(|(kept, pattern)| Rule::new(kept, &pattern))
        .collect()
});

pub(super) struct Rule {
    pub kept: Kept,
    pattern: Regex,
    /// Whether more is asked for than is taken.
    looks_ahead: bool,
}

impl Rule {
    fn new(kept: Kept, pattern: &str) -> Self {
        let any = |words: &str| words.split_whitespace().collect::<Vec<_>>().join("|");
        let abbreviation = format!("(?:(?i:{})|{})", any(ANY_CASE), any(CAPITAL));
        let numbered = format!("(?i:{})", any(NUMBERED));
        let pattern = (pattern.replace("<ABBREVIATION>", &abbreviation))
            .replace("<NUMBERED>", &numbered)
            .replace(
                "<L>",
                r"[\p{L}\p{M}\u{ad}--[\u{20d0}-\u{20ff}\u{fe00}-\u{fe0f}]]",
            )
            .replace(
                "<W>",
                r"[\p{L}\p{M}\p{Nd}\u{ad}--[\u{20d0}-\u{20ff}\u{fe00}-\u{fe0f}]]",
            )
            .replace("<A>", "['\u{92}\u{2019}]");
        let pattern = Regex::new(&format!(r"\A(?:{pattern})")).expect("the pattern is a constant");
        Self {
            kept,
            looks_ahead: pattern.captures_len() > 1,
            pattern,
        }
    }

    /// How many bytes of the beginning of a text the rule matches, and how many of them it takes.
    pub fn fits(&self, text: &str) -> Option<(usize, usize)> {
        if !self.looks_ahead {
            return self
                .pattern
                .find(text)
                .map(|found| (found.len(), found.len()));
        }
        let found = self.pattern.captures(text)?;
        Some((found[0].len(), found[1].len()))
    }
}

/// Whether a word of letters alone is two tokens.
pub(super) fn is_taken_apart(word: &str) -> bool {
    (TAKEN_APART.iter()).any(|(whole, _)| whole.eq_ignore_ascii_case(word))
}
