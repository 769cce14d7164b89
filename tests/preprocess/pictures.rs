//! Pictures to convert, and the calls that convert them.

use std::sync::LazyLock;

use num_rational::Ratio;
use vcoca_gpu::Result;
use vcoca_gpu::frames::*;
use vcoca_gpu::gpu::{DType, Gpu, Tensor};
use vcoca_gpu::preprocess::{self, Preprocess};

/// One device for all tests of this process: opening many leaks.
pub static GPU: LazyLock<Gpu> =
    LazyLock::new(|| Gpu::new().expect("a GPU adapter, lavapipe at least"));

pub const SDR: Colorimetry = Colorimetry {
    matrix: Matrix::Bt601,
    range: Range::Limited,
    transfer: Transfer::Sdr,
    siting: ChromaSiting::Left,
};

/// A picture of `samples(plane, row, byte)` whose rows are `padding` samples longer than they need
/// be, the gaps filled with noise.
pub fn frame(
    format: PixelFormat,
    [width, height]: [u32; 2],
    padding: usize,
    samples: impl Fn(usize, usize, usize) -> u8,
) -> Frame {
    use PixelFormat::*;
    let padding = match format {
        I420Le10 | P010 => 2 * padding,
        _ => padding,
    };
    let (w, h) = (width as usize, height as usize);
    let (cw, ch) = (w.div_ceil(2), h.div_ceil(2));
    let sizes = match format {
        Gray8 => vec![(w, h)],
        Rgb8 => vec![(3 * w, h)],
        Rgba8 => vec![(4 * w, h)],
        I420 => vec![(w, h), (cw, ch), (cw, ch)],
        Nv12 => vec![(w, h), (2 * cw, ch)],
        Y42b => vec![(w, h), (cw, h), (cw, h)],
        Y444 => vec![(w, h), (w, h), (w, h)],
        I420Le10 => vec![(2 * w, h), (2 * cw, ch), (2 * cw, ch)],
        P010 => vec![(2 * w, h), (4 * cw, ch)],
    };
    let mut data = vec![0xa5; padding];
    let mut planes = Vec::new();
    for (plane, (bytes, rows)) in sizes.into_iter().enumerate() {
        planes.push(Plane {
            offset: data.len(),
            stride: bytes + padding,
        });
        for row in 0..rows {
            data.extend((0..bytes).map(|byte| samples(plane, row, byte)));
            if row + 1 < rows {
                data.extend((0..padding).map(|i| (i * 77 + row) as u8));
            }
        }
    }
    let picture = Picture {
        format,
        width,
        height,
        data: data.into(),
        planes,
        color: SDR,
        pixel_aspect: Ratio::from_integer(1),
        orientation: Orientation::Upright,
    };
    Frame {
        pts: Seconds::from_integer(0),
        picture,
    }
}

/// Noise: the same for the same arguments.
pub fn noise(seed: u32, plane: usize, row: usize, byte: usize) -> u8 {
    let mut k = seed ^ (plane as u32) << 28 ^ (row as u32) << 14 ^ byte as u32;
    k = (k ^ k >> 16).wrapping_mul(0x7feb_352d);
    k = (k ^ k >> 15).wrapping_mul(0x846c_a68b);
    (k ^ k >> 16) as u8
}

pub fn noisy(format: PixelFormat, size: [u32; 2], padding: usize, seed: u32) -> Frame {
    frame(format, size, padding, |plane, row, byte| {
        noise(seed, plane, row, byte)
    })
}

/// RGB out of packed pixels.
pub fn unpacked(tensor: &Tensor) -> Result<Vec<[u8; 3]>> {
    let words = GPU.read_u32(tensor)?;
    Ok((words.iter().map(|w| w.to_le_bytes()))
        .map(|[r, g, b, _]| [r, g, b])
        .collect())
}

pub fn upright(frame: &Frame) -> Result<Vec<[u8; 3]>> {
    let mut pass = GPU.pass();
    let tensor = preprocess::upright(&mut pass, frame)?;
    pass.submit()?;
    unpacked(&tensor)
}

pub fn pixels(frames: &[Frame], config: &Preprocess) -> Result<Vec<[u8; 3]>> {
    let mut pass = GPU.pass();
    let tensor = preprocess::pixels(&mut pass, frames, config)?;
    pass.submit()?;
    unpacked(&tensor)
}

pub fn patches(frames: &[Frame], config: &Preprocess, patch: u32, elem: DType) -> Result<Vec<f32>> {
    let mut pass = GPU.pass();
    let tensor = preprocess::patches(&mut pass, frames, config, patch, elem)?;
    pass.submit()?;
    GPU.read_f32(&tensor)
}

/// Compares with the twin: one level at most, and that on a hundredth of the pixels (ties of f64 and fixed point).
pub fn assert_close(got: &[[u8; 3]], want: &[[u8; 3]], what: &str) {
    assert_eq!(got.len(), want.len(), "{what}");
    let differ = |(a, b): (&u8, &u8)| a.abs_diff(*b);
    let differences = || {
        got.as_flattened()
            .iter()
            .zip(want.as_flattened())
            .map(differ)
    };
    assert!(
        differences().max() <= Some(1),
        "{what}: {:?}",
        differences().max()
    );
    let off = differences().filter(|&d| d > 0).count();
    assert!(
        off <= 2 + got.len() / 100,
        "{what}: {off} of {} pixels",
        got.len()
    );
}
