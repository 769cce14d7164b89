//! A video read window by window shows what reading each stretch alone shows.
#![cfg(all(feature = "gstreamer", feature = "shapes"))]

#[path = "common/clips.rs"]
mod clips;
mod common;

use std::path::{Path, PathBuf};
use std::sync::LazyLock;

use clips::{Clip, number};
use common::gpu;
use vcoca_gpu::engine::{Pooling, Window, WindowOptions};
use vcoca_gpu::frames::{self, Frame, Sampling, Seconds, sample};
use vcoca_gpu::gpu::DType;
use vcoca_gpu::windows::Windows;
use vcoca_gpu::{Engine, ModelSource, Result};

static ENGINE: LazyLock<Engine> =
    LazyLock::new(|| Engine::load(gpu(), &ModelSource::Shapes, Some(DType::F32)).unwrap());

fn seconds(numer: i64, denom: i64) -> Seconds {
    Seconds::new(numer, denom)
}

fn asset(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("assets")
        .join(name)
}

fn stream(path: &Path, step: Seconds) -> Vec<Frame> {
    let stream = frames::stream(path, step).unwrap().expect("a video");
    stream.collect::<Result<_>>().unwrap()
}

fn windows(path: &Path, windows: &str, frames: usize) -> Vec<Window> {
    let options = WindowOptions {
        windows: windows.parse().unwrap(),
        frames,
        sampling: Sampling::Uniform,
    };
    let windows = ENGINE.windows(path, &options).unwrap();
    windows.collect::<Result<_>>().unwrap()
}

fn distance(a: &[f32], b: &[f32]) -> f32 {
    let differences = a.iter().zip(b).map(|(a, b)| (a - b).abs());
    differences.fold(0.0, f32::max)
}

/// The tolerance of states merged in another order.
const NEAR: f32 = 2e-6;

#[test]
fn a_stream_takes_the_frames_that_uniform_sampling_takes() {
    let path = Clip::default().make(); // 30 frames in 1.2 s
    for count in [1, 3, 5, 8, 30, 45] {
        let step = seconds(12, 10 * count as i64);
        let streamed = stream(&path, step);
        let sampled = sample(&path, count, Sampling::Uniform).unwrap().frames;
        let numbers = |frames: &[Frame]| -> Vec<u64> {
            frames.iter().map(|frame| number(&frame.picture)).collect()
        };
        assert_eq!(numbers(&streamed), numbers(&sampled), "{count} frames");
        let times = |frames: &[Frame]| -> Vec<Seconds> { frames.iter().map(|f| f.pts).collect() };
        assert_eq!(times(&streamed), times(&sampled), "{count} frames");
    }
}

#[test]
fn frames_of_a_varying_rate_are_those_that_are_shown() {
    // Frame i is shown from i(i+1)/2 times 20 ms on, for i + 1 times 20 ms.
    let clip = Clip {
        name: "varying-windows.mkv",
        frames: 14,
        rate: (0, 1),
        encode: "x264enc key-int-max=10 ! matroskamux",
        ..Clip::default()
    };
    let path = clip.make();
    let step = seconds(1, 10);
    let streamed = stream(&path, step);
    assert_eq!(
        streamed.len(),
        18,
        "the file does not tell how long the last frame lasts"
    );
    for (k, frame) in streamed.iter().enumerate() {
        let middle = (2 * k as u64 + 1) * 50_000_000;
        let shown = (0..14).rev().find(|&i| clip.start(i) <= middle).unwrap();
        assert_eq!(number(&frame.picture), shown, "at {middle} ns");
        assert_eq!(frame.pts, seconds(clip.start(shown) as i64, 1_000_000_000));
    }
}

#[test]
fn a_step_longer_than_the_video_gives_one_frame() {
    let path = Clip::default().make();
    assert_eq!(stream(&path, seconds(60, 1)).len(), 1);
    assert!(frames::stream(&path, seconds(0, 1)).is_err());
    let mut stream = frames::stream(&path, seconds(1, 5)).unwrap().unwrap();
    assert_eq!(stream.by_ref().count(), 6);
    assert_eq!(stream.duration().unwrap(), Some(seconds(6, 5)));
    assert!(stream.next().is_none(), "nothing comes behind the end");
}

