//! Decoded pictures and where they come from; knows no GPU and no model.

use num_rational::Ratio;

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
    pub data: Vec<u8>,
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
