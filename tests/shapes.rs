//! The built-in model says what rendered videos show: from H.264 files through the whole line.
#![cfg(all(feature = "gstreamer", feature = "shapes"))]

mod common;

use std::path::{Path, PathBuf};
use std::time::Duration;

use common::gpu;
use num_rational::Ratio;
use serde_json::Value;
use vcoca_gpu::engine::Caption;
use vcoca_gpu::frames::{
    ChromaSiting, Colorimetry, Frame, Matrix, Orientation, Picture, PixelFormat, Plane, Range,
    Sampling, Seconds, Transfer, sample, shapes,
};
use vcoca_gpu::generate::{Draw, Strategy};
use vcoca_gpu::gpu::DType;
use vcoca_gpu::{Engine, Gpu, ModelSource, Options};

fn file(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(name)
}

fn caption(engine: &Engine, video: &Path) -> String {
    let sampled = sample(video, 8, Sampling::Uniform).unwrap();
    let clip = engine.encode_video(&sampled.frames).unwrap();
    engine.caption(&clip, &Options::default()).unwrap().text
}

fn words(text: &str) -> Vec<&str> {
    text.split(|c: char| !c.is_alphanumeric())
        .filter(|word| !word.is_empty())
        .collect()
}

/// Whether the caption names the colour and the shape, next to each other.
fn names(caption: &str, color: &str, shape: &str) -> bool {
    words(caption).windows(2).any(|pair| pair == [color, shape])
}

#[test]
fn drawn_scenes_are_captioned_right() {
    let engine = Engine::load(gpu(), &ModelSource::Shapes, None).unwrap();
    for number in 0..shapes::SCENES as u32 {
        // Any half second of a scene tells it.
        for part in [0.0, 0.5, 0.9] {
            let start = shapes::SCENE * number + shapes::SCENE.mul_f64(part);
            let frames = [0, 150, 300, 450].map(|after| Frame {
                pts: Seconds::new(after, 1000),
                picture: shapes::draw(start + Duration::from_millis(after as u64)),
            });
            let clip = engine.encode_video(&frames).unwrap();
            let caption = engine.caption(&clip, &Options::default()).unwrap().text;
            let (color, shape) = shapes::scene(start).split_once(' ').unwrap();
            assert!(names(&caption, color, shape), "{color} {shape}: {caption}");
        }
    }
    assert_eq!(
        shapes::scene(shapes::SCENE * shapes::SCENES as u32),
        shapes::scene(Duration::ZERO)
    );
}

#[test]
fn clips_captioned_together_are_captioned_as_each_alone() {
    let engine = Engine::load(gpu(), &ModelSource::Shapes, Some(DType::F32)).unwrap();
    let videos = ["circle_and_heart.mp4", "green_cross.mp4", "red_star.mp4"];
    let clips = videos.map(|name| {
        let sampled = sample(&file("assets").join(name), 4, Sampling::Uniform).unwrap();
        engine.encode_video(&sampled.frames).unwrap()
    });
    let drawn = Options {
        strategy: Strategy::Draw(Draw::default()),
        candidates: 33, // so many that clips are written about one after the other
        ..Options::default()
    };
    for options in [Options::default(), drawn] {
        let together = engine.captions(&clips.each_ref(), &options).unwrap();
        for (texts, clip) in together.iter().zip(&clips) {
            let alone = engine.captions(&[clip], &options).unwrap().remove(0);
            let words = |texts: &[Caption]| -> Vec<String> {
                texts.iter().map(|caption| caption.text.clone()).collect()
            };
            assert_eq!(words(texts), words(&alone));
            assert_eq!(engine.caption(clip, &options).unwrap().text, alone[0].text);
        }
    }
    assert!(engine.captions(&[], &Options::default()).is_err());
}

/// Nine of ten: the clips were not chosen, and the model is right about most, not all.
#[test]
fn moving_objects_are_named() {
    let labels = std::fs::read_to_string(file("tests/data/clips/labels.jsonl")).unwrap();
    let labels: Vec<Value> = labels
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    for dtype in [DType::F32, DType::F16] {
        let engine = Engine::load(gpu(), &ModelSource::Shapes, Some(dtype)).unwrap();
        let mut wrong = Vec::new();
        for label in &labels {
            let (name, object) = (label["file"].as_str().unwrap(), &label["objects"][0]);
            let said = caption(&engine, &file("tests/data/clips").join(name));
            let word = |key: &str| object[key].as_str().unwrap();
            if !names(&said, word("color"), word("shape")) {
                wrong.push(format!("{name}: {said:?}, but it shows {object}"));
            }
        }
        assert!(wrong.len() <= labels.len() / 10, "{dtype}: {wrong:#?}");
    }
}

