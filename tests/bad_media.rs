//! Files that are no good video: each gives a clear error or its good frames, within ten seconds.
#![cfg(feature = "gstreamer")]

#[path = "common/clips.rs"]
mod clips;
#[path = "common/matroska.rs"]
mod matroska;

use std::fs;
use std::io::ErrorKind;
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use clips::{Clip, MP4, file, folder, number, sample, sample_by};
use vcoca_gpu::Error;
use vcoca_gpu::frames::Method;

/// The bytes of a plain clip under a name of its own.
fn bytes(name: &'static str) -> Vec<u8> {
    let clip = Clip {
        name,
        ..Clip::default()
    };
    fs::read(clip.make()).unwrap()
}

/// Where `mark` stands in a file.
fn find(bytes: &[u8], mark: &[u8]) -> usize {
    bytes.windows(mark.len()).position(|at| at == mark).unwrap()
}

fn make_fifo(path: &Path) {
    let _ = fs::remove_file(path);
    let made = Command::new("mkfifo").arg(path).status();
    assert!(made.unwrap().success());
}

/// The message of the error that sampling this file gives.
fn problem(path: &Path) -> String {
    let error = sample(path, 8).expect_err("an error");
    assert!(matches!(error, Error::Media { .. }), "{error:?}");
    let message = error.to_string();
    assert!(message.contains(path.to_str().unwrap()), "{message}");
    message
}

#[test]
fn missing_file() {
    let error = sample(&folder().join("nowhere.mp4"), 8).unwrap_err();
    assert!(matches!(error, Error::Io { .. }), "{error:?}");
}

#[test]
fn empty_file() {
    assert!(problem(&file("empty.mp4", "")).contains("is empty"));
}

#[test]
fn text_file() {
    let text = "Once upon a time there was a file of text.\n".repeat(100);
    assert!(problem(&file("text.mp4", text)).contains("is no video"));
}

#[test]
fn random_bytes() {
    let noise: Vec<u8> = noise().take(100_000).collect();
    assert!(problem(&file("noise.mp4", noise)).contains("is no video"));
}

#[test]
fn truncated_before_its_index() {
    let bytes = bytes("whole.mp4");
    problem(&file("truncated.mp4", &bytes[..bytes.len() / 2]));
}

#[test]
fn truncated_after_its_index() {
    let path = Clip {
        name: "whole-fast.mp4",
        encode: "x264enc speed-preset=ultrafast key-int-max=10 ! mp4mux faststart=true",
        ..Clip::default()
    }
    .make();
    let bytes = fs::read(path).unwrap();
    let data = find(&bytes, b"mdat");
    let cut = file("truncated-fast.mp4", &bytes[..(data + bytes.len()) / 2]);
    for method in [None, Some(Method::Seek), Some(Method::Decode)] {
        let sampled = match method {
            None => sample(&cut, 8),
            // The stated duration is longer than what is there.
            Some(method) => sample_by(&cut, 8, method),
        };
        let sampled = sampled.unwrap_or_else(|error| panic!("{method:?}: {error}"));
        assert_eq!(sampled.frames.len(), 8);
        for frame in &sampled.frames {
            assert!(number(&frame.picture) < 20, "{method:?}");
        }
    }
}

#[test]
fn audio_only() {
    for (name, encode) in [
        (
            "audio.mp4",
            "audiotestsrc num-buffers=20 ! avenc_aac ! mp4mux",
        ),
        (
            "audio.ogg",
            "audiotestsrc num-buffers=20 ! vorbisenc ! oggmux",
        ),
        ("audio.wav", "audiotestsrc num-buffers=20 ! wavenc"),
    ] {
        let path = clips::write(&folder().join(name), encode, |_| ());
        assert!(problem(&path).contains("no video stream"));
    }
}

#[test]
fn no_frames() {
    let mut bytes = bytes("frames.mp4");
    // The tables of a track: the number of their entries follows version and flags.
    for table in [b"stts", b"stsc", b"stco", b"stss", b"ctts"] {
        let at = find(&bytes, table) + 8;
        bytes[at..at + 4].fill(0);
    }
    let sizes = find(&bytes, b"stsz") + 12;
    bytes[sizes..sizes + 4].fill(0);
    for (head, duration) in [(b"mvhd", 20), (b"mdhd", 20), (b"tkhd", 24)] {
        let at = find(&bytes, head) + duration;
        bytes[at..at + 4].fill(0);
    }
    problem(&file("no-frames.mp4", bytes));
}

