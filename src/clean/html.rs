//! Named and numbered characters of HTML: `&eacute;`, `&#233;`, `&#xE9;`.

use std::borrow::Cow;
use std::collections::HashMap;
use std::sync::LazyLock;

use super::codecs;

/// HTML's names, those with a semicolon at their end and the old ones without.
static NAMES: LazyLock<HashMap<&str, &str>> = LazyLock::new(|| {
    let entities = entities::ENTITIES.iter();
    entities
        .map(|entity| (&entity.entity[1..], entity.characters))
        .collect()
});

/// The longest name that Python looks for, its semicolon not counted.
const LONGEST: usize = 32;

/// Replaces everything that a browser would, as Python's `html.unescape` does: semicolons may be
/// missing, and a name may run into the next word.
pub(super) fn unescape(text: &str) -> String {
    replace(text, |rest| {
        let length = numbered(rest).or_else(|| named(rest))?;
        let (reference, _) = rest.split_at(length);
        Some((length, character(reference)))
    })
}

/// Replaces what ends in a semicolon and is no accident, as ftfy does. It also takes capitals for
/// what has a name in small letters alone: `&NTILDE;`.
pub(super) fn unescape_whole(text: &str) -> String {
    replace(text, |rest| {
        let hash = usize::from(rest.starts_with('#'));
        let name = rest.bytes().skip(hash).take(25);
        let length = hash + name.take_while(u8::is_ascii_alphanumeric).count();
        if !(1..=24).contains(&(length - hash)) || !rest[length..].starts_with(';') {
            return None;
        }
        let reference = &rest[..=length];
        let whole = |text: &Cow<str>| !text.contains(';');
        let character = if hash == 1 {
            Some(unescape(&format!("&{reference}")).into()).filter(whole)
        } else {
            NAMES.get(reference).map(|&found| found.into())
        };
        let character = character.or_else(|| capital(reference))?;
        Some((length + 1, character))
    })
}

/// Hands what follows each `&` to `find`, which says how much of it to replace, and by what.
fn replace<'a>(
    mut text: &'a str,
    find: impl Fn(&'a str) -> Option<(usize, Cow<'a, str>)>,
) -> String {
    let mut replaced = String::with_capacity(text.len());
    while let Some((before, rest)) = text.split_once('&') {
        replaced += before;
        match find(rest) {
            Some((length, character)) => {
                replaced += &character;
                text = &rest[length..];
            }
            None => {
                replaced.push('&');
                text = rest;
            }
        }
    }
    replaced + text
}

/// The length of a number with its hash and, if it is there, semicolon.
fn numbered(rest: &str) -> Option<usize> {
    let digits = rest.strip_prefix('#')?;
    let (start, digits, radix) = match digits.strip_prefix(['x', 'X']) {
        Some(digits) => (2, digits, 16),
        None => (1, digits, 10),
    };
    let length = digits.chars().take_while(|c| c.is_digit(radix)).count();
    let semicolon = digits[length..].starts_with(';');
    (length > 0).then_some(start + length + usize::from(semicolon))
}

/// The length of what may be a name, with its semicolon.
fn named(rest: &str) -> Option<usize> {
    let part =
        |&(_, c): &(usize, char)| !matches!(c, '\t' | '\n' | '\x0c' | ' ' | '<' | '&' | '#' | ';');
    let (last, c) = rest.char_indices().take(LONGEST).take_while(part).last()?;
    let end = last + c.len_utf8();
    Some(end + usize::from(rest[end..].starts_with(';')))
}

/// What a reference stands for. A name that is none may begin with one; else it stays.
fn character(reference: &str) -> Cow<'_, str> {
    if let Some(digits) = reference.strip_prefix('#') {
        return number(digits.trim_end_matches(';'));
    }
    match name(reference) {
        Some((found, end)) => format!("{found}{}", &reference[end..]).into(),
        None => format!("&{reference}").into(),
    }
}

/// The longest name at the start of a reference: what it stands for, and its length.
fn name(reference: &str) -> Option<(&'static str, usize)> {
    // All are ASCII and have two letters or more.
    let mut ends = (2..=reference.len()).rev();
    ends.find_map(|end| Some((*NAMES.get(reference.get(..end)?)?, end)))
}

fn number(digits: &str) -> Cow<'static, str> {
    let (digits, radix) = match digits.strip_prefix(['x', 'X']) {
        Some(digits) => (digits, 16),
        None => (digits, 10),
    };
    // A number that is too long is too large.
    let code = u32::from_str_radix(digits, radix).unwrap_or(u32::MAX);
    match code {
        0 => "\u{fffd}".into(),
        0x80..=0x9f => codecs::control(char::from(code as u8)).to_string().into(),
        0x01..=0x08 | 0x0b | 0x0e..=0x1f | 0x7f | 0xfdd0..=0xfdef => "".into(),
        0x110000.. => "\u{fffd}".into(),
        _ if code & 0xfffe == 0xfffe => "".into(),
        _ => char::from_u32(code)
            .unwrap_or('\u{fffd}')
            .to_string()
            .into(),
    }
}

/// What a name in capitals stands for, unless it is or begins with a name itself.
fn capital(reference: &str) -> Option<Cow<'static, str>> {
    let small = reference.to_ascii_lowercase();
    let found = NAMES.get(small.as_str())?;
    let clear = small.to_ascii_uppercase() == reference && name(reference).is_none();
    clear.then(|| found.to_uppercase().into())
}
