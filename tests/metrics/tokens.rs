//! Words of captions against those of Stanford's lexer.

use std::collections::BTreeMap;

use vcoca_gpu::metrics::captions::tokenize;

use crate::text;

#[test]
fn are_those_of_stanfords_lexer() {
    let mut counts: BTreeMap<String, (usize, Vec<String>)> = BTreeMap::new();
    for line in text("tokens.jsonl").lines() {
        let (kind, text, expected): (String, String, String) = serde_json::from_str(line).unwrap();
        let (count, differ) = counts.entry(kind).or_default();
        *count += 1;
        let found = tokenize(&text).join(" ");
        if found != expected {
            differ.push(format!("{text:?}: {expected:?}, but here {found:?}"));
        }
    }
    let (captions, differ) = &counts["captions"];
    assert!(*captions > 800 && differ.is_empty(), "{differ:#?}");
    let (written, differ) = &counts["written"];
    assert!(*written > 800 && differ.is_empty(), "{differ:#?}");
    // Constructs without spaces between: rules that meet only there are not all known.
    let (glued, differ) = &counts["glued"];
    assert!(*glued > 400 && differ.len() * 200 < *glued, "{differ:#?}");
}

#[test]
fn of_awkward_texts() {
    for empty in [
        "",
        " ",
        "\n",
        ".",
        "...",
        "\u{1f600}\u{1f44d}",
        "\u{0}\u{7f}",
        "\u{fe0f}",
    ] {
        assert_eq!(tokenize(empty), [""; 0], "{empty:?}");
    }
    assert_eq!(tokenize("a\nb\tc\u{a0}d\r\ne"), ["a", "b", "c", "d", "e"]);
    assert_eq!(tokenize("ΟΔΥΣΣΕΥΣ Straße"), ["οδυσσευς", "straße"]);
    // What the punctuation list does not have, or has in capitals.
    assert_eq!(
        tokenize("(a) [b] {c}"),
        [
            "-lrb-", "a", "-rrb-", "-lsb-", "b", "-rsb-", "-lcb-", "c", "-rcb-"
        ]
    );
    assert_eq!(tokenize("wow! wow!! :)"), ["wow", "wow", "!!", ":-rrb-"]);
    assert_eq!(tokenize("1 1/2 cups"), ["1\u{a0}1/2", "cups"]);
}

#[test]
fn of_a_long_text_without_a_space() {
    for pattern in [
        "a", "a.", "a'", "日本", "-", "<a ", "@a", "1,", "http://", "“",
    ] {
        let text = pattern.repeat((1 << 15) / pattern.len());
        let letters = |text: &str| text.chars().filter(|&c| c == 'a').count();
        assert_eq!(
            letters(&tokenize(&text).concat()),
            letters(&text),
            "{pattern:?}"
        );
    }
}
