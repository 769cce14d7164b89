//! What is recorded of a live source: found again by a search, played, added to, and what goes wrong.

#[path = "../common/mod.rs"]
mod common;
mod faults;
mod films;
mod story;

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::{Arc, LazyLock};
use std::time::{Duration, Instant};

use tempfile::TempDir;
use vcoca_gpu::frames::live::LiveFrame;
use vcoca_gpu::frames::{self, Picture, Plane, Seconds, shapes};
use vcoca_gpu::index::{Entry, Index};
use vcoca_gpu::live::{Line, Recorder, Settled};
use vcoca_gpu::windows::Span;
use vcoca_gpu::{Engine, ModelSource, Options};

static ENGINE: LazyLock<Arc<Engine>> = LazyLock::new(|| {
    let engine = Engine::load(common::gpu(), &ModelSource::Shapes, None).expect("a model");
    Arc::new(engine)
});

/// Frames a second.
const RATE: i64 = 4;

/// Long enough for a busy machine.
const PATIENCE: Duration = Duration::from_secs(60);

fn recorder(folder: &Path) -> Recorder {
    let recorder = Recorder::create(folder, &ENGINE, &ModelSource::Shapes);
    recorder.expect("a folder to record into")
}

fn span(start: i64, end: i64) -> Span {
    Span {
        start: Seconds::new(start, RATE),
        end: Seconds::new(end, RATE),
    }
}

/// The drawn picture of frame `number`.
fn drawn(number: i64) -> Picture {
    shapes::draw(Duration::from_millis((1000 * number / RATE).unsigned_abs()))
}

/// The picture with every `step`th of its columns and rows.
fn smaller(picture: &Picture, step: u32) -> Picture {
    let side = |length: u32| length.div_ceil(step);
    let (width, height) = (side(picture.width), side(picture.height));
    let pixel = |i: u32| {
        let at = 4 * (i / width * step * picture.width + i % width * step) as usize;
        picture.data[at..at + 4].to_vec()
    };
    Picture {
        width,
        height,
        data: (0..width * height).flat_map(pixel).collect(),
        planes: vec![Plane {
            offset: 0,
            stride: 4 * width as usize,
        }],
        ..picture.clone()
    }
}

fn frame(number: i64, picture: Picture) -> LiveFrame {
    LiveFrame {
        number: number.unsigned_abs() + 1,
        captured: Instant::now(),
        time: Seconds::new(number, RATE),
        picture,
    }
}

fn line(span: Span, text: &str) -> Line {
    Line {
        span,
        text: text.into(),
        age: Duration::ZERO,
    }
}

/// A moment that points along one axis.
fn moment(span: Span, axis: usize) -> Settled {
    let mut embedding = vec![0.0; ENGINE.model().config().embed_dim];
    embedding[axis] = 1.0;
    Settled { span, embedding }
}

/// What the model says of one frame.
fn told(frame: frames::Frame) -> String {
    let clip = ENGINE.encode_video(&[frame]).expect("a clip");
    let caption = ENGINE.caption(&clip, &Options::default());
    caption.expect("a caption").text
}

fn spans(index: &Index, path: &Path) -> Vec<Span> {
    let entries: Option<Vec<Entry>> = index.entries(path).expect("an index");
    let entries = entries.expect("a video of the index").into_iter();
    entries.map(|entry| entry.span).collect()
}

fn with_extension(folder: &Path, extension: &str) -> Vec<PathBuf> {
    let files = fs::read_dir(folder).expect("a folder");
    let mut files: Vec<_> = files.map(|file| file.expect("a file").path()).collect();
    files.retain(|file| file.extension().is_some_and(|found| found == extension));
    // One of the same second has a number behind its name.
    files.sort_by_key(|file| file.file_stem().map(ToOwned::to_owned));
    files
}

fn temporary() -> (TempDir, PathBuf) {
    let folder = tempfile::tempdir().expect("a folder");
    // As the index has it, without links; made by the recorder.
    let path = folder.path().canonicalize().expect("a folder").join("door");
    (folder, path)
}
