//! An application that owns the wgpu device and embeds the engine: what it draws into a texture of its own is
//! read where it is, in its own command encoder, and described.
//!
//!     cargo run --example host_device

use vcoca_gpu::preprocess::TextureColor;
use vcoca_gpu::{Engine, Gpu, ModelSource, Options, wgpu};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    // The application's own device, with what the kernels need on top of what it wants itself.
    let instance = wgpu::Instance::default();
    let adapter = pollster::block_on(instance.request_adapter(&Default::default()))?;
    let (device, queue) = pollster::block_on(adapter.request_device(&wgpu::DeviceDescriptor {
        required_features: Gpu::required_features(&adapter),
        required_limits: Gpu::required_limits(&adapter),
        ..Default::default()
    }))?;
    let gpu = Gpu::from_wgpu(&adapter, device.clone(), queue.clone())?;
    let engine = Engine::load(&gpu, &ModelSource::Shapes, None)?;

    // Any texture that a shader may load: a frame of a game, a camera, a canvas.
    let texture = device.create_texture(&wgpu::TextureDescriptor {
        label: Some("scene"),
        size: wgpu::Extent3d {
            width: 320,
            height: 240,
            depth_or_array_layers: 1,
        },
        mip_level_count: 1,
        sample_count: 1,
        dimension: wgpu::TextureDimension::D2,
        format: wgpu::TextureFormat::Rgba8Unorm,
        usage: wgpu::TextureUsages::TEXTURE_BINDING | wgpu::TextureUsages::COPY_DST,
        view_formats: &[],
    });
    let view = texture.create_view(&wgpu::TextureViewDescriptor::default());

    let mut states = Vec::new();
    for frame in 0..8 {
        queue.write_texture(
            texture.as_image_copy(),
            &disc(120 + 10 * frame, 120),
            wgpu::TexelCopyBufferLayout {
                offset: 0,
                bytes_per_row: Some(4 * 320),
                rows_per_image: None,
            },
            texture.size(),
        );
        // Recorded beside the application's own commands; the application submits.
        let mut encoder = device.create_command_encoder(&Default::default());
        let state = engine.encode_texture(&mut encoder, &view, TextureColor::Srgb)?;
        queue.submit([encoder.finish()]);
        states.push(state.state);
    }
    let clip = engine.pool(&engine.merge(&states)?)?;
    println!("{}", engine.caption(&clip, &Options::default())?.text);
    Ok(())
}

/// A red disc on grey, 320 × 240 RGBA.
fn disc(x: i32, y: i32) -> Vec<u8> {
    (0..320 * 240)
        .flat_map(
            |i| match (i % 320 - x).pow(2) + (i / 320 - y).pow(2) < 45 * 45 {
                true => [219, 28, 33, 255],
                false => [120, 120, 125, 255],
            },
        )
        .collect()
}
