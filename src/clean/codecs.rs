//! The single-byte codecs that UTF-8 is most often misread in.
//!
//! The tables are those of Python's codecs. Where Windows leaves a byte without a character, it
//! stands for the control character of its number, as web browsers have it; and byte 1A, which
//! means "something was here", stands for U+FFFD.

use std::collections::HashMap;
use std::sync::LazyLock;

pub(super) struct Codec {
    /// What bytes from 80 on stand for. Those below are ASCII.
    upper: &'static str,
    /// Whether byte 1A is U+FFFD.
    pub lossy: bool,
    /// Whether a space may be a byte A0 that somebody has taken for a space.
    pub spaces: bool,
}

/// In the order in which a text is tried. The first seven, after Latin-1, put their letters where
/// it has them.
pub(super) const CODECS: [Codec; 10] = [
    LATIN_1,
    WINDOWS_1252,
    WINDOWS_1251,
    WINDOWS_1250,
    WINDOWS_1253,
    WINDOWS_1254,
    WINDOWS_1257,
    ISO_8859_2,
    MAC_ROMAN,
    IBM_437,
];
pub(super) const LIKE_LATIN_1: usize = 7;

impl Codec {
    const fn windows(upper: &'static str) -> Self {
        Self {
            upper,
            lossy: true,
            spaces: true,
        }
    }
}

/// The byte of a character in each of [`CODECS`] that has it.
pub(super) fn bytes(c: char) -> [Option<u8>; CODECS.len()] {
    static UPPER: LazyLock<HashMap<char, [Option<u8>; CODECS.len()]>> = LazyLock::new(|| {
        let mut bytes = HashMap::new();
        for (which, codec) in CODECS.iter().enumerate() {
            for (byte, c) in (0x80..=0xff).zip(codec.upper.chars()) {
                bytes.entry(c).or_insert([None; CODECS.len()])[which] = Some(byte);
            }
        }
        bytes
    });
    match c {
        '\u{1a}' => CODECS
            .each_ref()
            .map(|codec| (!codec.lossy).then_some(0x1a)),
        '\u{fffd}' => CODECS.each_ref().map(|codec| codec.lossy.then_some(0x1a)),
        '\0'..='\x7f' => [Some(c as u8); CODECS.len()],
        _ => UPPER.get(&c).copied().unwrap_or_default(),
    }
}

/// What a control character from U+0080 to U+009F stands for in Windows-1252.
pub(super) fn control(c: char) -> char {
    match c {
        '\u{80}'..='\u{9f}' => {
            let mut upper = WINDOWS_1252.upper.chars();
            upper.nth(c as usize - 0x80).unwrap_or(c)
        }
        _ => c,
    }
}

const LATIN_1: Codec = Codec {
    upper: "\
     \u{80}\u{81}\u{82}\u{83}\u{84}\u{85}\u{86}\u{87}\
     \u{88}\u{89}\u{8a}\u{8b}\u{8c}\u{8d}\u{8e}\u{8f}\
     \u{90}\u{91}\u{92}\u{93}\u{94}\u{95}\u{96}\u{97}\
     \u{98}\u{99}\u{9a}\u{9b}\u{9c}\u{9d}\u{9e}\u{9f}\
     \u{a0}¡¢£¤¥¦§¨©ª«¬\u{ad}®¯°±²³´µ¶·¸¹º»¼½¾¿\
     ÀÁÂÃÄÅÆÇÈÉÊËÌÍÎÏÐÑÒÓÔÕÖ×ØÙÚÛÜÝÞß\
     àáâãäåæçèéêëìíîïðñòóôõö÷øùúûüýþÿ",
    lossy: false,
    spaces: true,
};

const WINDOWS_1252: Codec = Codec::windows(
    "\
     €\u{81}‚ƒ„…†‡ˆ‰Š‹Œ\u{8d}Ž\u{8f}\u{90}‘’“”•–—˜™š›œ\u{9d}žŸ\
     \u{a0}¡¢£¤¥¦§¨©ª«¬\u{ad}®¯°±²³´µ¶·¸¹º»¼½¾¿\
     ÀÁÂÃÄÅÆÇÈÉÊËÌÍÎÏÐÑÒÓÔÕÖ×ØÙÚÛÜÝÞß\
     àáâãäåæçèéêëìíîïðñòóôõö÷øùúûüýþÿ",
);

const WINDOWS_1251: Codec = Codec::windows(
    "\
     ЂЃ‚ѓ„…†‡€‰Љ‹ЊЌЋЏђ‘’“”•–—\u{98}™љ›њќћџ\
     \u{a0}ЎўЈ¤Ґ¦§Ё©Є«¬\u{ad}®Ї°±Ііґµ¶·ё№є»јЅѕї\
     АБВГДЕЖЗИЙКЛМНОПРСТУФХЦЧШЩЪЫЬЭЮЯ\
     абвгдежзийклмнопрстуфхцчшщъыьэюя",
);

