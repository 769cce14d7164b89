//! `vcoca-gpu live`.

use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};

use super::*;

fn events(output: &Output) -> Vec<Value> {
    let lines = stdout(output).lines();
    lines
        .map(|line| serde_json::from_str(line).unwrap())
        .collect()
}

fn of<'e>(events: &'e [Value], event: &str) -> Vec<&'e Value> {
    events
        .iter()
        .filter(|line| line["event"] == event)
        .collect()
}

/// The program, going on, with its lines as they come.
fn start(args: &[&str]) -> (Child, impl Iterator<Item = Value>) {
    let mut command = Command::new(assert_cmd::cargo::cargo_bin!("vcoca-gpu"));
    command.args(args).env_remove("RUST_LOG");
    let mut child = command
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let lines = BufReader::new(child.stdout.take().unwrap()).lines();
    (
        child,
        lines.map(|line| serde_json::from_str(&line.unwrap()).unwrap()),
    )
}

#[test]
fn a_file_is_told_to_its_end_as_json() {
    let clip = format!("{ROOT}/assets/red_star.mp4");
    let labels = "red star, green cross";
    let output = run(&["live", "--headless", "--source", &clip, "--labels", labels]);
    assert_code(&output, 0);
    let events = events(&output);
    let conditions: Vec<_> = of(&events, "source")
        .iter()
        .map(|e| &e["condition"])
        .collect();
    assert_eq!(conditions.last().unwrap(), &"ended", "{events:#?}");
    for kind in ["caption", "told"] {
        let lines = of(&events, kind);
        assert_eq!(lines.len(), 1, "{kind}: {events:#?}");
        assert!(lines[0]["text"].as_str().unwrap().contains("red star"));
        assert!(lines[0]["age_ms"].as_f64().unwrap() > 0.0);
    }
    let told = of(&events, "told")[0];
    assert!(told["start"].as_f64().unwrap() < 0.5 && told["end"].as_f64().unwrap() > 1.5);
    let shares = of(&events, "labels").last().unwrap()["labels"].clone();
    let names: Vec<_> = (0..3)
        .map(|i| shares[i]["label"].as_str().unwrap())
        .collect();
    assert_eq!(names, ["red star", "green cross", "none of these"]);
    assert!(shares[0]["share"].as_f64().unwrap() > 0.5, "{shares}");
    let last = events.last().unwrap();
    assert_eq!(last["event"], "figures");
    assert!(last["frames"].as_u64().unwrap() > 10 && last["gpu_bytes"].as_u64().unwrap() > 0);
}

#[test]
fn a_time_ends_a_source_that_has_no_end() {
    let output = run(&[
        "live",
        "--headless",
        "--source",
        "test",
        "--for",
        "3s",
        "-q",
    ]);
    assert_code(&output, 0);
    assert_eq!(stderr(&output), "");
    let events = events(&output);
    let caption = of(&events, "caption")[0]["text"].as_str().unwrap();
    assert!(caption.contains("red star"), "{caption}");
}

#[test]
fn a_loss_is_told_with_its_reason_and_without_the_password() {
    let source = "rtsp://someone:secret@127.0.0.1:1/stream";
    let output = run(&["live", "--headless", "--source", source, "--for", "2s"]);
    assert_code(&output, 0);
    let events = events(&output);
    let lost = (of(&events, "source").into_iter())
        .find(|event| event["condition"] == "lost")
        .expect("nobody listens there");
    assert!(
        lost["why"].as_str().unwrap().contains("cannot be reached"),
        "{lost}"
    );
    assert!(lost["retry_s"].as_f64().unwrap() > 0.0);
    let all = format!("{}{}", stdout(&output), stderr(&output));
    assert!(
        all.contains("someone:***@") && !all.contains("secret"),
        "{all}"
    );
}

#[test]
fn a_reader_that_goes_away_ends_it() {
    let (mut child, lines) = start(&["live", "--headless", "--source", "test"]);
    // The pipe is closed after the first caption.
    let caption = { lines }.find(|event| event["event"] == "caption");
    assert!(caption.is_some());
    assert_eq!(child.wait().unwrap().code(), Some(0));
}

