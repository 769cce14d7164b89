//! Live pictures: a camera, a stream, the screen, a file in real time.
//!
//! A [`Feed`] runs on its own, keeps the newest frame only and comes back by itself after a loss:
//!
//! ```
//! use std::time::Duration;
//! use vcoca_gpu::frames::live::{Feed, Source};
//!
//! # fn main() -> vcoca_gpu::Result<()> {
//! let feed = Feed::open(&"test".parse::<Source>()?)?;
//! let mut last = 0;
//! while last < 3 {
//!     if let Some(frame) = feed.newer(last, Duration::from_secs(10)) {
//!         println!("frame {}, {:?} old", frame.number, frame.captured.elapsed());
//!         last = frame.number;
//!     }
//! }
//! # Ok(())
//! # }
//! ```

mod feed;
mod source;
mod state;

use std::time::{Duration, Instant};

pub use self::feed::Feed;
pub use self::source::Source;
use super::{Picture, Seconds, gst};
use crate::Result;

/// A camera that is plugged in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Camera {
    /// As the system shows it.
    pub name: String,
    /// What kind of device it is, by GStreamer's classes: `Video/Source`.
    pub class: String,
    /// What tells it from others of the same name, such as its path; the name where nothing does.
    pub id: String,
}

/// The cameras of this machine; [`Source::Camera`] counts them in this order, from 0.
///
/// # Errors
///
/// [`Error::Live`](crate::Error::Live) if the system does not list them within 5 seconds.
pub fn cameras() -> Result<Vec<Camera>> {
    gst::cameras()
}

/// One picture of a feed.
#[derive(Clone, Debug)]
pub struct LiveFrame {
    /// Counts the frames that reached the feed since it was opened, from 1.
    pub number: u64,
    /// When the picture was captured; for files, when it was due.
    pub captured: Instant,
    /// The same, from the opening of the feed on. Rises from frame to frame, over losses, too.
    pub time: Seconds,
    /// Upright [`Rgba8`](super::PixelFormat::Rgba8) with square pixels and without gaps between
    /// its rows.
    pub picture: Picture,
}

/// How a feed is doing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Condition {
    /// The source is being opened; no frame has come yet.
    Connecting,
    /// Frames come.
    Live,
    /// None come, for this reason; the source is opened again after `retry`.
    Lost { why: String, retry: Duration },
    /// A file has come to its end.
    Ended,
}

/// What is known of a feed at one moment.
#[derive(Clone, Debug)]
pub struct Status {
    pub condition: Condition,
    /// Frames that reached the feed since it was opened.
    pub delivered: u64,
    /// Frames a second over the last two seconds.
    pub fps: f32,
    /// Width and height of the newest frame in pixels.
    pub size: Option<(u32, u32)>,
    /// How often frames came again after a loss.
    pub reconnects: u32,
}