#[test]
fn a_clock_that_jumps_by_days_ends_the_video() {
    let hours = |name: &str, starts: [u64; 3]| clips::timed(name, &starts.map(|h| h * 3_600_000));
    let step = seconds(3600, 1);
    let slides = hours("slides.mkv", [0, 5, 20]);
    assert!(
        stream(&slides, step).len() >= 20,
        "a slide may stand for hours"
    );
    let jumps = hours("jumps.mkv", [0, 1, 100]);
    assert!(stream(&jumps, step).len() <= 3);
    let late = hours("late.mkv", [100, 101, 102]);
    let error = frames::stream(&late, step).unwrap().unwrap().next();
    let error = error.unwrap().unwrap_err().to_string();
    assert!(error.contains("clock"), "{error}");
}

#[test]
fn what_is_left_behind_the_last_step_belongs_to_the_last_window() {
    // 1.2 s; the second window's first step has its middle behind the end.
    let path = Clip::default().make();
    let cut = windows(&path, "800ms", 1);
    let spans: Vec<_> = cut.iter().map(|w| (w.span.start, w.span.end)).collect();
    assert_eq!(spans, [(seconds(0, 1), seconds(6, 5))]);
    // Enough is left for a step.
    let cut = windows(&path, "800ms", 2);
    let spans: Vec<_> = cut.iter().map(|w| (w.span.start, w.span.end)).collect();
    let middle = seconds(4, 5);
    assert_eq!(spans, [(seconds(0, 1), middle), (middle, seconds(6, 5))]);
}

#[test]
fn a_window_as_long_as_the_video_is_the_video() {
    let path = asset("circle_and_heart.mp4");
    let whole = windows(&path, "whole", 8).remove(0);
    let length = whole.span.end; // 2.16 s or so
    let text = format!("{}ns", (length * 1_000_000_000).to_integer());
    let only = windows(&path, &text, 8);
    assert_eq!(only.len(), 1);
    assert_eq!(only[0].span, whole.span);
    assert_eq!(only[0].frames, whole.frames);
    assert!(distance(&only[0].embedding, &whole.embedding) < NEAR);
}

#[test]
fn overlapping_windows_equal_each_stretch_encoded_alone() {
    let path = asset("red_star.mp4"); // about 2.2 s
    let all = stream(&path, seconds(1, 10));
    let cut = windows(&path, "800ms/300ms", 8);
    let end = cut.last().unwrap().span.end;
    for (i, window) in cut.iter().enumerate() {
        let start = seconds(3 * i as i64, 10);
        assert_eq!(window.span.start, start);
        assert_eq!(window.span.end, end.min(start + seconds(8, 10)));
        let cells = 3 * i..(3 * i + 8).min(all.len());
        let alone = ENGINE.encode_video(&all[cells.clone()]).unwrap();
        let alone = ENGINE.read_embedding(&alone).unwrap();
        assert!(distance(&window.embedding, &alone) < NEAR, "window {i}");
        let mut times: Vec<Seconds> = all[cells].iter().map(|frame| frame.pts).collect();
        times.dedup();
        assert_eq!(window.frames, times);
    }
    let before_last = &cut[cut.len() - 2];
    assert!(
        before_last.span.end < end,
        "no window is within another one"
    );
}

#[test]
fn windows_of_odd_lengths_come_to_the_same_as_round_ones() {
    let path = asset("red_star.mp4");
    let round = windows(&path, "1s/500ms", 7);
    // A length that shares no factor with the number of frames: products of times leave 64 bits.
    let odd = windows(&path, "1s 1ns/500000001ns", 4093);
    assert_eq!(odd.len(), round.len());
    assert_eq!(odd[1].span.start, seconds(500_000_001, 1_000_000_000));
    assert_eq!(odd.last().unwrap().span.end, round.last().unwrap().span.end);
}

#[test]
fn images_are_one_window_however_videos_are_cut() {
    let picture = image::RgbImage::from_pixel(20, 10, image::Rgb([200, 30, 30]));
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("red.png");
    picture.save(&path).unwrap();
    for cut in ["whole", "4s/2s", "shots"] {
        let windows = windows(&path, cut, 8);
        assert_eq!(windows.len(), 1, "{cut}");
        assert_eq!(windows[0].span.end, seconds(0, 1));
    }
}

