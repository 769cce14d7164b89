//! Frames into videos, so that each ends with a moment.

use std::collections::VecDeque;
use std::fs;
use std::path::{Path, PathBuf};

use super::{captured, stamp};
use crate::Result;
use crate::files::create_free;
use crate::frames::live::LiveFrame;
use crate::frames::{Seconds, VideoWriter};
use crate::live::Settled;
use crate::windows::Span;

/// Frames that are kept back: a scene is certain with its second one, and its first belongs to the next
/// video.
const HELD: usize = 2;

/// Where no frame comes for longer, a video ends.
const GAP: Seconds = Seconds::new_raw(5, 1);

/// A frame is shown no longer than this, as a moment has it.
const LONGEST: Seconds = Seconds::new_raw(1, 1);

/// The videos that are being written.
pub(super) struct Reels {
    folder: PathBuf,
    /// Seconds of a video.
    pub length: Seconds,
    /// The latest frames, all of one size and without a gap.
    held: VecDeque<LiveFrame>,
    /// Time, width and height of the latest frame, whether it is held or written.
    last: Option<(Seconds, u32, u32)>,
    open: Option<Reel>,
    /// Videos without an end of frames, whose last moment is still to come.
    ended: Vec<Reel>,
    /// Those that are complete.
    done: Vec<Reel>,
    /// Frames that no video has, as too many waited.
    pub dropped: u64,
}

/// A video and its moments; times are those of the feed.
pub(super) struct Reel {
    pub writer: VideoWriter,
    /// From the first frame to the end of the last one.
    pub span: Span,
    pub moments: Vec<Settled>,
}

impl Reels {
    pub fn new(folder: &Path, length: Seconds) -> Self {
        Self {
            folder: folder.to_owned(),
            length,
            held: VecDeque::new(),
            last: None,
            open: None,
            ended: Vec::new(),
            done: Vec::new(),
            dropped: 0,
        }
    }

    /// Takes a frame, which is later than all before.
    pub fn read(&mut self, frame: &LiveFrame) -> Result<()> {
        let (width, height) = (frame.picture.width, frame.picture.height);
        let last = self.last.replace((frame.time, width, height));
        let goes_on = |(time, w, h)| frame.time - time <= GAP && (w, h) == (width, height);
        if !last.is_none_or(goes_on) {
            let written = self.release(0, frame.time);
            self.close();
            written?;
        }
        self.held.push_back(frame.clone());
        self.release(HELD, frame.time)
    }

    /// Takes a moment; a video that is long enough ends with it.
    pub fn settled(&mut self, moment: &Settled) -> Result<()> {
        let end = moment.span.end;
        let later = self.held.iter().filter(|frame| frame.time >= end).count();
        let written = self.release(later, end);
        for reel in self.ended.iter_mut().chain(&mut self.open) {
            reel.moments.extend(reel.part(moment));
        }
        let long = |reel: &Reel| end - reel.span.start >= self.length;
        if self.open.as_ref().is_some_and(long) {
            self.close();
        }
        let (done, ended) = (self.ended.drain(..)).partition(|reel| reel.span.end <= end);
        self.ended = ended;
        self.done.extend::<Vec<_>>(done);
        written
    }

    /// No more frames and moments come.
    pub fn end(&mut self) -> Result<()> {
        let last = self.last.map_or(Seconds::ZERO, |(time, ..)| time);
        let written = self.release(0, last);
        self.close();
        self.done.append(&mut self.ended);
        written
    }

    /// The videos that are complete, the oldest first.
    pub fn take_done(&mut self) -> impl Iterator<Item = Reel> + use<> {
        std::mem::take(&mut self.done).into_iter()
    }

    fn close(&mut self) {
        if let Some(reel) = self.open.take() {
            reel.writer.close();
            self.ended.push(reel);
        }
    }

    /// Writes the frames that are held but the last `keep`; the last of all is shown until `end`.
    fn release(&mut self, keep: usize, end: Seconds) -> Result<()> {
        while self.held.len() > keep
            && let Some(frame) = self.held.pop_front()
        {
            let next = self.held.front().map_or(end, |next| next.time);
            let until = next.min(frame.time + LONGEST).max(frame.time);
            if let Err(error) = self.write(&frame, until) {
                // What the video has so far stays.
                self.open = None;
                return Err(error);
            }
        }
        Ok(())
    }

    fn write(&mut self, frame: &LiveFrame, until: Seconds) -> Result<()> {
        let reel = match &mut self.open {
            Some(reel) => reel,
            none => none.insert(Reel::begin(&self.folder, frame)?),
        };
        let (since, duration) = (frame.time - reel.span.start, until - frame.time);
        let taken = reel.writer.write(&frame.picture, since, duration)?;
        reel.span.end = until;
        self.dropped += u64::from(!taken);
        Ok(())
    }
}

impl Reel {
    fn begin(folder: &Path, first: &LiveFrame) -> Result<Self> {
        let (path, _) = create_free(folder, &stamp(captured(first)), "mkv")?;
        let (width, height) = (first.picture.width, first.picture.height);
        let writer = VideoWriter::create(&path, width, height).inspect_err(|_| {
            // Nothing was written: the name is free again, if that can be.
            let _ = fs::remove_file(&path);
        })?;
        Ok(Self {
            writer,
            span: Span {
                start: first.time,
                end: first.time,
            },
            moments: Vec::new(),
        })
    }

    /// What the video has of a moment.
    fn part(&self, moment: &Settled) -> Option<Settled> {
        let span = Span {
            start: moment.span.start.max(self.span.start),
            end: moment.span.end.min(self.span.end),
        };
        // A moment of a single frame may have no length.
        let single = moment.span.start == moment.span.end && span.start == span.end;
        (span.start < span.end || single).then(|| Settled {
            span,
            embedding: moment.embedding.clone(),
        })
    }
}
