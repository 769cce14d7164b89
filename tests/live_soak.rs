//! Twenty minutes of a live source, as fast as they can be read: nothing grows. A program of its own, because
//! what is looked at is the process's.
#![cfg(target_os = "linux")]

mod common;
#[path = "common/live.rs"]
mod drawn;

use std::fs;
use std::sync::Arc;

use drawn::{drawn, show, texture};
use vcoca_gpu::frames::Seconds;
use vcoca_gpu::gpu::DType;
use vcoca_gpu::live::{Reader, Thumbnail};
use vcoca_gpu::{Engine, ModelSource, Options};

/// What the process and the device hold.
#[derive(Debug)]
struct Held {
    /// Bytes in memory.
    resident: u64,
    threads: usize,
    files: usize,
    /// Bytes in tensors.
    gpu: u64,
}

impl Held {
    fn now() -> Self {
        let status = fs::read_to_string("/proc/self/status").expect("Linux");
        let line = status.lines().find(|line| line.starts_with("VmRSS:"));
        let kilobytes = line
            .and_then(|line| line.split_whitespace().nth(1))
            .expect("a size");
        let count = |kind| {
            fs::read_dir(format!("/proc/self/{kind}"))
                .expect("Linux")
                .count()
        };
        Self {
            resident: 1024 * kilobytes.parse::<u64>().expect("a number"),
            threads: count("task"),
            files: count("fd"),
            gpu: common::gpu().pool_stats().held_bytes,
        }
    }
}

#[test]
fn twenty_minutes_take_no_more_memory_than_two() {
    let gpu = common::gpu();
    let engine = Engine::load(gpu, &ModelSource::Shapes, Some(DType::F32)).expect("a model");
    let engine = Arc::new(engine);
    // Half a minute is remembered: after the first all that will ever be held is there.
    let mut reader = Reader::new(
        engine.clone(),
        Seconds::from_integer(4),
        Seconds::from_integer(30),
    );
    reader
        .set_labels(vec!["red star".into(), "blue circle".into()])
        .expect("labels");
    let texture = texture(gpu);
    let view = texture.create_view(&Default::default());
    let (mut caption, mut early) = (None, None);
    for half in 0..2 * 20 * 60 {
        let time = Seconds::new(half, 2);
        let frame = drawn(time);
        show(gpu, &texture, &frame);
        let thumbnail = || Thumbnail {
            width: 160,
            height: 90,
            rgba: vec![half as u8; 4 * 160 * 90],
        };
        reader
            .read(&view, time, caption.as_deref(), thumbnail)
            .expect("a frame");
        if half % 10 == 9 {
            let clip = reader.clip().expect("the device").expect("frames");
            caption = Some(
                engine
                    .caption(&clip, &Options::default())
                    .expect("words")
                    .text,
            );
            reader.relevance("a green cross").expect("words");
        }
        if half == 2 * 60 {
            early = Some(Held::now());
        }
    }
    let (early, late) = (early.expect("a minute has gone by"), Held::now());
    let most = early.resident + early.resident / 50;
    assert!(late.resident <= most, "{early:?} then {late:?}");
    assert!(late.threads <= early.threads, "{early:?} then {late:?}");
    assert!(late.files <= early.files, "{early:?} then {late:?}");
    assert!(
        late.gpu <= early.gpu + early.gpu / 50,
        "{early:?} then {late:?}"
    );
}
