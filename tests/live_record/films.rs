//! Where videos begin and end, and what the index has of them.

use std::fs;
use std::path::PathBuf;
use std::thread;
use std::time::{Duration, Instant};

use vcoca_gpu::Error;
use vcoca_gpu::frames::{self, Range, Sampling, Seconds, VideoWriter};
use vcoca_gpu::index::{self, Index};

use super::{
    ENGINE, PATIENCE, drawn, frame, line, moment, recorder, smaller, span, spans, temporary, told,
    with_extension,
};

#[test]
fn colours_are_what_they_were() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("one.mkv");
    let picture = drawn(0);
    let writer = VideoWriter::create(&path, picture.width, picture.height).expect("plugins");
    let second = Seconds::ONE;
    let taken = writer.write(&picture, Seconds::ZERO, second);
    assert!(taken.expect("a file"));
    let wrong = writer.write(&smaller(&picture, 2), second, second);
    assert!(matches!(wrong, Err(Error::Argument { .. })), "{wrong:?}");
    writer.finish().expect("a whole file");
    let read = frames::at(&path, Seconds::ZERO).expect("a frame").picture;
    assert_eq!(read.color.range, Range::Full);
    // A corner, and the middle of the star.
    for (x, y) in [(3, 3), (172, 151)] {
        let rgb = &picture.data[4 * (y * picture.width as usize + x)..][..3];
        let weights = [0.299, 0.587, 0.114];
        let luma: f32 = (rgb.iter().zip(weights))
            .map(|(&v, w)| f32::from(v) * w)
            .sum();
        let found = read.data[read.planes[0].offset + y * read.planes[0].stride + x];
        assert!((f32::from(found) - luma).abs() < 5.0, "{found}, not {luma}");
    }
}

#[test]
fn a_folder_of_recordings_is_added_to() {
    let (_guard, folder) = temporary();
    let record = |axis| {
        let mut recorder = recorder(&folder);
        for number in 0..6 {
            recorder
                .read(&frame(number, drawn(number)))
                .expect("a frame");
        }
        recorder
            .settled(&moment(span(0, 5), axis))
            .expect("a moment");
        recorder
            .told(&line(span(0, 5), "a red star"))
            .expect("a line");
        recorder.finish().expect("all is written").videos
    };
    let (first, second) = (record(0), record(1));
    assert_eq!((first.len(), second.len()), (1, 1));
    let index = Index::open(&folder.join("live.index")).expect("an index");
    let videos = index.videos().expect("an index");
    assert_eq!(videos.len(), 2);
    assert_ne!(first, second);
    assert_eq!(index.verify().expect("an index"), []);
    for (extension, count) in [
        ("mkv", 2),
        ("srt", 2),
        ("vtt", 2),
        ("jsonl", 2),
        ("index", 1),
    ] {
        let files = with_extension(&folder, extension);
        assert_eq!(files.len(), count, "{files:?}");
        let empty = |file: &PathBuf| fs::metadata(file).is_ok_and(|meta| meta.len() == 0);
        assert!(!files.iter().any(empty));
    }
}

#[test]
fn another_size_and_a_loss_begin_another_video() {
    let (_guard, folder) = temporary();
    let mut recorder = recorder(&folder);
    // Each of these frames one by one, and then the moment that ends with them.
    for (frames, step, moment) in [
        (0..8, 1, span(0, 8)),
        (8..16, 7, span(8, 12)),
        // More than 5 s later; a moment goes on over the loss.
        (40..44, 7, span(12, 41)),
        // Another goes on over the change of size.
        (44..48, 1, span(41, 46)),
    ] {
        for number in frames {
            let picture = smaller(&drawn(number), step);
            recorder.read(&frame(number, picture)).expect("a frame");
        }
        let settled = super::moment(moment, 0);
        recorder.settled(&settled).expect("a moment");
    }
    let recorded = recorder.finish().expect("all is written");
    assert_eq!((recorded.videos.len(), recorded.moments), (4, 6));
    let index = Index::open(&folder.join("live.index")).expect("an index");
    assert_eq!(index.verify().expect("an index"), []);
    let sizes = [(480, 360), (69, 52), (69, 52), (480, 360)];
    let parts = [
        vec![span(0, 8)],
        // The last frame before a loss counts for a second.
        vec![span(0, 4), span(4, 11)],
        vec![span(0, 1), span(1, 4)],
        vec![span(0, 2)],
    ];
    for ((video, size), parts) in recorded.videos.iter().zip(sizes).zip(parts) {
        assert_eq!(spans(&index, video), parts);
        let picture = frames::at(video, Seconds::ZERO).expect("a frame").picture;
        assert_eq!((picture.width, picture.height), size);
    }
}

