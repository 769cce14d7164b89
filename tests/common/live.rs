//! The drawn source frame by frame, at any rate: what it shows, on the host and in textures.

use std::time::Duration;

use vcoca_gpu::Gpu;
use vcoca_gpu::frames::{Frame, Seconds, shapes};
use vcoca_gpu::wgpu;

/// What the drawn source shows at a time.
pub fn drawn(time: Seconds) -> Frame {
    let nanoseconds = (time * 1_000_000_000).to_integer();
    Frame {
        pts: time,
        picture: shapes::draw(Duration::from_nanos(nanoseconds as u64)),
    }
}

/// A texture that takes what is drawn.
pub fn texture(gpu: &Gpu) -> wgpu::Texture {
    gpu.device().create_texture(&wgpu::TextureDescriptor {
        label: None,
        size: wgpu::Extent3d {
            width: shapes::WIDTH,
            height: shapes::HEIGHT,
            depth_or_array_layers: 1,
        },
        mip_level_count: 1,
        sample_count: 1,
        dimension: wgpu::TextureDimension::D2,
        format: wgpu::TextureFormat::Rgba8Unorm,
        usage: wgpu::TextureUsages::TEXTURE_BINDING | wgpu::TextureUsages::COPY_DST,
        view_formats: &[],
    })
}

/// Puts a drawn frame into a texture.
pub fn show(gpu: &Gpu, texture: &wgpu::Texture, frame: &Frame) {
    let layout = wgpu::TexelCopyBufferLayout {
        offset: 0,
        bytes_per_row: Some(4 * shapes::WIDTH),
        rows_per_image: None,
    };
    let (data, to) = (&frame.picture.data, texture.as_image_copy());
    gpu.queue().write_texture(to, data, layout, texture.size());
}
