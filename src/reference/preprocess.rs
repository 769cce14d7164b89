//! Twin of preprocessing: one pixel at a time, colour in f64.

use crate::frames::{
    ChromaSiting, Frame, Matrix, Orientation, Picture, PixelFormat, Range, Transfer,
};
use crate::preprocess::Preprocess;
use crate::preprocess::resample::{Axis, Resample};

/// Red, green and blue.
type Rgb = [u8; 3];

/// A picture as upright RGB: its width and its rows.
pub fn upright(picture: &Picture) -> (usize, Vec<Rgb>) {
    let (mirrored, quarters) = turn(picture.orientation);
    let mut width = picture.width as usize;
    let mut rgb: Vec<Rgb> = (0..width * picture.height as usize)
        .map(|i| stored(picture, i % width, i / width))
        .collect();
    if mirrored {
        rgb.chunks_exact_mut(width).for_each(<[Rgb]>::reverse);
    }
    for _ in 0..quarters {
        let height = rgb.len() / width;
        // Clockwise: the left column, read upwards, becomes the top row.
        rgb = (0..width * height)
            .map(|i| rgb[(height - 1 - i % height) * width + i / height])
            .collect();
        width = height;
    }
    (width, rgb)
}

/// Whether to mirror left to right, then how many quarters to turn clockwise.
fn turn(orientation: Orientation) -> (bool, usize) {
    match orientation {
        Orientation::Upright => (false, 0),
        Orientation::Rotate90 => (false, 1),
        Orientation::Rotate180 => (false, 2),
        Orientation::Rotate270 => (false, 3),
        Orientation::FlipHorizontal => (true, 0),
        Orientation::FlipRotate90 => (true, 1),
        Orientation::FlipRotate180 => (true, 2),
        Orientation::FlipRotate270 => (true, 3),
    }
}

/// Frames resized and cropped, (T, S, S).
pub fn pixels(frames: &[Frame], config: &Preprocess) -> Vec<Rgb> {
    frames
        .iter()
        .flat_map(|frame| {
            let (width, rgb) = upright(&frame.picture);
            let aspect = match turn(frame.picture.orientation).1 {
                1 | 3 => frame.picture.pixel_aspect.recip(),
                _ => frame.picture.pixel_aspect,
            };
            let height = rgb.len() / width;
            let way = Resample::new(width as u32, height as u32, aspect, config);
            if way.vertical_first {
                horizontal(&vertical(&rgb, width, &way.rows), width, &way.columns)
            } else {
                let narrow = horizontal(&rgb, width, &way.columns);
                vertical(&narrow, config.size as usize, &way.rows)
            }
        })
        .collect()
}

/// Frames as rows of normalised patches, (T, G², padded 3P²).
pub fn patches(frames: &[Frame], config: &Preprocess, patch: usize) -> Vec<f32> {
    let side = config.size as usize;
    let grid = side / patch;
    let columns = 3 * patch * patch;
    let pixels = pixels(frames, config);
    let mut out = vec![0.0; frames.len() * grid * grid * columns.next_multiple_of(4)];
    for (row, values) in (out.chunks_exact_mut(columns.next_multiple_of(4))).enumerate() {
        let (frame, gy, gx) = (row / (grid * grid), row / grid % grid, row % grid);
        for (i, value) in values[..columns].iter_mut().enumerate() {
            let (channel, y, x) = (i / (patch * patch), i / patch % patch, i % patch);
            let at = (frame * side + gy * patch + y) * side + gx * patch + x;
            let level = f32::from(pixels[at][channel]) / 255.0;
            *value = (level - config.mean[channel]) / config.std[channel];
        }
    }
    out
}

/// Every row narrowed (or widened) to the outputs of `axis`.
fn horizontal(rgb: &[Rgb], width: usize, axis: &Axis) -> Vec<Rgb> {
    rgb.chunks_exact(width)
        .flat_map(|row| (axis.taps.chunks_exact(axis.stride)).map(|tap| weighed(axis, tap, row, 1)))
        .collect()
}

/// Every column shortened (or lengthened) to the outputs of `axis`.
fn vertical(rgb: &[Rgb], width: usize, axis: &Axis) -> Vec<Rgb> {
    (axis.taps.chunks_exact(axis.stride))
        .flat_map(|tap| (0..width).map(|x| weighed(axis, tap, &rgb[x..], width)))
        .collect()
}

/// One output of Pillow's integer resampling; inputs lie `step` apart.
fn weighed(axis: &Axis, tap: &[i32], inputs: &[Rgb], step: usize) -> Rgb {
    let first = axis.start as usize + tap[0] as usize;
    [0, 1, 2].map(|channel| {
        let sum: i64 = (tap[2..2 + tap[1] as usize].iter().enumerate())
            .map(|(k, &w)| i64::from(w) * i64::from(inputs[(first + k) * step][channel]))
            .sum();
        ((sum + (1 << 21)) >> 22).clamp(0, 255) as u8
    })
}

