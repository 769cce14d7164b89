//! Small clips, made with GStreamer, whose frames carry their own number, and calls with a limit.
#![allow(dead_code, reason = "each test program uses its part")]

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use gstreamer as gst;
use gstreamer::prelude::*;
use gstreamer_app::AppSrc;
use gstreamer_video as gst_video;
use gstreamer_video::prelude::*;
use vcoca_gpu::Result;
use vcoca_gpu::frames::{self, Method, Picture, Sampled, Sampling};

/// The number is drawn as this many black or white columns, the lowest bit first.
const BITS: u32 = 10;

/// H.264 with a keyframe every ten frames, pictures out of order, in MP4.
pub const MP4: &str = "x264enc speed-preset=ultrafast key-int-max=10 bframes=2 b-adapt=false \
                       option-string=scenecut=0 ! mp4mux";

/// What a clip is made of.
pub struct Clip {
    pub name: &'static str,
    pub size: (u32, u32),
    pub frames: u64,
    /// Frames a second; (0, 1) makes each frame i last i + 1 times 20 ms.
    pub rate: (i32, i32),
    /// From raw video to the file's bytes.
    pub encode: &'static str,
    /// Further fields of the raw caps, each with a comma before it.
    pub caps: &'static str,
}

impl Default for Clip {
    fn default() -> Self {
        Self {
            name: "plain.mp4",
            size: (64, 48),
            frames: 30,
            rate: (25, 1),
            encode: MP4,
            caps: "",
        }
    }
}

impl Clip {
    /// Start of frame `i` in nanoseconds.
    pub fn start(&self, i: u64) -> u64 {
        match self.rate {
            (0, _) => i * (i + 1) / 2 * 20_000_000,
            (n, d) => i * 1_000_000_000 * d as u64 / n as u64,
        }
    }

    /// Encodes the clip; its path.
    pub fn make(&self) -> PathBuf {
        self.make_with(|info, i| woven(info, i, i))
    }

    /// Encodes a clip of the pictures that `draw` gives.
    pub fn make_with(&self, draw: impl Fn(&gst_video::VideoInfo, u64) -> gst::Buffer) -> PathBuf {
        gst::init().unwrap();
        let path = folder().join(self.name);
        let (w, h) = self.size;
        let (n, d) = self.rate;
        let caps = format!(
            "video/x-raw,format=I420,width={w},height={h},framerate={n}/{d}{}",
            self.caps
        );
        let info = gst_video::VideoInfo::from_caps(&caps.parse::<gst::Caps>().unwrap()).unwrap();
        write(&path, &format!("{caps} ! {}", self.encode), |source| {
            for i in 0..self.frames {
                let mut frame = draw(&info, i);
                let buffer = frame.get_mut().unwrap();
                let start = self.start(i);
                buffer.set_pts(gst::ClockTime::from_nseconds(start));
                buffer.set_duration(gst::ClockTime::from_nseconds(self.start(i + 1) - start));
                source.push_buffer(frame).unwrap();
            }
        })
    }
}

/// A folder for the files of this test program, kept inside the build folder.
pub fn folder() -> PathBuf {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("frames");
    fs::create_dir_all(&folder).unwrap();
    folder
}

/// Writes bytes to a file of this name.
pub fn file(name: &str, bytes: impl AsRef<[u8]>) -> PathBuf {
    let path = folder().join(name);
    fs::write(&path, bytes).unwrap();
    path
}

