//! Live sources: their pace, their losses and returns, and what they leave behind.

#[path = "common/clips.rs"]
mod clips;

use std::fs;
use std::io::{Read, Write};
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use clips::Clip;
use vcoca_gpu::frames::live::{Condition, Feed, LiveFrame, Source, Status, cameras};
use vcoca_gpu::frames::{Orientation, PixelFormat, Seconds, shapes};
use vcoca_gpu::{Error, Result};

/// Longer than anything here takes, on a busy machine, too.
const LONG: Duration = Duration::from_secs(30);

fn open(source: &str) -> Result<Feed> {
    Feed::open(&source.parse().unwrap())
}

fn refused(source: &str) -> Error {
    open(source).err().expect("an error at once")
}

/// The next frame after `number`, over losses, too.
fn next(feed: &Feed, number: u64) -> Arc<LiveFrame> {
    let started = Instant::now();
    loop {
        if let Some(frame) = feed.newer(number, Duration::from_millis(200)) {
            assert!(frame.number > number);
            return frame;
        }
        assert!(started.elapsed() < LONG, "no frame: {:?}", feed.status());
    }
}

/// Waits for a status that holds.
fn until(feed: &Feed, holds: impl Fn(&Status) -> bool) -> Status {
    let started = Instant::now();
    loop {
        let status = feed.status();
        if holds(&status) {
            return status;
        }
        assert!(started.elapsed() < LONG, "{status:?}");
        thread::sleep(Duration::from_millis(5));
    }
}

/// Why a source was lost first.
fn loss(feed: &Feed) -> String {
    let lost = |status: &Status| matches!(status.condition, Condition::Lost { .. });
    match until(feed, lost).condition {
        Condition::Lost { why, .. } => why,
        _ => unreachable!(),
    }
}

fn seconds(time: Seconds) -> f64 {
    *time.numer() as f64 / *time.denom() as f64
}

#[test]
fn names_of_sources() {
    let file = |name: &str| Source::File(PathBuf::from(name));
    for (text, source) in [
        ("camera:2", Source::Camera(2)),
        ("screen", Source::Screen),
        ("test", Source::Test),
        ("rtsp://host/door", Source::Rtsp("rtsp://host/door".into())),
        ("RTSPS://host", Source::Rtsp("RTSPS://host".into())),
        ("pipeline:a ! b:c", Source::Pipeline("a ! b:c".into())),
        ("a clip.mp4", file("a clip.mp4")),
        ("./camera", file("./camera")),
        ("cameras", file("cameras")),
        ("C:\\clip.mp4", file("C:\\clip.mp4")),
        ("http://host/clip.mp4", file("http://host/clip.mp4")),
    ] {
        assert_eq!(text.parse::<Source>().unwrap(), source);
        assert_eq!(source.to_string(), text);
    }
    assert_eq!("camera".parse::<Source>().unwrap(), Source::Camera(0));
    for text in ["", "camera:", "camera:x", "camera:-1", "pipeline: "] {
        let error = text.parse::<Source>().unwrap_err().to_string();
        assert!(error.contains("rtsp://HOST/"), "{error}");
    }
}

#[test]
fn passwords_are_not_shown() {
    for (typed, shown) in [
        ("rtsp://me:word@host:554/a", "rtsp://me:***@host:554/a"),
        ("rtsp://me:wo@rd:x@host", "rtsp://me:***@host"),
        ("rtsp://me@host/a", "rtsp://me@host/a"),
        // What may be one is hidden, too.
        ("rtsp://me:p/w#d?@host/a", "rtsp://me:***@host/a"),
        ("rtsp://me@host/a:b@c", "rtsp://me@host/a:***@c"),
        (
            "pipeline:rtspsrc location=rtsp://me:word@host ! decodebin",
            "pipeline:rtspsrc location=rtsp://me:***@host ! decodebin",
        ),
        ("rtsp://:word@host?a", "rtsp://:***@host?a"),
    ] {
        let source: Source = typed.parse().unwrap();
        assert_eq!(source.to_string(), shown);
        assert_eq!(format!("{source:?}"), format!("Source({shown})"));
    }
}

#[test]
fn a_feed_is_shared_by_threads() {
    fn shared<T: Send + Sync>() {}
    shared::<Feed>();
}

