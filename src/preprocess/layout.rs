//! Everything of a [`Picture`] but its bytes, checked, and what the conversion kernel needs of it.

use num_rational::Ratio;

use super::Area;
use crate::frames::{
    ChromaSiting, Colorimetry, Matrix, Orientation, Picture, PixelFormat, Plane, Range, Transfer,
};
use crate::gpu::Constant;
use crate::{Error, Result};

/// The longest side of a picture: up to here Pillow's single-precision boxes are exact.
const MAX_SIDE: u32 = 1 << 24;

/// Fraction bits of the colour conversion, as `frame_rgb.wgsl` has them.
const FRACTION: f64 = (1 << 21) as f64;

/// Pictures of equal layout go through one dispatch.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Layout {
    format: PixelFormat,
    width: u32,
    height: u32,
    /// Offsets are counted from `start`.
    planes: Vec<Plane>,
    color: Colorimetry,
    orientation: Orientation,
    aspect: Ratio<u32>,
    /// The bytes of `Picture::data` that hold samples.
    start: usize,
    end: usize,
}

/// What `frame_rgb.wgsl` calls `Params`.
#[repr(C)]
#[derive(Clone, Copy, bytemuck::Pod, bytemuck::Zeroable)]
pub(crate) struct Params {
    area: [u32; 4],
    quads: u32,
    total: u32,
    words: u32,
    size: [u32; 2],
    /// Output index of the area's first stored pixel, then steps per stored column and row.
    place: [i32; 3],
    luma: [u32; 2],
    u: [u32; 2],
    v: [u32; 2],
    step: u32,
    sub: [u32; 2],
    site: [i32; 2],
    shift: u32,
    luma_zero: i32,
    chroma_zero: i32,
    ky: i32,
    /// Red of V, green of U, green of V, blue of U.
    matrix: [i32; 4],
}

impl Params {
    /// Invocations that the kernel needs.
    pub fn invocations(&self) -> usize {
        self.total as usize
    }
}

/// How a format stores its samples.
struct Samples {
    /// Bytes of one sample.
    bytes: usize,
    /// Bits below the 10 of a two-byte sample.
    shift: u32,
    /// log2 of the luma samples for one of chroma, across and down.
    sub: [u32; 2],
    /// Samples of one pixel of the first plane, and of one position of the others.
    together: [usize; 2],
}

impl Samples {
    fn of(format: PixelFormat) -> Self {
        let (bytes, shift, sub, together) = match format {
            PixelFormat::Gray8 => (1, 0, [0, 0], [1, 1]),
            PixelFormat::Rgb8 => (1, 0, [0, 0], [3, 1]),
            PixelFormat::Rgba8 => (1, 0, [0, 0], [4, 1]),
            PixelFormat::I420 => (1, 0, [1, 1], [1, 1]),
            PixelFormat::Nv12 => (1, 0, [1, 1], [1, 2]),
            PixelFormat::Y42b => (1, 0, [1, 0], [1, 1]),
            PixelFormat::Y444 => (1, 0, [0, 0], [1, 1]),
            PixelFormat::I420Le10 => (2, 0, [1, 1], [1, 1]),
            PixelFormat::P010 => (2, 6, [1, 1], [1, 2]),
        };
        Self {
            bytes,
            shift,
            sub,
            together,
        }
    }
}