/// The stored pixel at (x, y) as RGB.
fn stored(picture: &Picture, x: usize, y: usize) -> Rgb {
    use PixelFormat::*;
    let color = picture.color;
    let wide = matches!(picture.format, I420Le10 | P010);
    let full = if wide { 1023.0 } else { 255.0 };
    let unit = if wide { 4.0 } else { 1.0 };
    let (black, luma_range, chroma_range) = match color.range {
        Range::Limited => (16.0 * unit, 219.0 * unit, 224.0 * unit),
        Range::Full => (0.0, full, full),
    };
    let luma = || (sample(picture, 0, x, y, 0, 1) - black) / luma_range;
    let rgb = match picture.format {
        Rgb8 => [0, 1, 2].map(|c| sample(picture, 0, x, y, c, 3) / 255.0),
        Rgba8 => [0, 1, 2].map(|c| sample(picture, 0, x, y, c, 4) / 255.0),
        Gray8 => [luma(); 3],
        _ => {
            let [u, v] = [0, 1].map(|i| (chroma(picture, i, x, y) - 128.0 * unit) / chroma_range);
            let (kr, kb) = match color.matrix {
                Matrix::Bt601 => (0.299, 0.114),
                Matrix::Bt709 => (0.2126, 0.0722),
                Matrix::Bt2020 => (0.2627, 0.0593),
            };
            let red = luma() + 2.0 * (1.0 - kr) * v;
            let blue = luma() + 2.0 * (1.0 - kb) * u;
            [red, (luma() - kr * red - kb * blue) / (1.0 - kr - kb), blue]
        }
    };
    let shown = match color.transfer {
        Transfer::Sdr => rgb,
        Transfer::Pq => tone_mapped(rgb.map(|v| pq(v.clamp(0.0, 1.0)))),
        Transfer::Hlg => tone_mapped(hlg(rgb.map(|v| v.clamp(0.0, 1.0)))),
    };
    shown.map(|v| (v * 255.0 + 0.5).floor().clamp(0.0, 255.0) as u8)
}

/// Sample `part` of `together` at column x and row y of a plane.
fn sample(
    picture: &Picture,
    plane: usize,
    x: usize,
    y: usize,
    part: usize,
    together: usize,
) -> f64 {
    let at = picture.planes[plane].offset + y * picture.planes[plane].stride;
    let index = x * together + part;
    let word = || {
        u16::from_le_bytes([
            picture.data[at + 2 * index],
            picture.data[at + 2 * index + 1],
        ])
    };
    f64::from(match picture.format {
        PixelFormat::I420Le10 => word() & 1023,
        PixelFormat::P010 => word() >> 6,
        _ => u16::from(picture.data[at + index]),
    })
}

/// Chroma u (0) or v (1) at luma position (x, y), between the four nearest samples.
fn chroma(picture: &Picture, part: usize, x: usize, y: usize) -> f64 {
    use PixelFormat::*;
    let (across, down) = match picture.format {
        Y444 => (1, 1),
        Y42b => (2, 1),
        _ => (2, 2),
    };
    let interleaved = matches!(picture.format, Nv12 | P010);
    let at = |x: usize, y: usize| {
        if interleaved {
            sample(picture, 1, x, y, part, 2)
        } else {
            sample(picture, 1 + part, x, y, 0, 1)
        }
    };
    let position = |luma: usize, by: usize, centred: bool, extent: u32| {
        let along = if centred {
            (luma as f64 + 0.5) / by as f64 - 0.5
        } else {
            luma as f64 / by as f64
        };
        let last = (extent as usize).div_ceil(by) - 1;
        let low = along.floor();
        let high = ((low + 1.0) as usize).min(last);
        (low.max(0.0) as usize, high, along - low)
    };
    let siting = picture.color.siting;
    let (x0, x1, dx) = position(x, across, siting == ChromaSiting::Center, picture.width);
    let (y0, y1, dy) = position(y, down, siting != ChromaSiting::TopLeft, picture.height);
    let above = at(x0, y0) * (1.0 - dx) + at(x1, y0) * dx;
    let below = at(x0, y1) * (1.0 - dx) + at(x1, y1) * dx;
    above * (1.0 - dy) + below * dy
}

/// SMPTE ST 2084: the signal to linear light, 1 = 203 nits.
fn pq(signal: f64) -> f64 {
    let (m1, m2) = (2610.0 / 16384.0, 128.0 * 2523.0 / 4096.0);
    let (c1, c2, c3) = (
        3424.0 / 4096.0,
        32.0 * 2413.0 / 4096.0,
        32.0 * 2392.0 / 4096.0,
    );
    let root = f64::powf(signal, 1.0 / m2);
    10_000.0 / 203.0 * ((root - c1).max(0.0) / (c2 - c3 * root)).powf(1.0 / m1)
}

/// BT.2100 HLG on a display of 1000 nits, 1 = 203 nits.
fn hlg(signal: [f64; 3]) -> [f64; 3] {
    let (a, b, c) = (0.178_832_77, 0.284_668_92, 0.559_910_73);
    let scene = signal.map(|v| {
        if v <= 0.5 {
            v * v / 3.0
        } else {
            (((v - c) / a).exp() + b) / 12.0
        }
    });
    let luminance = 0.2627 * scene[0] + 0.678 * scene[1] + 0.0593 * scene[2];
    scene.map(|v| 1000.0 / 203.0 * v * luminance.powf(0.2))
}

/// Linear BT.2020 light to sRGB in 0..1: primaries of BT.709, then the largest component rolls
/// off from 0.5 so that 1000 nits become 1.
fn tone_mapped([r, g, b]: [f64; 3]) -> [f64; 3] {
    let rgb = [
        1.660_491 * r - 0.587_641 * g - 0.072_85 * b,
        -0.124_55 * r + 1.132_9 * g - 0.008_35 * b,
        -0.018_151 * r - 0.100_579 * g + 1.118_73 * b,
    ]
    .map(|v| v.max(0.0));
    let peak = rgb.into_iter().fold(1e-9, f64::max);
    let white = (1000.0 / 203.0 - 0.5) / 0.5;
    let over = ((peak - 0.5) / 0.5).min(white);
    let rolled = 0.5 + 0.5 * over * (1.0 + over / (white * white)) / (1.0 + over);
    let gain = if peak > 0.5 { rolled / peak } else { 1.0 };
    rgb.map(|v| match (v * gain).min(1.0) {
        low if low <= 0.003_130_8 => 12.92 * low,
        light => 1.055 * light.powf(1.0 / 2.4) - 0.055,
    })
}
