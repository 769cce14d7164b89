//! Decoded frames of one file: a gate that drops what is not wanted before any conversion, seeks,
//! and pulls with deadlines.

use std::collections::VecDeque;
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use gstreamer as gst;
use gstreamer::glib;
use gstreamer::prelude::*;
use gstreamer_app::AppSink;

use super::flow::Flow;
use super::graph::{Graph, STALL, element, stream_time};
use super::picture;
use crate::Result;
use crate::frames::Orientation;

/// Containers round times, the finest of them to less than this, in nanoseconds.
pub(super) const TOLERANCE: i64 = 1_000;

/// Which decoded frames go on to conversion.
pub(super) enum Gate {
    All,
    /// None; they are counted.
    Shut,
    /// For each of these times, ascending, the first frame at or after it.
    Times(VecDeque<i64>),
    /// The frames with these numbers, ascending, in the order of their coming.
    Numbers(VecDeque<usize>),
}

/// A decoded frame, not yet copied out.
pub(super) struct Shot {
    /// Nanoseconds from the start of the stream; none in streams without times.
    pub time: Option<i64>,
    /// When the next frame is due, if the file says so.
    pub end: Option<i64>,
    sample: gst::Sample,
}

pub(super) struct Player {
    graph: Graph,
    sink: AppSink,
    tap: Arc<Mutex<Tap>>,
}

/// What is seen of the stream on both sides of the decoder.
struct Tap {
    gate: Gate,
    /// The gate from the next flush on.
    next: Option<Gate>,
    /// Frames that came to the gate since it is in place.
    frames: usize,
    /// Times of the packets that went into the decoder since the last flush, if all have one.
    packets: Option<Vec<i64>>,
    /// A flush has been, and no keyframe since.
    unkeyed: bool,
    /// End of the last frame in nanoseconds.
    end: i64,
    /// Where the stream's own caps are: the decoder's input, or what comes out of the container if
    /// that is raw pictures. Weak: the pad's own probe holds this tap.
    source: glib::WeakRef<gst::Pad>,
}

impl Tap {
    /// Whether a frame passes.
    fn admit(&mut self, time: Option<i64>) -> bool {
        let number = self.frames;
        self.frames += 1;
        match &mut self.gate {
            Gate::All => true,
            Gate::Shut => false,
            Gate::Times(wanted) => {
                let due = wanted.len();
                while wanted.front().is_some_and(|&first| {
                    time.is_none_or(|time| time.saturating_add(TOLERANCE) >= first)
                }) {
                    wanted.pop_front();
                }
                wanted.len() < due
            }
            Gate::Numbers(wanted) => {
                let passes = wanted.front() == Some(&number);
                if passes {
                    wanted.pop_front();
                }
                passes
            }
        }
    }

    fn flushed(&mut self) {
        if let Some(gate) = self.next.take() {
            self.gate = gate;
        }
        self.frames = 0;
        self.unkeyed = true;
        self.packets = Some(Vec::new());
    }
}

