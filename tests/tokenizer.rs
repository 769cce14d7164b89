//! The tokenizer on the built-in model's file, on CLIP's merges, and on crafted files.

use std::path::Path;

use vcoca_gpu::model::Config;
use vcoca_gpu::tokenizer::Tokenizer;
use vcoca_gpu::{Error, ModelSource};

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

fn clip() -> Tokenizer {
    Tokenizer::clip(76).unwrap()
}

#[test]
fn text_comes_back() {
    for text in [
        "a large red star on a blue background",
        "question : what color is the star ? answer : red",
        "naïve café 日本 🦀",
    ] {
        for tokenizer in [tokenizer(), clip()] {
            let ids = tokenizer.encode(text).unwrap();
            if ids.len() < tokenizer.context_length() {
                assert_eq!(tokenizer.decode(&ids), text);
            }
        }
    }
}

#[test]
fn every_byte_comes_back() {
    // The bytes behind the first of a character, then first bytes. Letters keep together as one
    // word, so that no space comes between them. (Not "!": within a word it is CLIP's id 0, which
    // is padding, too.)
    let tails = (0x4e00..0x4e40).map(|code| char::from_u32(code).unwrap());
    let firsts = ["ßāŁƍɐḀᾀ㐀한豈ﺀ𐐨𠀀𰀀", "~\"#", "x\u{ad}"];
    for text in [tails.collect(), firsts.concat()] {
        for tokenizer in [tokenizer(), clip()] {
            let ids = tokenizer.ids(&text).unwrap();
            let without_spaces = |text: &str| text.split_whitespace().collect::<String>();
            assert_eq!(
                without_spaces(&tokenizer.decode(&ids)),
                without_spaces(&text.to_lowercase()),
                "{text:?} as {ids:?}"
            );
        }
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
fn text_is_cleaned_whatever_the_tokenizer() {
    for tokenizer in [tokenizer(), clip()] {
        assert_eq!(
            tokenizer.ids("“ｒｅｄ” &amp; sÃ³").unwrap(),
            tokenizer.ids("\"red\" & só").unwrap()
        );
    }
}

#[test]
fn clips_ids_are_the_published_ones() {
    let tokenizer = clip();
    let ids = |text| tokenizer.ids(text).unwrap();
    assert_eq!(
        ids("a large red star on a blue background"),
        [320, 3638, 736, 1565, 525, 320, 1746, 5994]
    );
    assert_eq!(ids("It's 2024!"), [585, 568, 273, 271, 273, 275, 256]);
    assert_eq!(tokenizer.encode("").unwrap(), [49406, 49407]);
    // OpenCLIP reads its special tokens in a text, but not behind punctuation.
    assert_eq!(ids("a<end_of_text>b"), [320, 49407, 321]);
    assert_eq!(
        ids("!<end_of_text>"),
        [0, 283, 806, 318, 539, 318, 4160, 285]
    );
}

#[test]
fn a_text_may_be_as_long_as_a_chapter_but_not_as_a_book() {
    let tokenizer = clip();
    let word = "abracadabra".repeat(5_900);
    let ids = tokenizer.ids(&word).unwrap();
    assert_eq!(tokenizer.decode(&ids), word);
    let error = tokenizer.ids(&word.repeat(2)).unwrap_err();
    assert!(
        matches!(error, Error::Argument { what: "text", .. }),
        "{error}"
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

/// A directory with these files, and the configuration of a model with `vocab` ids.
fn model(files: &[(&str, &str)], vocab: usize) -> (tempfile::TempDir, ModelSource, Config) {
    let folder = tempfile::tempdir().unwrap();
    for (name, content) in files {
        std::fs::write(folder.path().join(name), content).unwrap();
    }
    let source = ModelSource::Directory(folder.path().to_owned());
    let json = include_str!("data/tiny/open_clip_config.json");
    let mut config = Config::parse(Path::new("tiny"), json.as_bytes()).unwrap();
    config.vocab = vocab;
    (folder, source, config)
}

/// Merges for a vocabulary of 516: "ab" at the end of a word, then "cab".
const MERGES: &str = "#version: 0.2\na b</w>\nc ab</w>\n";

#[test]
fn a_models_own_tokenizer_comes_first() {
    let json = ("tokenizer.json", JSON);
    let merges = ("merges.txt", MERGES);
    let both = model(&[json, merges], VOCAB);
    let tokenizer = both.1.tokenizer(&both.2).unwrap();
    assert_eq!(tokenizer.sot(), 675);
    let merges = model(&[merges], 516);
    let tokenizer = merges.1.tokenizer(&merges.2).unwrap();
    assert_eq!(tokenizer.encode("cab").unwrap(), [514, 513, 515]);
    assert_eq!(tokenizer.context_length(), merges.2.context_length);
    let none = model(&[], 49408);
    let tokenizer = none.1.tokenizer(&none.2).unwrap();
    assert_eq!(tokenizer.ids("red star").unwrap(), [736, 1565]);
}

#[test]
fn a_model_without_a_tokenizer_that_is_not_clips_is_an_error() {
    let (folder, source, config) = model(&[], 96);
    let message = match source.tokenizer(&config) {
        Ok(_) => panic!("opened"),
        Err(error) => error.to_string(),
    };
    let folder = folder.path().to_str().unwrap();
    for part in [folder, "tokenizer.json", "merges.txt", "49408", "has 96"] {
        assert!(message.contains(part), "{message}");
    }
}

#[test]
fn merges_that_do_not_fit_are_errors() {
    let error = |merges: &[u8], vocab| match Tokenizer::from_merges(
        Path::new("merges.txt"),
        merges,
        CONTEXT,
        vocab,
    ) {
        Ok(_) => panic!("accepted"),
        Err(error) => error.to_string(),
    };
    let message = error(MERGES.as_bytes(), 49408);
    assert!(
        message.contains("2 merges make a vocabulary of 516"),
        "{message}"
    );
    let message = error(b"a b\nq abc\n", 516);
    assert!(
        message.contains("line 2") && message.contains("q abc"),
        "{message}"
    );
    let message = error(b"ab\na b\n", 516);
    assert!(message.contains("line 1"), "{message}");
    assert!(error(b"\xff", 515).contains("expected text"));
    assert!(error(b"", 2).contains("a vocabulary of 2"));
}