#[test]
fn drawn_shapes_move_at_their_rate() {
    let feed = open("test").unwrap();
    let first = next(&feed, 0);
    let picture = &first.picture;
    assert_eq!((picture.width, picture.height), (480, 360));
    assert_eq!(picture.format, PixelFormat::Rgba8);
    assert_eq!(picture.orientation, Orientation::Upright);
    assert_eq!(picture.data.len(), 480 * 360 * 4);
    let name = shapes::scene(Duration::from_secs_f64(seconds(first.time)));
    assert_eq!(name, "red star");

    let mut last = first.clone();
    while last.number < 45 {
        let frame = next(&feed, last.number);
        assert!(frame.time > last.time);
        assert!(frame.captured >= last.captured);
        assert!(frame.captured.elapsed() < Duration::from_secs(1));
        last = frame;
    }
    assert_ne!(last.picture.data, first.picture.data);
    let rate = (last.number - first.number) as f64 / (seconds(last.time) - seconds(first.time));
    assert!((5.0..31.0).contains(&rate), "{rate} frames a second");
    let status = feed.status();
    assert_eq!(status.condition, Condition::Live);
    assert_eq!((status.size, status.reconnects), (Some((480, 360)), 0));
    assert!(status.delivered >= last.number);
    assert!((5.0..35.0).contains(&status.fps), "{status:?}");
}

#[test]
fn a_slow_reader_gets_the_newest_frame() {
    let feed = open("pipeline:videotestsrc is-live=true ! video/x-raw,framerate=30/1").unwrap();
    let mut last = next(&feed, 0).number;
    for _ in 0..3 {
        thread::sleep(Duration::from_millis(500));
        let frame = next(&feed, last);
        assert!(frame.number > last + 2, "{} after {last}", frame.number);
        assert!(frame.captured.elapsed() < Duration::from_secs(1));
        last = frame.number;
    }
}

#[test]
fn a_source_without_a_pace_of_its_own_is_played_in_real_time() {
    let feed = open("pipeline:videotestsrc ! video/x-raw,framerate=20/1 ! jpegenc").unwrap();
    let (first, started) = (next(&feed, 0), Instant::now());
    thread::sleep(Duration::from_secs(1));
    let later = next(&feed, first.number);
    let rate = (later.number - first.number) as f64 / started.elapsed().as_secs_f64();
    assert!(rate < 40.0, "{rate} frames a second");
}

/// A source that fails for the reason `why` comes back with later frames.
fn recovers(description: &str, why: &str) {
    let feed = open(&format!("pipeline:{description}")).unwrap();
    let first = next(&feed, 0);
    let reason = loss(&feed);
    let lost = Instant::now();
    assert!(reason.contains(why), "{reason}");
    let before = feed.newer(0, Duration::ZERO).expect("the last picture");
    assert!(before.number >= first.number);

    let after = next(&feed, before.number);
    assert!(
        lost.elapsed() < Duration::from_secs(5),
        "{:?}",
        lost.elapsed()
    );
    assert!(after.time > before.time);
    assert!(feed.status().reconnects >= 1);
}

#[test]
fn an_error_is_recovered_from() {
    recovers(
        "videotestsrc is-live=true ! identity error-after=20",
        "identity",
    );
}

#[test]
fn an_end_is_recovered_from() {
    recovers("videotestsrc is-live=true num-buffers=20", "has ended");
}

#[test]
fn silence_is_recovered_from() {
    // After the first stream `concat` waits for the second, which never sends anything.
    recovers(
        "videotestsrc is-live=true num-buffers=10 ! one. appsrc is-live=true ! one. concat name=one",
        "no picture for 2 s",
    );
}

#[test]
fn a_source_that_hangs_does_not_hold_up_the_end() {
    // Sleeps for 20 s within the first picture, deaf to everything.
    let feed = open("pipeline:videotestsrc is-live=true ! identity sleep-time=20000000").unwrap();
    thread::sleep(Duration::from_millis(500));
    let started = Instant::now();
    drop(feed);
    assert!(
        started.elapsed() < Duration::from_secs(10),
        "{:?}",
        started.elapsed()
    );
}

#[test]
fn a_file_plays_in_real_time_to_its_end() {
    let clip = Clip {
        name: "live.mp4",
        frames: 25,
        ..Clip::default()
    };
    let path = clip.make();
    let started = Instant::now();
    let feed = open(path.to_str().unwrap()).unwrap();
    let status = until(&feed, |status| status.condition == Condition::Ended);
    assert!(started.elapsed() > Duration::from_millis(900));
    let last = feed.newer(0, Duration::ZERO).expect("the last picture");
    assert_eq!(last.number, status.delivered);
    assert_eq!((last.picture.width, last.picture.height), (64, 48));
    assert!(seconds(last.time) > 0.9, "{}", last.time);
    assert!(feed.newer(last.number, LONG).is_none(), "none, and at once");
    assert!(started.elapsed() < LONG);
}

