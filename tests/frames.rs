//! Frames of generated videos: which ones, when, in which form.
#![cfg(feature = "gstreamer")]

#[path = "common/clips.rs"]
mod clips;

use std::fs;

use clips::{Clip, MP4, file, number, sample, sample_by};
use vcoca_gpu::frames::{
    ChromaSiting, Matrix, Method, Orientation, PixelFormat, Range, Sampled, Sampling, Seconds,
};

/// A clip encoded by `encode`.
fn clip(name: &'static str, encode: &'static str) -> Clip {
    Clip {
        name,
        encode,
        ..Clip::default()
    }
}

fn numbers(sampled: &Sampled) -> Vec<u64> {
    sampled
        .frames
        .iter()
        .map(|frame| number(&frame.picture))
        .collect()
}

/// Asserts that these are the right `count` frames of the first `total` of a clip, each at its
/// time, to a nanosecond.
fn assert_uniform(sampled: &Sampled, clip: &Clip, total: u64, count: u64) {
    let wanted: Vec<u64> = (0..count)
        .map(|i| (2 * i + 1) * total / (2 * count))
        .collect();
    assert_eq!(
        numbers(sampled),
        wanted,
        "{} {:?}",
        clip.name,
        sampled.method
    );
    for (frame, &number) in sampled.frames.iter().zip(&wanted) {
        let exact = Seconds::new(clip.start(number) as i64, 1_000_000_000);
        let error = frame.pts - exact;
        let nanosecond = Seconds::new(1, 1_000_000_000);
        assert!(
            error <= nanosecond && -error <= nanosecond,
            "{number}: {error}"
        );
    }
}

#[test]
fn frames_and_times() {
    let whole = Clip::default();
    let path = whole.make();
    for count in [1, 3, 8, 30, 45] {
        let sampled = sample(&path, count).unwrap();
        assert_uniform(&sampled, &whole, 30, count as u64);
        assert_eq!(sampled.method, Method::Plan);
        assert_eq!(sampled.duration, Some(Seconds::new(6, 5)));
    }
    let frame = &sample(&path, 8).unwrap().frames[1];
    assert_eq!(frame.pts, Seconds::new(1, 5));
    let picture = &frame.picture;
    assert_eq!((picture.width, picture.height), (64, 48));
    assert_eq!(picture.format, PixelFormat::I420);
    assert_eq!(picture.orientation, Orientation::Upright);
    assert_eq!(*picture.pixel_aspect.numer(), 1);
    assert_eq!(picture.color.range, Range::Limited);
    for (index, plane) in picture.planes.iter().enumerate() {
        let (width, height) = if index == 0 { (64, 48) } else { (32, 24) };
        assert!(plane.stride >= width);
        assert!(plane.offset + plane.stride * height <= picture.data.len());
    }
}

#[test]
fn ways_agree() {
    let odd = Clip {
        size: (63, 47),
        ..clip(
            "odd.mkv",
            "vp8enc deadline=1 keyframe-max-dist=10 ! matroskamux",
        )
    };
    let ntsc = Clip {
        rate: (30_000, 1001),
        ..clip("ntsc.mp4", MP4)
    };
    let one = Clip {
        frames: 1,
        ..clip("one.mp4", MP4)
    };
    let few = Clip {
        frames: 3,
        ..clip("few.mp4", MP4)
    };
    let wide = clip(
        "open-group.mp4",
        "x265enc key-int-max=10 speed-preset=ultrafast ! h265parse ! mp4mux",
    );
    let vp9 = clip(
        "vp9.webm",
        "vp9enc deadline=1 keyframe-max-dist=10 ! webmmux",
    );
    for clip in [Clip::default(), odd, ntsc, one, few, wide, vp9] {
        let path = clip.make();
        for method in [Method::Plan, Method::Seek, Method::Decode] {
            let sampled = sample_by(&path, 8, method).unwrap();
            assert_uniform(&sampled, &clip, clip.frames, 8);
            assert_eq!(sampled.method, method);
            for frame in &sampled.frames {
                let size = (frame.picture.width, frame.picture.height);
                assert_eq!(size, clip.size);
            }
        }
    }
}

