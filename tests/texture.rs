//! Pictures in a host's textures, read in the host's own encoder.
#![cfg(feature = "shapes")]

mod common;

use num_rational::Ratio;
use vcoca_gpu::engine::FrameState;
use vcoca_gpu::frames::{
    ChromaSiting, Colorimetry, Frame, Matrix, Orientation, Picture, PixelFormat, Plane, Range,
    Seconds, Transfer,
};
use vcoca_gpu::gpu::DType;
use vcoca_gpu::preprocess::TextureColor;
use vcoca_gpu::wgpu::{self, util::DeviceExt};
use vcoca_gpu::{Engine, Error, Gpu, ModelSource};

fn engine(dtype: DType) -> Engine {
    Engine::load(common::gpu(), &ModelSource::Shapes, Some(dtype)).expect("the built-in model")
}

/// A picture that no other seed gives, with an alpha that must not matter.
fn frame(width: u32, height: u32, seed: u32) -> Frame {
    let pixel = |i: u32| {
        let (x, y) = (i % width, i / width);
        [x * 7 + seed * 31, y * 5 + seed * 11, x * y / 9 + seed, i].map(|v| (v % 256) as u8)
    };
    Frame {
        pts: Seconds::ZERO,
        picture: Picture {
            format: PixelFormat::Rgba8,
            width,
            height,
            data: (0..width * height).flat_map(pixel).collect(),
            planes: vec![Plane {
                offset: 0,
                stride: 4 * width as usize,
            }],
            color: Colorimetry {
                matrix: Matrix::Bt601,
                range: Range::Full,
                transfer: Transfer::Sdr,
                siting: ChromaSiting::Center,
            },
            pixel_aspect: Ratio::ONE,
            orientation: Orientation::Upright,
        },
    }
}

fn descriptor(width: u32, height: u32) -> wgpu::TextureDescriptor<'static> {
    wgpu::TextureDescriptor {
        label: None,
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

fn texture(gpu: &Gpu, frame: &Frame) -> wgpu::TextureView {
    let picture = &frame.picture;
    let order = wgpu::util::TextureDataOrder::LayerMajor;
    let desc = descriptor(picture.width, picture.height);
    let device = gpu.device();
    let texture = device.create_texture_with_data(gpu.queue(), &desc, order, &picture.data);
    texture.create_view(&wgpu::TextureViewDescriptor::default())
}

fn encoder(gpu: &Gpu) -> wgpu::CommandEncoder {
    (gpu.device()).create_command_encoder(&wgpu::CommandEncoderDescriptor::default())
}

fn largest_difference(a: &[f32], b: &[f32]) -> f32 {
    assert_eq!(a.len(), b.len());
    a.iter()
        .zip(b)
        .map(|(a, b)| (a - b).abs())
        .fold(0.0, f32::max)
}

#[test]
fn states_of_textures_pool_to_what_the_frames_make_together() {
    let gpu = common::gpu();
    let mut tried = vec![(DType::F32, 1e-5)];
    // Keys and values in f16, summed in another order.
    tried.extend(gpu.caps().f16.then_some((DType::F16, 2e-3)));
    for (dtype, most) in tried {
        let engine = engine(dtype);
        let frames: Vec<_> = (0..7).map(|seed| frame(65, 63, seed)).collect();
        let states: Vec<FrameState> = (frames.iter())
            .map(|frame| {
                let mut encoder = encoder(gpu);
                let view = texture(gpu, frame);
                let state = engine.encode_texture(&mut encoder, &view, TextureColor::Srgb);
                gpu.queue().submit([encoder.finish()]);
                state.expect("a texture")
            })
            .collect();
        let merged = engine
            .merge(states.iter().map(|state| &state.state))
            .expect("states");
        let ring = engine.pool(&merged).expect("a clip");
        let batch = engine.encode_video(&frames).expect("a clip");
        let read = |tensor| gpu.read_f32(tensor).expect("values");
        let embedding = largest_difference(&read(&ring.embedding), &read(&batch.embedding));
        assert!(
            embedding <= most,
            "{dtype}: embeddings differ by {embedding}"
        );
        let context = largest_difference(&read(&ring.context), &read(&batch.context));
        assert!(
            context <= 10.0 * most,
            "{dtype}: contexts differ by {context}"
        );
        let alone = engine.encode_video(&frames[3..4]).expect("a clip");
        let alone = largest_difference(&read(&states[3].embedding), &read(&alone.embedding));
        assert!(alone <= most, "{dtype}: one frame differs by {alone}");
    }
}

#[test]
fn the_host_submits_and_what_runs_meanwhile_disturbs_nothing() {
    let gpu = common::gpu_of_host(|_| ());
    let engine = Engine::load(&gpu, &ModelSource::Shapes, Some(DType::F32)).expect("a model");
    let (first, second) = (frame(64, 48, 1), frame(64, 48, 2));
    let before = gpu.work().submissions;
    let mut encoders = [encoder(&gpu), encoder(&gpu)];
    let views = [&first, &second].map(|frame| texture(&gpu, frame));
    let mut states = Vec::new();
    for (encoder, view) in encoders.iter_mut().zip(&views) {
        states.push(
            engine
                .encode_texture(encoder, view, TextureColor::Srgb)
                .expect("a texture"),
        );
    }
    assert_eq!(
        gpu.work().submissions,
        before,
        "nothing of ours is submitted"
    );
    // A whole video is read before the host submits.
    let meanwhile = engine.encode_video(&[frame(33, 40, 5)]).expect("a clip");
    let before = gpu.read_f32(&meanwhile.embedding).expect("values");
    gpu.queue()
        .submit(encoders.map(wgpu::CommandEncoder::finish));
    for (state, frame) in states.iter().zip([first, second]) {
        let alone = engine.encode_video(&[frame]).expect("a clip");
        let [got, want] = [&state.embedding, &alone.embedding].map(|e| gpu.read_f32(e).unwrap());
        assert!(largest_difference(&got, &want) <= 1e-5);
    }
    let after = gpu.read_f32(&meanwhile.embedding).expect("values");
    assert_eq!(before, after, "what was there is as it was");
}

#[test]
fn textures_that_no_shader_can_load_are_refused() {
    let (gpu, engine) = (common::gpu(), engine(DType::F32));
    let plain = descriptor(8, 8);
    let wrong = [
        wgpu::TextureDescriptor {
            usage: wgpu::TextureUsages::COPY_DST | wgpu::TextureUsages::RENDER_ATTACHMENT,
            ..plain.clone()
        },
        wgpu::TextureDescriptor {
            format: wgpu::TextureFormat::Rgba8Uint,
            ..plain.clone()
        },
        wgpu::TextureDescriptor {
            sample_count: 4,
            usage: plain.usage | wgpu::TextureUsages::RENDER_ATTACHMENT,
            ..plain.clone()
        },
        wgpu::TextureDescriptor {
            dimension: wgpu::TextureDimension::D3,
            ..plain
        },
    ];
    for desc in wrong {
        let texture = gpu.device().create_texture(&desc);
        let view = texture.create_view(&wgpu::TextureViewDescriptor::default());
        let encoded = engine.encode_texture(&mut encoder(gpu), &view, TextureColor::Srgb);
        let Err(Error::Argument { what, .. }) = encoded else {
            panic!("{desc:?} was taken");
        };
        assert_eq!(what, "texture");
    }
}