/// Runs `appsrc ! encode ! filesink`, or without an appsrc if `encode` begins with a source.
pub fn write(path: &Path, encode: &str, feed: impl FnOnce(&AppSrc)) -> PathBuf {
    gst::init().unwrap();
    // Tests run at once and share clips: a clip appears whole or not at all.
    let partial = tempfile::NamedTempFile::new_in(path.parent().unwrap()).unwrap();
    let source = if encode.starts_with("video/") {
        "appsrc name=source format=time ! "
    } else {
        ""
    };
    let pipeline = gst::parse::launch(&format!("{source}{encode} ! filesink name=sink")).unwrap();
    let bin = pipeline.downcast_ref::<gst::Bin>().unwrap();
    bin.by_name("sink")
        .unwrap()
        .set_property("location", partial.path());
    pipeline.set_state(gst::State::Playing).unwrap();
    if let Some(source) = bin.by_name("source") {
        let source = source.downcast::<AppSrc>().unwrap();
        let caps = encode.split('!').next().unwrap();
        source.set_caps(Some(&caps.parse().unwrap()));
        feed(&source);
        source.end_of_stream().unwrap();
    }
    let kinds = [gst::MessageType::Eos, gst::MessageType::Error];
    let limit = gst::ClockTime::from_seconds(30);
    let message = pipeline.bus().unwrap().timed_pop_filtered(limit, &kinds);
    pipeline.set_state(gst::State::Null).unwrap();
    let message = message.expect("encoding came to an end");
    assert_eq!(message.type_(), gst::MessageType::Eos, "{message:?}");
    partial.persist(path).unwrap();
    path.to_owned()
}

/// A clip with sound from its beginning, whose frames are numbered from 1 and begin at these milliseconds.
pub fn timed(name: &str, starts: &[u64]) -> PathBuf {
    gst::init().unwrap();
    let caps = "video/x-raw,format=I420,width=64,height=48,framerate=0/1";
    let info = gst_video::VideoInfo::from_caps(&caps.parse::<gst::Caps>().unwrap()).unwrap();
    let encode = format!(
        "{caps} ! jpegenc quality=100 ! mux. audiotestsrc num-buffers=5 ! mux. matroskamux name=mux"
    );
    write(&folder().join(name), &encode, |source| {
        for (number, &start) in (1..).zip(starts) {
            let mut frame = woven(&info, number, number);
            let buffer = frame.get_mut().unwrap();
            buffer.set_pts(gst::ClockTime::from_mseconds(start));
            source.push_buffer(frame).unwrap();
        }
    })
}

/// A picture with one number in its even rows and another in its odd ones.
pub fn woven(info: &gst_video::VideoInfo, even: u64, odd: u64) -> gst::Buffer {
    let buffer = gst::Buffer::with_size(info.size()).unwrap();
    let mut frame = gst_video::VideoFrame::from_buffer_writable(buffer, info).unwrap();
    let stride = frame.plane_stride()[0] as usize;
    let width = info.width() as usize;
    let rows = frame.plane_data_mut(0).unwrap().chunks_mut(stride);
    for (row, number) in rows.zip([even, odd].into_iter().cycle()) {
        for (x, value) in row.iter_mut().enumerate() {
            let bit = (x * BITS as usize / width).min(BITS as usize - 1);
            *value = if number >> bit & 1 == 1 { 235 } else { 16 };
        }
    }
    for plane in [1, 2] {
        frame.plane_data_mut(plane).unwrap().fill(128);
    }
    frame.into_buffer()
}

/// The number that a picture carries in the middle row of its first plane.
pub fn number(picture: &Picture) -> u64 {
    number_in(picture, picture.height as usize / 2)
}

/// The number that a row of a picture's first plane carries.
pub fn number_in(picture: &Picture, row: usize) -> u64 {
    let stride = picture.planes[0].stride;
    let row = &picture.data[picture.planes[0].offset + row * stride..];
    (0..BITS)
        .map(|bit| {
            let x = (2 * bit + 1) * picture.width / (2 * BITS);
            u64::from(row[x as usize] > 128) << bit
        })
        .sum()
}

/// Runs one call with a limit of ten seconds.
fn within<T: Send + 'static>(call: impl FnOnce() -> T + Send + 'static) -> T {
    let (done, result) = mpsc::channel();
    thread::spawn(move || done.send(call()));
    result
        .recv_timeout(Duration::from_secs(10))
        .expect("an answer within ten seconds")
}

/// Uniform sampling within ten seconds.
pub fn sample(path: &Path, count: usize) -> Result<Sampled> {
    let path = path.to_owned();
    within(move || frames::sample(&path, count, Sampling::Uniform))
}

/// Sampling by one method within ten seconds.
pub fn sample_by(path: &Path, count: usize, method: Method) -> Result<Sampled> {
    let path = path.to_owned();
    within(move || frames::sample_by(&path, count, method))
}
