//! A live source and what follows it, with the built-in model.

mod common;
#[path = "common/live.rs"]
mod drawn;

use std::ops::Range;
use std::path::Path;
use std::sync::{Arc, LazyLock, Mutex, PoisonError};
use std::time::{Duration, Instant};

use vcoca_gpu::engine::Clip;
use vcoca_gpu::frames::Seconds;
use vcoca_gpu::frames::live::{Condition, Source};
use vcoca_gpu::frames::shapes;
use vcoca_gpu::generate;
use vcoca_gpu::gpu::DType;
use vcoca_gpu::live::{Command, Event, Options, Reader, Thumbnail, View, Watcher};
use vcoca_gpu::windows::Span;
use vcoca_gpu::{Engine, Error, ModelSource};

static ENGINE: LazyLock<Arc<Engine>> = LazyLock::new(|| {
    let engine = Engine::load(common::gpu(), &ModelSource::Shapes, None).expect("a model");
    Arc::new(engine)
});

/// Long enough for a busy machine.
const PATIENCE: Duration = Duration::from_secs(60);

fn watch(source: &str, options: Options) -> Watcher {
    let source: Source = source.parse().expect("a source");
    let listener = Box::new(|_: Event| ());
    Watcher::start(ENGINE.clone(), "shapes", &source, options, listener).expect("it starts")
}

/// The first view of which this is true.
fn wait(watcher: &Watcher, what: &str, is: impl Fn(&View) -> bool) -> View {
    let begin = Instant::now();
    loop {
        let view = watcher.view();
        if is(&view) {
            return view;
        }
        assert_eq!(view.fault, None);
        assert!(begin.elapsed() < PATIENCE, "no {what} in {view:?}");
        std::thread::sleep(Duration::from_millis(20));
    }
}

/// What the test source showed in the middle of a stretch: colour and shape.
fn shown(span: Span) -> &'static str {
    let middle = (span.start + span.end) / 2;
    let nanoseconds = (middle * 1_000_000_000).to_integer();
    shapes::scene(Duration::from_nanos(nanoseconds as u64))
}

#[test]
fn captions_labels_search_and_answers_follow_the_source() {
    let options = Options {
        labels: vec!["red star".into(), "blue circle".into()],
        ..Options::default()
    };
    let watcher = watch("test", options);
    let view = wait(&watcher, "three lines", |view| view.lines.len() >= 3);
    for line in &view.lines {
        assert!(
            line.text.contains(shown(line.span)),
            "{line:?} {}",
            shown(line.span)
        );
        assert!(line.age < PATIENCE);
    }
    let parts = view
        .lines
        .windows(2)
        .all(|pair| pair[0].span.end <= pair[1].span.start);
    assert!(parts, "lines follow each other: {:?}", view.lines);
    let names: Vec<_> = view.bars.iter().map(|bar| bar.name.as_str()).collect();
    assert_eq!(names, ["red star", "blue circle", "none of these"]);
    let sum: f32 = view.bars.iter().map(|bar| bar.share).sum();
    assert!((sum - 1.0).abs() < 1e-3, "{:?}", view.bars);
    assert!(view.moments.len() >= 2 && view.moments[0].thumbnail.width > 100);
    let feed = view.feed.expect("a status");
    assert_eq!(feed.condition, Condition::Live);
    assert!(
        view.picture
            .is_some_and(|shown| shown.texture.width == shapes::WIDTH)
    );

    // The first scene is searched for while another one is on.
    let first = &view.lines[0];
    let query = shown(first.span).to_owned();
    watcher.send(Command::Search(query.clone()));
    let view = wait(&watcher, "relevance", |view| view.relevance.is_some());
    let relevance = view.relevance.expect("waited for");
    assert_eq!(relevance.query, query);
    let best = (relevance.frames.iter()).max_by(|a, b| a.1.total_cmp(&b.1));
    let best = best.expect("frames were read").0;
    let found = Span {
        start: best,
        end: best,
    };
    assert_eq!(shown(found), query, "at {best}");

    let (color, shape) = query.split_once(' ').expect("a colour and a shape");
    watcher.send(Command::Ask {
        question: format!("what shape is the {color} object?"),
        span: Some(first.span),
    });
    let done = |view: &View| view.answer.as_ref().is_some_and(|answer| answer.done);
    let answer = wait(&watcher, "answer", done).answer.expect("waited for");
    assert_eq!(answer.text, shape, "of a {query}");
}