impl Layout {
    /// Errors: a side of 0 or above 2^24, the wrong number of planes, a plane that ends outside
    /// the data or cuts samples of two bytes in two, a pixel aspect of 0.
    pub fn of(picture: &Picture) -> Result<Self> {
        let (width, height) = (picture.width, picture.height);
        let wrong = |what, expected: String, found: String| Error::Argument {
            what,
            expected,
            found,
        };
        if ![width, height].iter().all(|s| (1..=MAX_SIDE).contains(s)) {
            return Err(wrong(
                "size of a picture",
                format!("sides of 1 to {MAX_SIDE}"),
                format!("{width}x{height}"),
            ));
        }
        if *picture.pixel_aspect.numer() == 0 || *picture.pixel_aspect.denom() == 0 {
            return Err(wrong(
                "pixel aspect of a picture",
                "a ratio above 0".into(),
                format!("{:?}", picture.pixel_aspect),
            ));
        }
        let format = picture.format;
        if picture.planes.len() != format.planes() {
            return Err(wrong(
                "planes of a picture",
                format!("{} for {format:?}", format.planes()),
                picture.planes.len().to_string(),
            ));
        }
        let samples = Samples::of(format);
        let (mut start, mut end) = (usize::MAX, 0);
        for (i, plane) in picture.planes.iter().enumerate() {
            if !(plane.offset | plane.stride).is_multiple_of(samples.bytes) {
                return Err(wrong(
                    "plane of a picture",
                    format!("offset and stride to be multiples of {}", samples.bytes),
                    format!("{plane:?}"),
                ));
            }
            let [cols, rows] = if i == 0 {
                [width, height]
            } else {
                [0, 1].map(|axis| (([width, height][axis] - 1) >> samples.sub[axis]) + 1)
            };
            let row = cols as usize * samples.together[i.min(1)] * samples.bytes;
            let last = (plane.stride.checked_mul(rows as usize - 1))
                .and_then(|rows| rows.checked_add(plane.offset)?.checked_add(row))
                // The kernel counts bytes in 32 bits.
                .filter(|&last| last <= picture.data.len() && last <= u32::MAX as usize)
                .ok_or_else(|| {
                    wrong(
                        "plane of a picture",
                        format!("to end within its {} bytes of data", picture.data.len()),
                        format!("{plane:?} with {rows} rows of {row} bytes"),
                    )
                })?;
            start = start.min(plane.offset);
            end = end.max(last);
        }
        let planes = (picture.planes.iter())
            .map(|plane| Plane {
                offset: plane.offset - start,
                stride: plane.stride,
            })
            .collect();
        Ok(Self {
            format,
            width,
            height,
            planes,
            color: picture.color,
            orientation: picture.orientation,
            aspect: picture.pixel_aspect,
            start,
            end,
        })
    }

