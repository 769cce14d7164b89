//! `caption` of the built-in model.

use std::fs::{self, File};
use std::process::Stdio;

use image::{Rgb, RgbImage};
use tempfile::TempDir;

use super::*;

/// A folder with a red disc on blue in `disc.png`.
pub fn folder() -> (TempDir, String) {
    let folder = tempfile::tempdir().unwrap();
    let disc = |x: u32, y: u32| {
        let (dx, dy) = (x as f32 - 48.0, y as f32 - 40.0);
        dx.hypot(dy) < 24.0
    };
    let picture = RgbImage::from_fn(96, 80, |x, y| match disc(x, y) {
        true => Rgb([220, 20, 20]),
        false => Rgb([20, 30, 200]),
    });
    let path = folder.path().join("disc.png");
    picture.save(&path).unwrap();
    let path = path.to_str().unwrap().to_owned();
    (folder, path)
}

fn join(folder: &TempDir, name: &str) -> String {
    folder.path().join(name).to_str().unwrap().to_owned()
}

#[test]
fn nothing_is_captioned_without_an_adapter() {
    let mut command = program(&["caption", "x"]);
    let output = command
        .env("WGPU_ADAPTER_NAME", "nonesuch")
        .output()
        .unwrap();
    assert_code(&output, 3);
    assert_eq!(stdout(&output), "");
    assert!(stderr(&output).contains("no usable GPU adapter"));
}

#[test]
fn an_image_is_captioned_in_text_and_json() {
    let (_folder, disc) = folder();
    let output = program(&["caption", &disc])
        .env_remove("XDG_RUNTIME_DIR")
        .output();
    let output = output.unwrap();
    assert_code(&output, 0);
    let text = stdout(&output);
    assert!(text.starts_with(&format!("{disc}: ")), "{text}");
    assert_eq!(text.lines().count(), 1);
    assert!(!stderr(&output).contains("XDG_RUNTIME_DIR"), "Mesa's noise");

    let output = run(&[
        "caption", "--json", "--frames", "3", "--dtype", "f32", &disc,
    ]);
    assert_code(&output, 0);
    let line: Value = serde_json::from_str(stdout(&output)).unwrap();
    let mut fields: Vec<_> = line.as_object().unwrap().keys().cloned().collect();
    fields.sort();
    assert_eq!(
        fields,
        [
            "adapter",
            "caption",
            "dtype",
            "frames",
            "logprob",
            "model",
            "timings_ms",
            "tokens",
            "video"
        ]
    );
    assert_eq!(line["video"], disc);
    assert_eq!(line["model"], "shapes");
    assert_eq!(line["dtype"], "f32");
    assert_eq!(
        line["frames"],
        serde_json::json!([0.0]),
        "an image is one frame"
    );
    let caption = line["caption"].as_str().unwrap();
    assert!(!caption.is_empty() && text.trim_end().ends_with(caption));
    assert!(line["logprob"].as_f64().unwrap() < 0.0);
    let tokens = line["tokens"].as_array().unwrap();
    assert_eq!(
        (tokens[0].as_u64(), tokens.last().unwrap().as_u64()),
        (Some(675), Some(676))
    );
    for stage in ["decode", "preprocess", "encode", "pool", "generate"] {
        assert!(line["timings_ms"][stage].as_f64().unwrap() > 0.0, "{stage}");
    }
    assert_eq!(line["timings_ms"].as_object().unwrap().len(), 5);
}

#[test]
fn a_folder_of_images_is_one_clip() {
    let (folder, disc) = folder();
    std::fs::copy(&disc, join(&folder, "another.png")).unwrap();
    let path = folder.path().to_str().unwrap();
    let output = run(&["caption", "--json", "--frames", "4", path]);
    assert_code(&output, 0);
    let line: Value = serde_json::from_str(stdout(&output)).unwrap();
    assert_eq!(line["frames"].as_array().unwrap().len(), 4);
    assert_eq!(line["video"], path);
}

