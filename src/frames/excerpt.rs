//! Parts of a video: one frame, or a stretch as a file of its own.

use std::path::{Path, PathBuf};

#[cfg(feature = "gstreamer")]
use super::gst;
#[cfg(not(feature = "gstreamer"))]
use super::no_video;
use super::{Frame, Seconds, Source, open};
use crate::{Error, Result};

/// The frame that a video shows at `time`, or its last one if it ends before; of an image file or a
/// folder of images, the one that [`sample`](super::sample) takes.
///
/// # Errors
///
/// As [`sample`](super::sample).
pub fn at(path: &Path, time: Seconds) -> Result<Frame> {
    match open(path, 1)? {
        Source::Still(mut frames) => Ok(frames.swap_remove(0)),
        #[cfg(feature = "gstreamer")]
        Source::Video { .. } => gst::at(path, time),
        #[cfg(not(feature = "gstreamer"))]
        Source::Video { .. } => {
            let _ = time;
            Err(no_video(path))
        }
    }
}

/// Writes the frames of a video from `start` until before `end` to a file of their own in `folder`:
/// `name.mp4`, or `name-2.mp4` and so on if that is there; its path. The folder is made if need be.
///
/// Frames are encoded again, so that the file begins exactly at `start`, whatever the keyframes are:
/// H.264 in MP4, or VP8 in WebM where there is no encoder for H.264. It is upright and has no sound.
/// Until the file is whole, its name belongs to an empty one.
///
/// # Errors
///
/// As [`sample`](super::sample); [`Error::Media`] if the path is an image, if no frame lies in this
/// stretch, or if there is no encoder; [`Error::NotAFile`] if the folder is none; [`Error::Io`] if the
/// file cannot be written.
pub fn cut(
    path: &Path,
    start: Seconds,
    end: Seconds,
    folder: &Path,
    name: &str,
) -> Result<PathBuf> {
    match open(path, 1)? {
        Source::Still(_) => Err(Error::media(path, "is an image: there is nothing to cut")),
        #[cfg(feature = "gstreamer")]
        Source::Video { .. } => gst::cut(path, start, end, folder, name),
        #[cfg(not(feature = "gstreamer"))]
        Source::Video { .. } => {
            let _ = (start, end, folder, name);
            Err(no_video(path))
        }
    }
}
