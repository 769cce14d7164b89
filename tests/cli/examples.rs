//! What `--help` gives as examples works as it is written, in a shell, from the repository's root.

use std::path::Path;
use std::process::Command;

use super::*;

/// The examples in the help of a command, their continued lines joined.
fn examples(command: &str) -> Vec<String> {
    let output = run(&[command, "--help"]);
    assert_code(&output, 0);
    let (_, behind) = stdout(&output).split_once("Examples:\n").unwrap();
    let (examples, _) = behind.split_once("\n\n").unwrap();
    let examples = examples.replace("\\\n", " ");
    examples
        .lines()
        .map(|line| line.trim().to_owned())
        .collect()
}

/// A folder that looks like the repository's root, but for what is written there.
fn root() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    let tests = Path::new(ROOT).join("tests");
    std::os::unix::fs::symlink(tests, folder.path().join("tests")).unwrap();
    // `find` does not follow a link.
    let assets = folder.path().join("assets");
    std::fs::create_dir(&assets).unwrap();
    for asset in std::fs::read_dir(Path::new(ROOT).join("assets")).unwrap() {
        let asset = asset.unwrap();
        std::fs::copy(asset.path(), assets.join(asset.file_name())).unwrap();
    }
    folder
}

/// Runs a line where the program is on the path.
fn shell(line: &str, folder: &Path) -> Output {
    let program = assert_cmd::cargo::cargo_bin!("vcoca-gpu");
    let path = std::env::var_os("PATH").unwrap_or_default();
    let folders = std::env::split_paths(&path);
    let path = std::iter::once(program.parent().unwrap().to_owned()).chain(folders);
    let mut command = Command::new("sh");
    command.args(["-c", line]).current_dir(folder);
    command
        .env("PATH", std::env::join_paths(path).unwrap())
        .env_remove("RUST_LOG");
    if line.contains("vcoca-gpu tune") {
        // What the user keeps stays.
        command.env("XDG_CACHE_HOME", folder).env("HOME", folder);
    }
    command.output().unwrap()
}

#[test]
fn every_example_works_as_it_is_written() {
    for (command, count) in [
        ("caption", 4),
        ("classify", 3),
        ("ask", 2),
        ("embed", 4),
        ("index", 6),
        ("search", 4),
        ("live", 4),
        ("eval", 2),
        ("bench", 3),
        ("tune", 2),
    ] {
        let folder = root();
        let examples = examples(command);
        assert_eq!(examples.len(), count, "{examples:#?}");
        for example in examples {
            assert!(example.contains("vcoca-gpu "), "{command}: {example}");
            let output = shell(&example, folder.path());
            assert_eq!(
                output.status.code(),
                Some(0),
                "{example}\n{}",
                stderr(&output)
            );
            let redirected = example.contains(" > ");
            assert!(redirected || !output.stdout.is_empty(), "{example}");
        }
    }
}
