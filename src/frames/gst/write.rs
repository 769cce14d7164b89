//! Pictures as they come into a video file.

use std::path::{Path, PathBuf};

use gstreamer as gst;
use gstreamer::prelude::*;
use gstreamer_app::AppSrc;
use gstreamer_video as gst_video;

use super::at::nanoseconds;
use super::encoding::Encoding;
use super::graph::{element, plugin};
use super::init;
use crate::frames::{Orientation, Picture, PixelFormat, Plane, Seconds};
use crate::{Error, Result};

/// Raw pictures that wait for the encoder or the disk; one may be larger.
const WAITING_BYTES: u64 = 64 << 20;

/// The package of the encoder and the container.
const PACKAGE: &str = "gstreamer1.0-plugins-good";

/// Writes pictures into a Matroska file, each as a JPEG with its own time, on threads of its own.
///
/// What is written can be played while the file grows, and after the process was killed;
/// [`finish`](Self::finish) adds the length and the table to seek by.
pub struct VideoWriter {
    encoding: Encoding,
    path: PathBuf,
    width: u32,
    height: u32,
}

impl VideoWriter {
    /// Begins a file of pictures of this size; what is at `path` is overwritten.
    ///
    /// # Errors
    ///
    /// [`Error::MissingCodec`] if a plugin is needed. That the file cannot be written is told by the calls
    /// that follow.
    pub fn create(path: &Path, width: u32, height: u32) -> Result<Self> {
        init()?;
        let caps = gst_video::VideoCapsBuilder::new()
            .format(gst_video::VideoFormat::Rgba)
            .width(width as i32)
            .height(height as i32)
            .pixel_aspect_ratio(gst::Fraction::new(1, 1))
            // Each picture has a time of its own.
            .framerate(gst::Fraction::new(0, 1))
            .build();
        let source = AppSrc::builder()
            .caps(&caps)
            .format(gst::Format::Time)
            .build();
        let convert = element("videoconvert")?;
        let full = element("capsfilter")?;
        // A JPEG's values have the full range of BT.601, whatever the size of the picture.
        let jpeg = gst::Caps::builder("video/x-raw")
            .field("format", "I420")
            .field("colorimetry", "1:4:0:0")
            .field("chroma-site", "jpeg")
            .build();
        full.set_property("caps", jpeg);
        let chain = [
            convert,
            full,
            plugin("jpegenc", PACKAGE)?,
            plugin("matroskamux", PACKAGE)?,
        ];
        let sink = element("filesink")?;
        // Nothing is kept back: the file can be played at any time.
        sink.set_property_from_str("buffer-mode", "unbuffered");
        let encoding = Encoding::start(path, path, "writing it", source, &chain, sink)?;
        Ok(Self {
            encoding,
            path: path.to_owned(),
            width,
            height,
        })
    }

    /// Where the file is.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Hands on a picture that is shown `time` after the first, for `duration`; false if it was dropped, as
    /// 64 MiB of pictures wait already. Does not wait.
    ///
    /// # Errors
    ///
    /// [`Error::Argument`] for a picture that is not upright [`Rgba8`](PixelFormat::Rgba8) of this size
    /// without gaps between its rows; [`Error::Io`] if the file cannot be written.
    pub fn write(&self, picture: &Picture, time: Seconds, duration: Seconds) -> Result<bool> {
        let row = 4 * self.width as usize;
        let packed = Plane {
            offset: 0,
            stride: row,
        };
        let fits = picture.format == PixelFormat::Rgba8
            && picture.orientation == Orientation::Upright
            && (picture.width, picture.height) == (self.width, self.height)
            && picture.planes == [packed]
            && picture.data.len() == row * self.height as usize;
        if !fits {
            return Err(Error::Argument {
                what: "picture to write",
                expected: format!("{} x {} packed Rgba8, upright", self.width, self.height),
                found: format!(
                    "{} x {} {:?}, {:?}",
                    picture.width, picture.height, picture.format, picture.orientation
                ),
            });
        }
        let bytes = picture.data.len() as u64;
        let waiting = self.encoding.source().current_level_bytes();
        if waiting > 0 && waiting + bytes > WAITING_BYTES {
            self.encoding.check()?;
            return Ok(false);
        }
        let mut buffer = gst::Buffer::from_slice(picture.data.clone());
        let clock = |time| gst::ClockTime::from_nseconds(nanoseconds(time).unsigned_abs());
        let fresh = buffer.get_mut().expect("nobody else has it yet");
        fresh.set_pts(clock(time));
        fresh.set_duration(clock(duration));
        self.encoding.push(buffer)?;
        Ok(true)
    }

    /// Says that no more pictures come, so that the end can be written; does not wait.
    pub fn close(&self) {
        self.encoding.close();
    }

    /// Writes what is left. Blocks until the file is whole.
    ///
    /// # Errors
    ///
    /// [`Error::Io`] if it cannot be written; [`Error::Stalled`] after 10 seconds in which nothing moved.
    pub fn finish(self) -> Result<()> {
        self.encoding.end()
    }
}