const WINDOWS_1250: Codec = Codec::windows(
    "\
     €\u{81}‚\u{83}„…†‡\u{88}‰Š‹ŚŤŽŹ\u{90}‘’“”•–—\u{98}™š›śťžź\
     \u{a0}ˇ˘Ł¤Ą¦§¨©Ş«¬\u{ad}®Ż°±˛ł´µ¶·¸ąş»Ľ˝ľż\
     ŔÁÂĂÄĹĆÇČÉĘËĚÍÎĎĐŃŇÓÔŐÖ×ŘŮÚŰÜÝŢß\
     ŕáâăäĺćçčéęëěíîďđńňóôőö÷řůúűüýţ˙",
);

const WINDOWS_1253: Codec = Codec::windows(
    "\
     €\u{81}‚ƒ„…†‡\u{88}‰\u{8a}‹\u{8c}\u{8d}\u{8e}\u{8f}\
     \u{90}‘’“”•–—\u{98}™\u{9a}›\u{9c}\u{9d}\u{9e}\u{9f}\u{a0}΅Ά£¤¥¦§¨©ª«¬\u{ad}®―\
     °±²³΄µ¶·ΈΉΊ»Ό½ΎΏΐΑΒΓΔΕΖΗΘΙΚΛΜΝΞΟ\
     ΠΡÒΣΤΥΦΧΨΩΪΫάέήίΰαβγδεζηθικλμνξο\
     πρςστυφχψωϊϋόύώÿ",
);

const WINDOWS_1254: Codec = Codec::windows(
    "\
     €\u{81}‚ƒ„…†‡ˆ‰Š‹Œ\u{8d}\u{8e}\u{8f}\u{90}‘’“”•–—˜™š›œ\u{9d}\u{9e}Ÿ\
     \u{a0}¡¢£¤¥¦§¨©ª«¬\u{ad}®¯°±²³´µ¶·¸¹º»¼½¾¿\
     ÀÁÂÃÄÅÆÇÈÉÊËÌÍÎÏĞÑÒÓÔÕÖ×ØÙÚÛÜİŞß\
     àáâãäåæçèéêëìíîïğñòóôõö÷øùúûüışÿ",
);

const WINDOWS_1257: Codec = Codec::windows(
    "\
     €\u{81}‚\u{83}„…†‡\u{88}‰\u{8a}‹\u{8c}¨ˇ¸\
     \u{90}‘’“”•–—\u{98}™\u{9a}›\u{9c}¯˛\u{9f}\u{a0}¡¢£¤¥¦§Ø©Ŗ«¬\u{ad}®Æ\
     °±²³´µ¶·ø¹ŗ»¼½¾æĄĮĀĆÄÅĘĒČÉŹĖĢĶĪĻ\
     ŠŃŅÓŌÕÖ×ŲŁŚŪÜŻŽßąįāćäåęēčéźėģķīļ\
     šńņóōõö÷ųłśūüżž˙",
);

const ISO_8859_2: Codec = Codec {
    upper: "\
     \u{80}\u{81}\u{82}\u{83}\u{84}\u{85}\u{86}\u{87}\
     \u{88}\u{89}\u{8a}\u{8b}\u{8c}\u{8d}\u{8e}\u{8f}\
     \u{90}\u{91}\u{92}\u{93}\u{94}\u{95}\u{96}\u{97}\
     \u{98}\u{99}\u{9a}\u{9b}\u{9c}\u{9d}\u{9e}\u{9f}\
     \u{a0}Ą˘Ł¤ĽŚ§¨ŠŞŤŹ\u{ad}ŽŻ°ą˛ł´ľśˇ¸šşťź˝žż\
     ŔÁÂĂÄĹĆÇČÉĘËĚÍÎĎĐŃŇÓÔŐÖ×ŘŮÚŰÜÝŢß\
     ŕáâăäĺćçčéęëěíîďđńňóôőö÷řůúűüýţ˙",
    lossy: false,
    spaces: true,
};

const MAC_ROMAN: Codec = Codec {
    upper: "\
     ÄÅÇÉÑÖÜáàâäãåçéèêëíìîïñóòôöõúùûü\
     †°¢£§•¶ß®©™´¨≠ÆØ∞±≤≥¥µ∂∑∏π∫ªºΩæø\
     ¿¡¬√ƒ≈∆«»…\u{a0}ÀÃÕŒœ–—“”‘’÷◊ÿŸ⁄€‹›ﬁﬂ\
     ‡·‚„‰ÂÊÁËÈÍÎÏÌÓÔ\u{f8ff}ÒÚÛÙıˆ˜¯˘˙˚¸˝˛ˇ",
    lossy: false,
    spaces: false,
};

const IBM_437: Codec = Codec {
    upper: "\
     ÇüéâäàåçêëèïîìÄÅÉæÆôöòûùÿÖÜ¢£¥₧ƒ\
     áíóúñÑªº¿⌐¬½¼¡«»░▒▓│┤╡╢╖╕╣║╗╝╜╛┐\
     └┴┬├─┼╞╟╚╔╩╦╠═╬╧╨╤╥╙╘╒╓╫╪┘┌█▄▌▐▀\
     αßΓπΣσµτΦΘΩδ∞φε∩≡±≥≤⌠⌡÷≈°∙·√ⁿ²■\u{a0}",
    lossy: false,
    spaces: true,
};
