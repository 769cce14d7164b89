//! A video read window by window: each frame is encoded once, however many windows show it.

use std::path::Path;
use std::time::Instant;

use super::cells::Cells;
use super::shots::Shots;
use super::sliding::Sliding;
use super::{Clip, Engine, lap};
use crate::frames::{self, Sampled, Sampling, Seconds, Stream};
use crate::windows::{Span, Windows};
use crate::{Error, Result};

/// How a video is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct WindowOptions {
    pub windows: Windows,
    /// Frames of each window, or of the whole video; shots have as many as they are long.
    pub frames: usize,
    /// How frames are chosen from a whole video; windows and shots read it from end to end.
    pub sampling: Sampling,
}

/// A video that is open: all frames of a whole one are decoded, of one that is cut the first are on
/// their way. It knows no GPU yet.
pub struct Opened(Source);

enum Source {
    Whole {
        sampled: Sampled,
        /// Milliseconds that this took.
        decode: f64,
    },
    Sliding {
        stream: Box<Stream>,
        length: Seconds,
        stride: Seconds,
        step: Seconds,
    },
    Shots(Box<Stream>),
}

impl WindowOptions {
    /// Opens a video to cut it so. Blocks until the frames of a whole one are there.
    ///
    /// # Errors
    ///
    /// Those of [`frames::sample`]; [`Error::Argument`] for a number of frames out of range, or windows
    /// that cannot be.
    pub fn open(&self, path: &Path) -> Result<Opened> {
        self.windows.check()?;
        let stream = |step| Ok::<_, Error>(frames::stream(path, step)?.map(Box::new));
        let cut = match self.windows {
            Windows::Whole => None,
            Windows::Shots => stream(Shots::STEP)?.map(Source::Shots),
            Windows::Sliding { length, stride } => {
                let step = Sliding::step(length, self.frames)?;
                stream(step)?.map(|stream| Source::Sliding {
                    stream,
                    length,
                    stride,
                    step,
                })
            }
        };
        // Images have nothing to cut.
        cut.map_or_else(|| self.sample(path), Ok).map(Opened)
    }

    fn sample(&self, path: &Path) -> Result<Source> {
        let clock = Instant::now();
        let sampled = frames::sample(path, self.frames, self.sampling)?;
        let decode = lap(clock);
        Ok(Source::Whole { sampled, decode })
    }
}

/// A stretch of a video, encoded.
pub struct Window {
    /// Of images and folders: no time at all.
    pub span: Span,
    /// Presentation times of the frames that were looked at, ascending.
    pub frames: Vec<Seconds>,
    pub clip: Clip,
    /// (E), l2-normalised: the clip's, on the host.
    pub embedding: Vec<f32>,
}

/// The windows of one video, in order.
pub struct VideoWindows<'e>(Kind<'e>);

