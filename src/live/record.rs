//! Keeps what a live source shows: videos, an index of their moments, and what was told.

mod filer;
mod reels;
mod transcript;

use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use self::filer::Filer;
use self::reels::Reels;
use self::transcript::Transcript;
use super::{Line, Settled};
use crate::Result;
use crate::engine::{Engine, WindowOptions};
use crate::files::make_folder;
use crate::frames::live::LiveFrame;
use crate::frames::{Sampling, Seconds};
use crate::index::{Index, Recipe};
use crate::model::ModelSource;
use crate::windows::{Windows, to_f64};

/// The index in a folder of recordings.
const INDEX: &str = "live.index";

/// Seconds of a video: it ends with the first moment that ends after them.
const FILE: Seconds = Seconds::new_raw(60, 1);

/// Writes a folder of recordings while a source is watched.
///
/// - `2026-11-28T11-20-03Z.mkv` and so on, named by the time of their first frames: videos of about a
///   minute with the frames that the model has read. One ends with a moment, where the size changes, and
///   where no frame comes for 5 seconds.
/// - `live.index`: their moments, as `vcoca-gpu search` and `index update` take them. A video is put there
///   when it is whole; captions that are told later follow. A moment that goes on over a loss or a change
///   of size is in each of the videos, as far as they go.
/// - `captions-2026-11-28T11-20-03Z.srt`, `.vtt` and `.jsonl`: what was told, in seconds since the watch began.
///
/// Nothing that is there is overwritten. After a kill all videos but the last are in the index, and
/// that one can be played as far as it goes: `index add` reads it.
///
/// Videos are encoded, and put into the index, on other threads. What went wrong there is told by the call
/// that comes next.
pub struct Recorder {
    reels: Reels,
    transcript: Transcript,
    filer: Filer,
}

/// What was written.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Recorded {
    /// The videos that the index has now, the oldest first.
    pub videos: Vec<PathBuf>,
    /// Moments of these videos.
    pub moments: usize,
    /// Lines that were told.
    pub lines: usize,
    /// Frames that are in no video, as the encoder or the disk was too slow.
    pub dropped: u64,
}

impl Recorder {
    /// Makes the folder if need be, opens its index, and begins files of captions.
    ///
    /// # Errors
    ///
    /// [`Error::Index`](crate::Error::Index) if the index is of another model or made in other ways;
    /// [`Error::Io`](crate::Error::Io) or [`Error::NotAFile`](crate::Error::NotAFile) if the folder cannot be
    /// written to; as [`ModelSource::hash`].
    pub fn create(folder: &Path, engine: &Engine, model: &ModelSource) -> Result<Self> {
        make_folder(folder)?;
        // Moments are cut where scenes change, and have all frames that were read.
        let options = WindowOptions {
            windows: Windows::Shots,
            frames: 8,
            sampling: Sampling::Uniform,
        };
        let recipe = Recipe::of(model, engine, &options)?;
        let index = Index::open_or_create(&folder.join(INDEX), &recipe)?;
        Ok(Self {
            transcript: Transcript::begin(folder, SystemTime::now())?,
            reels: Reels::new(folder, FILE),
            filer: Filer::start(index)?,
        })
    }

    /// Ends videos after so many seconds, for tests.
    #[doc(hidden)]
    pub fn with_file_length(mut self, length: Seconds) -> Self {
        self.reels.length = length;
        self
    }

    /// The model has read a frame: [`Event::Read`](super::Event::Read). Hands it on and does not wait; where
    /// too many wait, it is dropped.
    ///
    /// # Errors
    ///
    /// [`Error::Io`](crate::Error::Io) if a video cannot be written: what it has so far stays, without
    /// moments in the index, and the next frame begins another. [`Error::MissingCodec`](crate::Error::MissingCodec) if a plugin is needed. What
    /// went wrong with videos that have ended.
    pub fn read(&mut self, frame: &LiveFrame) -> Result<()> {
        self.transcript.set_clock(opened(frame));
        self.reels.read(frame)?;
        self.filer.check()
    }

    /// A moment is complete: [`Event::Settled`](super::Event::Settled).
    ///
    /// # Errors
    ///
    /// As [`read`](Self::read).
    pub fn settled(&mut self, moment: &Settled) -> Result<()> {
        let settled = self.reels.settled(moment);
        self.reels
            .take_done()
            .for_each(|reel| self.filer.file(reel));
        settled?;
        self.filer.check()
    }

    /// A line has ended: [`Event::Told`](super::Event::Told).
    ///
    /// # Errors
    ///
    /// [`Error::Io`](crate::Error::Io) if it cannot be written; what went wrong with videos that have ended.
    pub fn told(&mut self, line: &Line) -> Result<()> {
        self.filer.tell(line);
        self.transcript.told(line)?;
        self.filer.check()
    }

    /// Ends all files. Blocks until they are whole and in the index.
    ///
    /// # Errors
    ///
    /// The first thing that went wrong; all else is written.
    pub fn finish(mut self) -> Result<Recorded> {
        let written = self.reels.end();
        self.reels
            .take_done()
            .for_each(|reel| self.filer.file(reel));
        let filed = self.filer.end();
        let lines = self.transcript.end();
        written?;
        let (videos, moments) = filed?;
        Ok(Recorded {
            videos,
            moments,
            lines: lines?,
            dropped: self.reels.dropped,
        })
    }
}

/// When the feed of a frame was opened, by the clock on the wall as it is now.
fn opened(frame: &LiveFrame) -> SystemTime {
    captured(frame) - since_opening(frame.time)
}

/// When a frame was captured, by the clock on the wall as it is now.
fn captured(frame: &LiveFrame) -> SystemTime {
    SystemTime::now() - frame.captured.elapsed()
}

/// A time of a feed, which no watch outlasts: 30 years.
fn since_opening(time: Seconds) -> Duration {
    Duration::from_secs_f64(to_f64(time).clamp(0.0, 1e9))
}

/// `2026-11-28T11:20:03Z`. A clock that was never set may be before 1970.
fn utc(time: SystemTime) -> String {
    humantime::format_rfc3339_seconds(time.max(SystemTime::UNIX_EPOCH)).to_string()
}

/// A time as files are named by it: `2026-11-28T11-20-03Z`.
fn stamp(time: SystemTime) -> String {
    utc(time).replace(':', "-")
}