#[test]
fn containers() {
    for clip in [
        clip("theora.ogv", "theoraenc ! oggmux"),
        clip("motion-jpeg.avi", "jpegenc ! avimux"),
        clip("raw.avi", "avimux"),
        clip("h264.flv", "x264enc key-int-max=10 ! h264parse ! flvmux"),
        // Packets without times: everything is decoded.
        clip("h264.avi", "x264enc key-int-max=10 ! avimux"),
        clip(
            "h264.264",
            "x264enc key-int-max=10 ! video/x-h264,stream-format=byte-stream",
        ),
    ] {
        assert_uniform(&sample(&clip.make(), 8).unwrap(), &clip, 30, 8);
    }
    // The clock of a transport stream starts before its first frame.
    let stream = clip("h264.ts", "x264enc key-int-max=10 ! mpegtsmux");
    assert_eq!(
        numbers(&sample(&stream.make(), 8).unwrap()),
        [1, 5, 9, 13, 16, 20, 24, 28]
    );
}

#[test]
fn groups_are_sought() {
    let long = Clip {
        frames: 600,
        ..clip(
            "long.mp4",
            "x264enc speed-preset=ultrafast key-int-max=50 bframes=2 ! mp4mux",
        )
    };
    let path = long.make();
    for method in [Method::Plan, Method::Seek, Method::Decode] {
        for count in [4, 16] {
            let sampled = sample_by(&path, count, method).unwrap();
            assert_uniform(&sampled, &long, 600, count as u64);
        }
    }
}

#[test]
fn long_files_are_sought() {
    let long = Clip {
        frames: 1600,
        ..clip(
            "minute.mp4",
            "x264enc speed-preset=ultrafast key-int-max=50 bframes=2 ! mp4mux",
        )
    };
    // Filled up with a sparse box that holds nothing.
    let mut bytes = fs::read(long.make()).unwrap();
    let whole = bytes.len() as u64;
    bytes.extend((70_u32 << 20).to_be_bytes());
    bytes.extend(b"free");
    let path = file("long-and-large.mp4", bytes);
    let large = fs::File::options().write(true).open(&path).unwrap();
    large.set_len(whole + (70 << 20)).unwrap();
    let sampled = sample(&path, 8).unwrap();
    assert_eq!(sampled.method, Method::Seek);
    // 10 bits hold the number.
    let wanted = [100, 300, 500, 700, 900, 1100, 1300, 1500].map(|number| number % 1024);
    assert_eq!(numbers(&sampled), wanted);
    assert_eq!(sampled.frames[7].pts, Seconds::from_integer(60));
}

#[test]
fn size_changes_midway() {
    let encode = "x264enc key-int-max=10 ! video/x-h264,stream-format=byte-stream";
    let small = clip("small.264", encode);
    let large = Clip {
        size: (96, 64),
        ..clip("large.264", encode)
    };
    let mut bytes = fs::read(small.make()).unwrap();
    bytes.extend(fs::read(large.make()).unwrap());
    let sampled = sample(&file("both.264", bytes), 4).unwrap();
    assert_eq!(numbers(&sampled), [7, 22, 7, 22]);
    let widths = sampled.frames.iter().map(|frame| frame.picture.width);
    assert_eq!(widths.collect::<Vec<_>>(), [64, 64, 96, 96]);
}

#[test]
fn variable_frame_rate() {
    let clip = Clip {
        rate: (0, 1),
        ..clip("variable.mkv", "x264enc key-int-max=10 ! matroskamux")
    };
    let path = clip.make();
    for method in [Method::Plan, Method::Decode] {
        assert_uniform(&sample_by(&path, 8, method).unwrap(), &clip, 30, 8);
    }
    // Seeks go by time: each is the frame shown then.
    let sampled = sample_by(&path, 4, Method::Seek).unwrap();
    let length = sampled.duration.unwrap();
    for (i, frame) in sampled.frames.iter().enumerate() {
        let time = length * Seconds::new(2 * i as i64 + 1, 8);
        let shown = (0..30)
            .rev()
            .find(|&n| Seconds::new(clip.start(n) as i64, 1_000_000_000) <= time)
            .unwrap();
        assert_eq!(number(&frame.picture), shown);
        assert_eq!(
            frame.pts,
            Seconds::new(clip.start(shown) as i64, 1_000_000_000)
        );
    }
}

#[test]
fn keyframes() {
    let path = clip("keyframes.mp4", MP4).make();
    let sampled = vcoca_gpu::frames::sample(&path, 8, Sampling::Keyframes).unwrap();
    assert_eq!(sampled.method, Method::Keyframes);
    assert_eq!(numbers(&sampled), [0, 0, 0, 10, 10, 20, 20, 20]);
    assert_eq!(sampled.frames[3].pts, Seconds::new(2, 5));
}

