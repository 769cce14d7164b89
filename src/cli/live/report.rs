//! The JSON lines of `live --headless`.

use std::time::Duration;

use serde::Serialize;
use vcoca_gpu::frames::live::{Condition, Status};
use vcoca_gpu::live::{Ages, Bar, Figures, Line, View};
use vcoca_gpu::windows::to_f64;

/// One line. Times are in seconds from the start of the source, ages in milliseconds.
#[derive(Serialize)]
#[serde(tag = "event", rename_all = "lowercase")]
pub enum Report {
    /// The source is doing otherwise than before.
    Source {
        condition: &'static str,
        #[serde(skip_serializing_if = "Option::is_none")]
        why: Option<String>,
        #[serde(skip_serializing_if = "Option::is_none")]
        retry_s: Option<f64>,
        frames: u64,
        reconnects: u32,
        size: Option<(u32, u32)>,
    },
    /// There is a new line.
    Caption(Told),
    /// A line has ended: its times are final.
    Told(Told),
    Labels {
        time: f64,
        labels: Vec<Share>,
    },
    Error {
        message: String,
    },
    /// What was measured of late.
    Figures(Measured),
}

#[derive(Serialize)]
pub struct Told {
    start: f64,
    end: f64,
    text: String,
    /// From the capture of the newest frame that the text is about to its last word.
    age_ms: f64,
}

#[derive(Serialize)]
pub struct Share {
    label: String,
    share: f32,
}

#[derive(Serialize)]
pub struct Measured {
    source_fps: f32,
    read_fps: f32,
    frames: u64,
    /// From the capture of a frame to its picture on the GPU, to its labels, and to the end of a caption.
    shown_ms: Milliseconds,
    read_ms: Milliseconds,
    told_ms: Milliseconds,
    encode_ms: Milliseconds,
    gpu_bytes: u64,
    model: String,
    adapter: String,
}

#[derive(Serialize)]
struct Milliseconds {
    p50: f64,
    p95: f64,
}

impl Report {
    pub fn source(status: &Status) -> Self {
        let (condition, why, retry) = match &status.condition {
            Condition::Connecting => ("connecting", None, None),
            Condition::Live => ("live", None, None),
            Condition::Lost { why, retry } => ("lost", Some(why.clone()), Some(*retry)),
            Condition::Ended => ("ended", None, None),
        };
        Self::Source {
            condition,
            why,
            retry_s: retry.map(|retry| retry.as_secs_f64()),
            frames: status.delivered,
            reconnects: status.reconnects,
            size: status.size,
        }
    }

    pub fn figures(view: &View) -> Self {
        let Figures {
            read_fps,
            shown,
            read,
            told,
            encode,
            gpu_bytes,
        } = view.figures;
        Self::Figures(Measured {
            source_fps: view.feed.as_ref().map_or(0.0, |feed| feed.fps),
            read_fps,
            frames: view.feed.as_ref().map_or(0, |feed| feed.delivered),
            shown_ms: shown.into(),
            read_ms: read.into(),
            told_ms: told.into(),
            encode_ms: encode.into(),
            gpu_bytes,
            model: view.model.clone(),
            adapter: view.adapter.clone(),
        })
    }
}

impl Told {
    pub fn of(line: &Line) -> Self {
        Self {
            start: to_f64(line.span.start),
            end: to_f64(line.span.end),
            text: line.text.clone(),
            age_ms: milliseconds(line.age),
        }
    }
}

impl Share {
    pub fn of(bar: &Bar) -> Self {
        Self {
            label: bar.name.clone(),
            share: bar.share,
        }
    }
}

impl From<Ages> for Milliseconds {
    fn from(ages: Ages) -> Self {
        Self {
            p50: milliseconds(ages.p50),
            p95: milliseconds(ages.p95),
        }
    }
}

/// To a tenth.
fn milliseconds(age: Duration) -> f64 {
    (age.as_secs_f64() * 1e4).round() / 10.0
}
