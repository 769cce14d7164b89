//! What is cleaned away before a text becomes ids, example by example. That it is the same as what
//! OpenCLIP does is for `tokenizer_digest` to show.

use vcoca_gpu::clean::clean;

#[track_caller]
fn cleans(text: &str, expected: &str) {
    assert_eq!(clean(text), expected, "{text:?}");
}

#[test]
fn white_space_and_case() {
    cleans("  A Red\t\r\n STAR\u{3000}\u{a0}", "a red star");
    cleans("ΟΔΥΣΣΕΥΣ İstanbul", "οδυσσευς i\u{307}stanbul");
    cleans("", "");
    cleans(" \u{2028}\u{feff}\u{1} ", "");
}

#[test]
fn characters_that_stand_for_others() {
    cleans("“quoted” ‘text’", "\"quoted\" 'text'");
    cleans("oﬃce ĳs ŉ", "office ijs 'n");
    cleans("ＬＯＵＤ　ﾉｲｽﾞ", "loud ノイズ");
    cleans("cafe\u{301}", "café");
    cleans("\u{1b}[31;1mred\u{1b}[0m star\u{7f}", "red star");
    // Windows-1252 that was read as Latin-1
    cleans("wait\u{85} \u{93}what\u{94}", "wait… \"what\"");
}

#[test]
fn names_and_numbers_of_html() {
    cleans("caf&eacute; &#233; &#xE9; &#XE9;", "café é é é");
    cleans("&amp;amp;lt;b&gt;", "<b>");
    cleans("AT&T &ampere fish&chips", "at&t &ere fish&chips");
    // Capitals that HTML does not have
    cleans("P&EACUTE;REZ &NTILDE;", "pérez ñ");
    cleans(
        "&#0;&#1;&#x80;&#xD800;&#99999999999;x",
        "\u{fffd}€\u{fffd}\u{fffd}x",
    );
    cleans("&nosuchthing; & &; &#; &#x;", "&nosuchthing; & &; &#; &#x;");
}

#[test]
fn text_that_was_read_in_the_wrong_encoding() {
    cleans("sÃ³", "só");
    cleans("â€œquotedâ€\u{9d} naÃ¯ve cafÃ©", "\"quoted\" naïve café");
    // Twice
    cleans("cafÃƒÂ©", "café");
    // As MacRoman, and as Windows-1251
    cleans("caf√© ‚Äúhm‚Äù", "café \"hm\"");
    cleans("РїСЂРёРІРµС‚", "привет");
    // A no-break space within a letter that has become a space
    cleans("voilÃ  le train Ã la mode", "voilà le train à la mode");
    // A byte that is lost for ever
    cleans("â€œsoâ€\u{fffd}", "\"so\u{fffd}");
    // A part of the text alone
    cleans("漢字 cafÃ© ☃", "漢字 café ☃");
}

#[test]
fn what_looks_odd_and_is_meant_stays() {
    cleans("Ångström Œuvre São Paulo", "ångström œuvre são paulo");
    cleans("(ノಠ益ಠ)ノ ¯\\_(ツ)_/¯", "(ノಠ益ಠ)ノ ¯\\_(ツ)_/¯");
    cleans("20 °C, 5 €, ½ l", "20 °c, 5 €, ½ l");
}

#[test]
fn a_tag_keeps_references_for_the_second_look() {
    // ftfy leaves HTML alone from its first "<" on, and quotes with it; the second look does not
    // see quotes.
    cleans("&ldquo;a", "\"a");
    cleans("<b>\n&ldquo;a", "<b> “a");
    cleans("&ldquo;a\n<b>", "\"a <b>");
}

#[test]
fn long_lines_are_fixed_a_million_characters_at_a_time() {
    let mut text = "a".repeat(999_999);
    text += "Ã³";
    // The pair is cut in two and either half makes sense.
    cleans(&text, &(text.to_lowercase()));
    cleans(&text[1..], &format!("{}ó", "a".repeat(999_998)));
}
