//! Decoded pictures and where they come from; knows no GPU and no model.
//!
//! [`sample`] takes T frames of a video, of an image file or of a folder of images. A video needs
//! the feature `gstreamer`, as do live sources; images need nothing but this crate.

mod ahead;
mod excerpt;
#[cfg(feature = "gstreamer")]
mod gst;
mod limit;
#[cfg(feature = "gstreamer")]
pub mod live;
mod part;
pub mod shapes;
mod still;
mod stream;
mod walk;

use std::fmt;
use std::fs::{self, File};
use std::io::Read;
use std::path::Path;
use std::str::FromStr;
use std::sync::Arc;

use num_rational::Ratio;

pub use self::ahead::{Ahead, ahead};
pub use self::excerpt::{at, cut};
#[cfg(feature = "gstreamer")]
pub use self::gst::VideoWriter;
use crate::{Error, Result};

pub use part::sample_part;
pub use stream::{Stream, stream};
pub use walk::{is_media, media};

/// A presentation time or a duration in seconds, exact.
pub type Seconds = Ratio<i64>;

/// One decoded picture, in the decoder's own format, with all that is needed to show it right.
#[derive(Clone, Debug)]
pub struct Frame {
    /// Presentation time from the start of the stream; 0 for still images.
    pub pts: Seconds,
    /// The picture as the decoder stored it.
    pub picture: Picture,
}

/// Pixels with their layout. `planes` index into `data`.
#[derive(Clone, Debug)]
pub struct Picture {
    pub format: PixelFormat,
    /// Size in pixels as stored, before `orientation` is applied.
    pub width: u32,
    pub height: u32,
    /// Shared by the frames that repeat a picture: 128 times one 4K picture take the memory of one.
    pub data: Arc<[u8]>,
    /// As many as `format.planes()`.
    pub planes: Vec<Plane>,
    pub color: Colorimetry,
    /// Width of one stored pixel over its height.
    pub pixel_aspect: Ratio<u32>,
    /// How to turn the stored picture upright.
    pub orientation: Orientation,
}

/// One plane of a picture.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Plane {
    /// First byte in `Picture::data`.
    pub offset: usize,
    /// Bytes from one row to the next.
    pub stride: usize,
}

/// Layouts that decoders deliver and the GPU converts itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum PixelFormat {
    /// One byte of luma.
    Gray8,
    /// Interleaved red, green, blue.
    Rgb8,
    /// Interleaved red, green, blue, alpha (ignored).
    Rgba8,
    /// Planar 4:2:0.
    I420,
    /// Luma plane, then interleaved 4:2:0 chroma.
    Nv12,
    /// Planar 4:2:2.
    Y42b,
    /// Planar 4:4:4.
    Y444,
    /// Planar 4:2:0, 10 bits in the low end of little-endian 16-bit words.
    I420Le10,
    /// Luma plane, then interleaved 4:2:0 chroma, 10 bits in the high end of 16-bit words.
    P010,
}

impl PixelFormat {
    /// Number of planes.
    pub fn planes(self) -> usize {
        match self {
            Self::Gray8 | Self::Rgb8 | Self::Rgba8 => 1,
            Self::Nv12 | Self::P010 => 2,
            Self::I420 | Self::Y42b | Self::Y444 | Self::I420Le10 => 3,
        }
    }
}

/// How stored values map to RGB.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Colorimetry {
    pub matrix: Matrix,
    pub range: Range,
    pub transfer: Transfer,
    pub siting: ChromaSiting,
}

/// Luma-chroma matrix.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Matrix {
    Bt601,
    Bt709,
    Bt2020,
}

/// Value range of luma and chroma.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Range {
    /// Luma 16..235 of 255, chroma 16..240.
    Limited,
    /// All values.
    Full,
}

/// Transfer function; HDR curves are tone-mapped before anything else.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Transfer {
    Sdr,
    Pq,
    Hlg,
}

/// Where a 4:2:0 or 4:2:2 chroma sample lies within its luma block.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ChromaSiting {
    /// Horizontally on the left luma sample, vertically between two (MPEG-2, H.264's default).
    Left,
    /// In the middle of the block (JPEG, MPEG-1).
    Center,
    /// On the top left luma sample (BT.2020's default).
    TopLeft,
}

/// The turn or mirroring that shows a stored picture upright (the eight of EXIF and GStreamer).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Default)]
pub enum Orientation {
    #[default]
    Upright,
    /// Turn a quarter clockwise.
    Rotate90,
    Rotate180,
    /// Turn three quarters clockwise.
    Rotate270,
    /// Mirror left to right.
    FlipHorizontal,
    /// Mirror left to right, then turn a quarter clockwise.
    FlipRotate90,
    /// Mirror left to right, then turn a half (mirror top to bottom).
    FlipRotate180,
    /// Mirror left to right, then turn three quarters clockwise.
    FlipRotate270,
}

/// How frames are chosen from a video.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Default)]
pub enum Sampling {
    /// Frame floor((i + 1/2) N / T) of the N frames, for i in 0..T.
    #[default]
    Uniform,
    /// The keyframes nearest to those times: fast, for a quick index; the same keyframe may come
    /// more than once.
    Keyframes,
}

impl FromStr for Sampling {
    type Err = Error;

    fn from_str(name: &str) -> Result<Self> {
        match name {
            "uniform" => Ok(Self::Uniform),
            "keyframes" => Ok(Self::Keyframes),
            _ => Err(Error::Argument {
                what: "sampling",
                expected: "uniform or keyframes".into(),
                found: name.into(),
            }),
        }
    }
}

impl fmt::Display for Sampling {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.pad(match self {
            Self::Uniform => "uniform",
            Self::Keyframes => "keyframes",
        })
    }
}