#[test]
fn rotation() {
    let bytes = fs::read(clip("upright.mp4", MP4).make()).unwrap();
    let head = bytes.windows(4).position(|at| at == b"tkhd").unwrap();
    let turns: [([i32; 4], Orientation); 4] = [
        ([1, 0, 0, 1], Orientation::Upright),
        ([0, 1, -1, 0], Orientation::Rotate90),
        ([-1, 0, 0, -1], Orientation::Rotate180),
        ([0, -1, 1, 0], Orientation::Rotate270),
    ];
    for (matrix, orientation) in turns {
        let mut turned = bytes.clone();
        // The matrix (a, b, u, c, d, v, x, y, w), 16.16.
        for (value, place) in matrix.into_iter().zip([0, 1, 3, 4]) {
            let at = head + 44 + place * 4;
            turned[at..at + 4].copy_from_slice(&(value << 16).to_be_bytes());
        }
        let sampled = sample(&file("turned.mp4", turned), 2).unwrap();
        for frame in &sampled.frames {
            assert_eq!(frame.picture.orientation, orientation);
            assert_eq!((frame.picture.width, frame.picture.height), (64, 48));
        }
    }
}

#[test]
fn pixel_aspect() {
    let clip = Clip {
        caps: ",pixel-aspect-ratio=4/3",
        ..clip("aspect.mp4", MP4)
    };
    let sampled = sample(&clip.make(), 1).unwrap();
    let aspect = sampled.frames[0].picture.pixel_aspect;
    assert_eq!((*aspect.numer(), *aspect.denom()), (4, 3));
}

#[test]
fn colorimetry() {
    let color = |clip: Clip| {
        let sampled = sample(&clip.make(), 1).unwrap();
        (
            sampled.frames[0].picture.format,
            sampled.frames[0].picture.color,
        )
    };
    let (_, tagged) = color(Clip {
        caps: ",colorimetry=bt709",
        ..clip("bt709.mp4", MP4)
    });
    assert_eq!(tagged.matrix, Matrix::Bt709);
    assert_eq!(tagged.siting, ChromaSiting::Left);
    // Without a tag the size must not decide.
    let (_, untagged) = color(Clip {
        size: (1280, 720),
        frames: 2,
        ..clip("untagged.avi", "vp8enc deadline=1 ! avimux")
    });
    assert_eq!(untagged.matrix, Matrix::Bt601);
    assert_eq!(untagged.range, Range::Limited);
    let (_, raw) = color(Clip {
        size: (1280, 720),
        frames: 2,
        ..clip("raw-untagged.avi", "avimux")
    });
    assert_eq!(raw.matrix, Matrix::Bt601);
    let (_, jpeg) = color(clip("full.avi", "jpegenc ! avimux"));
    assert_eq!(
        (jpeg.range, jpeg.siting),
        (Range::Full, ChromaSiting::Center)
    );
    let (format, _) = color(clip(
        "ten-bits.mkv",
        "videoconvert ! video/x-raw,format=I420_10LE ! x264enc ! matroskamux",
    ));
    assert_eq!(format, PixelFormat::I420Le10);
    // Formats that are not taken as they are get converted.
    let (format, _) = color(clip(
        "rgb.avi",
        "videoconvert ! video/x-raw,format=BGR ! avimux",
    ));
    assert!(matches!(format, PixelFormat::Rgb8 | PixelFormat::Rgba8));
}

#[test]
fn interlaced_pictures_keep_their_first_field() {
    let weave = |caps, name| Clip {
        caps,
        ..clip(
            name,
            "x264enc interlaced=true pass=quant quantizer=5 ! mp4mux",
        )
    };
    let top = ",interlace-mode=interleaved,field-order=top-field-first";
    let bottom = ",interlace-mode=interleaved,field-order=bottom-field-first";
    for (clip, first) in [
        (weave(top, "top-first.mp4"), 0),
        (weave(bottom, "bottom-first.mp4"), 1),
    ] {
        // The field that comes later carries another number: nothing of it must be left.
        let path = clip.make_with(|info, i| match first {
            0 => clips::woven(info, i, 1023 - i),
            _ => clips::woven(info, 1023 - i, i),
        });
        let sampled = sample(&path, 8).unwrap();
        assert_uniform(&sampled, &clip, 30, 8);
        for frame in &sampled.frames {
            for row in 0..48 {
                let found = clips::number_in(&frame.picture, row);
                assert_eq!(found, number(&frame.picture), "{} row {row}", clip.name);
            }
        }
    }
}