#[test]
fn what_a_reader_remembers_is_what_its_frames_make_together() {
    let engine = Engine::load(common::gpu(), &ModelSource::Shapes, Some(DType::F32));
    let engine = Arc::new(engine.expect("a model"));
    let gpu = common::gpu();
    let [window, keep] = [4, 60].map(Seconds::from_integer);
    let mut reader = Reader::new(engine.clone(), window, keep);
    let texture = drawn::texture(gpu);
    let view = texture.create_view(&Default::default());
    let (mut cuts, mut settled) = (Vec::new(), Vec::new());
    // Two scenes of six seconds and two seconds of the third, four frames a second.
    for quarter in 0..4 * 14 {
        let frame = drawn::drawn(Seconds::new(quarter, 4));
        drawn::show(gpu, &texture, &frame);
        let thumbnail = || Thumbnail {
            width: 1,
            height: 1,
            rgba: vec![quarter as u8; 4],
        };
        let read = reader
            .read(&view, frame.pts, None, thumbnail)
            .expect("a frame");
        cuts.extend(read.cut);
        settled.extend(read.settled);
    }
    assert_eq!(cuts, [0, 6, 12].map(Seconds::from_integer));
    let differ = |clip: Clip, quarters: Range<i64>| {
        let frames: Vec<_> = quarters.map(|q| drawn::drawn(Seconds::new(q, 4))).collect();
        let batch = engine.encode_video(&frames).expect("a clip");
        let read = |clip: &Clip| {
            let context = gpu.read_f32(&clip.context).expect("values");
            [gpu.read_f32(&clip.embedding).expect("values"), context].concat()
        };
        let pairs = read(&clip).into_iter().zip(read(&batch));
        pairs.map(|(a, b)| (a - b).abs()).fold(0.0, f32::max)
    };
    let clip = reader.clip().expect("the device").expect("frames");
    // Of the last four seconds those of the third scene alone.
    assert!(differ(clip, 4 * 12..4 * 14) < 1e-5);
    let span = Span {
        start: Seconds::from_integer(1),
        end: Seconds::from_integer(12),
    };
    let clip = reader.clip_of(span).expect("the device").expect("frames");
    // From the beginning of the moment that is touched first to the cut.
    let first = (settled.iter())
        .find(|moment| moment.span.end > span.start)
        .expect("a moment");
    let quarter = (first.span.start * 4).to_integer();
    assert!(differ(clip, quarter..4 * 12) < 1e-4);
    let ends: Vec<Seconds> = settled.iter().map(|moment| moment.span.end).collect();
    assert!(
        cuts[1..].iter().all(|cut| ends.contains(cut)),
        "moments end with scenes: {ends:?}"
    );
}

#[test]
fn short_scenes_make_no_more_moments_than_are_kept() {
    let gpu = common::gpu();
    let [window, keep] = [4, 600].map(Seconds::from_integer);
    let mut reader = Reader::new(ENGINE.clone(), window, keep);
    let texture = drawn::texture(gpu);
    let view = texture.create_view(&Default::default());
    let (mut settled, mut time) = (0, Seconds::ZERO);
    for scene in 0..200 {
        let frame = drawn::drawn(Seconds::from_integer(3 + scene % 2 * 6));
        drawn::show(gpu, &texture, &frame);
        for _ in 0..2 {
            let thumbnail = || Thumbnail {
                width: 1,
                height: 1,
                rgba: vec![0; 4],
            };
            let read = reader.read(&view, time, None, thumbnail).expect("a frame");
            settled += read.settled.len();
            time += Seconds::new(1, 8);
        }
    }
    assert!(settled > 190, "{settled} moments were complete");
    let moments = reader.moments();
    assert!(moments.len() <= 161, "{} moments", moments.len());
    let spans = moments
        .windows(2)
        .all(|pair| pair[0].span.end == pair[1].span.start);
    assert!(
        spans && moments[0].span.start == Seconds::ZERO,
        "without gaps"
    );
    let late = Span {
        start: time - Seconds::ONE,
        end: time,
    };
    assert!(reader.clip_of(late).expect("the device").is_some());
}

#[test]
fn the_newest_frame_wins_where_the_model_is_slow() {
    let options = Options {
        fps: 1.5,
        ..Options::default()
    };
    let watcher = watch("test", options);
    let view = wait(&watcher, "figures", |view| view.moments.len() > 2);
    let (figures, feed) = (view.figures, view.feed.expect("a status"));
    assert!(feed.delivered > 60, "all of the source comes: {feed:?}");
    assert!(figures.read_fps < 3.0, "{figures:?}");
    // A frame that had to wait for its turn would be two thirds of a second old at least.
    assert!(figures.read.p50 < Duration::from_millis(600), "{figures:?}");
}

