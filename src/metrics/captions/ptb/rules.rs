//! What the lexer takes as one token.
//!
//! A rule is a regular expression. Where it has parentheses that capture, it takes what is in them and
//! only looks at the rest. Names in angle brackets stand for other expressions, below.

use std::sync::LazyLock;

use regex::Regex;

use super::abbreviations::{ANY_CASE, CAPITAL, NUMBERED, STARTERS};

/// How the token of a rule is written.
#[derive(Clone, Copy, Debug)]
pub(super) enum Written {
    AsItStands,
    /// With a plain apostrophe for a curly one.
    Straight,
    /// With ASCII's quotation marks for curly ones.
    Quotes,
    This(&'static str),
}

/// Words that are two tokens: the first is taken, the second is seen next.
const TAKEN_APART: [(&str, &str); 6] = [
    ("can", "not"),
    ("gim", "me"),
    ("gon", "na"),
    ("got", "ta"),
    ("lem", "me"),
    ("wan", "na"),
];

const AS_THEY_STAND: &[&str] = &[
    // Tags and comments of HTML
    "</?<NAME>(?: +<NAME>(?: *= *<VALUE>)?)* */?>",
    "<[!?][A-Za-z-][^>]*>",
    "&#[0-9]+;",
    // Before what is taken off a word
    "(?i)('t)(?:is|was)",
    "(?i)(mor)'n",
    "(?i)([a-z]*[a-mo-z])n<ACCENT>t",
    "(?i)(<W>+)<A>(?:[dms]|ll|re|ve)",
    // Words with an apostrophe
    "(?i)<A>(?:em|til|cause|n<A>)",
    r"(?i)(<A>n)\s",
    "(?i)(?:c'mon|c'est|e'er|li'l|nat'l|cap<A>n|ev'ry|s'mores|ol<A>|dunkin<A>|somethin<A>)",
    "(?i)[djl]<A>",
    "(?i)(y<A>)<L>",
    "<ELIDED>",
    "<L>+(?i:[aeiouy])<TICK>[aeiouA-Z]<L>*",
    // Words
    "<HYPHENED>",
    "<DOTTED>",
    "<JOINED>",
    "<COMPANY>",
    "[A-Za-z0-9][A-Za-z0-9.,]*(?:<HYPHEN>(?:<ACRONYM>|[A-Za-z0-9]+))+",
    "<SLASHED>(?:/<SLASHED>){1,2}",
    r"(?i:[cf]#|c\+\+)",
    // A full stop within a sentence belongs to the word before it.
    r"((?:<ELIDED>|<HYPHENED>|<DOTTED>|<JOINED>|<COMPANY>)\.)[,;:]",
    // Abbreviations
    r"[A-Za-z](?:\.[A-Za-z])*\.",
    r"([A-Za-z])\.\s+(?:<STARTER>\s|</?<NAME>>)",
    r"(?i)ph\.d\.",
    r"<ABBREVIATION>\.",
    r"(<NUMBERED>\.) ?[0-9]",
    // Numbers, years, fractions, dates, telephones, money
    r"[+-]?(?:\d*(?:[.,:]\d+)+|\d+)",
    // The releases of a program
    r"(?i)(\d+(?:\.\d+)*\.x)[\s.!?,-]",
    r"(<A>\d\d)\s",
    "<A>[0-9]0s",
    r"(?:\d{1,4}<GAP>)?\d{1,4}/\d{1,4}",
    r"\d{1,2}[-/]\d{1,2}[-/]\d{2,4}",
    r"(?:\(\d{2,3}\)[ \u{a0}]?|\+{0,2}(?:\d{2,4}<GAP>){1,2})\d{3,4}<GAP>?\d{3,5}",
    r"[A-Z]+\$",
    // Addresses
    "(?i)https?://<PATH>",
    "(?i)www<LABELS>[a-z]{2,4}(?:/<PATH>)?",
    r"(?:<HOST>\.)+(?i:com|net|org|edu)(?:/<PATH>)?",
    r"(?:<|&lt;)?[A-Za-z0-9]<ACCOUNT>*@(?:<DOMAIN>+\.)*<DOMAIN>+(?:>|&gt;)?",
    r"@[A-Za-z_]\w*",
    "#<L>+",
    // Faces
    r"([:;=]-?[()DPdp|\\])[^A-Za-z0-9]",
    r"<EYE>_<EYE>|\(<EYE>[_.]?<EYE>\)",
    // Runs of one mark
    r"[!?]+|\\\*|[*]+|_+|-{5,}|@{2,}|#{2,}|<<|>>",
];

const STRAIGHT: &[&str] = &[
    "(?i)n<ACCENT>t",
    "(?i)(<A>(?:[dms]|ll|re|ve))[^A-Za-z]",
    "(?i)[’\u{92}](?:[dms]|ll|re|ve)",
];

const QUOTES: &str = "[‘’“”]{2}";

const OTHERS: &[(&str, &str)] = &[
    ("(?i)&amp;", "&"),
    ("(?i)&lt;", "<"),
    ("(?i)&gt;", ">"),
    ("(?i)&quot;|''|``", "''"),
    ("(?i)&apos;", "'"),
    ("(?i)&nbsp;", ""),
    ("-{2,4}|(?i)&[mn]dash;", "--"),
    (r"\.{3,5}", "..."),
];

/// The names, from the largest expressions to the smallest: a name stands for what may hold later ones.
const NAMES: &[(&str, &str)] = &[
    // o'clock, D'Artagnan
    (
        "<ELIDED>",
        "(?:(?i:[dlno])<TICK><L><L>+|[A-HJ-XZ]<TICK><L><L>+)",
    ),
    ("<HYPHENED>", "<PART>(?:<HYPHEN><PART>)*"),
    ("<PART>", "(?:(?i:[dlo])<A><L>)?<W>+"),
    // end.the
    ("<DOTTED>", "<L><W>*(?:[.!?]<L><W>*)+"),
    ("<JOINED>", "<W>+(?:[-_]<W>+)+"),
    ("<COMPANY>", "[A-Z]+(?:[&+][A-Z]+)+"),
    ("<SLASHED>", "[A-Za-z0-9]+(?:-[A-Za-z]+){0,2}"),
    ("<ACRONYM>", r"[A-Za-z](?:\.[A-Za-z])+\."),
    // HTML
    ("<NAME>", r"[A-Za-z][\w:.-]*"),
    ("<VALUE>", r"(?:'[^']*'|\x22[^\x22]*\x22|[^ '\x22>]+)"),
    // Addresses end in no punctuation. (`,-_` is a range, with capitals and digits in it.)
    ("<PATH>", r"[^\s<NEVER>()]+[^\s<NEVER>.!?(){},-]"),
    ("<LABELS>", r"(?:\.[^\s<NEVER>.!?(){},]+)+\."),
    ("<HOST>", r"[^\s<NEVER>!?(){}$'`,-_]+"),
    ("<ACCOUNT>", r"[^\s<NEVER>(){}]"),
    ("<DOMAIN>", r"[^\s<NEVER>(){}.]"),
    ("<NEVER>", r"\x22<>|"),
    ("<EYE>", "[-^x=~<>']"),
    // Characters
    ("<GAP>", r"[- \u{a0}]"),
    ("<HYPHEN>", r"[-\u{2010}\u{2011}]"),
    ("<TICK>", "['`‘’\u{92}]"),
    ("<ACCENT>", "['`’\u{92}]"),
    ("<A>", "['’\u{92}]"),
    ("<W>", r"[<L>\p{Nd}]"),
    // Letters and the marks on them, soft hyphens
    (
        "<L>",
        r"[\p{L}\p{M}\u{ad}--[\u{20d0}-\u{20ff}\u{fe00}-\u{fe0f}]]",
    ),
];

/// The rules, in order.
pub(super) static RULES: LazyLock<Vec<Rule>> = LazyLock::new(|| {
    let words = |list: &str| list.split_whitespace().collect::<Vec<_>>().join("|");
    let abbreviation = format!("(?:(?i:{})|{})", words(ANY_CASE), words(CAPITAL));
    let numbered = format!("(?i:{})", words(NUMBERED));
    // In any case but for the first letter
    let starters: Vec<_> = (STARTERS.split_whitespace())
        .map(|word| format!("{}(?i:{})", &word[..1], &word[1..]))
        .collect();
    let starter = format!("(?:{})", starters.join("|"));
    let rule = |pattern: &str, written| {
        let mut pattern = (pattern.replace("<ABBREVIATION>", &abbreviation))
            .replace("<NUMBERED>", &numbered)
            .replace("<STARTER>", &starter);
        for (name, stands_for) in NAMES {
            pattern = pattern.replace(name, stands_for);
        }
        Rule::new(&pattern, written)
    };
    let apart = (TAKEN_APART.iter())
        .map(|(first, second)| rule(&format!("(?i)({first}){second}"), Written::AsItStands));
    let whole = (AS_THEY_STAND.iter()).map(|pattern| rule(pattern, Written::AsItStands));
    let straight = (STRAIGHT.iter()).map(|pattern| rule(pattern, Written::Straight));
    let quotes = std::iter::once(rule(QUOTES, Written::Quotes));
    let others = (OTHERS.iter()).map(|&(pattern, token)| rule(pattern, Written::This(token)));
    (apart
        .chain(whole)
        .chain(straight)
        .chain(quotes)
        .chain(others))
    .collect()
});

pub(super) struct Rule {
    pub written: Written,
    pattern: Regex,
    looks_ahead: bool,
}

impl Rule {
    fn new(pattern: &str, written: Written) -> Self {
        let pattern = Regex::new(&format!(r"\A(?:{pattern})")).expect("the pattern is a constant");
        Self {
            written,
            looks_ahead: pattern.captures_len() > 1,
            pattern,
        }
    }

    /// How many bytes of the beginning of a text the rule matches, and how many of them it takes.
    pub fn fits(&self, text: &str) -> Option<(usize, usize)> {
        let length = self.pattern.find(text)?.len();
        match self.looks_ahead {
            false => Some((length, length)),
            true => Some((length, self.pattern.captures(text)?[1].len())),
        }
    }
}

/// Whether a word of letters alone is two tokens.
pub(super) fn is_taken_apart(word: &str) -> bool {
    (TAKEN_APART.iter()).any(|(first, second)| {
        word.len() == first.len() + second.len()
            && word[..first.len()].eq_ignore_ascii_case(first)
            && word[first.len()..].eq_ignore_ascii_case(second)
    })
}
