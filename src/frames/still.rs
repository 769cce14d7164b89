//! Image files and folders of images, through the `image` crate.

use std::fs;
use std::io::Cursor;
use std::path::{Path, PathBuf};
use std::time::Duration;

use image::{DynamicImage, ImageDecoder, ImageError, ImageFormat, ImageReader};
use num_rational::Ratio;

use super::{
    ChromaSiting, Colorimetry, Frame, MAX_PIXELS, Matrix, Orientation, Picture, PixelFormat, Plane,
    Range, Seconds, Transfer, head, limit, uniform,
};
use crate::{Error, Result};

/// Larger image files are refused: 64 Mpx with 16 bits and alpha are 512 MiB unpacked.
const MAX_BYTES: u64 = 1 << 30;

/// Nothing tells how far the decoding of an image has come; the largest take some seconds.
const LIMIT: Duration = Duration::from_secs(10);

/// The image format that these first bytes announce, if it is one that can be read here.
pub(super) fn sniff(head: &[u8]) -> Option<ImageFormat> {
    image::guess_format(head)
        .ok()
        .filter(ImageFormat::reading_enabled)
}

/// [`decode`] within its limit.
pub(super) fn read(path: &Path, format: ImageFormat) -> Result<Frame> {
    let file = path.to_owned();
    limit::run(LIMIT, move || decode(&file, format)).unwrap_or_else(|| {
        Err(Error::Stalled {
            path: path.to_owned(),
            seconds: LIMIT.as_secs(),
            doing: "decoding the image",
        })
    })
}

/// Decodes an image file to RGB with 8 bits a channel. Gray, 16-bit and CMYK pictures are
/// converted, alpha is dropped; the EXIF orientation is kept beside the pixels.
fn decode(path: &Path, format: ImageFormat) -> Result<Frame> {
    let bytes = fs::metadata(path).map_err(Error::io(path))?.len();
    if bytes > MAX_BYTES {
        let problem = format!("has {bytes} bytes; images above {MAX_BYTES} are refused");
        return Err(Error::media(path, problem));
    }
    let file = fs::read(path).map_err(Error::io(path))?;
    if format == ImageFormat::Jpeg && !jpeg_is_whole(&file) {
        return Err(Error::media(path, "the image is truncated"));
    }
    let fault = |error: ImageError| Error::media(path, describe(error));
    let mut decoder = ImageReader::with_format(Cursor::new(file), format)
        .into_decoder()
        .map_err(fault)?;
    let (width, height) = decoder.dimensions();
    if u64::from(width) * u64::from(height) > MAX_PIXELS {
        let problem = format!("has {width}x{height} pixels; more than 64 Mpx are refused");
        return Err(Error::media(path, problem));
    }
    let orientation = decoder.orientation().map_or(Orientation::Upright, turn);
    let data = DynamicImage::from_decoder(decoder)
        .map_err(fault)?
        .into_rgb8()
        .into_raw();
    Ok(Frame {
        pts: Seconds::ZERO,
        picture: Picture {
            format: PixelFormat::Rgb8,
            width,
            height,
            data: data.into(),
            planes: vec![Plane {
                offset: 0,
                stride: width as usize * 3,
            }],
            color: Colorimetry {
                matrix: Matrix::Bt601,
                range: Range::Full,
                transfer: Transfer::Sdr,
                siting: ChromaSiting::Center,
            },
            pixel_aspect: Ratio::ONE,
            orientation,
        },
    })
}

/// Takes `count` images of a folder in the byte order of their names. Hidden files and files that
/// are no images, or cannot be opened, are passed over. There is no clock: every time is 0.
pub(super) fn folder(path: &Path, count: usize) -> Result<Vec<Frame>> {
    let mut images: Vec<(PathBuf, ImageFormat)> = Vec::new();
    for entry in fs::read_dir(path).map_err(Error::io(path))? {
        let entry = entry.map_err(Error::io(path))?;
        let file = entry.path();
        let hidden = entry.file_name().as_encoded_bytes().starts_with(b".");
        if hidden || !file.is_file() {
            continue;
        }
        match head(&file) {
            Ok(head) => images.extend(sniff(&head).map(|format| (file, format))),
            // It may well be no image.
            Err(error) => log::warn!("passed over: {error}"),
        }
    }
    if images.is_empty() {
        return Err(Error::NotAFile {
            path: path.to_owned(),
            expected: "a video, an image or a folder of images",
            found: "a folder without images".into(),
        });
    }
    images.sort_unstable_by(|a, b| a.0.cmp(&b.0));
    let mut frames: Vec<Frame> = Vec::new();
    let mut last = None;
    for index in uniform(images.len(), count) {
        let frame = match frames.last() {
            Some(frame) if last == Some(index) => frame.clone(),
            _ => read(&images[index].0, images[index].1)?,
        };
        last = Some(index);
        frames.push(frame);
    }
    Ok(frames)
}

/// Whether the end marker of a JPEG file is there. The decoder fills what is missing with gray and
/// reports nothing; an end marker inside an embedded thumbnail does not count.
fn jpeg_is_whole(file: &[u8]) -> bool {
    let mut rest = file.get(2..).unwrap_or_default();
    loop {
        // Within a scan, 0xff is followed by 0 or a restart marker.
        let Some(at) = rest.windows(2).position(
            |pair| matches!(pair, &[0xff, marker] if !matches!(marker, 0 | 0xff | 0xd0..=0xd7)),
        ) else {
            return false;
        };
        if rest[at + 1] == 0xd9 {
            return true;
        }
        rest = &rest[at + 2..];
        let Some(&[high, low]) = rest.first_chunk() else {
            return false;
        };
        let length = usize::from(u16::from_be_bytes([high, low]));
        rest = rest.get(length..).unwrap_or_default();
    }
}

fn describe(error: ImageError) -> String {
    match error {
        ImageError::IoError(error) if error.kind() == std::io::ErrorKind::UnexpectedEof => {
            "the image is truncated".into()
        }
        error => format!("the image cannot be decoded: {error}"),
    }
}

/// EXIF's 5 is the transposition: `image` turns, then mirrors; here mirroring comes first.
fn turn(orientation: image::metadata::Orientation) -> Orientation {
    use image::metadata::Orientation as Exif;
    match orientation {
        Exif::NoTransforms => Orientation::Upright,
        Exif::Rotate90 => Orientation::Rotate90,
        Exif::Rotate180 => Orientation::Rotate180,
        Exif::Rotate270 => Orientation::Rotate270,
        Exif::FlipHorizontal => Orientation::FlipHorizontal,
        Exif::FlipVertical => Orientation::FlipRotate180,
        Exif::Rotate90FlipH => Orientation::FlipRotate270,
        Exif::Rotate270FlipH => Orientation::FlipRotate90,
    }
}