#[test]
fn the_demo_clips_are_captioned_right() {
    let engine = Engine::load(gpu(), &ModelSource::Shapes, None).unwrap();
    for (name, objects) in [
        ("red_star.mp4", &[("red", "star")][..]),
        (
            "circle_and_heart.mp4",
            &[("blue", "circle"), ("yellow", "heart")],
        ),
        ("green_cross.mp4", &[("green", "cross")]),
    ] {
        let said = caption(&engine, &file("assets").join(name));
        for &(color, shape) in objects {
            assert!(names(&said, color, shape), "{name}: {said:?}");
        }
    }
}

/// A device of its own: other tests allocate on the shared one meanwhile.
#[test]
fn a_second_video_of_the_same_shape_allocates_nothing() {
    let gpu = Gpu::new().unwrap();
    let engine = Engine::load(&gpu, &ModelSource::Shapes, None).unwrap();
    let run = || caption(&engine, &file("assets/red_star.mp4"));
    let first = run();
    let before = gpu.pool_stats();
    assert_eq!(run(), first);
    let after = gpu.pool_stats();
    assert_eq!(after.allocations, before.allocations);
    assert_eq!(after.live_bytes, before.live_bytes);
}

/// A picture of 37 MB, so that two are read in portions: grey, with a square of `color`.
fn large_picture(color: [u8; 3]) -> Frame {
    let (width, height) = (3700, 3350);
    let mut data = vec![128; 3 * width * height];
    for row in data.chunks_mut(3 * width).skip(1100).take(1100) {
        for pixel in row.chunks_mut(3).skip(1300).take(1100) {
            pixel.copy_from_slice(&color);
        }
    }
    Frame {
        pts: Seconds::from_integer(0),
        picture: Picture {
            format: PixelFormat::Rgb8,
            width: width as u32,
            height: height as u32,
            data: data.into(),
            planes: vec![Plane {
                offset: 0,
                stride: 3 * width,
            }],
            color: Colorimetry {
                matrix: Matrix::Bt601,
                range: Range::Full,
                transfer: Transfer::Sdr,
                siting: ChromaSiting::Center,
            },
            pixel_aspect: Ratio::from_integer(1),
            orientation: Orientation::Upright,
        },
    }
}

#[test]
fn pictures_too_large_to_upload_together_are_all_seen() {
    let engine = Engine::load(gpu(), &ModelSource::Shapes, Some(DType::F32)).unwrap();
    let (red, blue) = (large_picture([220, 30, 30]), large_picture([30, 30, 220]));
    let embedding = |frames: &[Frame]| {
        let clip = engine.encode_video(frames).unwrap();
        gpu().read_f32(&clip.embedding).unwrap()
    };
    let apart = |a: &[f32], b: &[f32]| {
        let differences = a.iter().zip(b).map(|(a, b)| (a - b).abs());
        differences.fold(0.0, f32::max)
    };
    let both = embedding(&[red.clone(), blue.clone()]);
    let turned = embedding(&[blue.clone(), red.clone()]);
    assert!(apart(&both, &turned) < 1e-5, "the order does not matter");
    for one in [red, blue] {
        assert!(apart(&both, &embedding(&[one])) > 1e-3, "neither is lost");
    }
}

#[test]
fn a_prompt_is_continued_as_an_answer() {
    let engine = Engine::load(gpu(), &ModelSource::Shapes, None).unwrap();
    let sampled = sample(&file("assets/red_star.mp4"), 8, Sampling::Uniform).unwrap();
    let clip = engine.encode_video(&sampled.frames).unwrap();
    let prompt = engine
        .tokenizer()
        .ids("question: what color is the star? answer:")
        .unwrap();
    let options = Options {
        prompt,
        ..Options::default()
    };
    let said = engine.caption(&clip, &options).unwrap().text;
    assert!(said.ends_with("red"), "{said}");
}