#[test]
fn a_line_that_comes_late_tells_of_videos_in_the_index() {
    let (_guard, folder) = temporary();
    let mut recorder = recorder(&folder).with_file_length(Seconds::ONE);
    for number in 0..16 {
        recorder
            .read(&frame(number, drawn(number)))
            .expect("a frame");
        if number % 4 == 0 && number > 0 {
            let settled = moment(span(number - 4, number), 0);
            recorder.settled(&settled).expect("a moment");
        }
    }
    recorder
        .told(&line(span(0, 5), "a red star"))
        .expect("a line");
    recorder
        .told(&line(span(5, 9), "a blue star"))
        .expect("a line");
    let recorded = recorder.finish().expect("all is written");
    assert_eq!(recorded.videos.len(), 4);
    let index = Index::open(&folder.join("live.index")).expect("an index");
    let captions = [Some("a red star"), Some("a blue star"), Some("a blue star")];
    for (video, caption) in recorded.videos.iter().zip(captions) {
        let entries = index.entries(video).expect("an index").expect("a video");
        assert_eq!(entries[0].caption.as_deref(), caption);
    }
    let known = index.videos().expect("an index");
    // Of the last one no moment has come.
    assert_eq!(known.iter().map(|video| video.windows).sum::<usize>(), 3);
}

#[test]
fn after_a_kill_the_closed_videos_are_found_and_the_open_one_plays() {
    let (_guard, folder) = temporary();
    let mut recorder = recorder(&folder).with_file_length(Seconds::ONE);
    for number in 0..5 {
        recorder
            .read(&frame(number, drawn(number)))
            .expect("a frame");
    }
    recorder.settled(&moment(span(0, 4), 0)).expect("a moment");
    for number in 5..16 {
        recorder
            .read(&frame(number, drawn(number)))
            .expect("a frame");
    }
    let begin = Instant::now();
    let copy = folder.join("copy.mkv");
    loop {
        let index = Index::open(&folder.join("live.index")).expect("an index");
        let videos = index.videos().expect("an index");
        let known = |file: &PathBuf| videos.iter().any(|video| video.path == *file);
        let open = with_extension(&folder, "mkv")
            .into_iter()
            .find(|file| !known(file));
        // As it is now, with nothing behind the last frame.
        if let Some(open) = open.filter(|_| videos.len() == 1) {
            fs::copy(open, &copy).expect("a file");
            if let Ok(sampled) = frames::sample(&copy, 8, Sampling::Uniform)
                && sampled
                    .frames
                    .last()
                    .is_some_and(|last| last.pts >= Seconds::from_integer(2))
            {
                let last = sampled.frames.into_iter().next_back().expect("frames");
                assert!(told(last).contains("red star"));
                // `index add` takes it in.
                let options = index.recipe().options();
                let entries = index::encode(&ENGINE, &copy, &options, None, |_| ());
                assert_eq!(entries.expect("a video").len(), 1);
                return;
            }
            fs::remove_file(&copy).expect("a file");
        }
        assert!(begin.elapsed() < PATIENCE, "{videos:?}");
        thread::sleep(Duration::from_millis(50));
    }
}