    /// The bytes to upload.
    pub fn bytes<'p>(&self, picture: &'p Picture) -> &'p [u8] {
        &picture.data[self.start..self.end]
    }

    /// 32-bit words that the bytes take.
    pub fn words(&self) -> usize {
        (self.end - self.start).div_ceil(4)
    }

    /// Width and height of the upright picture in pixels, and the aspect of its pixels.
    pub fn upright(&self) -> (u32, u32, Ratio<u32>) {
        if !self.turn()[0] {
            (self.width, self.height, self.aspect)
        } else {
            (self.height, self.width, self.aspect.recip())
        }
    }

    /// From an upright position to the stored one: whether x and y swap, then whether x and y are
    /// mirrored within the stored size.
    fn turn(&self) -> [bool; 3] {
        match self.orientation {
            Orientation::Upright => [false, false, false],
            Orientation::Rotate90 => [true, false, true],
            Orientation::Rotate180 => [false, true, true],
            Orientation::Rotate270 => [true, true, false],
            Orientation::FlipHorizontal => [false, true, false],
            Orientation::FlipRotate90 => [true, true, true],
            Orientation::FlipRotate180 => [false, false, true],
            Orientation::FlipRotate270 => [true, false, false],
        }
    }

    /// An upright area as stored, and the place of its stored pixels in a row-major picture of it.
    fn stored(&self, area: Area) -> (Area, [i32; 3]) {
        let [swapped, mirror_x, mirror_y] = self.turn();
        let mut stored = area;
        let mut steps = [1, area.cols as i32];
        if swapped {
            stored = Area {
                x: area.y,
                y: area.x,
                cols: area.rows,
                rows: area.cols,
            };
            steps.reverse();
        }
        let mut origin = 0;
        if mirror_x {
            stored.x = self.width - stored.x - stored.cols;
            origin += (stored.cols as i32 - 1) * steps[0];
            steps[0] = -steps[0];
        }
        if mirror_y {
            stored.y = self.height - stored.y - stored.rows;
            origin += (stored.rows as i32 - 1) * steps[1];
            steps[1] = -steps[1];
        }
        (stored, [origin, steps[0], steps[1]])
    }

    /// The variant of `frame_rgb.wgsl` for this layout.
    pub fn constants(&self) -> [(&'static str, Constant); 4] {
        let kind = match self.format {
            PixelFormat::Gray8 => 0_u32,
            PixelFormat::Rgb8 | PixelFormat::Rgba8 => 1,
            _ => 2,
        };
        let transfer = match self.color.transfer {
            Transfer::Sdr => 0_u32,
            Transfer::Pq => 1,
            Transfer::Hlg => 2,
        };
        [
            ("KIND", kind.into()),
            (
                "INTERLEAVED",
                (Samples::of(self.format).together[1] == 2).into(),
            ),
            ("WIDE", (Samples::of(self.format).bytes == 2).into()),
            ("TRANSFER", transfer.into()),
        ]
    }

    /// The immediates for `frames` pictures of this layout and one area of each.
    pub fn params(&self, area: Area, frames: usize) -> Params {
        let samples = Samples::of(self.format);
        let plane = |i: usize| {
            let plane = self.planes.get(i).copied().unwrap_or(self.planes[0]);
            [plane.offset as u32, plane.stride as u32]
        };
        let (u, v) = if samples.together[1] == 2 {
            let [offset, stride] = plane(1);
            (plane(1), [offset + samples.bytes as u32, stride])
        } else {
            (plane(1), plane(2))
        };
        // RGB is stepped through as one plane of pixels.
        let together = samples.together[usize::from(self.planes.len() > 1)];
        let sited = |axis: usize, centred: bool| i32::from(centred && samples.sub[axis] == 1);
        let siting = self.color.siting;
        let coefficients = Coefficients::of(self.color, samples.bytes == 2);
        let (area, place) = self.stored(area);
        let quads = (area.x + area.cols).div_ceil(4) - area.x / 4;
        Params {
            area: [area.x, area.y, area.cols, area.rows],
            quads,
            total: frames as u32 * area.rows * quads,
            words: self.words() as u32,
            size: [self.width, self.height],
            place,
            luma: plane(0),
            u,
            v,
            step: (together * samples.bytes) as u32,
            sub: samples.sub,
            site: [
                sited(0, siting == ChromaSiting::Center),
                sited(1, siting != ChromaSiting::TopLeft),
            ],
            shift: samples.shift,
            luma_zero: coefficients.luma_zero,
            chroma_zero: coefficients.chroma_zero,
            ky: coefficients.luma,
            matrix: coefficients.matrix,
        }
    }
}

/// The linear map from luma and chroma to RGB, for samples times 16, in fixed point.
struct Coefficients {
    luma_zero: i32,
    chroma_zero: i32,
    luma: i32,
    matrix: [i32; 4],
}

impl Coefficients {
    fn of(color: Colorimetry, wide: bool) -> Self {
        // Rec. ITU-R BT.601-7, BT.709-6, BT.2020-2: the shares of red and blue in luma.
        let (kr, kb) = match color.matrix {
            Matrix::Bt601 => (0.299, 0.114),
            Matrix::Bt709 => (0.2126, 0.0722),
            Matrix::Bt2020 => (0.2627, 0.0593),
        };
        let kg = 1.0 - kr - kb;
        let unit = if wide { 4.0 } else { 1.0 };
        let (zero, luma, chroma) = match color.range {
            Range::Limited => (16.0 * unit, 219.0 * unit, 224.0 * unit),
            Range::Full => (0.0, 256.0 * unit - 1.0, 256.0 * unit - 1.0),
        };
        let level = 255.0 * FRACTION / 16.0;
        let fixed = |share: f64| (2.0 * share * level / chroma).round() as i32;
        Self {
            luma_zero: zero as i32,
            chroma_zero: if wide { 512 } else { 128 },
            luma: (level / luma).round() as i32,
            matrix: [
                fixed(1.0 - kr),
                fixed(-(1.0 - kb) * kb / kg),
                fixed(-(1.0 - kr) * kr / kg),
                fixed(1.0 - kb),
            ],
        }
    }
}
