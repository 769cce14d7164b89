//! Frames of parts of videos: what is shown at each time, whatever way leads there.
#![cfg(feature = "gstreamer")]

#[path = "common/clips.rs"]
mod clips;

use std::path::Path;

use clips::{Clip, file, number};
use vcoca_gpu::Result;
use vcoca_gpu::frames::{Method, Sampled, Sampling, Seconds, sample_part};

/// From and to in hundredths of a second.
fn part(path: &Path, from: i64, to: i64, count: usize) -> Result<Sampled> {
    let time = |hundredths| Seconds::new(hundredths, 100);
    sample_part(path, time(from)..time(to), count, Sampling::Uniform)
}

fn numbers(sampled: &Sampled) -> Vec<u64> {
    let frames = sampled.frames.iter();
    frames.map(|frame| number(&frame.picture)).collect()
}

/// Frame i lasts i + 1 times 20 ms.
const VARYING: Clip = Clip {
    name: "varying.mp4",
    size: (64, 48),
    frames: 30,
    rate: (0, 1),
    encode: clips::MP4,
    caps: "",
};

#[test]
fn each_frame_is_what_is_shown_in_the_middle_of_its_share() {
    let steady = Clip::default().make(); // 25 frames a second
    let sampled = part(&steady, 40, 80, 4).unwrap();
    // At 0.45, 0.55, 0.65, 0.75 s.
    assert_eq!(
        (numbers(&sampled), sampled.method),
        (vec![11, 13, 16, 18], Method::Seek)
    );
    assert_eq!(sampled.frames[0].pts, Seconds::new(44, 100));
    assert_eq!(numbers(&part(&steady, 0, 120, 3).unwrap()), [5, 15, 25]);

    // Its file states 8.2 s.
    let varying = VARYING.make();
    for (from, to) in [(0, 810), (31, 57), (300, 310), (700, 810)] {
        let sampled = part(&varying, from, to, 7).unwrap();
        let shown = |i: i64| {
            let time = from * 10_000_000 + (2 * i + 1) * (to - from) * 10_000_000 / 14;
            (0..30)
                .rev()
                .find(|&n| VARYING.start(n) as i64 <= time)
                .unwrap()
        };
        let wanted: Vec<u64> = (0..7).map(shown).collect();
        assert_eq!(numbers(&sampled), wanted, "{from} to {to}");
    }
}

#[test]
fn a_part_without_length_is_one_moment() {
    let path = Clip::default().make();
    assert_eq!(numbers(&part(&path, 50, 50, 2).unwrap()), [12, 12]);
}

#[test]
fn a_file_that_cannot_seek_is_read_from_its_beginning() {
    let path = Clip {
        name: "bare.264",
        encode: "x264enc speed-preset=ultrafast key-int-max=10 bframes=0 \
                 ! video/x-h264,stream-format=byte-stream",
        ..Clip::default()
    }
    .make();
    let sampled = part(&path, 40, 80, 4).unwrap();
    assert_eq!(
        (numbers(&sampled), sampled.method),
        (vec![11, 13, 16, 18], Method::Decode)
    );
}

#[test]
fn a_file_that_does_not_state_its_length_has_all_its_parts() {
    let path = Clip {
        name: "streamed.mkv",
        encode: "x264enc speed-preset=ultrafast key-int-max=10 ! matroskamux streamable=true",
        ..Clip::default()
    }
    .make();
    assert_eq!(numbers(&part(&path, 40, 80, 4).unwrap()), [11, 13, 16, 18]);
    assert_eq!(numbers(&part(&path, 100, 120, 2).unwrap()), [26, 28]);
}

#[test]
fn a_part_that_ends_behind_the_video_ends_with_it() {
    let path = Clip::default().make();
    // From 1.0 s to the end at 1.2 s.
    assert_eq!(numbers(&part(&path, 100, 500, 2).unwrap()), [26, 28]);
}

#[test]
fn keyframes_are_those_around_the_part() {
    let path = Clip::default().make();
    let time = |hundredths| Seconds::new(hundredths, 100);
    let sampled = sample_part(&path, time(60)..time(100), 2, Sampling::Keyframes).unwrap();
    // Every tenth frame is one; the part is frames 15 to 24.
    let numbers = numbers(&sampled);
    assert!(
        numbers.iter().all(|number| [10, 20].contains(number)),
        "{numbers:?}"
    );
    assert_eq!(sampled.method, Method::Keyframes);
}

#[test]
fn what_has_no_such_part_is_refused() {
    let path = Clip::default().make();
    let refused = |from, to| part(&path, from, to, 2).unwrap_err().to_string();
    let said = refused(120, 130);
    assert!(
        said.contains("ends after 1.2 s: there is no part from 1.2 s to 1.3 s"),
        "{said}"
    );
    assert!(refused(50, 40).contains("not before it"));
    assert!(refused(-10, 40).contains("from 0 s"));
    let said = part(&file("rubbish.mp4", [7; 999]), 0, 10, 1).unwrap_err();
    assert!(said.to_string().contains("rubbish.mp4"), "{said}");
    let still = std::env::temp_dir().join(format!("part-{}.png", std::process::id()));
    image::RgbImage::new(4, 4).save(&still).unwrap();
    let said = part(&still, 0, 10, 1).unwrap_err().to_string();
    std::fs::remove_file(&still).unwrap();
    assert!(said.contains("is an image"), "{said}");
}