#[test]
fn bad_inputs_are_named_and_the_others_still_captioned() {
    let (folder, disc) = folder();
    let empty = join(&folder, "empty");
    let text = join(&folder, "text.mp4");
    let none = join(&folder, "none.mp4");
    let bare = join(&folder, "bare");
    std::fs::write(&empty, []).unwrap();
    std::fs::write(&text, "no video\n".repeat(100)).unwrap();
    std::fs::create_dir(&bare).unwrap();
    let output = run(&["caption", &none, &empty, &disc, &text, &bare, &disc]);
    assert_code(&output, 1);
    let captions: Vec<&str> = stdout(&output).lines().collect();
    assert_eq!(captions.len(), 2);
    assert_eq!(captions[0], captions[1]);
    for bad in [&none, &empty, &text, &bare] {
        let errors = stderr(&output).lines();
        let named =
            errors.filter(|line| line.starts_with("error: ") && line.contains(bad.as_str()));
        assert_eq!(named.count(), 1, "{bad} in {}", stderr(&output));
    }
}

#[cfg(unix)]
/// A terminal shows both streams: an error stands between the captions of its neighbours.
#[test]
fn captions_and_errors_come_in_the_order_of_their_videos() {
    let (folder, disc) = folder();
    let missing = join(&folder, "missing.mp4");
    let log = File::create(join(&folder, "log")).unwrap();
    let paths = [&disc, &missing, &disc, &disc, &missing, &disc].map(String::as_str);
    let status = std::process::Command::new(assert_cmd::cargo::cargo_bin!("vcoca-gpu"))
        .args(["caption", "-v"])
        .args(paths)
        .env_remove("RUST_LOG")
        .stdout(log.try_clone().unwrap())
        .stderr(log)
        .status();
    assert_eq!(status.unwrap().code(), Some(1));
    let log = fs::read_to_string(join(&folder, "log")).unwrap();
    let told: Vec<&str> = (log.lines())
        .filter_map(|line| {
            let line = line.strip_prefix("error: ").unwrap_or(line);
            paths.iter().copied().find(|path| line.starts_with(path))
        })
        .collect();
    assert_eq!(told, paths, "{log}");
    let last = log.lines().last().unwrap();
    assert!(last.starts_with("6 videos in "), "{log}");
}

#[test]
fn a_fifo_does_not_hang() {
    let (folder, _) = folder();
    let fifo = join(&folder, "fifo.mp4");
    let made = std::process::Command::new("mkfifo").arg(&fifo).status();
    assert!(made.unwrap().success());
    assert_refuses(&["caption", "-q", &fifo], 1, &["fifo.mp4", "a FIFO"]);
}

#[test]
fn quiet_and_verbose_change_stderr_alone() {
    let (_folder, disc) = folder();
    let quiet = run(&["caption", "-q", &disc]);
    let verbose = run(&["caption", "-v", &disc]);
    assert_code(&quiet, 0);
    assert_code(&verbose, 0);
    assert_eq!(stdout(&quiet), stdout(&verbose));
    assert_eq!(stderr(&quiet), "");
    for word in ["decode", "generate", "first caption", "opened in"] {
        assert!(stderr(&verbose).contains(word), "{}", stderr(&verbose));
    }
    // Not a terminal: neither colours nor a bar.
    assert!(!stderr(&verbose).contains('\u{1b}'));
}

#[test]
fn a_closed_pipe_ends_quietly() {
    let (_folder, disc) = folder();
    let mut child = std::process::Command::new(assert_cmd::cargo::cargo_bin!("vcoca-gpu"))
        .args(["caption", "-q", &disc, &disc])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    drop(child.stdout.take());
    let output = child.wait_with_output().unwrap();
    assert_code(&output, 0);
    assert_eq!(stderr(&output), "");
}

/// A video of 2.16 s whose picture changes at 1.24 s, from an orange circle to a black square.
#[cfg(feature = "gstreamer")]
fn two_scenes() -> String {
    format!("{ROOT}/tests/data/world/msrvtt/videos/video3.mp4")
}

