//! Cases of preprocessing: frames of several kinds to patches.

use num_rational::Ratio;

use super::{Case, Prepared};
use crate::frames::{
    ChromaSiting, Colorimetry, Frame, Matrix, Orientation, Picture, PixelFormat, Plane, Range,
    Transfer,
};
use crate::gpu::DType;
use crate::preprocess::{Preprocess, patches};
use crate::reference;

pub fn cases() -> Vec<Case> {
    let case = |format: PixelFormat, [width, height]: [u32; 2], size, patch, bench| Case {
        op: "patches",
        shaders: &["frame_rgb", "resize", "cut_patches"],
        shape: format!("patches of 2 x {format:?} {width}x{height} -> {size}/{patch}"),
        bench,
        prepare: Box::new(move |_, elem| {
            let frames = vec![frame(format, width, height); 2];
            let config = Preprocess::openclip(size);
            let want = reference::patches(&frames, &config, patch as usize);
            // One level where f64 and fixed point round a tie of the colour conversion apart;
            // then the rounding to `elem`.
            let level = match format {
                PixelFormat::Rgb8 => 0.0,
                _ => 1.0 / 255.0 / 0.26,
            };
            let epsilon = match elem {
                DType::F16 => 1.0 / 2048.0,
                _ => f32::EPSILON,
            };
            let bound = want
                .iter()
                .map(|v| level + epsilon * v.abs().max(1.0))
                .collect();
            let bytes = frames.iter().map(|f| f.picture.data.len()).sum::<usize>()
                + want.len() * elem.size();
            Ok(Prepared {
                record: Box::new(move |pass| {
                    Ok(vec![patches(pass, &frames, &config, patch, elem)?])
                }),
                want: vec![want],
                bound: vec![bound],
                flops: 0.0,
                bytes: bytes as f64,
            })
        }),
    };
    vec![
        case(PixelFormat::Rgb8, [45, 31], 19, 5, false),
        case(PixelFormat::I420, [45, 90], 19, 4, false),
        case(PixelFormat::I420, [640, 360], 224, 32, true),
        case(PixelFormat::I420, [1920, 1080], 224, 14, true),
    ]
}

/// A picture whose bytes repeat late, as BT.709 video.
pub(super) fn frame(format: PixelFormat, width: u32, height: u32) -> Frame {
    let (w, h) = (width as usize, height as usize);
    let sizes = match format {
        PixelFormat::Rgb8 => vec![(3 * w, h)],
        PixelFormat::Rgba8 => vec![(4 * w, h)],
        _ => vec![
            (w, h),
            (w.div_ceil(2), h.div_ceil(2)),
            (w.div_ceil(2), h.div_ceil(2)),
        ],
    };
    let mut bytes = 0;
    let mut planes = Vec::new();
    for (stride, rows) in sizes {
        planes.push(Plane {
            offset: bytes,
            stride,
        });
        bytes += stride * rows;
    }
    Frame {
        pts: Ratio::from_integer(0),
        picture: Picture {
            format,
            width,
            height,
            data: (0..bytes).map(|i| (i * i / 7 % 253) as u8).collect(),
            planes,
            color: Colorimetry {
                matrix: Matrix::Bt709,
                range: Range::Limited,
                transfer: Transfer::Sdr,
                siting: ChromaSiting::Left,
            },
            pixel_aspect: Ratio::from_integer(1),
            orientation: Orientation::Upright,
        },
    }
}