fn lock(tap: &Mutex<Tap>) -> MutexGuard<'_, Tap> {
    tap.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Player {
    /// Opens a file and starts decoding its first video stream into `gate`. Behind an open gate the
    /// decoder rests after a few frames, until they are pulled or a seek discards them.
    ///
    /// # Errors
    ///
    /// Whatever keeps this file from being decoded.
    pub(super) fn open(path: &Path, gate: Gate) -> Result<Self> {
        let convert = element("videoconvert")?;
        let sink = AppSink::builder()
            .caps(&picture::caps())
            .sync(false)
            // No preroll: a seek must not wait for one that the gate holds back.
            .async_(false)
            .max_buffers(4)
            .enable_last_sample(false)
            .qos(false)
            .build();
        let tap = Arc::new(Mutex::new(Tap {
            gate,
            next: None,
            frames: 0,
            packets: Some(Vec::new()),
            unkeyed: false,
            end: 0,
            source: glib::WeakRef::new(),
        }));
        let shared = tap.clone();
        let tail = [convert, sink.clone().upcast()];
        let graph = Graph::start(
            path,
            STALL,
            "decodebin",
            &["video/x-raw"],
            &tail,
            move |pad, flow| {
                attach(pad, flow, &shared);
            },
        )?;
        graph.wait_linked()?;
        Ok(Self { graph, sink, tap })
    }

    pub(super) fn path(&self) -> &Path {
        self.graph.path()
    }

    /// The duration in nanoseconds that the file states, if it does.
    pub(super) fn duration(&self) -> Result<Option<i64>> {
        let sink = self.sink.clone();
        let duration = self
            .graph
            .within("asking for the duration", move || {
                sink.static_pad("sink")?
                    .peer_query_duration::<gst::ClockTime>()
            })?
            .and_then(|duration| i64::try_from(duration.nseconds()).ok());
        Ok(duration.filter(|&length| length > 0))
    }

    /// Goes on from `time` (nanoseconds) with another gate. False where the file cannot seek.
    pub(super) fn seek(&self, time: i64, flags: gst::SeekFlags, gate: Gate) -> Result<bool> {
        lock(&self.tap).next = Some(gate);
        let event = gst::event::Seek::new(
            1.0,
            flags | gst::SeekFlags::FLUSH,
            gst::SeekType::Set,
            gst::ClockTime::from_nseconds(time.max(0).unsigned_abs()),
            gst::SeekType::Set,
            gst::ClockTime::NONE,
        );
        let sink = self.sink.clone();
        self.graph.within("seeking", move || {
            sink.static_pad("sink")
                .is_some_and(|pad| pad.push_event(event))
        })
    }

    /// The next frame that passes the gate; none at the end.
    pub(super) fn pull(&self) -> Result<Option<Shot>> {
        let sample = self.graph.wait("decoding", || {
            let sample = self.sink.try_pull_sample(gst::ClockTime::from_mseconds(20));
            (sample.is_some() || self.sink.is_eos()).then_some(sample)
        })?;
        let Some(sample) = sample else {
            // The reason for an early end.
            self.graph.check()?;
            return Ok(None);
        };
        let buffer = sample.buffer();
        let (pts, duration) = buffer.map_or((None, None), |b| (b.pts(), b.duration()));
        // A file may state any duration, up to the last time that there is.
        let due = pts
            .zip(duration)
            .map(|(pts, length)| pts.saturating_add(length));
        let place = |time: Option<gst::ClockTime>| {
            let segment = sample.segment()?.downcast_ref::<gst::ClockTime>()?;
            i64::try_from(segment.to_stream_time(time?)?.nseconds()).ok()
        };
        Ok(Some(Shot {
            time: place(pts),
            end: place(due),
            sample,
        }))
    }

    /// Frames counted by the gate, and the end of the last of them in nanoseconds.
    pub(super) fn counted(&self) -> (usize, i64) {
        let tap = lock(&self.tap);
        (tap.frames, tap.end)
    }

    /// When the frame shown at `time` begins, and the keyframe it was decoded from, by the packets
    /// that went into the decoder since the last seek: an accurate seek reports its first frame as
    /// if it began where the seek went.
    pub(super) fn span(&self, time: i64) -> (i64, i64) {
        let tap = lock(&self.tap);
        let packets = tap.packets.as_deref().unwrap_or_default();
        let begun = |packet: &i64| *packet <= time.saturating_add(TOLERANCE);
        let start = packets.iter().copied().filter(begun).max();
        (
            start.unwrap_or(time),
            packets.first().copied().unwrap_or(time),
        )
    }

    /// Copies a frame out of the decoder's memory.
    pub(super) fn picture(&self, shot: &Shot) -> Result<crate::frames::Picture> {
        let source = lock(&self.tap).source.upgrade();
        let stated = source.and_then(|pad| pad.current_caps());
        picture::copy(&shot.sample, stated.as_deref(), self.orientation())
            .map_err(|problem| crate::Error::media(self.path(), problem))
    }

    /// The turn that shows its pictures upright.
    pub(super) fn orientation(&self) -> Orientation {
        let pad = self.sink.static_pad("sink");
        pad.map(|pad| picture::orientation(&pad))
            .unwrap_or_default()
    }
}

impl Shot {
    /// The frame as the decoder holds it, with its caps.
    pub(super) fn raw(&self) -> Option<(gst::Buffer, gst::Caps)> {
        Some((self.sample.buffer_owned()?, self.sample.caps_owned()?))
    }

    /// Frames a second that the file states; 25 where it does not.
    pub(super) fn rate(&self) -> (i64, i64) {
        let stated = self
            .sample
            .caps()
            .and_then(|caps| caps.structure(0)?.get::<gst::Fraction>("framerate").ok())
            .map(|rate| (i64::from(rate.numer()), i64::from(rate.denom())));
        stated.filter(|&(n, d)| n > 0 && d > 0).unwrap_or((25, 1))
    }
}