#[test]
fn corrupt_middle() {
    let mut bytes = bytes("sound.mp4");
    let data = find(&bytes, b"mdat");
    let size = u32::from_be_bytes(bytes[data - 4..data].try_into().unwrap()) as usize;
    let middle = data + size * 2 / 5..data + size * 3 / 5;
    for (byte, noise) in bytes[middle].iter_mut().zip(noise()) {
        *byte = noise;
    }
    let path = file("corrupt.mp4", bytes);
    let sampled = sample(&path, 8).unwrap();
    assert_eq!(sampled.frames.len(), 8);
    assert_eq!(number(&sampled.frames[0].picture), 1);
    for method in [
        Method::Plan,
        Method::Seek,
        Method::Keyframes,
        Method::Decode,
    ] {
        // An error is as good as frames.
        let _ = sample_by(&path, 8, method);
    }
}

#[test]
fn corrupt_anywhere() {
    for (name, encode) in [
        ("any.mp4", MP4),
        ("any.mkv", "vp8enc deadline=1 ! matroskamux"),
        ("any.ts", "x264enc speed-preset=ultrafast ! mpegtsmux"),
    ] {
        let clip = Clip {
            name,
            encode,
            ..Clip::default()
        };
        let whole = fs::read(clip.make()).unwrap();
        let mut noise = noise();
        for round in 0..12 {
            let mut bytes = whole.clone();
            for _ in 0..20 {
                let at = (0..3).fold(0, |at, _| at << 8 | usize::from(noise.next().unwrap()));
                let at = at % bytes.len();
                bytes[at] = noise.next().unwrap();
            }
            let path = file(&format!("corrupt-{round}-{name}"), bytes);
            if let Ok(sampled) = sample(&path, 3) {
                assert_eq!(sampled.frames.len(), 3);
            }
            fs::remove_file(path).unwrap();
        }
    }
}

#[test]
fn times_up_to_the_end_of_the_clock() {
    // Nanoseconds in 64 bits end after this many milliseconds.
    let end = u64::MAX / 1_000_000;
    let files = [
        ("ordinary", [(0, 40), (40, 40), (80, 40)]),
        ("long", [(0, 40), (40, end - 10), (80, end)]),
        (
            "late",
            [(0, 40), (end / 2, 40), (end - 9_000_000, 10_000_000)],
        ),
        (
            "latest",
            [(0, 40), (40, 40), (i64::MAX as u64 / 1_000_000, end)],
        ),
        ("beyond", [(0, u64::MAX), (u64::MAX / 2, 40), (u64::MAX, 1)]),
    ];
    for (name, pictures) in files {
        let path = file(&format!("{name}.mkv"), matroska::file(&pictures));
        for method in [
            None,
            Some(Method::Plan),
            Some(Method::Seek),
            Some(Method::Keyframes),
            Some(Method::Decode),
        ] {
            let sampled = match method {
                None => sample(&path, 4),
                Some(method) => sample_by(&path, 4, method),
            };
            // Not every way leads through such a file; one of them does.
            match sampled {
                Ok(sampled) => assert_eq!(sampled.frames.len(), 4, "{name} {method:?}"),
                Err(error) => assert!(method.is_some(), "{name}: {error}"),
            }
        }
    }
}

#[test]
fn special_files() {
    let without = folder().join("folder");
    fs::create_dir_all(&without).unwrap();
    let fifo = folder().join("fifo.mp4");
    make_fifo(&fifo);
    for (path, found) in [
        (without, "a folder without images"),
        (fifo, "a FIFO"),
        (PathBuf::from("/dev/zero"), "a device"),
    ] {
        let error = sample(&path, 8).unwrap_err();
        assert!(matches!(error, Error::NotAFile { .. }), "{error:?}");
        assert!(error.to_string().contains(found), "{error}");
    }
}

