//! Processes that are killed, and processes that write at once.

use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use super::*;

const WIDTH: usize = 32;
const VIDEOS: u64 = 30;
const KILLS: usize = 100;

/// This test program, writing the videos of `range` in which the index lacks.
fn writer(path: &Path, range: &str) -> Child {
    Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "crash::write", "--ignored", "--quiet"])
        .env("INDEX", path)
        .env("RANGE", range)
        .stdout(Stdio::null())
        .spawn()
        .unwrap()
}

#[test]
#[ignore = "run by the other tests, as another process"]
fn write() {
    let path = PathBuf::from(std::env::var_os("INDEX").unwrap());
    let range = std::env::var("RANGE").unwrap();
    let (first, end) = range.split_once("..").unwrap();
    let mut index = index(&path, WIDTH);
    for i in first.parse().unwrap()..end.parse().unwrap() {
        let video = video(&path, i);
        if index.entries(&video).unwrap().is_none() {
            put(&mut index, &video, i);
        }
    }
}

fn video(path: &Path, i: u64) -> PathBuf {
    path.with_file_name(format!("{i:04}.mp4"))
}

fn put(index: &mut Index, video: &Path, i: u64) {
    let windows = 1 + i * 7 % 90;
    index
        .put(
            video,
            &identity(i),
            i.is_multiple_of(2),
            &entries(i, windows, WIDTH),
        )
        .unwrap();
}

/// All that an index knows.
fn content(index: &Index) -> Vec<(PathBuf, Identity, bool, Vec<Entry>)> {
    let videos = index.videos().unwrap().into_iter();
    videos
        .map(|video| {
            let entries = index.entries(&video.path).unwrap().unwrap();
            (video.path, video.identity, video.captioned, entries)
        })
        .collect()
}

#[test]
fn kills_at_a_hundred_points_lose_nothing_committed() {
    let (_folder, path) = place();
    let undisturbed = path.with_file_name("undisturbed.index");
    let mut all = index(&undisturbed, WIDTH);
    for i in 0..VIDEOS {
        put(&mut all, &video(&path, i), i);
    }
    let all = content(&all);

    // How long a writer takes decides where the kills can fall.
    let clock = Instant::now();
    assert!(
        writer(&path, &format!("0..{VIDEOS}"))
            .wait()
            .unwrap()
            .success()
    );
    let whole = clock.elapsed();
    std::fs::remove_file(&path).unwrap();

    let (mut random, mut survivors, mut finished) = (88_172_645_463_325_252u64, 0, 0);
    for _ in 0..KILLS {
        random ^= random << 13;
        random ^= random >> 7;
        random ^= random << 17;
        // A part of the way: every few kills one run gets to the end, and the next begins anew.
        let wait = whole.mul_f64((random >> 11) as f64 / (1u64 << 53) as f64 * 0.6);
        let mut child = writer(&path, &format!("0..{VIDEOS}"));
        thread::sleep(wait);
        child.kill().unwrap();
        child.wait().unwrap();
        if !path.exists() || std::fs::metadata(&path).unwrap().len() == 0 {
            continue; // killed before the index was made
        }
        let index = index(&path, WIDTH);
        let faults = index.verify().unwrap();
        assert!(
            faults
                .iter()
                .all(|fault| fault.problem.contains("not there any more")),
            "{faults:?}"
        );
        let found = content(&index);
        // A writer goes on where the last was killed: what is there is a beginning of the whole.
        assert!(found[..] == all[..found.len()], "{} videos", found.len());
        assert!(
            found.len() >= survivors,
            "{} videos, {survivors} before",
            found.len()
        );
        survivors = found.len();
        if survivors == all.len() {
            (survivors, finished) = (0, finished + 1);
            drop(index);
            std::fs::remove_file(&path).unwrap();
        }
    }
    assert!(
        writer(&path, &format!("0..{VIDEOS}"))
            .wait()
            .unwrap()
            .success()
    );
    assert!(content(&Index::open(&path).unwrap()) == all);
    assert!(finished < KILLS, "kills came too late");
}

#[test]
fn two_writers_at_once_both_succeed() {
    let (_folder, path) = place();
    let half = VIDEOS / 2;
    // They make the index together, and both write the videos in the middle.
    let ranges = [
        format!("0..{}", half + 5),
        format!("{}..{VIDEOS}", half - 5),
    ];
    let mut writers = ranges.map(|range| writer(&path, &range));
    for writer in &mut writers {
        assert!(writer.wait().unwrap().success());
    }
    let found = content(&Index::open(&path).unwrap());
    assert_eq!(found.len() as u64, VIDEOS);
    for (i, (path, known, _, _)) in found.iter().enumerate() {
        assert_eq!(
            (path.file_stem().unwrap(), *known),
            (format!("{i:04}").as_ref(), identity(i as u64))
        );
    }
}

#[test]
fn a_reader_does_not_stop_a_writer() {
    let (_folder, path) = place();
    let mut first = index(&path, WIDTH);
    put(&mut first, &video(&path, 0), 0);
    let reader = thread::spawn({
        let path = path.clone();
        move || {
            let (index, clock) = (Index::open(&path).unwrap(), Instant::now());
            while index.videos().unwrap().len() < 20 {
                assert!(
                    clock.elapsed() < Duration::from_secs(30),
                    "the writer is stuck"
                );
            }
        }
    });
    for i in 1..20 {
        put(&mut first, &video(&path, i), i);
    }
    reader.join().unwrap();
}