#[cfg(feature = "gstreamer")]
#[test]
fn each_shot_is_captioned_with_its_time() {
    let video = two_scenes();
    let output = run(&["caption", "-q", "--windows", "shots", &video]);
    assert_code(&output, 0);
    let lines: Vec<&str> = stdout(&output).lines().collect();
    assert_eq!(lines.len(), 2, "{lines:?}");
    assert!(
        lines[0].starts_with(&format!("{video} [0.00-1.24 s]: ")),
        "{lines:?}"
    );
    assert!(lines[0].ends_with("orange circle") && lines[1].ends_with("black square"));
    assert!(lines[1].contains("[1.24-2.16 s]"));

    let output = run(&["caption", "-q", "--windows", "shots", "--json", &video]);
    let lines: Vec<Value> = (stdout(&output).lines())
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    assert_eq!(
        (&lines[1]["start"], &lines[1]["end"]),
        (&1.24.into(), &2.16.into())
    );
    assert_eq!(lines[1]["frames"], serde_json::json!([1.24, 1.72]));
    assert!(lines[0]["timings_ms"]["decode"].as_f64().unwrap() > 0.0);
}

#[cfg(feature = "gstreamer")]
#[test]
fn captions_become_subtitles_and_chapters() {
    let video = two_scenes();
    let written = |format: &str| {
        let output = run(&[
            "caption",
            "-q",
            "--windows",
            "shots",
            "--format",
            format,
            &video,
        ]);
        assert_code(&output, 0);
        stdout(&output).to_owned()
    };
    let srt = written("srt");
    assert!(
        srt.starts_with("1\n00:00:00,000 --> 00:00:01,240\na "),
        "{srt}"
    );
    assert!(
        srt.contains("\n\n2\n00:00:01,240 --> 00:00:02,160\na "),
        "{srt}"
    );
    let vtt = written("vtt");
    assert!(
        vtt.starts_with("WEBVTT\n\n00:00:00.000 --> 00:00:01.240\na "),
        "{vtt}"
    );
    let chapters = written("chapters");
    assert!(
        chapters.starts_with("00:00 a ") && chapters.contains("\n00:01 a "),
        "{chapters}"
    );

    let two = ["caption", "--format", "srt", &video, &video];
    assert_refuses(&two, 2, &["one PATH, found 2"]);
}

#[cfg(feature = "gstreamer")]
#[test]
fn overlapping_windows_that_are_told_the_same_are_one() {
    let star = format!("{ROOT}/assets/red_star.mp4"); // 2.24 s of one star
    let windows = |more: &[&str]| {
        let args = [&["caption", "-q", "--windows", "1s/500ms"][..], more].concat();
        let output = run(&args);
        assert_code(&output, 0);
        stdout(&output).to_owned()
    };
    let one = windows(&[&star]);
    assert_eq!(one.lines().count(), 1, "{one}");
    assert!(one.contains("[0.00-2.24 s]"), "{one}");
    // Subtitles do not overlap, though windows do.
    let vtt = windows(&["--format", "vtt", &two_scenes()]);
    let times: Vec<&str> = vtt.lines().filter(|line| line.contains(" --> ")).collect();
    assert!(times.len() > 1, "{vtt}");
    for pair in times.windows(2) {
        let (end, start) = (&pair[0][17..], &pair[1][..12]);
        assert!(end <= start, "{vtt}");
    }
}

#[test]
fn cuts_that_make_no_sense_end_with_2() {
    let refuse = |args: &[&str], words: &[&str]| {
        assert_refuses(&[&["caption", "x"][..], args].concat(), 2, words);
    };
    refuse(&["--windows", "often"], &["4s/2s", "often"]);
    refuse(&["--windows", "2s/4s"], &["not above it"]);
    refuse(&["--windows", "0s"], &["above 0"]);
    refuse(
        &["--windows", "4s", "--sampling", "keyframes"],
        &["whole videos"],
    );
    refuse(&["--json", "--format", "srt"], &["cannot be used with"]);
    refuse(&["--join", "nan"], &["--join"]);
}
