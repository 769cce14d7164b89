//! Indexes: what they keep, what they survive, what they find.
#![cfg(feature = "index")]

#[path = "../common/mod.rs"]
mod common;
mod crash;
mod full;
mod refusals;
mod search;
mod standing;
mod store;

use std::path::{Path, PathBuf};

use tempfile::TempDir;
use vcoca_gpu::engine::Pooling;
use vcoca_gpu::frames::{Sampling, Seconds};
use vcoca_gpu::index::{Entry, Identity, Index, Recipe, Stamp};
use vcoca_gpu::windows::Span;

/// A folder, and where an index would be in it.
fn place() -> (TempDir, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    // As the index has it, without links.
    let path = folder.path().canonicalize().unwrap().join("videos.index");
    (folder, path)
}

fn recipe(width: usize) -> Recipe {
    Recipe {
        model: "shapes".into(),
        model_hash: "0123456789abcdef".repeat(4),
        width,
        windows: "4s/2s".parse().unwrap(),
        frames: 8,
        sampling: Sampling::Uniform,
        pooling: Pooling::Flatten,
    }
}

fn index(path: &Path, width: usize) -> Index {
    Index::open_or_create(path, &recipe(width)).unwrap()
}

/// A file's identity that no file has.
fn identity(seed: u64) -> Identity {
    let mut sha256 = [7; 32];
    sha256[..8].copy_from_slice(&seed.to_le_bytes());
    Identity {
        stamp: Stamp {
            size: 1000 + seed,
            mtime: -5 + seed as i64,
        },
        sha256,
    }
}

/// A direction that depends on the seed.
fn unit(seed: u64, width: usize) -> Vec<f32> {
    let values: Vec<f32> = common::wave(seed + 1, width).collect();
    let length = values.iter().map(|value| value * value).sum::<f32>().sqrt();
    values.iter().map(|value| value / length).collect()
}

/// Windows of 4 s every 2 s of a film of 29.97 frames a second.
fn entries(seed: u64, count: u64, width: usize) -> Vec<Entry> {
    let time = |i: u64| Seconds::new(60060 * i as i64, 30000);
    let entry = |i| Entry {
        span: Span {
            start: time(i),
            end: time(i + 2),
        },
        embedding: unit(1000 * seed + i, width),
        caption: (i % 2 == 0).then(|| format!("window {i} of {seed}\n\u{2764}")),
    };
    (0..count).map(entry).collect()
}