#[test]
fn pixels_become_square_and_pictures_upright() {
    let wide = "pipeline:videotestsrc is-live=true \
                ! video/x-raw,width=64,height=48,pixel-aspect-ratio=2/1";
    let frame = next(&open(wide).unwrap(), 0);
    let (w, h) = (frame.picture.width, frame.picture.height);
    assert_eq!(w * 48, h * 128, "{w}x{h}");
    assert_eq!(frame.picture.data.len() as u32, 4 * w * h);

    let turned = "pipeline:videotestsrc is-live=true ! video/x-raw,width=64,height=48 \
                  ! taginject tags=image-orientation=rotate-90";
    let frame = next(&open(turned).unwrap(), 0);
    assert_eq!((frame.picture.width, frame.picture.height), (48, 64));
}

#[test]
fn a_change_of_size_is_followed() {
    let source = "pipeline:concat name=c \
                  videotestsrc is-live=true num-buffers=10 ! video/x-raw,width=62,height=48 ! c. \
                  videotestsrc is-live=true ! video/x-raw,width=90,height=70 ! c. \
                  c. ! identity";
    let feed = open(source).unwrap();
    let first = next(&feed, 0);
    assert_eq!((first.picture.width, first.picture.height), (62, 48));
    assert_eq!(first.picture.planes[0].stride, 62 * 4);
    let status = until(&feed, |status| status.size == Some((90, 70)));
    assert_eq!(status.reconnects, 0);
}

#[test]
fn what_waiting_cannot_heal_is_an_error_at_once() {
    let folder = tempfile::tempdir().unwrap();
    assert!(matches!(refused("no such.mp4"), Error::Io { .. }));
    let error = refused(folder.path().to_str().unwrap());
    assert!(matches!(error, Error::NotAFile { .. }), "{error}");
    let text = folder.path().join("text.mp4");
    fs::write(&text, "no video\n").unwrap();
    let error = refused(text.to_str().unwrap());
    assert!(matches!(error, Error::Media { .. }), "{error}");
    for description in [
        "nothing-of-this-name",
        "videotestsrc is-live=17",
        "videotestsrc !",
    ] {
        let error = refused(&format!("pipeline:{description}"));
        assert!(matches!(error, Error::Live { .. }), "{error}");
    }
}

#[test]
fn a_playlist_opens_nothing_else() {
    let folder = tempfile::tempdir().unwrap();
    let list = folder.path().join("list.mp4");
    let red_star = Path::new(env!("CARGO_MANIFEST_DIR")).join("assets/red_star.mp4");
    let entry = format!("#EXTM3U\n#EXTINF:4,\nfile://{}\n", red_star.display());
    fs::write(&list, entry).unwrap();
    let error = refused(list.to_str().unwrap()).to_string();
    assert!(
        error.contains("playlist") || error.contains("no video"),
        "{error}"
    );
}

#[test]
fn a_camera_that_is_not_there() {
    let count = cameras().unwrap().len();
    let error = refused(&format!("camera:{count}"));
    assert!(error.to_string().contains("this machine has"), "{error}");
}

#[test]
fn a_host_that_does_not_answer() {
    let feed = open("rtsp://me:secret@127.0.0.1:1/door").unwrap();
    let why = loss(&feed);
    assert!(why.contains("rtsp://me:***@127.0.0.1:1/door"), "{why}");
    assert!(!why.contains("secret"), "{why}");
    assert!(why.contains("cannot be reached"), "{why}");
}

#[test]
fn wrong_credentials() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    // Ends with the test program.
    thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = stream.unwrap();
            thread::spawn(move || {
                let mut request = [0; 4096];
                while let Ok(length @ 1..) = stream.read(&mut request) {
                    let text = String::from_utf8_lossy(&request[..length]);
                    let number = text.lines().find(|line| line.starts_with("CSeq"));
                    let answer = format!(
                        "RTSP/1.0 401 Unauthorized\r\n{}\r\n\
                         WWW-Authenticate: Basic realm=\"door\"\r\n\r\n",
                        number.unwrap_or("CSeq: 1")
                    );
                    if stream.write_all(answer.as_bytes()).is_err() {
                        break;
                    }
                }
            });
        }
    });
    let feed = open(&format!("rtsp://me:secret@{address}/door")).unwrap();
    let why = loss(&feed);
    assert!(why.contains("the user name or password"), "{why}");
    assert!(!why.contains("secret"), "{why}");
}
