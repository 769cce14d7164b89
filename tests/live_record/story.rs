//! A whole story: recorded, found by a search, played, read.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use std::time::{Duration, SystemTime};

use vcoca_gpu::frames::live::Source;
use vcoca_gpu::frames::{self, Picture, Sampling, Seconds, shapes};
use vcoca_gpu::index::{Index, Wanted};
use vcoca_gpu::live::{self, Event, Reader, Recorded, Thumbnail, Watcher};
use vcoca_gpu::wgpu;
use vcoca_gpu::wgpu::util::{DeviceExt, TextureDataOrder};
use vcoca_gpu::windows::Span;

use super::{
    ENGINE, PATIENCE, RATE, common, drawn, frame, line, recorder, span, spans, temporary, told,
    with_extension,
};

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
