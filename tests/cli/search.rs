//! `search` in clips that show shapes.

use std::fs;

use super::index::{folder, text};
use super::*;

/// An index of the clips under assets/, with captions.
fn indexed() -> (tempfile::TempDir, String) {
    let (folder, videos, index) = folder();
    let output = run(&[
        "index",
        "add",
        "-q",
        "--captions",
        "--index",
        &index,
        text(&videos),
    ]);
    assert_code(&output, 0);
    (folder, index)
}

fn search(index: &str, more: &[&str]) -> Output {
    let output = run(&[&["search", "-q", "--index", index], more].concat());
    assert_code(&output, 0);
    output
}

fn json(index: &str, more: &[&str]) -> Vec<Value> {
    let output = search(index, &[&["--json"], more].concat());
    stdout(&output)
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect()
}

/// The names of the videos found, the best first.
fn names(lines: &[Value]) -> Vec<&str> {
    lines
        .iter()
        .map(|line| line["video"].as_str().unwrap().rsplit('/').next().unwrap())
        .collect()
}

#[test]
fn a_text_finds_what_it_says() {
    let (_folder, index) = indexed();
    for (query, video) in [
        ("a red star", "red_star.mp4"),
        ("a green cross", "green_cross.mp4"),
        ("a yellow heart", "circle_and_heart.mp4"),
        // The star's colour is taken away, and what is left is nearer to the cross.
        ("a red cross - red + green", "green_cross.mp4"),
    ] {
        let lines = json(&index, &[query]);
        assert_eq!(lines.len(), 3, "{lines:?}");
        assert_eq!(names(&lines)[0], video, "{query}: {lines:?}");
        assert!(lines.is_sorted_by(|a, b| a["score"].as_f64() >= b["score"].as_f64()));
    }
    let lines = json(&index, &["a red star", "--top", "1"]);
    assert_eq!(lines.len(), 1);
    assert_eq!(lines[0]["caption"], "a medium red star");
    assert_eq!(lines[0]["start"], 0.0);
    assert!(
        (lines[0]["end"].as_f64().unwrap() - 2.2).abs() < 0.2,
        "{lines:?}"
    );
    assert!(lines[0]["open_at"].as_str().unwrap().starts_with("mpv /"));
    assert!(lines[0].get("clip").is_none());
}

#[test]
fn a_video_and_an_image_find_their_like() {
    let (_folder, index) = indexed();
    let cross = format!("{ROOT}/assets/green_cross.mp4");
    let lines = json(&index, &["--video", &cross]);
    assert_eq!(names(&lines)[0], "green_cross.mp4");
    assert!(lines[0]["score"].as_f64().unwrap() > 0.95, "{lines:?}");
    let (_disc_folder, disc) = super::captions::folder();
    let lines = json(&index, &["--image", &disc]);
    // A red disc on blue: nothing else here is as red, or as round.
    assert_ne!(names(&lines)[0], "green_cross.mp4");
    let output = run(&["search", "--index", &index, "--image", "nonesuch.png"]);
    assert_code(&output, 1);
    assert!(stderr(&output).contains("nonesuch.png"));
}

#[test]
fn scores_are_bounded_from_below() {
    let (_folder, index) = indexed();
    let all = json(&index, &["a red star"]);
    let least = all[1]["score"].as_f64().unwrap() + 1e-4;
    assert_eq!(
        json(&index, &["a red star", "--min-score", &least.to_string()]),
        all[..1]
    );
    assert!(json(&index, &["a red star", "--min-score", "2"]).is_empty());
    assert_eq!(json(&index, &["a red star", "--min-score", "-1"]).len(), 3);
    let nan = ["search", "--index", &index, "a star", "--min-score", "nan"];
    assert_refuses(&nan, 2, &["--min-score"]);
}

