//! What a watcher knows at one moment: what the window draws and `--headless` prints.

use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::frames::Seconds;
use crate::frames::live::Status;
use crate::windows::Span;

/// All that there is to show. Times are those of the feed: seconds since it was opened, or since the first
/// frame of a file.
#[derive(Clone, Debug, Default)]
pub struct View {
    /// The source as it was given, without a password.
    pub source: String,
    pub model: String,
    pub adapter: String,
    /// Whether the adapter is the CPU.
    pub software: bool,
    /// How the source is doing; none before it was opened.
    pub feed: Option<Status>,
    /// The newest picture; it stays when the source is lost.
    pub picture: Option<Shown>,
    /// What was told so far, the oldest first; the last one may still go on.
    pub lines: Vec<Line>,
    /// A caption that is being written, as far as it has come.
    pub writing: Option<String>,
    /// The labels as they were given, then "none of these"; empty where none are wanted.
    pub bars: Vec<Bar>,
    /// What is remembered, the oldest first, without gaps but those of the source.
    pub moments: Arc<[Moment]>,
    /// What was searched for, held against every frame that is remembered.
    pub relevance: Option<Relevance>,
    /// The latest question.
    pub answer: Option<Answer>,
    pub figures: Figures,
    /// Why nothing more will come: the model or the device failed.
    pub fault: Option<String>,
    /// What was wrong with the latest labels, search or question.
    pub complaint: Option<String>,
}

/// A picture on the GPU.
#[derive(Clone, Debug)]
pub struct Shown {
    pub texture: Arc<Picture>,
    /// Which frame of the feed it is.
    pub number: u64,
    pub captured: Instant,
    pub time: Seconds,
}

/// A texture that a frame is in: `Rgba8Unorm` with sRGB's curve. It is not written to again while anybody
/// holds it.
#[derive(Debug)]
pub struct Picture {
    pub view: wgpu::TextureView,
    /// Tells this texture from all others of the process.
    pub id: u64,
    pub width: u32,
    pub height: u32,
}

/// A caption and when it held.
#[derive(Clone, Debug, PartialEq)]
pub struct Line {
    pub span: Span,
    pub text: String,
    /// From the capture of the newest frame that it tells of to its last word.
    pub age: Duration,
}

/// A label, smoothed over time.
#[derive(Clone, Debug, PartialEq)]
pub struct Bar {
    pub name: String,
    /// Probabilities of all bars are 1 together.
    pub share: f32,
    /// The most of late: it is held for a while, then falls.
    pub peak: f32,
}

/// A stretch of what is remembered.
#[derive(Clone, Debug)]
pub struct Moment {
    pub span: Span,
    /// From the middle of it.
    pub thumbnail: Arc<Thumbnail>,
}

/// A small picture on the host.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Thumbnail {
    pub width: u32,
    pub height: u32,
    /// (height, width, 4): RGBA, opaque.
    pub rgba: Vec<u8>,
}

/// How near each frame is to a search.
#[derive(Clone, Debug, PartialEq)]
pub struct Relevance {
    pub query: String,
    /// When the frame was shown, and its cosine with the query.
    pub frames: Arc<[(Seconds, f32)]>,
}

/// A question and what came of it.
#[derive(Clone, Debug, PartialEq)]
pub struct Answer {
    pub question: String,
    /// Of which stretch; the latest seconds if none was chosen.
    pub span: Option<Span>,
    /// Empty until it is done.
    pub text: String,
    pub done: bool,
}

/// What is measured while it runs.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Figures {
    /// Frames a second that the model reads, over the last seconds.
    pub read_fps: f32,
    /// From the capture of a frame to its picture on the GPU, of the latest frames.
    pub shown: Ages,
    /// From the capture of a frame to its labels.
    pub read: Ages,
    /// From the capture of a frame to the end of the caption of which it is the newest.
    pub told: Ages,
    /// Time to encode one frame.
    pub encode: Ages,
    /// Bytes of GPU memory that tensors hold.
    pub gpu_bytes: u64,
}

/// The middle and the end of the latest durations.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Ages {
    /// Half are no longer.
    pub p50: Duration,
    /// 95 of 100 are no longer.
    pub p95: Duration,
}

/// What a watcher may be asked for.
#[derive(Clone, Debug, PartialEq)]
pub enum Command {
    /// Score these labels on every frame; none: none.
    Labels(Vec<String>),
    /// Hold this against all that is remembered; empty: nothing.
    Search(String),
    /// Answer a question about a stretch, or about the latest seconds.
    Ask {
        question: String,
        span: Option<Span>,
    },
}
