//! What is recorded of a live source: found again by a search, played, added to, and what goes wrong.

mod common;

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::{Arc, LazyLock, Mutex};
use std::thread;
use std::time::{Duration, Instant, SystemTime};

use tempfile::TempDir;
use vcoca_gpu::engine::{Pooling, WindowOptions};
use vcoca_gpu::frames::live::{LiveFrame, Source};
use vcoca_gpu::frames::{self, Picture, Plane, Range, Sampling, Seconds, VideoWriter, shapes};
use vcoca_gpu::index::{Entry, Index, Recipe, Wanted};
use vcoca_gpu::live::{self, Event, Line, Reader, Recorded, Recorder, Settled, Thumbnail, Watcher};
use vcoca_gpu::wgpu::util::{DeviceExt, TextureDataOrder};
use vcoca_gpu::windows::{Span, Windows};
use vcoca_gpu::{Engine, Error, ModelSource, Options, wgpu};

static ENGINE: LazyLock<Arc<Engine>> = LazyLock::new(|| {
    let engine = Engine::load(common::gpu(), &ModelSource::Shapes, None).expect("a model");
    Arc::new(engine)
});

/// Frames a second.
const RATE: i64 = 4;

/// Long enough for a busy machine.
const PATIENCE: Duration = Duration::from_secs(60);

fn recorder(folder: &Path) -> Recorder {
    let recorder = Recorder::create(folder, &ENGINE, &ModelSource::Shapes);
    recorder.expect("a folder to record into")
}

fn span(start: i64, end: i64) -> Span {
    Span {
        start: Seconds::new(start, RATE),
        end: Seconds::new(end, RATE),
    }
}

/// The drawn picture of frame `number`.
fn drawn(number: i64) -> Picture {
    shapes::draw(Duration::from_millis((1000 * number / RATE).unsigned_abs()))
}

/// The picture with every `step`th of its columns and rows.
fn smaller(picture: &Picture, step: u32) -> Picture {
    let side = |length: u32| length.div_ceil(step);
    let (width, height) = (side(picture.width), side(picture.height));
    let pixel = |i: u32| {
        let at = 4 * (i / width * step * picture.width + i % width * step) as usize;
        picture.data[at..at + 4].to_vec()
    };
    Picture {
        width,
        height,
        data: (0..width * height).flat_map(pixel).collect(),
        planes: vec![Plane {
            offset: 0,
            stride: 4 * width as usize,
        }],
        ..picture.clone()
    }
}

fn frame(number: i64, picture: Picture) -> LiveFrame {
    LiveFrame {
        number: number.unsigned_abs() + 1,
        captured: Instant::now(),
        time: Seconds::new(number, RATE),
        picture,
    }
}

fn line(span: Span, text: &str) -> Line {
    Line {
        span,
        text: text.into(),
        age: Duration::ZERO,
    }
}

/// A moment that points along one axis.
fn moment(span: Span, axis: usize) -> Settled {
    let mut embedding = vec![0.0; ENGINE.model().config().embed_dim];
    embedding[axis] = 1.0;
    Settled { span, embedding }
}

fn texture(picture: &Picture) -> wgpu::TextureView {
    let gpu = common::gpu();
    let desc = wgpu::TextureDescriptor {
        label: None,
        size: wgpu::Extent3d {
            width: picture.width,
            height: picture.height,
            depth_or_array_layers: 1,
        },
        mip_level_count: 1,
        sample_count: 1,
        dimension: wgpu::TextureDimension::D2,
        format: wgpu::TextureFormat::Rgba8Unorm,
        usage: wgpu::TextureUsages::TEXTURE_BINDING | wgpu::TextureUsages::COPY_DST,
        view_formats: &[],
    };
    let order = TextureDataOrder::LayerMajor;
    let texture = (gpu.device()).create_texture_with_data(gpu.queue(), &desc, order, &picture.data);
    texture.create_view(&wgpu::TextureViewDescriptor::default())
}

