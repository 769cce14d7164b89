//! `index` with the built-in model.

use std::fs;
use std::path::{Path, PathBuf};

use tempfile::TempDir;

use super::captions::folder as folder_with_disc;
use super::*;

/// A folder with copies of the clips under assets/, and where an index would be.
pub fn folder() -> (TempDir, PathBuf, String) {
    let folder = tempfile::tempdir().unwrap();
    let here = folder.path().canonicalize().unwrap();
    let videos = here.join("videos");
    fs::create_dir(&videos).unwrap();
    for entry in fs::read_dir(format!("{ROOT}/assets")).unwrap() {
        let entry = entry.unwrap();
        fs::copy(entry.path(), videos.join(entry.file_name())).unwrap();
    }
    let index = here.join("videos.index").to_str().unwrap().to_owned();
    (folder, videos, index)
}

pub fn text(path: &Path) -> &str {
    path.to_str().unwrap()
}

/// Runs `index` and gives what it prints.
fn index(what: &str, index: &str, more: &[&str]) -> String {
    let output = run(&[&["index", what, "-q", "--index", index], more].concat());
    assert_code(&output, 0);
    stdout(&output).to_owned()
}

#[test]
fn only_what_is_new_or_changed_is_read() {
    let (_folder, videos, file) = folder();
    let added = index("add", &file, &[text(&videos)]);
    assert_eq!(added.matches("added ").count(), 3, "{added}");
    assert!(
        added.contains("3 added;") && added.contains("has 3 videos, 3 windows"),
        "{added}"
    );
    assert!(index("add", &file, &[text(&videos)]).starts_with("3 unchanged;"));

    let (star, moved) = (
        videos.join("red_star.mp4"),
        videos.join("a\nnew \u{2605}.mp4"),
    );
    fs::rename(&star, &moved).unwrap();
    fs::copy(videos.join("green_cross.mp4"), videos.join("copy.mp4")).unwrap();
    fs::copy(
        format!("{ROOT}/tests/data/clips/moving_000.mp4"),
        videos.join("circle_and_heart.mp4"),
    )
    .unwrap();
    let again = index("add", &file, &[text(&videos)]);
    assert!(
        again.contains("1 changed, 2 recognised, 1 unchanged;"),
        "{again}"
    );
    assert!(again.contains("has 4 videos"), "{again}");

    // Whatever the index knows is looked at again, wherever it is.
    fs::remove_file(&moved).unwrap();
    let output = run(&["index", "update", "-q", "--index", &file]);
    assert_code(&output, 1);
    assert!(
        stderr(&output).contains("new \u{2605}.mp4: is not there any more"),
        "{}",
        stderr(&output)
    );
    assert!(
        stdout(&output).contains("3 unchanged, 1 failed; "),
        "{}",
        stdout(&output)
    );
    let pruned = index("update", &file, &["--prune"]);
    assert!(pruned.contains("3 unchanged, 1 removed; "), "{pruned}");
    assert!(index("verify", &file, &[]).starts_with("ok: 3 videos, 3 windows"));
}

#[test]
fn what_is_known_is_listed_and_forgotten() {
    let (_folder, videos, file) = folder();
    let (star, cross) = (videos.join("red_star.mp4"), videos.join("green_cross.mp4"));
    index(
        "add",
        &file,
        &[
            "--captions",
            "--windows",
            "1s",
            "--frames",
            "2",
            text(&star),
        ],
    );
    // The index knows how it was made: nothing need be said again.
    index("add", &file, &[text(&cross)]);
    let list = index("ls", &file, &[]);
    assert_eq!(list.lines().count(), 3, "{list}");
    assert!(
        list.contains("model shapes (sha256 ") && list.contains("--windows 1s, --frames 2"),
        "{list}"
    );
    let lines: Vec<Value> = index("ls", &file, &["--json"])
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    assert_eq!(lines[1]["video"], text(&star));
    assert_eq!(lines[1]["captions"], true);
    assert_eq!(lines[0]["captions"], false);
    assert!(lines[1]["windows"].as_u64().unwrap() >= 2, "{lines:?}");
    assert_eq!(lines[1]["bytes"], fs::metadata(&star).unwrap().len());
    assert_eq!(lines[1]["sha256"].as_str().unwrap().len(), 64);

    assert_eq!(index("rm", &file, &[text(&star)]), "1 video removed\n");
    let output = run(&["index", "rm", "--index", &file, text(&star), text(&videos)]);
    assert_code(&output, 1);
    assert_eq!(stdout(&output), "1 video removed\n");
    assert!(stderr(&output).contains("red_star.mp4: is not in the index"));
    assert!(star.exists());
}

