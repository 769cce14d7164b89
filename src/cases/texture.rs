//! Cases of textures: a picture on the GPU to patches.

use wgpu::util::DeviceExt;

use super::preprocess::frame;
use super::{Case, Prepared};
use crate::frames::PixelFormat;
use crate::gpu::DType;
use crate::preprocess::{Preprocess, TextureColor, texture_patches};
use crate::reference;

pub fn cases() -> Vec<Case> {
    let case = |color: TextureColor, [width, height]: [u32; 2], size, patch, bench| Case {
        op: "texture_patches",
        shaders: &["texture_rgb", "resize", "cut_patches"],
        shape: format!("patches of a texture {width}x{height} {color:?} -> {size}/{patch}"),
        bench,
        prepare: Box::new(move |gpu, elem| {
            let mut frame = frame(PixelFormat::Rgba8, width, height);
            let texture = gpu.device().create_texture_with_data(
                gpu.queue(),
                &descriptor(width, height),
                wgpu::util::TextureDataOrder::LayerMajor,
                &frame.picture.data,
            );
            let view = texture.create_view(&wgpu::TextureViewDescriptor::default());
            // A level of light where the GPU's power and f64's round a tie apart.
            let mut level = 0.0;
            if color == TextureColor::Linear {
                frame.picture.data = frame.picture.data.iter().map(|&v| curve(v)).collect();
                level = 1.0 / 255.0 / 0.26;
            }
            let config = Preprocess::openclip(size);
            let want = reference::patches(&[frame], &config, patch as usize);
            let epsilon = match elem {
                DType::F16 => 1.0 / 2048.0,
                _ => f32::EPSILON,
            };
            let bound = (want.iter())
                .map(|v| level + epsilon * v.abs().max(1.0))
                .collect();
            let bytes = (4 * width * height) as usize + want.len() * elem.size();
            Ok(Prepared {
                record: Box::new(move |pass| {
                    let patches = texture_patches(pass, &view, color, &config, patch, elem)?;
                    Ok(vec![patches])
                }),
                want: vec![want],
                bound: vec![bound],
                flops: 0.0,
                bytes: bytes as f64,
            })
        }),
    };
    vec![
        case(TextureColor::Srgb, [45, 31], 19, 5, false),
        case(TextureColor::Srgb, [63, 257], 65, 7, false),
        case(TextureColor::Linear, [45, 31], 19, 5, false),
        case(TextureColor::Srgb, [1920, 1080], 224, 14, true),
    ]
}

/// What holds a picture of 8 bits that a shader may load.
fn descriptor(width: u32, height: u32) -> wgpu::TextureDescriptor<'static> {
    wgpu::TextureDescriptor {
        label: Some("picture"),
        size: wgpu::Extent3d {
            width,
            height,
            depth_or_array_layers: 1,
        },
        mip_level_count: 1,
        sample_count: 1,
        dimension: wgpu::TextureDimension::D2,
        format: wgpu::TextureFormat::Rgba8Unorm,
        usage: wgpu::TextureUsages::TEXTURE_BINDING | wgpu::TextureUsages::COPY_DST,
        view_formats: &[],
    }
}

/// Linear light on sRGB's curve, both in 8 bits.
fn curve(level: u8) -> u8 {
    let v = f64::from(level) / 255.0;
    let on_curve = match v <= 0.003_130_8 {
        true => 12.92 * v,
        false => 1.055 * v.powf(1.0 / 2.4) - 0.055,
    };
    (255.0 * on_curve + 0.5) as u8
}
