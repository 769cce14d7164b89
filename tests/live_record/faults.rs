//! What cannot be recorded, and what is left then.

use std::fs;
use std::path::Path;

use vcoca_gpu::engine::{Pooling, WindowOptions};
use vcoca_gpu::frames::{Sampling, Seconds, VideoWriter};
use vcoca_gpu::index::{Index, Recipe};
use vcoca_gpu::live::Recorder;
use vcoca_gpu::windows::Windows;
use vcoca_gpu::{Error, ModelSource};

use super::{
    ENGINE, RATE, drawn, frame, moment, recorder, smaller, span, spans, temporary, with_extension,
};

#[test]
fn what_cannot_be_recorded_is_told() {
    let (_guard, folder) = temporary();
    let create = |folder: &Path| Recorder::create(folder, &ENGINE, &ModelSource::Shapes).err();
    fs::create_dir(&folder).expect("a folder");
    let file = folder.join("file");
    fs::write(&file, "here").expect("a file");
    let error = create(&file);
    assert!(matches!(error, Some(Error::NotAFile { .. })), "{error:?}");

    let other = folder.join("other");
    fs::create_dir(&other).expect("a folder");
    let recipe = Recipe {
        model: "another".into(),
        model_hash: "0123456789abcdef".repeat(4),
        width: 8,
        windows: Windows::Whole,
        frames: 8,
        sampling: Sampling::Uniform,
        pooling: Pooling::Flatten,
    };
    Index::open_or_create(&other.join("live.index"), &recipe).expect("an index");
    let error = create(&other).expect("another model's").to_string();
    assert!(
        error.contains("live.index") && error.contains("another"),
        "{error}"
    );
    assert_eq!(
        fs::read_dir(&other).expect("a folder").count(),
        1,
        "nothing else is made"
    );

    let sampled = WindowOptions {
        windows: "4s".parse().expect("windows"),
        frames: 8,
        sampling: Sampling::Uniform,
    };
    let recipe = Recipe::of(&ModelSource::Shapes, &ENGINE, &sampled).expect("a recipe");
    let sliding = folder.join("sliding");
    fs::create_dir(&sliding).expect("a folder");
    Index::open_or_create(&sliding.join("live.index"), &recipe).expect("an index");
    let error = create(&sliding).expect("other windows").to_string();
    assert!(error.contains("windows 4s, not shots"), "{error}");
}

#[test]
fn a_video_that_is_lost_takes_no_other_with_it() {
    let (_guard, folder) = temporary();
    let mut recorder = recorder(&folder);
    for (number, step) in [(0, 1), (1, 1), (2, 1), (3, 2), (4, 2), (5, 2)] {
        let picture = smaller(&drawn(number), step);
        recorder.read(&frame(number, picture)).expect("a frame");
    }
    let videos = with_extension(&folder, "mkv");
    let (whole, lost) = (&videos[0], &videos[1]);
    fs::remove_file(lost).expect("a file");
    recorder.settled(&moment(span(0, 5), 0)).expect("a moment");
    let error = recorder.finish().expect_err("a file is gone");
    assert!(
        matches!(&error, Error::Io { path, .. } if path == lost),
        "{error:?}"
    );
    let index = Index::open(&folder.join("live.index")).expect("an index");
    assert_eq!(spans(&index, whole), [span(0, 3)]);

    // The folder goes while the next video is to begin.
    fs::remove_file(whole).expect("a file");
    let gone = folder.join("gone");
    let mut recorder = super::recorder(&gone);
    fs::remove_dir_all(&gone).expect("a folder");
    let read = (0..4).try_for_each(|number| recorder.read(&frame(number, drawn(number))));
    let error = read.expect_err("there is no folder");
    assert!(
        matches!(&error, Error::Io { path, .. } if path.starts_with(&gone)),
        "{error:?}"
    );
}

#[cfg(target_os = "linux")]
#[test]
fn a_full_disk_is_an_error_that_names_the_file() {
    let full = Path::new("/dev/full");
    let picture = drawn(0);
    let writer = VideoWriter::create(full, picture.width, picture.height).expect("plugins");
    let time = |number| Seconds::new(number, RATE);
    // The disk is known to be full some time after the picture was handed on.
    let written = (0..8).try_for_each(|number| {
        let taken = writer.write(&picture, time(number), time(1));
        taken.map(drop)
    });
    let error = written
        .and_then(|()| writer.finish())
        .expect_err("it is full");
    let storage_full = matches!(&error, Error::Io { path, reason }
        if path == full && reason.kind() == std::io::ErrorKind::StorageFull);
    assert!(storage_full, "{error:?}");
}

#[test]
fn a_recorder_goes_from_thread_to_thread() {
    fn is_send<T: Send>() {}
    is_send::<Recorder>();
}
