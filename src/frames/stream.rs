//! Frames of a video at a steady step.

use std::path::Path;

use super::{Frame, Seconds, Source, open};
use crate::{Error, Result};

/// Frames of a video at a steady step, from [`stream`].
pub struct Stream {
    #[cfg(feature = "gstreamer")]
    steps: super::gst::Steps,
    #[cfg(not(feature = "gstreamer"))]
    steps: std::convert::Infallible,
    #[cfg(feature = "gstreamer")]
    ended: bool,
}

/// Opens a video to read it from its beginning to its end: for each k, the frame that is shown at
/// (k + 1/2) `step`, the same one again where no other has come. So
/// [`Sampling::Uniform`](super::Sampling::Uniform) takes the same frames of a video of constant rate
/// whose length is a multiple of `step`. None for images and folders, which have no clock.
///
/// # Errors
///
/// [`Error::Argument`] if `step` is not above 0, else those of [`sample`](super::sample); what comes
/// after the first frames of a damaged video is left out with a warning.
pub fn stream(path: &Path, step: Seconds) -> Result<Option<Stream>> {
    if step <= Seconds::ZERO {
        return Err(Error::Argument {
            what: "step between frames",
            expected: "above 0 s".into(),
            found: format!("{step} s"),
        });
    }
    match open(path, 1)? {
        Source::Still(_) => Ok(None),
        #[cfg(feature = "gstreamer")]
        Source::Video { .. } => Ok(Some(Stream {
            steps: super::gst::Steps::open(path, step)?,
            ended: false,
        })),
        #[cfg(not(feature = "gstreamer"))]
        Source::Video { .. } => Err(super::no_video(path)),
    }
}

impl Stream {
    /// The length of the video: as its file states it, if it does, and from the last frame on as it
    /// was. Errors: those of [`sample`](super::sample).
    pub fn duration(&self) -> Result<Option<Seconds>> {
        #[cfg(feature = "gstreamer")]
        return self.steps.duration();
        #[cfg(not(feature = "gstreamer"))]
        match self.steps {}
    }
}

impl Iterator for Stream {
    type Item = Result<Frame>;

    fn next(&mut self) -> Option<Result<Frame>> {
        #[cfg(not(feature = "gstreamer"))]
        match self.steps {}
        #[cfg(feature = "gstreamer")]
        {
            if self.ended {
                return None;
            }
            let next = self.steps.next().transpose();
            self.ended = !matches!(next, Some(Ok(_)));
            next
        }
    }
}
