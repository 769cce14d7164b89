//! One frame of a video, and stretches of it as files of their own.
#![cfg(feature = "gstreamer")]

#[path = "common/clips.rs"]
mod clips;

use std::fs;
use std::path::Path;

use clips::{Clip, number, sample};
use vcoca_gpu::Error;
use vcoca_gpu::frames::{Frame, Orientation, Seconds, at, cut};

fn ms(time: i64) -> Seconds {
    Seconds::new(time, 1000)
}

fn shown(path: &Path, time: i64) -> u64 {
    number(&at(path, ms(time)).unwrap().picture)
}

/// 30 frames, 40 ms each, a keyframe every ten.
fn plain() -> std::path::PathBuf {
    Clip {
        name: "excerpts.mp4",
        ..Clip::default()
    }
    .make()
}

#[test]
fn the_frame_that_is_shown_at_a_time() {
    let clip = plain();
    for (time, frame) in [(0, 0), (39, 0), (40, 1), (500, 12), (600, 15), (1199, 29)] {
        assert_eq!(shown(&clip, time), frame, "{time} ms");
    }
    // Past the end it is the last.
    assert_eq!(shown(&clip, 1500), 29);
    assert_eq!(at(&clip, ms(500)).unwrap().pts, ms(480));
}

#[test]
fn frames_of_varying_length_are_told_apart() {
    let clip = Clip {
        name: "excerpts_varying.mkv",
        rate: (0, 1),
        encode: "x264enc speed-preset=ultrafast key-int-max=10 bframes=0 ! matroskamux",
        ..Clip::default()
    };
    let path = clip.make();
    for frame in [0, 3, 11, 20] {
        let begins = clip.start(frame) as i64 / 1_000_000;
        assert_eq!(shown(&path, begins + 5), frame);
    }
}

#[test]
fn before_the_first_frame_the_first_is_shown() {
    let path = clips::timed("excerpts_late.mkv", &[500, 540, 580]);
    for time in [0, 100, 500, 539] {
        assert_eq!(shown(&path, time), 1, "{time} ms");
    }
    assert_eq!(shown(&path, 545), 2);
}

#[test]
fn an_image_shows_itself() {
    let path = clips::file("excerpts.png", []);
    image::RgbImage::from_pixel(4, 3, image::Rgb([1, 2, 3]))
        .save(&path)
        .unwrap();
    assert_eq!(at(&path, ms(5000)).unwrap().picture.width, 4);
    let error = cut(&path, ms(0), ms(1), Path::new("unused"), "x").unwrap_err();
    assert!(error.to_string().contains("is an image"), "{error}");
    assert!(!Path::new("unused").exists());
}

/// The frames of a file, each once.
fn numbers(path: &Path) -> Vec<u64> {
    let sampled = sample(path, 64).unwrap();
    let mut numbers: Vec<u64> = sampled
        .frames
        .iter()
        .map(|frame| number(&frame.picture))
        .collect();
    numbers.dedup();
    numbers
}

fn first(path: &Path) -> Frame {
    sample(path, 1).unwrap().frames.remove(0)
}

#[test]
fn a_stretch_has_its_frames_and_no_other() {
    let clip = plain();
    let folder = tempfile::tempdir().unwrap();
    // From the middle of a group of pictures to the middle of another.
    let path = cut(&clip, ms(480), ms(1000), folder.path(), "part").unwrap();
    assert_eq!(path, folder.path().join("part.mp4"));
    assert_eq!(numbers(&path), (12..25).collect::<Vec<u64>>());
    assert_eq!(
        sample(&path, 64).unwrap().frames[0].pts,
        ms(0),
        "it begins with its first frame"
    );
    // A start within a frame takes the next one.
    let path = cut(&clip, ms(490), ms(600), folder.path(), "next").unwrap();
    assert!(numbers(&path).ends_with(&[13, 14]), "{:?}", numbers(&path));
    let whole = cut(&clip, ms(0), ms(5000), folder.path(), "whole").unwrap();
    assert_eq!(numbers(&whole), (0..30).collect::<Vec<u64>>());
    let files = fs::read_dir(folder.path()).unwrap().count();
    assert_eq!(files, 3, "nothing unfinished is left");
}

#[test]
fn nothing_is_written_over() {
    let clip = plain();
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("part.mp4"), "mine").unwrap();
    let deep = folder.path().join("a/b");
    for (folder, name) in [
        (folder.path(), "part-2.mp4"),
        (folder.path(), "part-3.mp4"),
        (&deep, "part.mp4"),
    ] {
        let path = cut(&clip, ms(0), ms(200), folder, "part").unwrap();
        assert_eq!(path, folder.join(name));
        assert!(numbers(&path).len() > 1);
    }
    assert_eq!(fs::read(folder.path().join("part.mp4")).unwrap(), b"mine");
}

#[test]
fn what_cannot_be_cut_leaves_nothing_behind() {
    let clip = plain();
    let folder = tempfile::tempdir().unwrap();
    let nothing = |result: Result<std::path::PathBuf, Error>, words: &str| {
        let error = result.unwrap_err().to_string();
        assert!(error.contains(words), "{error}");
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0);
    };
    nothing(
        cut(&clip, ms(400), ms(400), folder.path(), "x"),
        "no frame in this stretch",
    );
    let text = clips::file("excerpts.txt", "no video\n".repeat(100));
    nothing(
        cut(&text, ms(0), ms(400), folder.path(), "x"),
        "is no video",
    );
    assert!(matches!(at(&text, ms(0)), Err(Error::Media { .. })));
}

#[test]
fn odd_sides_and_turned_pictures_are_cut_upright() {
    let odd = Clip {
        name: "excerpts_odd.mkv",
        size: (65, 49),
        encode: "jpegenc quality=100 ! matroskamux",
        ..Clip::default()
    }
    .make();
    let folder = tempfile::tempdir().unwrap();
    let path = cut(&odd, ms(0), ms(400), folder.path(), "odd").unwrap();
    let picture = first(&path).picture;
    assert_eq!((picture.width, picture.height), (64, 48));

    // The frame with number 1 has its left tenth white; turned clockwise, that is the top.
    let mut bytes = fs::read(plain()).unwrap();
    let head = bytes.windows(4).position(|at| at == b"tkhd").unwrap();
    for (value, place) in [0i32, 1, -1, 0].into_iter().zip([0, 1, 3, 4]) {
        let at = head + 44 + place * 4;
        bytes[at..at + 4].copy_from_slice(&(value << 16).to_be_bytes());
    }
    let turned = clips::file("excerpts_turned.mp4", bytes);
    assert_eq!(first(&turned).picture.orientation, Orientation::Rotate90);
    let path = cut(&turned, ms(40), ms(80), folder.path(), "turned").unwrap();
    let picture = first(&path).picture;
    assert_eq!(picture.orientation, Orientation::Upright);
    assert_eq!((picture.width, picture.height), (48, 64));
    let luma =
        |row: usize| picture.data[picture.planes[0].offset + row * picture.planes[0].stride + 24];
    assert!(
        luma(2) > 200 && luma(10) < 50 && luma(61) < 50,
        "{} {} {}",
        luma(2),
        luma(10),
        luma(61)
    );
}