#[test]
fn each_way_of_pooling_is_what_its_definition_says() {
    let path = asset("circle_and_heart.mp4");
    let frames = sample(&path, 5, Sampling::Uniform).unwrap().frames;
    let clips = ENGINE.encode_by(&frames, &Pooling::ALL).unwrap();
    let read = |clip: &vcoca_gpu::engine::Clip| ENGINE.read_embedding(clip).unwrap();
    let [flat, mean, patches] = [0, 1, 2].map(|i| read(&clips[i]));

    let together = read(&ENGINE.encode_video(&frames).unwrap());
    assert!(distance(&flat, &together) < NEAR);

    let mut sum = vec![0.0f64; mean.len()];
    for frame in &frames {
        let alone = read(&ENGINE.encode_video(std::slice::from_ref(frame)).unwrap());
        sum.iter_mut()
            .zip(alone)
            .for_each(|(sum, v)| *sum += f64::from(v));
    }
    let length = sum.iter().map(|v| v * v).sum::<f64>().sqrt();
    let expected: Vec<f32> = sum.iter().map(|v| (v / length) as f32).collect();
    assert!(distance(&mean, &expected) < NEAR);

    // tests/parity.rs holds this way against PyTorch; here, that it is neither of the others.
    assert!(distance(&patches, &flat) > 1e-4 && distance(&patches, &mean) > 1e-4);
    for clip in &clips {
        assert_eq!(clip.context.dims(), clips[0].context.dims());
    }
    assert!(ENGINE.encode_by(&[], &[Pooling::Mean]).is_err());
    assert_eq!("mean".parse::<Pooling>().unwrap(), Pooling::Mean);
    assert!("median".parse::<Pooling>().is_err());
}

fn world(name: &str) -> PathBuf {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/world");
    folder.join(name)
}

#[test]
fn shots_begin_where_the_picture_changes() {
    let still = windows(&asset("red_star.mp4"), "shots", 8);
    assert_eq!(still.len(), 1, "a moving star is one shot");

    let shots = windows(&world("moments/videos/long_000.mp4"), "shots", 8);
    let starts: Vec<Seconds> = shots.iter().map(|shot| shot.span.start).collect();
    // The scenes of this video begin at 0, 5.9, 13.7, 17.1, 21.6 and 26 s; two frames a second are
    // looked at.
    let scenes = [
        (0, 10),
        (62, 10),
        (137, 10),
        (171, 10),
        (215, 10),
        (261, 10),
    ];
    assert_eq!(starts.len(), scenes.len(), "{starts:?}");
    for (start, (n, d)) in starts.iter().zip(scenes) {
        let late = *start - seconds(n, d);
        assert!(late >= seconds(0, 1) && late <= seconds(1, 2), "{starts:?}");
    }
    for pair in shots.windows(2) {
        assert_eq!(
            pair[0].span.end, pair[1].span.start,
            "no gap and no overlap"
        );
    }
    assert_eq!(shots.last().unwrap().span.end, seconds(30, 1));
    for shot in &shots {
        let within = |time: &Seconds| (shot.span.start..shot.span.end).contains(time);
        assert!(shot.frames.iter().all(within), "{:?}", shot.frames);
    }
    // A shot is what its frames are together, though they were merged a few at a time.
    let all = stream(&world("moments/videos/long_000.mp4"), seconds(1, 2));
    let first = &shots[1];
    let alone: Vec<Frame> = (all.into_iter())
        .filter(|frame| first.frames.contains(&frame.pts))
        .collect();
    let alone = ENGINE
        .read_embedding(&ENGINE.encode_video(&alone).unwrap())
        .unwrap();
    assert!(distance(&first.embedding, &alone) < NEAR);
}

#[test]
fn neighbours_that_show_nearly_the_same_are_joined() {
    let path = world("moments/videos/long_000.mp4");
    let options = WindowOptions {
        windows: Windows::Shots,
        frames: 8,
        sampling: Sampling::Uniform,
    };
    let joined = |likeness: f32| -> Vec<Window> {
        let windows = ENGINE.windows(&path, &options).unwrap();
        windows.joined(likeness).collect::<Result<_>>().unwrap()
    };
    let (apart, together) = (joined(1.1), joined(-1.1));
    assert_eq!(apart.len(), 6);
    assert_eq!(together.len(), 1, "anything is as like as that");
    assert_eq!(together[0].span.end, apart[5].span.end);
    assert_eq!(together[0].embedding, apart[0].embedding, "the first one's");
    let frames: usize = apart.iter().map(|shot| shot.frames.len()).sum();
    assert_eq!(together[0].frames.len(), frames);
}