/// Records 20 seconds of the drawn story, as a watcher does; videos have 8 seconds or more.
fn story(folder: &Path) -> Recorded {
    let mut recorder = recorder(folder).with_file_length(Seconds::from_integer(8));
    let (window, keep) = (Seconds::from_integer(4), Seconds::from_integer(600));
    let mut reader = Reader::new(ENGINE.clone(), window, keep);
    let scene = shapes::SCENE.as_secs() as i64 * RATE;
    for number in 0..20 * RATE {
        let frame = frame(number, drawn(number));
        let thumbnail = || Thumbnail {
            width: 1,
            height: 1,
            rgba: vec![0; 4],
        };
        let read = reader.read(&texture(&frame.picture), frame.time, None, thumbnail);
        for moment in read.expect("a frame").settled {
            recorder.settled(&moment).expect("a moment");
        }
        recorder.read(&frame).expect("a frame");
        // The next line begins a second after its scene: the one before is told then.
        if number % scene == RATE && number > RATE {
            let start = number - RATE - scene;
            let text = shapes::scene(Duration::from_secs((start / RATE).unsigned_abs()));
            let told = line(span(start, start + scene), &format!("a {text}"));
            recorder.told(&told).expect("a line");
        }
    }
    let last = reader.end().expect("the device").expect("a moment");
    recorder.settled(&last).expect("a moment");
    let told = line(span(3 * scene, 20 * RATE), "a yellow heart");
    recorder.told(&told).expect("a line");
    recorder.finish().expect("all is written")
}

fn found(index: &Index, query: &str) -> (PathBuf, Span, Option<String>) {
    let query = ENGINE.embed_texts(&[query]).expect("a text").remove(0);
    let wanted = Wanted {
        top: 1,
        min_score: None,
    };
    let found = index.search(common::gpu(), &query, &wanted);
    let mut found = found.expect("a search");
    let best = found.moments.remove(0);
    (
        found.videos[best.video].path.clone(),
        best.best,
        best.caption,
    )
}

/// What the model says of one frame.
fn told(frame: frames::Frame) -> String {
    let clip = ENGINE.encode_video(&[frame]).expect("a clip");
    let caption = ENGINE.caption(&clip, &Options::default());
    caption.expect("a caption").text
}

fn spans(index: &Index, path: &Path) -> Vec<Span> {
    let entries: Option<Vec<Entry>> = index.entries(path).expect("an index");
    let entries = entries.expect("a video of the index").into_iter();
    entries.map(|entry| entry.span).collect()
}

fn with_extension(folder: &Path, extension: &str) -> Vec<PathBuf> {
    let files = fs::read_dir(folder).expect("a folder");
    let mut files: Vec<_> = files.map(|file| file.expect("a file").path()).collect();
    files.retain(|file| file.extension().is_some_and(|found| found == extension));
    // One of the same second has a number behind its name.
    files.sort_by_key(|file| file.file_stem().map(ToOwned::to_owned));
    files
}

fn temporary() -> (TempDir, PathBuf) {
    let folder = tempfile::tempdir().expect("a folder");
    // As the index has it, without links; made by the recorder.
    let path = folder.path().canonicalize().expect("a folder").join("door");
    (folder, path)
}

