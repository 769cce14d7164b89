//! What `--help` tells, and that its examples work as they are written.

use super::*;

const COMMANDS: &[&[&str]] = &[
    &[],
    &["caption"],
    &["classify"],
    &["ask"],
    &["embed"],
    #[cfg(feature = "index")]
    &["index"],
    #[cfg(feature = "index")]
    &["index", "add"],
    #[cfg(feature = "index")]
    &["index", "update"],
    #[cfg(feature = "index")]
    &["index", "ls"],
    #[cfg(feature = "index")]
    &["index", "rm"],
    #[cfg(feature = "index")]
    &["index", "verify"],
    #[cfg(feature = "index")]
    &["search"],
    &["eval"],
    &["devices"],
    &["models"],
    &["parity"],
];

fn help(command: &[&str]) -> String {
    let output = run(&[command, &["--help"]].concat());
    assert_code(&output, 0);
    stdout(&output).to_owned()
}

#[test]
fn help_tells_of_exit_codes_and_the_environment() {
    for command in COMMANDS {
        let help = help(command);
        for word in ["Exit codes:", "WGPU_ADAPTER_NAME", "HF_HOME", "NO_COLOR"] {
            // `index` is told by those of its commands that are run.
            if *command != ["index"] {
                assert!(help.contains(word), "{command:?} lacks {word}");
            }
        }
    }
    assert_code(&run(&["--version"]), 0);
}

/// The lines under "Examples:", those that go on joined.
#[cfg(all(unix, feature = "gstreamer", feature = "shapes"))]
fn examples(help: &str) -> Vec<String> {
    let (_, examples) = help.split_once("Examples:\n").unwrap();
    let (examples, _) = examples.split_once("\n\n").unwrap();
    let joined = examples.replace("\\\n", "");
    joined.lines().map(|line| line.trim().to_owned()).collect()
}

/// Whether something of the user's has to be put in: FILE, DIR and the like.
#[cfg(all(unix, feature = "gstreamer", feature = "shapes"))]
fn has_placeholder(example: &str) -> bool {
    let upper = |word: &str| word.len() > 1 && word.bytes().all(|byte| byte.is_ascii_uppercase());
    example.split_whitespace().any(upper)
}

/// Each command's in a folder of their own that has what this repository has under `assets` and `tests`.
#[cfg(all(unix, feature = "gstreamer", feature = "shapes"))]
#[test]
fn every_example_works_as_it_is_written() {
    use std::os::unix::fs::symlink;
    let program = assert_cmd::cargo::cargo_bin!("vcoca-gpu");
    let programs = format!(
        "{}:{}",
        program.parent().unwrap().display(),
        std::env::var("PATH").unwrap()
    );
    for command in COMMANDS {
        let help = help(command);
        if !help.contains("Examples:") || command.len() > 1 {
            continue;
        }
        let folder = tempfile::tempdir().unwrap();
        symlink(Path::new(ROOT).join("tests"), folder.path().join("tests")).unwrap();
        let assets = folder.path().join("assets");
        std::fs::create_dir(&assets).unwrap();
        for asset in std::fs::read_dir(Path::new(ROOT).join("assets")).unwrap() {
            let asset = asset.unwrap();
            std::fs::copy(asset.path(), assets.join(asset.file_name())).unwrap();
        }
        let examples = examples(&help);
        assert!(!examples.is_empty(), "{help}");
        for example in examples.iter().filter(|example| !has_placeholder(example)) {
            let output = Command::new("sh")
                .args(["-c", example])
                .current_dir(folder.path())
                .env("PATH", &programs)
                .env_remove("RUST_LOG")
                .output()
                .unwrap();
            assert_code(&output, 0);
        }
    }
}

/// A line that wraps cannot be pasted; help is 100 columns wide at the most.
#[test]
fn no_example_is_wrapped() {
    for command in COMMANDS {
        let help = help(command);
        let Some((_, examples)) = help.split_once("Examples:\n") else {
            continue;
        };
        let (examples, _) = examples.split_once("\n\n").unwrap();
        for line in examples.lines() {
            assert!(line.starts_with("  "), "{command:?}: {line}");
        }
    }
}
