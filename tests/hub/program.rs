//! The program with a model from the hub.

use std::process::{Child, Output, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

use assert_cmd::Command;
use serde_json::Value;

use super::*;

pub const SHAPES: &str = "test/shapes";

/// A hub with the small model, and a home of one's own.
pub struct Home {
    pub server: Loopback,
    folder: TempDir,
    weights: Vec<u8>,
}

impl Home {
    pub fn new() -> Self {
        let server = Loopback::start();
        let read = |name: &str| {
            let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("models/shapes");
            fs::read(folder.join(name)).unwrap()
        };
        let weights = read("model.safetensors");
        server.publish(
            SHAPES,
            &[
                (CONFIG, &read(CONFIG)),
                ("tokenizer.json", &read("tokenizer.json")),
                ("model.safetensors", &weights),
            ],
        );
        Self {
            server,
            folder: tempfile::tempdir().unwrap(),
            weights,
        }
    }

    /// Runs `vcoca-gpu` with nothing of the caller's environment that leads to another hub.
    pub fn program(&self, args: &[&str]) -> std::process::Command {
        let mut command = std::process::Command::new(assert_cmd::cargo::cargo_bin!("vcoca-gpu"));
        for name in [
            "HF_HUB_CACHE",
            "HF_TOKEN",
            "HF_TOKEN_PATH",
            "HF_HUB_OFFLINE",
            "RUST_LOG",
            "ALL_PROXY",
            "all_proxy",
            "https_proxy",
            "HTTP_PROXY",
            "http_proxy",
            "NO_PROXY",
            "no_proxy",
        ] {
            command.env_remove(name);
        }
        command
            .args(args)
            .current_dir(env!("CARGO_MANIFEST_DIR"))
            // A proxy that is not there: this machine needs none.
            .env("HTTPS_PROXY", "http://127.0.0.1:9")
            .env("HF_HOME", self.folder.path())
            .env("HF_ENDPOINT", &self.server.endpoint);
        command
    }

    fn run(&self, args: &[&str]) -> Output {
        let mut command = Command::from_std(self.program(args));
        command.timeout(Duration::from_secs(60)).output().unwrap()
    }

    /// Starts the program on an input that is not there, so that it ends with 1 once it has a model.
    fn start(&self) -> Child {
        self.program(&["caption", "--model", SHAPES, "nonesuch.png"])
            .stderr(Stdio::piped())
            .spawn()
            .unwrap()
    }

    fn blobs(&self) -> PathBuf {
        self.folder.path().join("hub/models--test--shapes/blobs")
    }
}

pub fn text(bytes: &[u8]) -> &str {
    std::str::from_utf8(bytes).unwrap()
}

pub fn assert_ends_with(output: &Output, code: i32) {
    let said = text(&output.stderr);
    assert_eq!(output.status.code(), Some(code), "{said}");
    assert!(!said.contains("panicked"), "{said}");
}

#[cfg(feature = "gstreamer")]
#[test]
fn a_video_is_captioned_by_a_model_from_the_hub() {
    let home = Home::new();
    let args = [
        "caption",
        "--json",
        "--model",
        SHAPES,
        "assets/red_star.mp4",
    ];
    for (further, downloads) in [(&[][..], 1), (&[], 0), (&["--offline"], 0)] {
        let output = home.run(&[&args, further].concat());
        assert_ends_with(&output, 0);
        let said = text(&output.stderr);
        assert!(!said.contains("MB"), "a bar without a terminal: {said}");
        let line: Value = serde_json::from_slice(&output.stdout).unwrap();
        assert_eq!(line["model"], SHAPES);
        let caption = line["caption"].as_str().unwrap();
        assert!(caption.contains("red star"), "{caption}");
        assert_eq!(home.server.seen_by_store().len(), downloads);
    }
}

#[test]
fn a_program_that_is_stopped_goes_on_where_it_was() {
    let home = Home::new();
    home.server.fail(Fault::Stall(2_000_000));
    let mut child = home.start();
    let name = format!("{}.incomplete", sha256(&home.weights));
    let partial = home.blobs().join(name);
    let length = || fs::metadata(&partial).map_or(0, |file| file.len());
    let deadline = Instant::now() + Duration::from_secs(60);
    while length() < 2_000_000 {
        assert!(Instant::now() < deadline, "{} bytes came", length());
        sleep(Duration::from_millis(20));
    }
    child.kill().unwrap();
    child.wait().unwrap();

    home.server.seen();
    assert_ends_with(&home.start().wait_with_output().unwrap(), 1);
    let asked = home.server.seen_by_store();
    assert_eq!(asked.len(), 1);
    assert_eq!(asked[0].range.as_deref(), Some("bytes=2000000-"));
}

#[test]
fn a_proxy_stands_between_but_not_before_hosts_that_need_none() {
    for (direct, proxied) in [("", true), ("example.org,127.0.0.1", false)] {
        let home = Home::new();
        let output = home
            .program(&["caption", "--model", SHAPES, "nonesuch.png"])
            .env("HF_ENDPOINT", "http://hub.test")
            .env("HTTPS_PROXY", &home.server.endpoint)
            .env("NO_PROXY", direct)
            .output()
            .unwrap();
        assert_ends_with(&output, 1);
        let seen = home.server.seen();
        let store = seen.iter().filter(|seen| seen.store).count();
        let tunnels: Vec<_> = (seen.into_iter())
            .filter(|seen| seen.method == "CONNECT")
            .map(|seen| seen.path)
            .collect();
        assert_eq!(store, 1);
        assert_eq!(tunnels[0], "hub.test:80");
        let to_store = tunnels.iter().any(|host| host.starts_with("127.0.0.1:"));
        assert_eq!(to_store, proxied, "{tunnels:?}");
    }
}

#[test]
fn two_programs_at_once_download_once() {
    let home = Home::new();
    for child in [home.start(), home.start()] {
        assert_ends_with(&child.wait_with_output().unwrap(), 1);
    }
    assert_eq!(home.server.seen_by_store().len(), 1);
}

#[test]
fn a_model_that_is_not_to_be_had_ends_with_3() {
    let home = Home::new();
    let refuses = |command: &mut std::process::Command, words: &[&str]| {
        let output = command.output().unwrap();
        assert_ends_with(&output, 3);
        assert_eq!(text(&output.stdout), "");
        assert_names(text(&output.stderr), words);
    };
    let caption = |model| home.program(&["caption", "--model", model, "x"]);
    refuses(
        &mut caption("test/nonesuch"),
        &["error: model test/nonesuch"],
    );
    refuses(
        caption(SHAPES).env("HF_ENDPOINT", "http://127.0.0.1:9"),
        &["127.0.0.1:9", "by hand", "models--test--shapes"],
    );
    refuses(
        caption(SHAPES).env("HF_HUB_OFFLINE", "1"),
        &["not in the cache", "by hand"],
    );
    refuses(caption(SHAPES).arg("--offline"), &["not in the cache"]);
    home.server.fail(Fault::Spoil);
    refuses(&mut caption(SHAPES), &["sha256"]);
    home.server.demand("hf_secret");
    refuses(&mut caption(SHAPES), &["HF_TOKEN"]);
}

#[test]
fn models_are_listed_with_what_they_are_good_for() {
    let home = Home::new();
    let list = || -> Vec<Value> {
        let output = home.run(&["models", "--json"]);
        assert_ends_with(&output, 0);
        let lines = text(&output.stdout).lines();
        lines
            .map(|line| serde_json::from_str(line).unwrap())
            .collect()
    };
    let state = |lines: &[Value], name: &str| {
        let line = lines.iter().find(|line| line["name"] == name);
        line.map(|line| line["state"].as_str().unwrap().to_owned())
    };
    let lines = list();
    assert_eq!(state(&lines, SHAPES), None);
    if cfg!(feature = "shapes") {
        assert_eq!(state(&lines, "shapes").as_deref(), Some("built in"));
        let weights = safetensors::SafeTensors::deserialize(&home.weights).unwrap();
        let views = weights.tensors();
        let size = |shape: &[usize]| shape.iter().product::<usize>();
        let parameters: usize = views.iter().map(|(_, view)| size(view.shape())).sum();
        assert_eq!(lines[0]["parameters"], parameters);
    }
    for known in &published::PUBLISHED {
        assert_eq!(state(&lines, known.repo).as_deref(), Some("not here"));
    }
    assert_ends_with(&home.start().wait_with_output().unwrap(), 1);
    assert_eq!(state(&list(), SHAPES).as_deref(), Some("cached"));

    let table = home.run(&["models"]);
    assert_ends_with(&table, 0);
    assert_names(
        text(&table.stdout),
        &[
            "good for",
            "2.55 GB",
            "MIT",
            "nothing else",
            SHAPES,
            "Cache: ",
        ],
    );
    assert!(
        home.server
            .seen()
            .iter()
            .all(|seen| !seen.path.contains("laion"))
    );
}
