//! Whether a text looks like UTF-8 that somebody has read as something else.
//!
//! The kinds of characters, and which of them hardly ever meet in an intended text, are data of
//! ftfy 6.3.1 (`ftfy/badness.py`, Copyright 2023 Robyn Speer, Apache License 2.0: see `clean/LICENSE`),
//! written down here as tables.

use std::collections::HashMap;
use std::sync::LazyLock;

use regex::Regex;

/// Kinds of characters, a bit for each.
type Kinds = u32;

/// At home in many contexts.
const COMMON: Kinds = 1;
const CONTROL: Kinds = 1 << 1;
/// Hardly ever meant.
const BAD: Kinds = 1 << 2;
const LAW: Kinds = 1 << 3;
const CURRENCY: Kinds = 1 << 4;
const START: Kinds = 1 << 5;
const END: Kinds = 1 << 6;
const NUMERIC: Kinds = 1 << 7;
/// Drawn faces are made of them.
const FACE: Kinds = 1 << 8;
const UPPER_ACCENTED: Kinds = 1 << 9;
const LOWER_ACCENTED: Kinds = 1 << 10;
/// Capitals and small letters that often stand next to others.
const UPPER_COMMON: Kinds = 1 << 11;
const LOWER_COMMON: Kinds = 1 << 12;
const BOX: Kinds = 1 << 13;
const ASCII_UPPER: Kinds = 1 << 14;
const ASCII_LOWER: Kinds = 1 << 15;
const SPACE: Kinds = 1 << 16;
/// A letter, a number or `_`: dear to find out, so only where it matters.
const WORD: Kinds = 1 << 17;
/// Anything but a line's end.
const INLINE: Kinds = 1 << 18;
/// Anything but an unaccented Latin letter.
const OTHER: Kinds = 1 << 19;

const ACCENTED: Kinds = LOWER_ACCENTED | UPPER_ACCENTED;
const ASCII: Kinds = ASCII_UPPER | ASCII_LOWER;

const CHARACTERS: [(Kinds, &str); 13] = [
    (COMMON, "\u{a0}\u{ad}·´–—―…’"),
    (BAD, "¦¤¨¬¯¸ƒˆˇ˘˛˜†‡‰⌐◊\u{fffd}ªº"),
    (LAW, "¶§"),
    (CURRENCY, "¢£¥₧€"),
    (START, "¡«¿©\u{384}\u{385}‘‚“„•‹\u{f8ff}"),
    (END, "®»˝”›™"),
    (NUMERIC, "²³¹±¼½¾×µ÷⁄∂∆∏∑√∞∩∫≈≠≡≤≥№"),
    (FACE, "ŐŌŪŲ°"),
    (UPPER_ACCENTED, "ØÜÝĂĀĄĆČĎĐĘĚĒĖĞĢİĪĶĹĽŁĻŃŇŅŒŘŚŞŠŢŤŮŰŸŹŻŽҐ"),
    (LOWER_ACCENTED, "ßüăąāćčďđęěēėğģįīķĺľłļœŕśşšťźżžґﬁﬂ"),
    (UPPER_COMMON, "ÞΆΈΉΊΌΎΏΪΫ"),
    (LOWER_COMMON, "άέήίΰ"),
    (BOX, "│┌┐┘├┤┬┼▀▄█▌▐░▒▓"),
];

const RANGES: [(Kinds, char, char); 14] = [
    (CONTROL, '\u{80}', '\u{9f}'),
    (FACE, 'Ò', 'Ö'),
    (FACE, 'Ù', 'Ü'),
    (FACE, 'ò', 'ö'),
    (FACE, 'ø', 'ü'),
    (UPPER_ACCENTED, 'À', 'Ñ'),
    (LOWER_ACCENTED, 'à', 'ñ'),
    (UPPER_COMMON, 'Α', 'Ω'),
    (LOWER_COMMON, 'α', 'ω'),
    (UPPER_COMMON, 'Ё', 'Я'),
    (LOWER_COMMON, 'а', 'џ'),
    (BOX, '═', '╬'),
    (ASCII_UPPER, 'A', 'Z'),
    (ASCII_LOWER, 'a', 'z'),
];

fn kinds(c: char) -> Kinds {
    static KINDS: LazyLock<HashMap<char, Kinds>> = LazyLock::new(|| {
        let listed = CHARACTERS.iter();
        let listed = listed.flat_map(|&(kind, all)| all.chars().map(move |c| (kind, c)));
        let ranges = RANGES.iter();
        let ranges = ranges.flat_map(|&(kind, first, last)| (first..=last).map(move |c| (kind, c)));
        let mut kinds = HashMap::new();
        for (kind, c) in listed.chain(ranges) {
            *kinds.entry(c).or_default() |= kind;
        }
        kinds
    });
    let space = c.is_whitespace() || matches!(c, '\u{1c}'..='\u{1f}');
    let general = [
        (space, SPACE),
        (c != '\n', INLINE),
        (!c.is_ascii_alphabetic(), OTHER),
    ];
    let general = general.iter().filter(|(holds, _)| *holds);
    let listed = KINDS.get(&c).copied().unwrap_or(0);
    general.fold(listed, |all, (_, kind)| all | kind)
}

fn is_word(c: char) -> bool {
    static WORD: LazyLock<Regex> =
        LazyLock::new(|| Regex::new(r"[\p{L}\p{N}_]").expect("the pattern is a constant"));
    if c.is_ascii() {
        c.is_ascii_alphanumeric() || c == '_'
    } else {
        WORD.is_match(c.encode_utf8(&mut [0; 4]))
    }
}

