//! A stretch of a video as a file of its own.

use std::fs;
use std::path::{Path, PathBuf};
use std::thread;
use std::time::{Duration, Instant};

use gstreamer as gst;
use gstreamer::prelude::*;
use gstreamer_app::AppSrc;
use gstreamer_video as gst_video;

use super::at::nanoseconds;
use super::encoding::Encoding;
use super::graph::STALL;
use super::init;
use super::player::{Gate, Player, TOLERANCE};
use crate::files::{create_free, make_folder};
use crate::frames::{Orientation, Seconds};
use crate::{Error, Result};

/// Encoders by preference: H.264 plays nearly everywhere.
const ENCODERS: [Encoder; 3] = [
    Encoder {
        name: "x264enc",
        // About what the eye cannot tell from the source; the speed that costs little for it.
        settings: &[
            ("pass", "qual"),
            ("quantizer", "21"),
            ("speed-preset", "veryfast"),
        ],
        tail: &["h264parse", "mp4mux"],
        extension: "mp4",
    },
    Encoder {
        name: "openh264enc",
        settings: &[("bitrate", "4000000")],
        tail: &["h264parse", "mp4mux"],
        extension: "mp4",
    },
    Encoder {
        name: "vp8enc",
        settings: &[
            ("target-bitrate", "4000000"),
            ("deadline", "1"),
            ("cpu-used", "4"),
        ],
        tail: &["webmmux"],
        extension: "webm",
    },
];

struct Encoder {
    name: &'static str,
    settings: &'static [(&'static str, &'static str)],
    /// From its stream to a container.
    tail: &'static [&'static str],
    extension: &'static str,
}

/// Raw pictures that wait for the encoder.
const WAITING_BYTES: u64 = 32 << 20;

/// Encodes the frames from `start` until before `end` into a new file.
pub(in crate::frames) fn cut(
    path: &Path,
    start: Seconds,
    end: Seconds,
    folder: &Path,
    name: &str,
) -> Result<PathBuf> {
    init()?;
    let there = |name: &&str| gst::ElementFactory::find(name).is_some();
    let all_there = |encoder: &&Encoder| [encoder.name].iter().chain(encoder.tail).all(there);
    let encoder = ENCODERS.iter().find(all_there).ok_or_else(|| {
        Error::media(
            path,
            "cannot be cut: no encoder for H.264 or VP8 is here; install gstreamer1.0-plugins-ugly (or \
             -bad) and gstreamer1.0-plugins-good",
        )
    })?;
    make_folder(folder)?;
    let place = Place::reserve(folder, name, encoder.extension)?;
    let span = (nanoseconds(start), nanoseconds(end));
    encode(path, span, encoder, &place.partial)?;
    place.fill()
}

fn encode(path: &Path, (start, end): (i64, i64), encoder: &Encoder, to: &Path) -> Result<()> {
    let player = Player::open(path, Gate::All)?;
    if start > 0 {
        // Where the file cannot seek, frames before the start are passed over.
        player.seek(start, gst::SeekFlags::ACCURATE, Gate::All)?;
    }
    let mut writer: Option<Writer> = None;
    let mut last = i64::MIN;
    while let Some(shot) = player.pull()? {
        let time = shot
            .time
            .ok_or_else(|| Error::media(path, "has no times to cut at"))?;
        // Broken files show two frames at one time, which no encoder takes.
        if time.saturating_add(TOLERANCE) < start || time <= last {
            continue;
        }
        if time.saturating_add(TOLERANCE) >= end {
            break;
        }
        last = time;
        let Some((mut buffer, caps)) = shot.raw() else {
            return Err(Error::media(path, "the decoder delivered an empty sample"));
        };
        let fresh = buffer.make_mut();
        fresh.set_pts(gst::ClockTime::from_nseconds(
            (time - start).max(0).unsigned_abs(),
        ));
        fresh.set_dts(gst::ClockTime::NONE);
        let ends = shot.end.unwrap_or(i64::MAX).min(end);
        let lasts = shot
            .end
            .map(|_| gst::ClockTime::from_nseconds((ends - time).max(0).unsigned_abs()));
        fresh.set_duration(lasts);
        let writer = match &mut writer {
            Some(writer) => writer,
            none => none.insert(Writer::start(
                path,
                &caps,
                player.orientation(),
                encoder,
                to,
            )?),
        };
        writer.push(buffer, &caps)?;
    }
    match writer {
        Some(writer) => writer.0.end(),
        None => Err(Error::media(path, "has no frame in this stretch of time")),
    }
}