#[test]
fn a_search_finds_the_moment_in_a_video_that_shows_it() {
    let (_guard, folder) = temporary();
    let begun = SystemTime::now();
    let recorded = story(&folder);
    assert_eq!((recorded.videos.len(), recorded.moments), (2, 4));
    assert_eq!((recorded.lines, recorded.dropped), (4, 0));

    let index = Index::open(&folder.join("live.index")).expect("an index");
    assert_eq!(index.verify().expect("an index"), []);
    for video in &recorded.videos {
        assert!(
            index.is_unchanged(video, true).expect("a file"),
            "with captions"
        );
    }
    let [first, second] = [0, 1].map(|i| recorded.videos[i].clone());
    // Videos end with the scenes; the last frame was captured at 19.75 s.
    assert_eq!(spans(&index, &first), [span(0, 24), span(24, 48)]);
    assert_eq!(spans(&index, &second), [span(0, 24), span(24, 31)]);
    for (name, video, start) in [
        ("red star", &first, 0),
        ("blue circle", &first, 6),
        ("green cross", &second, 0),
        ("yellow heart", &second, 6),
    ] {
        let (path, best, caption) = found(&index, name);
        assert_eq!((&path, best.start), (video, Seconds::from_integer(start)));
        assert_eq!(caption, Some(format!("a {name}")));
        for time in [best.start, (best.start + best.end) / 2] {
            let text = told(frames::at(&path, time).expect("a frame"));
            assert!(text.contains(name), "{text} at {time}, not {name}");
        }
    }
    let sampled = frames::sample(&first, 4, Sampling::Uniform).expect("a video");
    assert_eq!(sampled.duration, Some(Seconds::from_integer(12)));
    let times: Vec<Seconds> = sampled.frames.iter().map(|frame| frame.pts).collect();
    assert_eq!(
        times,
        [6, 18, 30, 42].map(|number| Seconds::new(number, RATE))
    );

    let read = |extension| {
        let files = with_extension(&folder, extension);
        assert_eq!(files.len(), 1, "{files:?}");
        fs::read_to_string(&files[0]).expect("a text")
    };
    let vtt = read("vtt");
    assert!(
        vtt.starts_with("WEBVTT\n\n00:00:00.000 --> 00:00:06.000\na red star\n"),
        "{vtt}"
    );
    let srt = read("srt");
    assert!(
        srt.ends_with("4\n00:00:18,000 --> 00:00:20,000\na yellow heart\n\n"),
        "{srt}"
    );
    let json: Vec<serde_json::Value> = (read("jsonl").lines())
        .map(|line| serde_json::from_str(line).expect("JSON"))
        .collect();
    assert_eq!(json.len(), 4);
    assert_eq!(
        (&json[1]["start"], &json[1]["end"]),
        (&6.0.into(), &12.0.into())
    );
    assert_eq!(json[1]["text"], "a blue circle");
    let at = json[1]["at"].as_str().expect("a time");
    let at = humantime::parse_rfc3339(at).expect("a time");
    let near = |time: SystemTime| {
        let apart = time.duration_since(at);
        apart.unwrap_or_else(|earlier| earlier.duration())
    };
    assert!(near(begun) < PATIENCE, "{json:?}");
}

#[test]
fn what_a_watcher_tells_is_recorded() {
    let (_guard, folder) = temporary();
    let clip = Path::new(env!("CARGO_MANIFEST_DIR")).join("assets/red_star.mp4");
    let recorder = Arc::new(Mutex::new(recorder(&folder)));
    let theirs = recorder.clone();
    let listener = Box::new(move |event: Event| {
        let mut recorder = theirs.lock().expect("no panic");
        let done = match event {
            Event::Read { frame, .. } => recorder.read(frame),
            Event::Settled(moment) => recorder.settled(moment),
            Event::Told(line) => recorder.told(line),
            _ => Ok(()),
        };
        done.expect("it is recorded");
    });
    let (source, options) = (Source::File(clip), live::Options::default());
    let watcher = Watcher::start(ENGINE.clone(), "shapes", &source, options, listener);
    let watcher = watcher.expect("it starts");
    watcher.wait().expect("no fault");
    drop(watcher);
    let recorder = Arc::into_inner(recorder).expect("the watcher is gone");
    let recorded = recorder.into_inner().expect("no panic").finish();
    let recorded = recorded.expect("all is written");
    assert_eq!(
        (recorded.videos.len(), recorded.lines),
        (1, 1),
        "{recorded:?}"
    );
    assert!(recorded.moments > 0);
    let index = Index::open(&folder.join("live.index")).expect("an index");
    let (path, _, caption) = found(&index, "red star");
    assert_eq!(path, recorded.videos[0]);
    assert!(caption.is_some_and(|caption| caption.contains("red star")));
}

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
        let settled = self::moment(moment, 0);
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
                return;
            }
            fs::remove_file(&copy).expect("a file");
        }
        assert!(begin.elapsed() < PATIENCE, "{videos:?}");
        thread::sleep(Duration::from_millis(50));
    }
}

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
    let mut recorder = self::recorder(&gone);
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