/// One place of a sequence: a character of one of these kinds, or one of these.
struct Place(Kinds, &'static str);

const fn of(kinds: Kinds) -> Place {
    Place(kinds, "")
}

const fn one(characters: &'static str) -> Place {
    Place(0, characters)
}

/// Sequences that hardly ever are intended.
const SEQUENCES: &[&[Place]] = &[
    &[of(CONTROL)],
    &[
        of(ACCENTED | BAD | BOX | START | END | CURRENCY | NUMERIC | LAW),
        of(BAD),
    ],
    &[of(ASCII), of(LOWER_COMMON | UPPER_COMMON), of(BAD)],
    &[
        of(BAD),
        of(ACCENTED | BOX | START | END | CURRENCY | NUMERIC | LAW),
    ],
    &[
        of(LOWER_ACCENTED | LOWER_COMMON | BOX | END | CURRENCY | NUMERIC),
        of(UPPER_ACCENTED),
    ],
    &[of(BOX | END | CURRENCY | NUMERIC), of(LOWER_ACCENTED)],
    &[of(LOWER_ACCENTED | BOX | END), of(CURRENCY)],
    &[of(SPACE), of(UPPER_ACCENTED), of(CURRENCY)],
    &[of(UPPER_ACCENTED | BOX), of(NUMERIC | LAW)],
    &[of(ACCENTED | BOX | CURRENCY | END), of(START), of(NUMERIC)],
    &[
        of(ACCENTED | CURRENCY | NUMERIC | BOX | LAW),
        of(END),
        of(START),
    ],
    &[of(CURRENCY | NUMERIC | BOX), of(START)],
    &[of(ASCII_LOWER), of(UPPER_ACCENTED), of(START | CURRENCY)],
    &[of(BOX), of(FACE)],
    &[
        of(ACCENTED | CURRENCY | NUMERIC | START | END | LAW),
        of(BOX),
    ],
    &[of(BOX), of(END)],
    &[of(ACCENTED), of(START | END), of(WORD)],
    // Not "œu" and the like.
    &[one("Œœ"), of(OTHER)],
    // A degree sign belongs to a number.
    &[of(UPPER_ACCENTED), one("°")],
    // Latin-1 letters, Greek and Cyrillic, read as Windows-1252
    &[
        one("ÂÃÎÐ"),
        Place(START | END, "€œŠš¢£Ÿž\u{a0}\u{ad}®©°·»–—´"),
    ],
    &[one("×"), one("²³")],
    // Arabic, with twice two characters for certainty
    &[one("ØÙ"), ARABIC, one("ØÙ"), ARABIC],
    // South Asian scripts
    &[one("à"), one("²µ¹¼½¾")],
    // Read as MacRoman
    &[one("√"), one("±∂†≠®™´≤≥¥µø")],
    &[one("≈"), one("°¢")],
    &[one("‚"), one("Ä"), one("ìîïòôúùû†°¢π")],
    &[one("‚"), one("âó"), one("àä°ê")],
    // Punctuation, Latin-1 letters and Cyrillic, read as Windows-1251, once and twice
    &[one("в"), one("Ђ")],
    &[
        one("ВГРС"),
        Place(CONTROL | BAD | START | END | CURRENCY, "°µ"),
        one("ВГРС"),
    ],
    &[
        one("Г"),
        one("ў"),
        one("В"),
        one("Ђ"),
        one("В"),
        of(INLINE),
        Place(ASCII, " "),
    ],
    // "à", "á" and the no-break space
    &[one("Ã"), one("\u{a0}¡")],
    &[of(ASCII_LOWER), one("ÃÂ"), one(" ")],
    &[of(ASCII_LOWER), of(SPACE), one("ÃÂ"), one(" ")],
    // An "Â" that came before the encoding of the same character
    &[
        Place(ASCII_LOWER | END, ".,?!"),
        one("Â"),
        Place(START | END, " "),
    ],
    // Punctuation, Latin-1 letters and Greek, read as Windows-1253
    &[one("β"), one("€"), one("™\u{a0}Ά\u{ad}®°")],
    &[
        one("ΒΓΞΟ"),
        Place(CONTROL | BAD | START | END | CURRENCY, "°"),
        one("ΒΓΞΟ"),
    ],
    // Punctuation, read as Windows-1257
    &[one("ā"), one("€")],
];

const ARABIC: Place = Place(COMMON | CURRENCY | BAD | NUMERIC | START, "ŸŠ®°µ»");

/// Whether a sequence that is hardly ever intended occurs in a text.
pub(super) fn is_bad(text: &str) -> bool {
    let characters: Vec<_> = text.chars().map(|c| (c, kinds(c))).collect();
    let holds = |&(c, kinds): &(char, Kinds), &Place(wanted, these): &Place| {
        kinds & wanted != 0 || these.contains(c) || wanted & WORD != 0 && is_word(c)
    };
    let starts = |rest: &[(char, Kinds)], sequence: &[Place]| {
        rest.len() >= sequence.len() && rest.iter().zip(sequence).all(|(c, place)| holds(c, place))
    };
    let begins = text.starts_with("Ã ") || text.starts_with("Â ");
    // Every sequence has something beyond ASCII among its first three places.
    let may_start = |rest: &[(char, Kinds)]| rest.iter().take(3).any(|(c, _)| !c.is_ascii());
    begins
        || (0..characters.len())
            .map(|at| &characters[at..])
            .filter(|rest| may_start(rest))
            .any(|rest| SEQUENCES.iter().any(|sequence| starts(rest, sequence)))
}
