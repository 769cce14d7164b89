//! Feeds leave nothing behind. A program of its own: other tests have threads and files, too.
#![cfg(target_os = "linux")]

use std::fs;
use std::path::Path;
use std::thread;
use std::time::{Duration, Instant};

use vcoca_gpu::frames::live::{Feed, Source};

/// Opens each of `sources`, looks at a picture, and drops it.
fn open_and_drop(sources: &[Source]) {
    for source in sources {
        let feed = Feed::open(source).unwrap();
        let frame = feed.newer(0, Duration::from_secs(30));
        assert!(frame.is_some(), "{source}: {:?}", feed.status());
    }
}

/// Threads and open files of this process.
fn held() -> [usize; 2] {
    ["task", "fd"].map(|kind| fs::read_dir(format!("/proc/self/{kind}")).unwrap().count())
}

#[test]
fn twenty_feeds_leave_no_threads_and_no_files() {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("assets/red_star.mp4");
    let pipeline = "videotestsrc is-live=true ! jpegenc";
    let sources = [
        Source::Test,
        Source::File(file),
        Source::Pipeline(pipeline.into()),
        Source::Test,
    ];
    // Plugins keep what they open once.
    open_and_drop(&sources);
    let before = held();
    for _ in 0..5 {
        open_and_drop(&sources);
    }
    // A busy machine may end the threads late.
    let started = Instant::now();
    loop {
        let now = held();
        if now[0] <= before[0] && now[1] <= before[1] {
            return;
        }
        assert!(
            started.elapsed() < Duration::from_secs(60),
            "{before:?} then {now:?}"
        );
        thread::sleep(Duration::from_millis(20));
    }
}
