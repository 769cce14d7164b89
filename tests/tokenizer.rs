//! The tokenizer layer on the built-in model's file, and on crafted ones.

use std::path::Path;

use vcoca_gpu::tokenizer::Tokenizer;

const JSON: &str = include_str!("../models/shapes/tokenizer.json");
const CONTEXT: usize = 24;
const VOCAB: usize = 677;

fn tokenizer() -> Tokenizer {
    Tokenizer::from_json(Path::new("shapes"), JSON.as_bytes(), CONTEXT, VOCAB).unwrap()
}

/// The built-in file with one part replaced.
fn crafted(change: impl FnOnce(&mut serde_json::Value)) -> String {
    let mut json = serde_json::from_str(JSON).unwrap();
    change(&mut json);
    json.to_string()
}

fn error(json: &str, vocab: usize) -> String {
    match Tokenizer::from_json(Path::new("crafted.json"), json.as_bytes(), CONTEXT, vocab) {
        Ok(_) => panic!("accepted"),
        Err(error) => error.to_string(),
    }
}

#[test]
fn text_comes_back() {
    let tokenizer = tokenizer();
    for text in [
        "a large red star on a blue background",
        "question : what color is the star ? answer : red",
        "naïve café 日本 🦀",
    ] {
        let ids = tokenizer.encode(text).unwrap();
        if ids.len() < CONTEXT {
            assert_eq!(tokenizer.decode(&ids), text);
        }
    }
}

#[test]
fn every_byte_comes_back() {
    let tokenizer = tokenizer();
    // Letters keep together as one word, so that no space comes between them.
    for text in ["ÿžĀſ", "\u{7f}\u{a0}x\u{ad}", "~!\"#", "\u{1}\u{1f}"] {
        let ids = tokenizer.ids(text).unwrap();
        let without_spaces = |text: &str| text.split_whitespace().collect::<String>();
        assert_eq!(
            without_spaces(&tokenizer.decode(&ids)),
            without_spaces(&text.to_lowercase()),
            "{text:?} as {ids:?}"
        );
    }
}

#[test]
fn rows_start_end_and_are_padded_with_0() {
    let tokenizer = tokenizer();
    let ids = tokenizer.ids("a red star").unwrap();
    assert!(!ids.contains(&tokenizer.sot()) && !ids.contains(&tokenizer.eot()));
    let row = tokenizer.encode("a red star").unwrap();
    assert_eq!(row[0], 675);
    assert_eq!(row[1..row.len() - 1], ids);
    assert_eq!(*row.last().unwrap(), 676);
    let padded = tokenizer.encode_padded("a red star").unwrap();
    assert_eq!(padded.len(), CONTEXT);
    assert_eq!(padded[..row.len()], row);
    assert!(padded[row.len()..].iter().all(|&id| id == 0));
    assert_eq!(tokenizer.encode("").unwrap(), [675, 676]);
}

#[test]
fn long_text_is_cut_and_still_ends() {
    let tokenizer = tokenizer();
    let text = "red star ".repeat(100);
    let row = tokenizer.encode(&text).unwrap();
    assert_eq!(row.len(), CONTEXT);
    assert_eq!(row[CONTEXT - 1], tokenizer.eot());
    assert_eq!(row[..3], tokenizer.encode("red star").unwrap()[..3]);
    assert_eq!(row, tokenizer.encode_padded(&text).unwrap());
}

#[test]
fn case_and_white_space_do_not_matter() {
    let tokenizer = tokenizer();
    let plain = tokenizer.ids("a red star").unwrap();
    assert_eq!(tokenizer.ids("  A Red\t\n  STAR ").unwrap(), plain);
    // A composed and a decomposed letter are one text.
    assert_eq!(
        tokenizer.ids("é").unwrap(),
        tokenizer.ids("e\u{301}").unwrap()
    );
}

#[test]
fn decoding_stops_at_the_end_and_skips_what_is_no_text() {
    let tokenizer = tokenizer();
    let red = tokenizer.ids("red").unwrap();
    let ids = [&[675, 0], &red[..], &[4_000_000_000, 676], &red[..]].concat();
    assert_eq!(tokenizer.decode(&ids), "red");
    assert_eq!(tokenizer.decode(&[]), "");
}

#[test]
fn the_files_own_padding_and_cutting_are_ignored() {
    let json = crafted(|json| {
        json["padding"] = serde_json::json!({"strategy": {"Fixed": 77}, "direction": "Right",
            "pad_to_multiple_of": null, "pad_id": 676, "pad_type_id": 0, "pad_token": "x"});
        json["truncation"] = serde_json::json!({"direction": "Right", "max_length": 1,
            "strategy": "LongestFirst", "stride": 0});
    });
    let theirs = Tokenizer::from_json(Path::new("x"), json.as_bytes(), CONTEXT, VOCAB).unwrap();
    assert_eq!(
        theirs.encode("a large red star").unwrap(),
        tokenizer().encode("a large red star").unwrap()
    );
}

#[test]
fn unusable_files_are_errors() {
    assert!(error("", VOCAB).contains("not a usable tokenizer"));
    assert!(error("{}", VOCAB).contains("crafted.json"));
    assert!(error(&JSON[..JSON.len() / 2], VOCAB).contains("not a usable tokenizer"));
}

#[test]
fn an_id_that_the_model_has_not_is_an_error() {
    let message = error(JSON, VOCAB - 10);
    assert!(message.contains("the model has 667 ids"), "{message}");
}

#[test]
fn a_file_that_makes_the_crate_panic_is_an_error() {
    // Merging cuts this prefix off the second half of each pair, which is shorter than that.
    let json = crafted(|json| {
        json["model"]["continuing_subword_prefix"] = "much longer than any token".into();
    });
    let message = error(&json, VOCAB);
    assert!(message.contains("contradicts itself"), "{message}");
}
