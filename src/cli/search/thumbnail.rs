//! Small pictures of moments.

use std::path::Path;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use image::codecs::jpeg::JpegEncoder;
use image::imageops::{FilterType, resize};
use image::{Rgb, RgbImage};
use vcoca_gpu::frames::{Frame, Orientation, Seconds, at};
use vcoca_gpu::gpu::Gpu;
use vcoca_gpu::preprocess::upright;
use vcoca_gpu::{Error, Result};

/// The longer side, in pixels.
const SIDE: u32 = 320;

/// What a video shows at `time`, as a JPEG in a `data:` address.
pub fn data_uri(gpu: &Gpu, path: &Path, time: Seconds) -> Result<String> {
    let frame = at(path, time)?;
    let fault = |error: &dyn std::fmt::Display| Error::Media {
        path: path.to_owned(),
        problem: format!("its picture cannot be stored: {error}"),
    };
    let small = small(gpu, &frame)?;
    let mut jpeg = Vec::new();
    JpegEncoder::new_with_quality(&mut jpeg, 80)
        .encode_image(&small)
        .map_err(|error| fault(&error))?;
    Ok(format!("data:image/jpeg;base64,{}", STANDARD.encode(jpeg)))
}

/// A frame as it is meant to be seen, scaled down. The GPU converts colours and turns it, as it does for
/// the model: the page shows what the model saw, HDR and turned pictures included.
fn small(gpu: &Gpu, frame: &Frame) -> Result<RgbImage> {
    let mut pass = gpu.pass();
    let rgb = upright(&mut pass, frame)?;
    pass.submit()?;
    let (rows, cols) = (rgb.dim(0) as u32, rgb.dim(1) as u32);
    let words = gpu.read_u32(&rgb)?;
    let picture = RgbImage::from_fn(cols, rows, |x, y| {
        let [red, green, blue, _] = words[(y * cols + x) as usize].to_le_bytes();
        Rgb([red, green, blue])
    });
    let (width, height) = shown_size(frame, cols, rows);
    Ok(resize(&picture, width, height, FilterType::Triangle))
}

/// The size in which an upright picture of `cols` x `rows` pixels is shown, with square pixels.
fn shown_size(frame: &Frame, cols: u32, rows: u32) -> (u32, u32) {
    use Orientation::{FlipRotate90, FlipRotate270, Rotate90, Rotate270};
    let aspect = frame.picture.pixel_aspect;
    let mut aspect = f64::from(*aspect.numer()) / f64::from(*aspect.denom());
    if let Rotate90 | Rotate270 | FlipRotate90 | FlipRotate270 = frame.picture.orientation {
        aspect = 1.0 / aspect;
    }
    let (width, height) = (f64::from(cols) * aspect, f64::from(rows));
    let scale = f64::from(SIDE) / width.max(height);
    let side = |length: f64| ((length * scale).round() as u32).clamp(1, SIDE);
    (side(width), side(height))
}