#[test]
fn the_text_has_a_line_with_a_timeline_for_each_moment() {
    let (_folder, index) = indexed();
    let output = search(&index, &["a red star", "--top", "1", "--open-at"]);
    let lines: Vec<&str> = stdout(&output).lines().collect();
    assert_eq!(lines.len(), 2, "{lines:?}");
    assert!(lines[0].contains("  \u{2588}\u{2588}\u{2588}"), "{lines:?}");
    assert!(lines[0].contains("red_star.mp4 [0.00-2."), "{lines:?}");
    assert!(lines[0].ends_with(" s]: a medium red star"), "{lines:?}");
    assert!(
        lines[1].trim().starts_with("mpv ") && lines[1].ends_with("red_star.mp4"),
        "{lines:?}"
    );
}

#[test]
fn moments_are_cut_to_files_that_are_never_written_over() {
    let (folder, index) = indexed();
    let clips = folder.path().join("clips");
    let cut = || {
        let lines = json(
            &index,
            &["a red star", "--top", "1", "--clip", text(&clips)],
        );
        PathBuf::from(lines[0]["clip"].as_str().unwrap())
    };
    let (first, second) = (cut(), cut());
    assert_ne!(first, second);
    assert_eq!(
        fs::read_dir(&clips).unwrap().count(),
        2,
        "nothing unfinished is left"
    );
    let name = first.file_name().unwrap().to_str().unwrap();
    assert!(name.starts_with("red_star_0.00-2."), "{name}");
    let output = run(&["caption", "-q", text(&first)]);
    assert_code(&output, 0);
    assert!(stdout(&output).contains("red star"), "{}", stdout(&output));
}

#[test]
fn a_page_has_what_was_found() {
    let (folder, index) = indexed();
    let page = folder.path().join("found.html");
    search(
        &index,
        &["a <red> star", "--top", "2", "--html", text(&page)],
    );
    let html = fs::read_to_string(&page).unwrap();
    assert!(html.contains("<title>a &lt;red&gt; star</title>"));
    assert!(html.contains("2 moments of 3 windows") && html.contains("model shapes"));
    assert_eq!(
        html.matches("<img src=\"data:image/jpeg;base64,").count(),
        2
    );
    assert!(html.contains("a medium red star") && html.contains("red_star.mp4#t=0.000,2."));
    assert!(!html.contains("http") && !html.contains("<script"));

    let nowhere = folder.path().join("no/such/folder/found.html");
    let output = run(&[
        "search",
        "-q",
        "--index",
        &index,
        "a star",
        "--html",
        text(&nowhere),
    ]);
    assert_code(&output, 1);
    assert!(stderr(&output).contains("found.html"));
}

#[test]
fn a_query_that_makes_no_sense_is_refused_at_once() {
    let folder = tempfile::tempdir().unwrap();
    let index = folder.path().join("none").to_str().unwrap().to_owned();
    for bad in ["", "a star -", "a - + b"] {
        assert_refuses(
            &["search", "--index", &index, bad],
            2,
            &["query", "on both sides"],
        );
    }
    assert_refuses(&["search", "--index", &index], 2, &["TEXT"]);
    assert_refuses(
        &["search", "--index", &index, "x", "--image", "y"],
        2,
        &["--image"],
    );
    assert_refuses(&["search", "--index", &index, "a star"], 1, &["none"]);
}

#[test]
fn terms_that_cancel_each_other_are_refused() {
    let (_folder, index) = indexed();
    assert_refuses(
        &["search", "-q", "--index", &index, "a star - a star"],
        2,
        &["cancel"],
    );
}

/// A file that stands for another (a link, a pipe, /dev/stdout) goes on to do so.
#[cfg(unix)]
#[test]
fn a_page_is_written_through_a_link() {
    let (folder, index) = indexed();
    let (page, link) = (folder.path().join("found.html"), folder.path().join("link"));
    std::os::unix::fs::symlink(&page, &link).unwrap();
    search(&index, &["a star", "--html", text(&link)]);
    assert!(link.is_symlink());
    assert!(fs::read_to_string(&page).unwrap().contains("<title>a star"));
}
