//! GPT-2's byte-level alphabet, in which vocabularies are written: each byte is one printable
//! character, itself where it is printable, else the next free one from U+0100 on.

/// Marks the end of a word in CLIP's vocabulary; a space in text.
pub(super) const END_OF_WORD: &str = "</w>";

/// The byte that a character of the alphabet stands for.
pub(super) fn byte(c: char) -> Option<u8> {
    let code = u32::from(c);
    let byte = match code {
        0x21..=0x7e | 0xa1..=0xac | 0xae..=0xff => code,
        0x100..=0x120 => code - 0x100,        // 0x00..=0x20
        0x121..=0x142 => code - 0x121 + 0x7f, // 0x7f..=0xa0
        0x143 => 0xad,
        _ => return None,
    };
    Some(byte as u8)
}

/// The characters in the order of their ids in CLIP's vocabulary: those of printable bytes first,
/// which are also the lower ones.
pub(super) fn characters() -> impl Iterator<Item = char> {
    ('\0'..='\u{143}').filter(|&c| byte(c).is_some())
}

/// The bytes that a vocabulary entry stands for.
pub(super) fn bytes(token: &str) -> Vec<u8> {
    let (word, space) = match token.strip_suffix(END_OF_WORD) {
        Some(word) => (word, " "),
        None => (token, ""),
    };
    let mut bytes = Vec::with_capacity(token.len());
    for c in word.chars() {
        match byte(c) {
            Some(byte) => bytes.push(byte),
            None => bytes.extend(c.encode_utf8(&mut [0; 4]).bytes()),
        }
    }
    bytes.extend(space.bytes());
    bytes
}