#[test]
fn a_bad_file_does_not_stop_the_others() {
    let (_folder, videos, file) = folder();
    fs::write(videos.join("broken.mp4"), "no video\n".repeat(100)).unwrap();
    fs::write(videos.join("empty.mkv"), "").unwrap();
    fs::write(videos.join("notes.txt"), "not looked at").unwrap();
    let nowhere = videos.join("nowhere");
    let output = run(&[
        "index",
        "add",
        "-q",
        "--index",
        &file,
        text(&videos),
        text(&nowhere),
    ]);
    assert_code(&output, 1);
    assert!(
        stdout(&output).contains("3 added, 3 failed; "),
        "{}",
        stdout(&output)
    );
    for bad in ["broken.mp4", "empty.mkv", "nowhere"] {
        let named = stderr(&output)
            .lines()
            .filter(|line| line.contains(bad))
            .count();
        assert_eq!(named, 1, "{bad} in {}", stderr(&output));
    }
    assert!(!stderr(&output).contains("notes.txt"));
}

#[test]
fn images_are_videos_of_one_window() {
    let (folder, disc) = folder_with_disc();
    let file = folder.path().join("index").to_str().unwrap().to_owned();
    index("add", &file, &[&disc]);
    let output = run(&[
        "search",
        "-q",
        "--index",
        &file,
        "a red circle",
        "--open-at",
    ]);
    assert_code(&output, 0);
    let lines: Vec<&str> = stdout(&output).lines().collect();
    assert_eq!(lines.len(), 2, "{lines:?}");
    assert!(
        lines[0].ends_with("disc.png"),
        "an image has no times: {lines:?}"
    );
    assert!(lines[1].trim().starts_with("mpv /"), "{lines:?}");
}

#[test]
fn an_index_made_in_another_way_is_refused() {
    let (folder, videos, file) = folder();
    index("add", &file, &[text(&videos.join("red_star.mp4"))]);
    let other = [
        "index",
        "add",
        "-q",
        "--index",
        &file,
        "--windows",
        "whole",
        text(&videos),
    ];
    assert_refuses(&other, 1, &["windows 4s/2s, not whole", "another index"]);
    // Another model: a weight differs.
    let model = folder.path().join("model");
    fs::create_dir(&model).unwrap();
    for name in [
        "open_clip_config.json",
        "tokenizer.json",
        "model.safetensors",
    ] {
        fs::copy(format!("{ROOT}/models/shapes/{name}"), model.join(name)).unwrap();
    }
    let weights = model.join("model.safetensors");
    let mut bytes = fs::read(&weights).unwrap();
    *bytes.last_mut().unwrap() ^= 0x80;
    fs::write(&weights, bytes).unwrap();
    let model = text(&model);
    for command in [
        &[
            "index",
            "add",
            "-q",
            "--index",
            &file,
            "--model",
            model,
            text(&videos),
        ][..],
        &["index", "update", "-q", "--index", &file, "--model", model],
        &["search", "-q", "--index", &file, "--model", model, "a star"],
    ] {
        assert_refuses(
            command,
            1,
            &["of the model shapes", "cannot be compared", "another index"],
        );
    }
}

#[test]
fn what_is_no_index_is_refused_by_every_command() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("notes.txt");
    fs::write(&file, "notes\n".repeat(1000)).unwrap();
    let file = text(&file);
    for command in [
        &["index", "ls", "--index", file][..],
        &["index", "verify", "--index", file],
        &["index", "rm", "--index", file, "x"],
        &["index", "update", "--index", file],
        &["index", "add", "--index", file, "x"],
        &["search", "--index", file, "x"],
    ] {
        assert_refuses(command, 1, &["notes.txt: is no index"]);
    }
    assert_refuses(&["index", "ls", "--index", "nonesuch"], 1, &["nonesuch"]);
    assert_refuses(&["index", "add", "x"], 2, &["--index"]);
    let keyframes = [
        "index",
        "add",
        "--index",
        "new",
        "--sampling",
        "keyframes",
        "x",
    ];
    assert_refuses(&keyframes, 2, &["whole videos"]);
}

#[test]
fn a_killed_program_leaves_an_index_to_go_on_with() {
    let (_folder, videos, file) = folder();
    for i in 0..10 {
        let name = format!("moving_00{i}.mp4");
        fs::copy(format!("{ROOT}/tests/data/clips/{name}"), videos.join(name)).unwrap();
    }
    // The first line says that a video is committed.
    let mut child = std::process::Command::new(assert_cmd::cargo::cargo_bin!("vcoca-gpu"))
        .args(["index", "add", "-q", "--index", &file, text(&videos)])
        .stdout(std::process::Stdio::piped())
        .spawn()
        .unwrap();
    let mut line = String::new();
    let mut lines = std::io::BufReader::new(child.stdout.take().unwrap());
    std::io::BufRead::read_line(&mut lines, &mut line).unwrap();
    child.kill().unwrap();
    child.wait().unwrap();
    assert!(line.starts_with("added "), "{line}");

    let left = index("verify", &file, &[]);
    assert!(left.starts_with("ok: "), "{left}");
    let known = index("ls", &file, &[]).lines().count() - 1;
    assert!((1..=13).contains(&known), "{known}");
    let rest = index("add", &file, &[text(&videos)]);
    assert!(
        rest.contains(&format!("{known} unchanged; ")),
        "{known} were there: {rest}"
    );
    assert!(rest.contains("has 13 videos, 13 windows"), "{rest}");
    assert!(index("verify", &file, &[]).starts_with("ok: 13 videos"));
}