/// Watches the decoder's output, which becomes the gate, and its input.
fn attach(output: &gst::Pad, flow: &Arc<Flow>, tap: &Arc<Mutex<Tap>>) {
    let (shared, ticker) = (tap.clone(), flow.clone());
    let kinds = gst::PadProbeType::BUFFER | gst::PadProbeType::EVENT_FLUSH;
    output.add_probe(kinds, move |pad, info| {
        match &info.data {
            Some(gst::PadProbeData::Buffer(buffer)) => {
                ticker.tick();
                let time = stream_time(pad, buffer.pts());
                let mut tap = lock(&shared);
                if let Some(time) = time {
                    let length = buffer.duration().map_or(0, gst::ClockTime::nseconds);
                    tap.end = tap.end.max(time.saturating_add_unsigned(length));
                }
                if !tap.admit(time) {
                    // Reported as taken: dropping makes the decoder complain.
                    return gst::PadProbeReturn::Handled;
                }
            }
            Some(gst::PadProbeData::Event(event)) if event.type_() == gst::EventType::FlushStop => {
                lock(&shared).flushed();
            }
            _ => {}
        }
        gst::PadProbeReturn::Ok
    });

    let input = decoder_input(output);
    lock(tap).source = input.as_ref().unwrap_or(output).downgrade();
    let Some(input) = input else {
        return;
    };
    let (shared, ticker) = (tap.clone(), flow.clone());
    input.add_probe(gst::PadProbeType::BUFFER, move |pad, info| {
        if let Some(gst::PadProbeData::Buffer(buffer)) = &info.data {
            ticker.tick();
            let mut tap = lock(&shared);
            let leads = !buffer.flags().contains(gst::BufferFlags::DELTA_UNIT);
            tap.unkeyed &= !leads;
            if tap.unkeyed {
                // Some containers seek into the middle of a group of pictures, where a decoder
                // would make pictures up.
                return gst::PadProbeReturn::Handled;
            }
            match (stream_time(pad, buffer.pts()), &mut tap.packets) {
                (Some(time), Some(packets)) => packets.push(time),
                _ => tap.packets = None,
            }
        }
        gst::PadProbeReturn::Ok
    });
}

/// The input of the decoder behind a pad of `decodebin`.
fn decoder_input(output: &gst::Pad) -> Option<gst::Pad> {
    let mut pad = output.clone();
    while let Some(ghost) = pad.downcast_ref::<gst::GhostPad>() {
        pad = ghost.target()?;
    }
    let element = pad.parent_element()?;
    let decodes = element.factory()?.metadata("klass")?.contains("Decoder");
    decodes.then(|| element.static_pad("sink"))?
}

#[cfg(test)]
mod tests {
    use std::thread;
    use std::time::{Duration, Instant};

    use super::*;

    #[test]
    fn a_dropped_player_leaves_nothing_behind() {
        gst::init().unwrap();
        let file = tempfile::NamedTempFile::new().unwrap();
        let encode = "videotestsrc num-buffers=20 ! video/x-raw,width=64,height=48 ! jpegenc \
                      ! avimux ! filesink name=sink";
        let pipeline = gst::parse::launch(encode).unwrap();
        let sink = pipeline.downcast_ref::<gst::Bin>().unwrap().by_name("sink");
        sink.unwrap().set_property("location", file.path());
        pipeline.set_state(gst::State::Playing).unwrap();
        let ends = [gst::MessageType::Eos, gst::MessageType::Error];
        let message = pipeline.bus().unwrap();
        let message = message.timed_pop_filtered(gst::ClockTime::from_seconds(10), &ends);
        assert_eq!(message.map(|m| m.type_()), Some(gst::MessageType::Eos));
        pipeline.set_state(gst::State::Null).unwrap();

        let player = Player::open(file.path(), Gate::All).unwrap();
        let shot = player.pull().unwrap().expect("a frame");
        assert_eq!(player.picture(&shot).unwrap().width, 64);
        let tap = Arc::downgrade(&player.tap);
        let sink = player.sink.downgrade();
        drop((player, shot));
        // A busy machine may end the pipeline late, on another thread.
        let started = Instant::now();
        while tap.strong_count() > 0 || sink.upgrade().is_some() {
            assert!(started.elapsed() < Duration::from_secs(60), "still held");
            thread::sleep(Duration::from_millis(1));
        }
    }
}