enum Kind<'e> {
    Whole(Option<Window>),
    Sliding(Box<Sliding<'e>>),
    Shots(Box<Shots<'e>>),
    Broken(Option<Error>),
}

impl Engine {
    /// Cuts a video and encodes each part. An image or a folder of images is one window, however the
    /// rest is cut.
    ///
    /// Windows come as they are encoded: the next one blocks until it is done. An error ends them;
    /// damage behind the first frames of a video only ends the video, with a warning.
    ///
    /// Errors: those of [`WindowOptions::open`] and [`encode_video`](Self::encode_video).
    pub fn windows(&self, path: &Path, options: &WindowOptions) -> Result<VideoWindows<'_>> {
        self.windows_of(options.open(path)?)
    }

    /// [`windows`](Self::windows) of a video that is open already: with [`frames::ahead`] the next one
    /// is opened while this one is encoded.
    ///
    /// Errors: those of [`encode_video`](Self::encode_video).
    pub fn windows_of(&self, opened: Opened) -> Result<VideoWindows<'_>> {
        Ok(VideoWindows(match opened.0 {
            Source::Whole { sampled, decode } => Kind::Whole(Some(self.whole(sampled, decode)?)),
            Source::Sliding {
                stream,
                length,
                stride,
                step,
            } => {
                let cells = Cells::new(self, *stream, step);
                Kind::Sliding(Box::new(Sliding::new(cells, length, stride)))
            }
            Source::Shots(stream) => {
                let cells = Cells::new(self, *stream, Shots::STEP);
                Kind::Shots(Box::new(Shots::new(cells)))
            }
        }))
    }

    fn whole(&self, sampled: Sampled, decode: f64) -> Result<Window> {
        let times: Vec<Seconds> = sampled.frames.iter().map(|frame| frame.pts).collect();
        let mut clip = self.encode_video(&sampled.frames)?;
        clip.timings.decode = decode;
        let last = times.iter().copied().max().unwrap_or(Seconds::ZERO);
        let span = Span {
            start: Seconds::ZERO,
            end: sampled.duration.unwrap_or(last).max(last),
        };
        self.window(span, times, clip)
    }

    pub(super) fn window(&self, span: Span, frames: Vec<Seconds>, clip: Clip) -> Result<Window> {
        Ok(Window {
            span,
            frames,
            embedding: self.read_embedding(&clip)?,
            clip,
        })
    }

    /// The embedding (E) of a clip, l2-normalised, on the host. Blocks until it is there.
    ///
    /// Errors: an embedding that is not numbers; the device's.
    pub fn read_embedding(&self, clip: &Clip) -> Result<Vec<f32>> {
        let embedding = self.model.gpu().read_f32(&clip.embedding)?;
        match embedding.iter().all(|value| value.is_finite()) {
            true => Ok(embedding),
            false => Err(Error::Overflow(self.model.dtype())),
        }
    }
}

impl Iterator for VideoWindows<'_> {
    type Item = Result<Window>;

    fn next(&mut self) -> Option<Result<Window>> {
        match &mut self.0 {
            Kind::Whole(window) => window.take().map(Ok),
            Kind::Sliding(windows) => windows.next(),
            Kind::Shots(shots) => shots.next(),
            Kind::Broken(error) => error.take().map(Err),
        }
    }
}

impl<'e> VideoWindows<'e> {
    /// Joins neighbours that show nearly the same: a window whose cosine with the first of those
    /// joined so far is `likeness` or more is left out, and its time added to theirs.
    pub fn joined(self, likeness: f32) -> JoinedWindows<'e> {
        JoinedWindows {
            windows: self,
            likeness,
            open: None,
        }
    }
}

/// Windows of which none is nearly like its neighbours: from [`VideoWindows::joined`].
pub struct JoinedWindows<'e> {
    windows: VideoWindows<'e>,
    likeness: f32,
    open: Option<Window>,
}

impl Iterator for JoinedWindows<'_> {
    type Item = Result<Window>;

    fn next(&mut self) -> Option<Result<Window>> {
        loop {
            match self.windows.next() {
                Some(Ok(next)) => match &mut self.open {
                    Some(open) if open.likeness(&next) >= self.likeness => open.join(next),
                    open => {
                        if let Some(done) = open.replace(next) {
                            return Some(Ok(done));
                        }
                    }
                },
                // What was seen before the error stands.
                Some(Err(error)) => match self.open.take() {
                    Some(done) => {
                        self.windows.0 = Kind::Broken(Some(error));
                        return Some(Ok(done));
                    }
                    None => return Some(Err(error)),
                },
                None => return self.open.take().map(Ok),
            }
        }
    }
}

impl Window {
    /// Adds the time of the next window to this one's; what it shows is left out.
    pub fn join(&mut self, next: Self) {
        self.span.end = self.span.end.max(next.span.end);
        let last = self.frames.last().copied();
        (self.frames).extend((next.frames.into_iter()).filter(|&time| last < Some(time)));
        self.clip.timings += next.clip.timings;
    }

    /// The cosine of what two windows show.
    pub fn likeness(&self, other: &Self) -> f32 {
        dot(&self.embedding, &other.embedding)
    }
}

/// The product of two embeddings of equal width.
pub(super) fn dot(a: &[f32], b: &[f32]) -> f32 {
    a.iter().zip(b).map(|(a, b)| a * b).sum()
}
