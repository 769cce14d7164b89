//! Single characters that ftfy replaces or leaves out.

use std::sync::LazyLock;

use regex::Regex;
use unicode_normalization::UnicodeNormalization;

use super::codecs;

/// Colours and the like, as terminals read them.
static TERMINAL: LazyLock<Regex> =
    LazyLock::new(|| Regex::new(r"\x1b\[[\d;]*[a-zA-Z]").expect("the pattern is a constant"));

pub(super) fn fix(text: &str) -> String {
    let mut fixed = String::with_capacity(text.len());
    for c in text.chars() {
        let c = codecs::control(c);
        match ligature(c) {
            Some(letters) => fixed.extend(letters.chars().map(straight)),
            None if is_wide(c) => fixed.extend(std::iter::once(c).nfkc()),
            None => fixed.push(straight(c)),
        }
    }
    let lines = fixed.replace("\r\n", "\n");
    let lines = lines.replace(['\r', '\u{2028}', '\u{2029}'], "\n");
    let mut plain = TERMINAL.replace_all(&lines, "").into_owned();
    plain.retain(|c| !is_unwanted(c));
    plain
}

/// The letters that a ligature or digraph of Latin letters is made of.
fn ligature(c: char) -> Option<&'static str> {
    Some(match c {
        'Ĳ' => "IJ",
        'ĳ' => "ij",
        'ŉ' => "ʼn",
        'Ǳ' => "DZ",
        'ǲ' => "Dz",
        'ǳ' => "dz",
        'Ǆ' => "DŽ",
        'ǅ' => "Dž",
        'ǆ' => "dž",
        'Ǉ' => "LJ",
        'ǈ' => "Lj",
        'ǉ' => "lj",
        'Ǌ' => "NJ",
        'ǋ' => "Nj",
        'ǌ' => "nj",
        'ﬀ' => "ff",
        'ﬁ' => "fi",
        'ﬂ' => "fl",
        'ﬃ' => "ffi",
        'ﬄ' => "ffl",
        'ﬅ' => "ſt",
        'ﬆ' => "st",
        _ => return None,
    })
}

/// Full-width and half-width forms, whose usual form NFKC knows.
fn is_wide(c: char) -> bool {
    matches!(c, '\u{3000}' | '\u{ff01}'..='\u{ffef}')
}

fn straight(c: char) -> char {
    match c {
        '\u{2bc}' | '\u{2018}'..='\u{201b}' => '\'',
        '\u{201c}'..='\u{201f}' => '"',
        _ => c,
    }
}

/// Control characters that neither are white space nor change how others look.
fn is_unwanted(c: char) -> bool {
    matches!(c,
        '\0'..='\x08' | '\x0b' | '\x0e'..='\x1f' | '\x7f'
        | '\u{206a}'..='\u{206f}' | '\u{feff}' | '\u{fff9}'..='\u{fffc}')
}
