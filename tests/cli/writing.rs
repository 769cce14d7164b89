//! The options of `caption` for how texts are written.

use super::captions::folder;
use super::*;

fn json(args: &[&str]) -> Value {
    let output = run(args);
    assert_code(&output, 0);
    serde_json::from_str(stdout(&output)).unwrap()
}

#[test]
fn beams_give_their_best_candidates() {
    let (_folder, disc) = folder();
    let line = json(&[
        "caption",
        "--json",
        "--beams",
        "4",
        "--candidates",
        "3",
        &disc,
    ]);
    let candidates = line["candidates"].as_array().unwrap();
    assert_eq!(candidates.len(), 3);
    assert_eq!(candidates[0]["caption"], line["caption"]);
    let score = |i: usize| candidates[i]["score"].as_f64().unwrap();
    assert!(score(0) >= score(1) && score(1) >= score(2));
    assert_ne!(candidates[0]["tokens"], candidates[1]["tokens"]);

    let output = run(&["caption", "--beams", "4", "--candidates", "3", &disc]);
    assert_code(&output, 0);
    let lines: Vec<&str> = stdout(&output).lines().collect();
    assert_eq!(lines.len(), 4, "the best, then all: {lines:#?}");
    let best = line["caption"].as_str().unwrap();
    assert!(lines[0].ends_with(best) && lines[1].ends_with(best));
}

#[test]
fn openclips_own_search_can_be_asked_for() {
    let (_folder, disc) = folder();
    let groups = [
        "caption",
        "--json",
        "--beams",
        "6",
        "--groups",
        "3",
        "--scoring",
        "raw",
        &disc,
    ];
    let plain = [
        "caption",
        "--json",
        "--beams",
        "2",
        "--scoring",
        "raw",
        &disc,
    ];
    assert_eq!(json(&groups)["tokens"], json(&plain)["tokens"]);
}

#[test]
fn a_seed_repeats_what_was_drawn() {
    let (_folder, disc) = folder();
    let drawn = |seed| {
        let args = ["caption", "--json", "--temperature", "2", "--top-p", "0.99"];
        json(&[&args[..], &["--candidates", "5", "--seed", seed, &disc]].concat())["candidates"]
            .clone()
    };
    assert_eq!(drawn("1"), drawn("1"));
    assert_ne!(drawn("1"), drawn("2"));
}

#[test]
fn texts_begin_with_the_prompt_and_keep_to_their_lengths() {
    let (_folder, disc) = folder();
    for search in [&[][..], &["--beams", "3"], &["--top-k", "2"]] {
        let args = [
            "caption",
            "--json",
            "--prompt",
            "There is  A",
            "--max-length",
            "7",
        ];
        let line = json(&[&args[..], search, &[&disc]].concat());
        let caption = line["caption"].as_str().unwrap();
        assert!(caption.starts_with("there is a "), "{caption}");
        assert!(line["tokens"].as_array().unwrap().len() <= 7);
    }
    let long = json(&["caption", "--json", "--min-length", "15", &disc]);
    assert!(long["tokens"].as_array().unwrap().len() >= 15);
}

#[test]
fn what_contradicts_itself_ends_with_2() {
    let refused = |options: &[&str], words: &[&str]| {
        assert_refuses(&[&["caption", "x.png"], options].concat(), 2, words);
    };
    refused(
        &["--beams", "4", "--temperature", "1"],
        &["--beams", "--temperature"],
    );
    refused(&["--groups", "2"], &["--beams"]);
    refused(&["--scoring", "logp"], &["--beams"]);
    refused(&["--beams", "6", "--groups", "4"], &["groups", "6 beams"]);
    refused(&["--beams", "0"], &["beams", "found 0"]);
    refused(&["--candidates", "2"], &["candidates", "beams"]);
    refused(&["--top-p", "0"], &["top_p"]);
    refused(&["--temperature", "nan"], &["temperature"]);
    refused(&["--max-length", "1"], &["--max-length"]);
    refused(
        &["--min-length", "9", "--max-length", "9"],
        &["min_seq_len"],
    );
    refused(
        &["--prompt", "a <end_of_text>"],
        &["prompt", "ids of words"],
    );
    // Before the model is asked for, which is not there.
    refused(
        &["--beams", "0", "--model", "nobody/nothing", "--offline"],
        &["beams"],
    );
    let long = "star ".repeat(40);
    refused(&["--prompt", &long], &["prompt", "at most"]);
}