#[cfg(unix)]
#[test]
fn unreadable_file() {
    use std::os::unix::fs::PermissionsExt;
    let path = file("unreadable.mp4", "x");
    fs::set_permissions(&path, fs::Permissions::from_mode(0o000)).unwrap();
    // The superuser reads it all the same; a file is no folder even so.
    let path = match fs::File::open(&path) {
        Ok(_) => path.join("clip.mp4"),
        Err(_) => path,
    };
    let error = sample(&path, 8).unwrap_err();
    assert!(matches!(error, Error::Io { .. }), "{error:?}");
}

#[test]
fn playlists_open_nothing() {
    // A FIFO opens for writing only once somebody reads it.
    let fifo = folder().join("segment.ts");
    make_fifo(&fifo);
    let (opened, reader) = mpsc::channel();
    let name = fifo.clone();
    thread::spawn(move || opened.send(fs::File::options().write(true).open(name).is_ok()));
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    listener.set_nonblocking(true).unwrap();
    let server = format!("http://{}", listener.local_addr().unwrap());

    let hls = |segment: &str| {
        format!(
            "#EXTM3U\n#EXT-X-VERSION:3\n#EXT-X-TARGETDURATION:2\n#EXTINF:1.2,\n{segment}\n\
             #EXT-X-ENDLIST\n"
        )
    };
    let dash = format!(
        "<?xml version=\"1.0\"?>\n<MPD xmlns=\"urn:mpeg:dash:schema:mpd:2011\" type=\"static\" \
         profiles=\"urn:mpeg:dash:profile:isoff-on-demand:2011\" minBufferTime=\"PT1S\" \
         mediaPresentationDuration=\"PT1S\"><BaseURL>{server}/</BaseURL><Period><AdaptationSet \
         mimeType=\"video/mp4\"><Representation id=\"0\" bandwidth=\"1000\" codecs=\"avc1.42c00b\" \
         width=\"64\" height=\"48\"><BaseURL>clip.mp4</BaseURL><SegmentBase \
         indexRange=\"0-99\"/></Representation></AdaptationSet></Period></MPD>\n"
    );
    let project = format!(
        "<ges version='0.7'><project><ressources><asset id='{server}/clip.mp4' \
         extractable-type-name='GESUriClip'/></ressources></project></ges>\n"
    );
    for (name, text) in [
        ("hls-file.mp4", hls(fifo.to_str().unwrap())),
        ("hls-server.mp4", hls(&format!("{server}/segment.ts"))),
        ("dash.mp4", dash),
        ("project.mp4", project),
    ] {
        assert!(problem(&file(name, text)).contains("is a playlist"));
    }

    // What was set going might come late.
    thread::sleep(Duration::from_millis(300));
    assert!(reader.try_recv().is_err(), "the FIFO was opened");
    let connection = listener.accept().map_err(|error| error.kind());
    assert_eq!(connection.err(), Some(ErrorKind::WouldBlock));
    // The writer would wait for ever.
    drop(fs::File::open(fifo).unwrap());
}

#[test]
fn huge_pictures() {
    let mut bytes = bytes("small.mp4");
    let entry = find(&bytes, b"avc1\0");
    for at in [entry + 28, entry + 30] {
        bytes[at..at + 2].copy_from_slice(&16_000_u16.to_be_bytes());
    }
    assert!(problem(&file("huge.mp4", bytes)).contains("64 Mpx"));
}

#[test]
fn unknown_codec() {
    let mut bytes = bytes("known.mp4");
    let entry = find(&bytes, b"avc1\0");
    bytes[entry..entry + 4].copy_from_slice(b"zzzz");
    let error = sample(&file("unknown.mp4", bytes), 8).unwrap_err();
    assert!(matches!(error, Error::MissingCodec { .. }), "{error:?}");
    let message = error.to_string();
    assert!(message.contains("zzzz"), "{message}");
    assert!(message.contains("gstreamer1.0-"), "{message}");
}

#[test]
fn no_frames_asked_for() {
    let path = Clip {
        name: "asked.mp4",
        ..Clip::default()
    }
    .make();
    let error = sample(&path, 0).unwrap_err();
    assert!(matches!(error, Error::Argument { .. }), "{error:?}");
}

/// The same bytes every time (xorshift).
fn noise() -> impl Iterator<Item = u8> {
    let mut state = 0x9e37_79b9_u32;
    std::iter::from_fn(move || {
        state ^= state << 13;
        state ^= state >> 17;
        state ^= state << 5;
        Some((state >> 8) as u8)
    })
}