#[test]
#[cfg(unix)]
fn ctrl_c_ends_it_in_good_order() {
    let (mut child, mut lines) = start(&["live", "--headless", "--source", "test"]);
    assert!(lines.any(|event| event["event"] == "caption"));
    let pid = child.id().to_string();
    assert!(
        Command::new("kill")
            .args(["-INT", &pid])
            .status()
            .unwrap()
            .success()
    );
    let rest: Vec<Value> = lines.collect();
    assert_eq!(
        of(&rest, "told").len(),
        1,
        "the last line is final: {rest:?}"
    );
    assert_eq!(rest.last().unwrap()["event"], "figures");
    assert_eq!(child.wait().unwrap().code(), Some(0));
}

#[test]
fn what_cannot_be_watched_is_refused_before_the_model_is_loaded() {
    let refuse = |source: &str, code, words: &[&str]| {
        let model = ["--model", "/no/such/model"];
        let args = [&["live", "--headless", "--source", source][..], &model].concat();
        assert_refuses(&args, code, words);
    };
    refuse("no/such.mp4", 1, &["no/such.mp4", "No such file"]);
    refuse(&format!("{ROOT}/README.md"), 1, &["README.md", "no video"]);
    refuse(ROOT, 1, &["expected a video, found a folder"]);
    refuse("camera:7", 1, &["camera:7"]);
    refuse("camera:x", 2, &["rtsp://HOST"]);
    refuse("pipeline:nonesuch ! fakesink", 1, &["nonesuch"]);
    let wrong = [
        (&["--fps", "0"][..], "frames a second"),
        (&["--keep", "0s"], "above 0"),
        (&["--clip", "soon"], "--clip"),
        (&["--for", "0s"], "--for"),
        (&["--labels", "a,a"], "labels"),
    ];
    for (option, word) in wrong {
        let args = [&["live", "--headless", "--source", "test"], option].concat();
        assert_refuses(&args, 2, &[word]);
    }
}

#[test]
fn what_is_recorded_is_found_by_a_search() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name).display().to_string();
    let watch = ["live", "--headless", "--source", "test", "--for", "9s"];
    let record = |folder: &str| run(&[&watch[..], &["--record", folder]].concat());
    assert_code(&record(&path("")), 0);
    let names: Vec<String> = (std::fs::read_dir(folder.path()).unwrap())
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    for end in [".mkv", ".srt", ".vtt", ".jsonl", "live.index"] {
        assert!(
            names.iter().any(|name| name.ends_with(end)),
            "{end} of {names:?}"
        );
    }
    let index = path("live.index");
    let output = run(&[
        "search",
        "--index",
        &index,
        "a blue circle",
        "--json",
        "--top",
        "1",
    ]);
    assert_code(&output, 0);
    let best: Value = serde_json::from_str(stdout(&output).lines().next().unwrap()).unwrap();
    // The second scene begins after six seconds.
    assert!(
        (4.0..8.0).contains(&best["start"].as_f64().unwrap()),
        "{best}"
    );
    assert_code(&run(&["index", "verify", "--index", &index]), 0);

    let file = path("captions.txt");
    std::fs::write(&file, "here stands something").unwrap();
    let output = record(&file);
    assert_code(&output, 1);
    assert!(
        stderr(&output).contains("captions.txt"),
        "{}",
        stderr(&output)
    );
    assert_eq!(std::fs::read(&file).unwrap(), b"here stands something");
}

#[test]
fn cameras_are_listed() {
    let output = run(&["live", "--list"]);
    assert_code(&output, 0);
    let listed = stdout(&output)
        .lines()
        .all(|line| line.starts_with("camera:"));
    assert!(listed, "{}", stdout(&output));
    let none = stdout(&output).is_empty();
    assert_eq!(stderr(&output).contains("no camera found"), none);
}

#[test]
fn a_window_needs_a_display_and_says_what_needs_none() {
    let mut command = program(&["live", "--source", "test"]);
    let output = command
        .env_remove("DISPLAY")
        .env_remove("WAYLAND_DISPLAY")
        .output()
        .unwrap();
    assert_code(&output, if cfg!(feature = "live") { 1 } else { 2 });
    assert!(
        stderr(&output).contains("--headless"),
        "{}",
        stderr(&output)
    );
}