#[test]
fn what_cannot_be_asked_is_a_complaint_and_all_goes_on() {
    let watcher = watch("test", Options::default());
    wait(&watcher, "frame", |view| !view.moments.is_empty());
    let nowhere = Span {
        start: Seconds::from_integer(5000),
        end: Seconds::from_integer(5001),
    };
    for command in [
        Command::Labels(vec!["star".into(), "star".into()]),
        Command::Labels(vec![" ".into()]),
        Command::Ask {
            question: " ".into(),
            span: None,
        },
        Command::Ask {
            question: "what".into(),
            span: Some(nowhere),
        },
    ] {
        watcher.send(Command::Search(String::new()));
        wait(&watcher, "quiet", |view| view.complaint.is_none());
        watcher.send(command.clone());
        wait(&watcher, "complaint", |view| view.complaint.is_some());
    }
    watcher.send(Command::Labels(vec!["star".into()]));
    wait(&watcher, "bars", |view| {
        view.bars.len() == 2 && view.complaint.is_none()
    });
    watcher.send(Command::Labels(Vec::new()));
    wait(&watcher, "no bars", |view| view.bars.is_empty());
}

#[test]
fn a_file_is_told_to_its_end() {
    let clip = Path::new(env!("CARGO_MANIFEST_DIR")).join("assets/red_star.mp4");
    let told = Arc::new(Mutex::new(Vec::new()));
    let theirs = told.clone();
    let listener = Box::new(move |event: Event| {
        if let Event::Told(line) = event {
            let mut told = theirs.lock().unwrap_or_else(PoisonError::into_inner);
            told.push(line.text.clone());
        }
    });
    let source = Source::File(clip);
    let watcher = Watcher::start(
        ENGINE.clone(),
        "shapes",
        &source,
        Options::default(),
        listener,
    );
    let watcher = watcher.expect("it starts");
    watcher.wait().expect("no fault");
    let view = watcher.view();
    assert_eq!(view.feed.expect("a status").condition, Condition::Ended);
    assert!(view.picture.is_some(), "the last picture stays");
    watcher.send(Command::Search("a red star".into()));
    wait(&watcher, "relevance after the end", |view| {
        view.relevance.is_some()
    });
    watcher.send(Command::Ask {
        question: "what color is the star?".into(),
        span: None,
    });
    let done = |view: &View| view.answer.as_ref().is_some_and(|answer| answer.done);
    let answer = wait(&watcher, "answer after the end", done).answer;
    assert_eq!(answer.expect("waited for").text, "red");
    drop(watcher);
    let told = told.lock().expect("nobody holds it");
    assert_eq!(told.len(), 1, "{told:?}");
    assert!(told[0].contains("red star"), "{told:?}");
}

#[test]
fn a_lost_source_is_told_and_comes_back() {
    let watcher = watch(
        "pipeline:videotestsrc is-live=true num-buffers=40 ! video/x-raw,framerate=30/1",
        Options::default(),
    );
    let condition = |view: &View| view.feed.as_ref().map(|feed| feed.condition.clone());
    let lost = |view: &View| matches!(condition(view), Some(Condition::Lost { .. }));
    let view = wait(&watcher, "loss", lost);
    assert!(view.picture.is_some(), "the picture stays");
    let number = view.picture.map_or(0, |shown| shown.number);
    let back = |view: &View| {
        view.picture
            .as_ref()
            .is_some_and(|shown| shown.number > number)
    };
    let view = wait(&watcher, "return", back);
    assert!(view.feed.is_some_and(|feed| feed.reconnects >= 1));
}

#[test]
fn what_cannot_be_watched_is_refused() {
    let start = |source: &Source, options| {
        Watcher::start(ENGINE.clone(), "shapes", source, options, Box::new(|_| ())).err()
    };
    let gone = start(&Source::File("no/such.mp4".into()), Options::default());
    assert!(matches!(gone, Some(Error::Io { .. })), "{gone:?}");
    let wrong = [
        Options {
            window: Seconds::ZERO,
            ..Options::default()
        },
        Options {
            keep: Seconds::from_integer(-1),
            ..Options::default()
        },
        Options {
            fps: f64::NAN,
            ..Options::default()
        },
        Options {
            fps: 1e-20,
            ..Options::default()
        },
        Options {
            every: Seconds::new(1, 7),
            ..Options::default()
        },
        Options {
            writing: generate::Options {
                strategy: generate::Strategy::Beams(generate::BeamSearch::OPENCLIP),
                ..Default::default()
            },
            ..Options::default()
        },
        Options {
            labels: vec!["a".into(), "a".into()],
            ..Options::default()
        },
    ];
    for options in wrong {
        let error = start(&Source::Test, options.clone());
        assert!(
            matches!(error, Some(Error::Argument { .. })),
            "{options:?}: {error:?}"
        );
    }
}
