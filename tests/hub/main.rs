//! Models from Hugging Face, as a server on this machine tells it. Nothing here leaves the machine or
//! touches the user's cache.

mod attacks;
mod cache;
mod download;
mod loopback;
mod program;
mod refusals;
#[cfg(target_os = "linux")] // where a variable names the certificates that are trusted
mod tls;

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

use loopback::{Fault, LOOP, Loopback, Seen, sha256};
use tempfile::TempDir;
use vcoca_gpu::hub::Problem;
use vcoca_gpu::model::published;
use vcoca_gpu::{Error, Hub, ModelSource};

const REPO: &str = "test/coca";
const CONFIG: &str = "open_clip_config.json";
const WEIGHTS: &str = "open_clip_model.safetensors";
const COCA: &[u8] = br#"{"model_cfg": {"multimodal_cfg": {}}}"#;

/// A hub with one model, and an empty cache.
struct World {
    server: Loopback,
    cache: TempDir,
    weights: Vec<u8>,
    commit: String,
}

impl World {
    fn new() -> Self {
        let server = Loopback::start();
        let weights = noise(1, 700_000);
        let commit = server.publish(
            REPO,
            &[
                (CONFIG, COCA),
                ("README.md", b"not wanted"),
                ("tokenizer.json", b"{}"),
                (WEIGHTS, &weights),
            ],
        );
        let cache = tempfile::tempdir().unwrap();
        Self {
            server,
            cache,
            weights,
            commit,
        }
    }

    fn hub(&self) -> Hub {
        Hub::new(self.cache.path()).endpoint(&self.server.endpoint)
    }

    fn open(&self) -> vcoca_gpu::Result<ModelSource> {
        ModelSource::open(REPO, &self.hub())
    }

    fn open_offline(&self) -> vcoca_gpu::Result<ModelSource> {
        ModelSource::open(REPO, &self.hub().offline(true))
    }

    /// The repository's part of the cache.
    fn folder(&self) -> PathBuf {
        self.cache.path().join("models--test--coca")
    }

    fn blob(&self) -> PathBuf {
        self.folder().join("blobs").join(sha256(&self.weights))
    }

    /// What came of the weights so far.
    fn partial(&self) -> PathBuf {
        self.blob().with_extension("incomplete")
    }

    fn assert_has_weights(&self, source: &ModelSource) {
        let path = source.file(WEIGHTS);
        assert_eq!(fs::read(&path).unwrap(), self.weights, "{path:?}");
        assert!(!self.partial().exists());
    }
}

/// Bytes that look like weights: the same for the same seed.
fn noise(mut seed: u32, count: usize) -> Vec<u8> {
    let next = || {
        seed = seed.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (seed >> 24) as u8
    };
    std::iter::repeat_with(next).take(count).collect()
}

fn problem(outcome: vcoca_gpu::Result<ModelSource>) -> (Problem, String) {
    let error = outcome.expect_err("an error");
    let message = error.to_string();
    match error {
        Error::Hub { problem, .. } => (problem, message),
        other => panic!("{other:?}"),
    }
}

fn assert_names(message: &str, words: &[&str]) {
    for word in words {
        assert!(message.contains(word), "{message:?} lacks {word:?}");
    }
}

fn paths(seen: &[Seen]) -> Vec<String> {
    seen.iter()
        .map(|seen| format!("{} {}", seen.method, seen.path))
        .collect()
}
