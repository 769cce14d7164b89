//! A view as a watcher would give it, made by hand.
#![allow(dead_code)] // each test program uses a part

use std::f32::consts::TAU;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::{Duration, Instant};

use vcoca_gpu::frames::Seconds;
use vcoca_gpu::frames::live::{Condition, Status};
use vcoca_gpu::live::{
    Ages, Answer, Bar, Figures, Line, Moment, Picture, Relevance, Shown, Thumbnail, View,
};
use vcoca_gpu::windows::Span;
use vcoca_gpu::{Gpu, wgpu};

/// Pictures that were made so far.
static PICTURES: AtomicU64 = AtomicU64::new(0);

/// Seconds that are remembered; a moment is one second.
pub const REMEMBERED: i64 = 84;

pub fn span(start: i64, end: i64) -> Span {
    Span {
        start: Seconds::from_integer(start),
        end: Seconds::from_integer(end),
    }
}

pub fn status(condition: Condition) -> Option<Status> {
    Some(Status {
        condition,
        delivered: 2500,
        fps: 30.0,
        size: Some((640, 360)),
        reconnects: 0,
    })
}

/// Nothing has come yet.
pub fn empty() -> View {
    View {
        source: "test".into(),
        model: "shapes".into(),
        adapter: "llvmpipe".into(),
        software: true,
        ..View::default()
    }
}

/// A view of a feed that has run for a while, without a picture on a GPU.
pub fn watched() -> View {
    let line = |start, end, text: &str| Line {
        span: span(start, end),
        text: text.into(),
        age: Duration::from_millis(640),
    };
    let bar = |name: &str, share, peak| Bar {
        name: name.into(),
        share,
        peak,
    };
    let moment = |second| Moment {
        span: span(second, second + 1),
        thumbnail: Arc::new(thumbnail(second)),
    };
    let ages = |p50, p95| Ages {
        p50: Duration::from_millis(p50),
        p95: Duration::from_millis(p95),
    };
    View {
        feed: status(Condition::Live),
        lines: vec![
            line(0, 14, "a green square stands still"),
            line(14, 31, "a yellow circle moves right"),
            line(31, 55, "a blue triangle turns slowly"),
            line(55, 84, "a large red star moves from left to right"),
        ],
        bars: vec![
            bar("red star", 0.71, 0.88),
            bar("blue triangle", 0.12, 0.64),
            bar("yellow circle", 0.05, 0.05),
            bar("none of these", 0.12, 0.2),
        ],
        moments: (0..REMEMBERED).map(moment).collect(),
        figures: Figures {
            read_fps: 7.9,
            shown: ages(14, 22),
            read: ages(96, 131),
            told: ages(640, 910),
            encode: ages(58, 66),
            gpu_bytes: 148_000_000,
        },
        ..empty()
    }
}

/// Searched and asked, too.
pub fn searched() -> View {
    let near = |second: i64| 0.12 + 0.2 * (-((second - 42) as f32 / 9.0).powi(2)).exp();
    let frames = (0..REMEMBERED).map(|second| (Seconds::from_integer(second), near(second)));
    View {
        relevance: Some(Relevance {
            query: "blue triangle".into(),
            frames: frames.collect(),
        }),
        answer: Some(Answer {
            question: "What turns?".into(),
            span: Some(span(33, 51)),
            text: "a blue triangle".into(),
            done: true,
        }),
        ..watched()
    }
}

/// What is drawn at a second, as RGBA: a disc that wanders over a dusk.
fn draw(second: i64, width: u32, height: u32) -> Vec<u8> {
    let hue = second as f32 / REMEMBERED as f32 * TAU;
    let centre = (
        0.5 + 0.3 * (hue * 2.0).cos(),
        0.48 + 0.2 * (hue * 3.0).sin(),
    );
    let colour = [0.0, 2.1, 4.2].map(|shift| 150.0 + 90.0 * (hue * 1.7 + shift).cos());
    let pixel = |index: u32| {
        let (x, y) = (index % width, index / width);
        let (u, v) = (x as f32 / width as f32, y as f32 / height as f32);
        let shape = width as f32 / height as f32;
        let apart = ((u - centre.0) * shape).hypot(v - centre.1);
        let inside = ((0.2 - apart) * height as f32 / 2.0).clamp(0.0, 1.0);
        let ground = [52.0 + 46.0 * v, 66.0 + 40.0 * v, 92.0 + 30.0 * u];
        let mix = |channel: usize| ground[channel] + (colour[channel] - ground[channel]) * inside;
        [mix(0) as u8, mix(1) as u8, mix(2) as u8, 255]
    };
    (0..width * height).flat_map(pixel).collect()
}

fn thumbnail(second: i64) -> Thumbnail {
    let (width, height) = (96, 54);
    Thumbnail {
        width,
        height,
        rgba: draw(second, width, height),
    }
}

/// A picture in a texture of `gpu`, another one each time.
pub fn shown(gpu: &Gpu, second: i64) -> Shown {
    let (width, height) = (640, 360);
    let size = wgpu::Extent3d {
        width,
        height,
        depth_or_array_layers: 1,
    };
    let texture = gpu.device().create_texture(&wgpu::TextureDescriptor {
        label: Some("picture"),
        size,
        mip_level_count: 1,
        sample_count: 1,
        dimension: wgpu::TextureDimension::D2,
        format: wgpu::TextureFormat::Rgba8Unorm,
        usage: wgpu::TextureUsages::TEXTURE_BINDING | wgpu::TextureUsages::COPY_DST,
        view_formats: &[],
    });
    let layout = wgpu::TexelCopyBufferLayout {
        offset: 0,
        bytes_per_row: Some(4 * width),
        rows_per_image: None,
    };
    let rgba = draw(second, width, height);
    gpu.queue()
        .write_texture(texture.as_image_copy(), &rgba, layout, size);
    Shown {
        texture: Arc::new(Picture {
            view: texture.create_view(&wgpu::TextureViewDescriptor::default()),
            id: PICTURES.fetch_add(1, Relaxed),
            width,
            height,
        }),
        number: second as u64,
        captured: Instant::now(),
        time: Seconds::from_integer(second),
    }
}
