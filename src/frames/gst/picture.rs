//! From a decoder's buffer and caps to a [`Picture`].

use gstreamer as gst;
use gstreamer::prelude::*;
use gstreamer_video as gst_video;
use gstreamer_video::prelude::*;
use num_rational::Ratio;

use super::color::color;
use crate::frames::{MAX_PIXELS, Orientation, Picture, PixelFormat, Plane};

/// The formats taken as they are; anything else goes through `videoconvert` to one of these.
const FORMATS: [(gst_video::VideoFormat, PixelFormat); 9] = [
    (gst_video::VideoFormat::I420, PixelFormat::I420),
    (gst_video::VideoFormat::Nv12, PixelFormat::Nv12),
    (gst_video::VideoFormat::Y42b, PixelFormat::Y42b),
    (gst_video::VideoFormat::Y444, PixelFormat::Y444),
    (gst_video::VideoFormat::I42010le, PixelFormat::I420Le10),
    (gst_video::VideoFormat::P01010le, PixelFormat::P010),
    (gst_video::VideoFormat::Gray8, PixelFormat::Gray8),
    (gst_video::VideoFormat::Rgb, PixelFormat::Rgb8),
    (gst_video::VideoFormat::Rgba, PixelFormat::Rgba8),
];

/// What the sink takes.
pub(super) fn caps() -> gst::Caps {
    gst_video::VideoCapsBuilder::new()
        .format_list(FORMATS.map(|(format, _)| format))
        .build()
}

/// Copies a sample with its strides, one field of it if it is interlaced. `stated` are the caps
/// of the stream before anything was decoded.
pub(super) fn copy(
    sample: &gst::Sample,
    stated: Option<&gst::CapsRef>,
    orientation: Orientation,
) -> Result<Picture, String> {
    let (Some(buffer), Some(caps)) = (sample.buffer(), sample.caps()) else {
        return Err("the decoder delivered an empty sample".into());
    };
    let info = gst_video::VideoInfo::from_caps(caps).map_err(|error| error.to_string())?;
    let (width, height) = (info.width(), info.height());
    if u64::from(width) * u64::from(height) > MAX_PIXELS {
        return Err(format!(
            "has pictures of {width}x{height} pixels; more than 64 Mpx are refused"
        ));
    }
    let format = FORMATS
        .iter()
        .find_map(|&(known, format)| (known == info.format()).then_some(format))
        .ok_or_else(|| format!("the decoder delivered the format {}", info.format()))?;
    let frame = gst_video::VideoFrameRef::from_buffer_ref_readable(buffer, &info)
        .map_err(|error| error.to_string())?;

    let mut data = Vec::with_capacity(buffer.size());
    let mut planes = Vec::with_capacity(format.planes());
    for index in 0..frame.n_planes() {
        let stride = frame.plane_stride()[index as usize];
        let stride = usize::try_from(stride).map_err(|_| "the picture is upside down")?;
        let offset = data.len();
        let plane = frame.plane_data(index).map_err(|error| error.to_string())?;
        data.extend_from_slice(plane);
        // The last row may end with its last pixel; all rows here are whole.
        let rows = if index == 0 {
            height
        } else {
            chroma_rows(format, height)
        };
        data.resize(offset + stride * rows as usize, 0);
        if frame.is_interlaced() {
            let wide = matches!(format, PixelFormat::I420Le10 | PixelFormat::P010);
            keep_field(&mut data[offset..], stride, !frame.is_tff(), wide);
        }
        planes.push(Plane { offset, stride });
    }

    let aspect = info.par();
    let aspect = u32::try_from(aspect.numer())
        .ok()
        .zip(u32::try_from(aspect.denom()).ok())
        .filter(|&(n, d)| n > 0 && d > 0);
    Ok(Picture {
        format,
        width,
        height,
        data: data.into(),
        planes,
        color: color(&info, stated),
        pixel_aspect: aspect.map_or(Ratio::ONE, |(n, d)| Ratio::new(n, d)),
        orientation,
    })
}

/// Rows of the chroma planes of a picture with `height` rows.
fn chroma_rows(format: PixelFormat, height: u32) -> u32 {
    match format {
        PixelFormat::Y42b | PixelFormat::Y444 => height,
        _ => height.div_ceil(2),
    }
}

/// Replaces the rows of the later field by the mean of their neighbours in the earlier one: the
/// frame's time is that of its first field. `odd`: the odd rows come first. `wide`: two bytes a
/// value, little-endian.
fn keep_field(plane: &mut [u8], stride: usize, odd: bool, wide: bool) {
    let rows = plane.len() / stride.max(1);
    for row in (usize::from(!odd)..rows).step_by(2) {
        let (above, below) = match row {
            0 if rows == 1 => return,
            0 => (1, 1),
            last if last + 1 == rows => (last - 1, last - 1),
            row => (row - 1, row + 1),
        };
        for at in (0..stride).step_by(if wide { 2 } else { 1 }) {
            let [up, down, to] = [above, below, row].map(|row| row * stride + at);
            if wide {
                let value = |at: usize| u32::from(u16::from_le_bytes([plane[at], plane[at + 1]]));
                let mean = (value(up) + value(down)).div_ceil(2) as u16;
                plane[to..to + 2].copy_from_slice(&mean.to_le_bytes());
            } else {
                plane[to] = (u16::from(plane[up]) + u16::from(plane[down])).div_ceil(2) as u8;
            }
        }
    }
}

/// The rotation tag that came down a pad.
pub(super) fn orientation(pad: &gst::Pad) -> Orientation {
    let mut turn = Orientation::Upright;
    for index in 0.. {
        let Some(event) = pad.sticky_event::<gst::event::Tag>(index) else {
            break;
        };
        if let Some(tag) = event.tag().get::<gst::tags::ImageOrientation>() {
            turn = match tag.get() {
                "rotate-90" => Orientation::Rotate90,
                "rotate-180" => Orientation::Rotate180,
                "rotate-270" => Orientation::Rotate270,
                "flip-rotate-0" => Orientation::FlipHorizontal,
                "flip-rotate-90" => Orientation::FlipRotate90,
                "flip-rotate-180" => Orientation::FlipRotate180,
                "flip-rotate-270" => Orientation::FlipRotate270,
                _ => Orientation::Upright,
            };
        }
    }
    turn
}