/// `appsrc ! videocrop ! videoflip ! videoconvert ! encoder ! … ! filesink`.
struct Writer(Encoding);

impl Writer {
    fn start(
        path: &Path,
        caps: &gst::Caps,
        turn: Orientation,
        encoder: &Encoder,
        to: &Path,
    ) -> Result<Self> {
        let source = AppSrc::builder()
            .caps(caps)
            .format(gst::Format::Time)
            .max_bytes(WAITING_BYTES)
            .build();
        let flip = element(path, "videoflip")?;
        flip.set_property_from_str("video-direction", direction(turn));
        let crop = element(path, "videocrop")?;
        let info = gst_video::VideoInfo::from_caps(caps)
            .map_err(|error| Error::media(path, error.to_string()))?;
        // 4:2:0, which every player takes, has even sides. Cropped before it is turned.
        crop.set_property("right", (info.width() % 2) as i32);
        crop.set_property("bottom", (info.height() % 2) as i32);
        let convert = element(path, "videoconvert")?;
        let plain = element(path, "capsfilter")?;
        let i420 = gst::Caps::builder("video/x-raw")
            .field("format", "I420")
            .build();
        plain.set_property("caps", i420);
        let encode = element(path, encoder.name)?;
        for (name, value) in encoder.settings {
            encode.set_property_from_str(name, value);
        }
        let mut chain = vec![crop, flip, convert, plain, encode];
        for name in encoder.tail {
            chain.push(element(path, name)?);
        }
        let sink = element(path, "filesink")?;
        Encoding::start(path, to, "encoding a clip of it", source, &chain, sink).map(Self)
    }

    /// Hands a frame on when the encoder has room for it.
    fn push(&self, buffer: gst::Buffer, caps: &gst::Caps) -> Result<()> {
        let source = self.0.source();
        let (mut level, mut since) = (u64::MAX, Instant::now());
        loop {
            self.0.check()?;
            let now = source.current_level_bytes();
            if now < WAITING_BYTES {
                break;
            }
            if now != level {
                (level, since) = (now, Instant::now());
            } else if since.elapsed() > STALL {
                return Err(self.0.stalled(STALL));
            }
            thread::sleep(Duration::from_millis(2));
        }
        // A stream may change its size or format.
        if source.caps().as_ref() != Some(caps) {
            source.set_caps(Some(caps));
        }
        self.0.push(buffer)
    }
}

fn element(path: &Path, name: &str) -> Result<gst::Element> {
    gst::ElementFactory::make(name).build().map_err(|_| {
        let problem = format!("cannot be cut without GStreamer's element {name}");
        Error::media(path, problem)
    })
}

/// What `videoflip` calls a turn.
fn direction(turn: Orientation) -> &'static str {
    match turn {
        Orientation::Upright => "identity",
        Orientation::Rotate90 => "90r",
        Orientation::Rotate180 => "180",
        Orientation::Rotate270 => "90l",
        Orientation::FlipHorizontal => "horiz",
        Orientation::FlipRotate90 => "ur-ll",
        Orientation::FlipRotate180 => "vert",
        Orientation::FlipRotate270 => "ul-lr",
    }
}

/// A name that was free, and the file beside it that becomes the clip when it is whole.
struct Place {
    path: PathBuf,
    partial: PathBuf,
    filled: bool,
}

impl Place {
    /// An empty file keeps the name from others.
    fn reserve(folder: &Path, name: &str, extension: &str) -> Result<Self> {
        let (path, _) = create_free(folder, name, extension)?;
        let mut partial = path.clone().into_os_string();
        partial.push(".part");
        Ok(Self {
            path,
            partial: partial.into(),
            filled: false,
        })
    }

    fn fill(mut self) -> Result<PathBuf> {
        fs::rename(&self.partial, &self.path).map_err(Error::io(&self.path))?;
        self.filled = true;
        Ok(self.path.clone())
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        if !self.filled {
            let _ = fs::remove_file(&self.partial);
            let _ = fs::remove_file(&self.path);
        }
    }
}
