//! Frames of a part of a video.

use std::ops::Range;
use std::path::Path;

use super::{Sampled, Sampling, Seconds, Source, open};
use crate::{Error, Result};

/// [`sample`](super::sample) for a part of a video: `count` frames of the time from its start to its end, each what is
/// shown in the middle of one of as many equal parts of it. A part that ends behind the video ends with
/// it.
///
/// # Errors
///
/// Those of [`sample`](super::sample); [`Error::Argument`] for a part that ends before it starts, [`Error::Media`] for
/// one that starts behind the video's end, and for images and folders, which have no clock.
pub fn sample_part(
    path: &Path,
    part: Range<Seconds>,
    count: usize,
    sampling: Sampling,
) -> Result<Sampled> {
    if part.start < Seconds::ZERO || part.end < part.start {
        return Err(Error::Argument {
            what: "part of a video",
            expected: "a start from 0 s and an end that is not before it".into(),
            found: format!("{} s to {} s", part.start, part.end),
        });
    }
    match open(path, count)? {
        Source::Still(_) => Err(Error::media(
            path,
            "is an image or a folder, which has no parts",
        )),
        #[cfg(feature = "gstreamer")]
        Source::Video { .. } => super::gst::sample_part(path, part, count, sampling),
        #[cfg(not(feature = "gstreamer"))]
        Source::Video { .. } => {
            let _ = sampling;
            Err(super::no_video(path))
        }
    }
}