/// The way by which frames were reached.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Method {
    /// Image files, no video.
    Still,
    /// The packets were listed without decoding; only the groups of pictures needed were decoded.
    Plan,
    /// Accurate seeks to times spread over the duration that the file states.
    Seek,
    /// Seeks to the nearest keyframes.
    Keyframes,
    /// Everything was decoded, twice: to count, then to choose.
    Decode,
}

/// Frames taken from one source.
#[derive(Clone, Debug)]
pub struct Sampled {
    /// As many as were asked for, in presentation order, repeated where the source has fewer; for
    /// an image file exactly one.
    pub frames: Vec<Frame>,
    /// Length of the video; none for images and where nothing tells.
    pub duration: Option<Seconds>,
    /// How the frames were reached.
    pub method: Method,
}

/// The most frames that one call takes: they are all in memory at once.
pub(crate) const MAX_COUNT: usize = 4096;

/// Pictures above 64 Mpx are refused before memory is taken for them.
const MAX_PIXELS: u64 = 64 << 20;

/// Takes `count` frames of a video, of an image file (exactly one frame, whatever the count) or of
/// a folder of images (in the order of their names, chosen as [`Sampling::Uniform`] does).
///
/// The content decides what a file is, not its name. An animated image counts as its first
/// picture. Alpha is dropped, not blended, as OpenCLIP's `convert("RGB")` does.
///
/// Blocks until the frames are there; gives up with [`Error::Stalled`] after 5 seconds of a video
/// without progress, or after 10 seconds with one image.
///
/// # Errors
///
/// [`Error::Argument`] if `count` is not in 1..=4096, [`Error::Io`] if the path cannot be read,
/// [`Error::NotAFile`] for anything but a regular file or a folder with images in it,
/// [`Error::MissingCodec`] if a plugin is needed, [`Error::Media`] if there is nothing to decode.
pub fn sample(path: &Path, count: usize, sampling: Sampling) -> Result<Sampled> {
    match open(path, count)? {
        Source::Still(frames) => Ok(Sampled {
            frames,
            duration: None,
            method: Method::Still,
        }),
        #[cfg(feature = "gstreamer")]
        Source::Video { bytes } => gst::sample(path, bytes, count, sampling),
        #[cfg(not(feature = "gstreamer"))]
        Source::Video { .. } => {
            let _ = sampling;
            Err(no_video(path))
        }
    }
}

/// [`sample`] for a video, by one given method and without falling back to another; for tests and
/// benchmarks.
#[doc(hidden)]
pub fn sample_by(path: &Path, count: usize, method: Method) -> Result<Sampled> {
    match (open(path, count)?, method) {
        #[cfg(feature = "gstreamer")]
        (Source::Video { .. }, method) if method != Method::Still => {
            gst::sample_by(path, count, method)
        }
        _ => sample(path, count, Sampling::Uniform),
    }
}

/// What stands at a path.
enum Source {
    Still(Vec<Frame>),
    /// A regular file that is no image; its size.
    Video {
        #[cfg_attr(not(feature = "gstreamer"), expect(dead_code))]
        bytes: u64,
    },
}

/// Looks at the kind of a file before opening it (a FIFO would block for ever), then at its first
/// bytes.
fn open(path: &Path, count: usize) -> Result<Source> {
    if !(1..=MAX_COUNT).contains(&count) {
        return Err(Error::Argument {
            what: "number of frames",
            expected: format!("1 to {MAX_COUNT}"),
            found: count.to_string(),
        });
    }
    let meta = fs::metadata(path).map_err(Error::io(path))?;
    if meta.is_dir() {
        return still::folder(path, count).map(Source::Still);
    }
    if !meta.is_file() {
        return Err(Error::NotAFile {
            path: path.to_owned(),
            expected: "a video, an image or a folder of images",
            found: kind(&meta).into(),
        });
    }
    let head = head(path)?;
    if head.is_empty() {
        return Err(Error::media(path, "is empty"));
    }
    match still::sniff(&head) {
        Some(format) => Ok(Source::Still(vec![still::read(path, format)?])),
        None => Ok(Source::Video { bytes: meta.len() }),
    }
}

/// The first bytes of a regular file, enough to tell an image.
fn head(path: &Path) -> Result<Vec<u8>> {
    let mut head = Vec::with_capacity(32);
    File::open(path)
        .and_then(|file| file.take(32).read_to_end(&mut head))
        .map_err(Error::io(path))?;
    Ok(head)
}

/// Whether the first bytes of a file are an image's.
///
/// Errors: [`Error::Io`] if it cannot be read.
pub(crate) fn is_image(path: &Path) -> Result<bool> {
    Ok(still::sniff(&head(path)?).is_some())
}

/// The name of a kind of file that is neither a regular file nor a folder.
fn kind(meta: &fs::Metadata) -> &'static str {
    #[cfg(unix)]
    {
        use std::os::unix::fs::FileTypeExt;
        let kind = meta.file_type();
        if kind.is_fifo() {
            return "a FIFO";
        } else if kind.is_socket() {
            return "a socket";
        } else if kind.is_char_device() || kind.is_block_device() {
            return "a device";
        }
    }
    let _ = meta;
    "a special file"
}

/// The indices of `count` frames spread evenly over `total`, repeated where there are fewer.
fn uniform(total: usize, count: usize) -> impl Iterator<Item = usize> {
    (0..count).map(move |i| (2 * i + 1) * total / (2 * count))
}

#[cfg(not(feature = "gstreamer"))]
fn no_video(path: &Path) -> Error {
    Error::media(
        path,
        "is no image, and this build cannot decode video; build with the feature `gstreamer`",
    )
}
