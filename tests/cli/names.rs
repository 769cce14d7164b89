//! Names of files that would do harm to a terminal.

use std::fs;

use super::captions::folder;
use super::*;

/// A new line that looks like a result, and a sequence that colours what follows.
const NAME: &str = "disc.png: a lie\nred\u{1b}[31m.png";
const SHOWN: &str = "disc.png: a lie\\nred\\u{1b}[31m.png";

/// Every line ends where the program ends it, and holds no other control character.
fn assert_plain(output: &Output, lines: usize) {
    let said = format!("{}{}", stdout(output), stderr(output));
    assert_eq!(said.matches(SHOWN).count(), lines, "{said}");
    let control = |c: char| c.is_control() && c != '\n';
    assert!(!said.contains(control) && !said.contains("\nred"), "{said}");
}

#[test]
fn no_control_character_of_a_name_is_printed() {
    let (folder, disc) = folder();
    let named = folder.path().join(NAME);
    fs::copy(&disc, &named).unwrap();
    let named = named.to_str().unwrap();
    let caption = run(&["caption", "-q", named]);
    assert_code(&caption, 0);
    assert_plain(&caption, 1);
    let labels = "a circle,a \u{1b}[31mred\nheart";
    let classify = run(&["classify", "-q", named, "--labels", labels]);
    assert_code(&classify, 0);
    assert_plain(&classify, 1);
    assert!(stdout(&classify).contains("a \\u{1b}[31mred\\nheart"));
}

#[test]
fn no_control_character_of_a_name_is_printed_in_an_error() {
    let missing = format!("{ROOT}/{NAME}");
    let out = tempfile::tempdir().unwrap();
    let out = out.path().to_str().unwrap();
    for args in [
        &["caption", "-q", &missing][..],
        &["classify", "-q", "--labels", "a,b", &missing],
        &["ask", "-q", &missing, "what is it?"],
        &["embed", "-q", "--format", "jsonl", "--out", out, &missing],
    ] {
        let output = run(args);
        assert_code(&output, 1);
        assert_plain(&output, 1);
    }
}

#[cfg(all(feature = "index", feature = "gstreamer"))]
#[test]
fn no_control_character_of_a_name_comes_from_an_index() {
    let (folder, disc) = folder();
    let named = folder.path().join(NAME);
    fs::copy(&disc, &named).unwrap();
    let named = named.to_str().unwrap();
    let index = folder.path().join("index");
    let index = index.to_str().unwrap();
    let plain = |args: &[&str], code| {
        let output = run(&[args, &["-q", "--index", index]].concat());
        assert_code(&output, code);
        assert_plain(&output, 1);
    };
    plain(&["index", "add", named], 0);
    plain(&["index", "ls"], 0);
    plain(&["search", "a circle"], 0);
    fs::remove_file(named).unwrap();
    plain(&["index", "verify"], 1);
    plain(&["index", "update"], 1);
    plain(&["index", "update", "--prune"], 0);
    plain(&["index", "rm", named], 1);
}
