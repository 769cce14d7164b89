//! Which packets a file holds, found without decoding, and which of its frames to decode.

use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use gstreamer as gst;
use gstreamer::prelude::*;
use gstreamer_app::AppSink;

use super::graph::Graph;
use crate::Result;
use crate::frames::uniform;

/// The longest that packets are listed; some broken files never come to an end.
const SCAN: Duration = Duration::from_secs(2);

/// Seeking costs about as much as decoding this many frames.
const SEEK_COST: usize = 16;

/// One packet of the video stream; times in nanoseconds.
#[derive(Clone, Copy, Debug)]
struct Packet {
    time: i64,
    end: i64,
    key: bool,
}

/// The packets of a file in presentation order.
#[derive(Debug)]
pub(super) struct Plan {
    packets: Vec<Packet>,
}

/// Frames to be had from one stretch of decoding.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Run {
    /// Whether to seek to the first of the times; else decoding starts with the file.
    pub seek: bool,
    /// Ascending.
    pub times: Vec<i64>,
}

/// What the scan has seen.
#[derive(Default)]
struct Seen {
    packets: Vec<Packet>,
    /// A packet without a time, or two with one: the list cannot be trusted.
    timeless: bool,
}

/// Lists the packets of a file. None if that takes too long, fails, or the packets do not say when
/// they are shown: then only decoding tells.
pub(super) fn scan(path: &Path) -> Option<Plan> {
    match try_scan(path) {
        Ok(plan) => plan,
        Err(error) => {
            log::debug!("no list of packets: {error}");
            None
        }
    }
}

fn try_scan(path: &Path) -> Result<Option<Plan>> {
    let started = Instant::now();
    let sink = AppSink::builder()
        .sync(false)
        .async_(false)
        .enable_last_sample(false)
        .qos(false)
        .build();
    let seen = Arc::new(Mutex::new(Seen::default()));
    let shared = seen.clone();
    let tail = [sink.clone().upcast()];
    let kinds = &["video/", "image/"];
    let graph = Graph::start(path, SCAN, "parsebin", kinds, &tail, move |pad, flow| {
        let (flow, seen) = (flow.clone(), shared.clone());
        pad.add_probe(gst::PadProbeType::BUFFER, move |pad, info| {
            if let Some(gst::PadProbeData::Buffer(buffer)) = &info.data {
                flow.tick();
                note(
                    pad,
                    buffer,
                    &mut seen.lock().unwrap_or_else(PoisonError::into_inner),
                );
            }
            gst::PadProbeReturn::Handled
        });
    })?;
    graph.wait_linked()?;
    let ended = graph.wait("listing packets", || {
        if sink.is_eos() || started.elapsed() > SCAN {
            return Some(sink.is_eos());
        }
        thread::sleep(Duration::from_millis(1));
        None
    })?;
    graph.check()?;
    let seen = std::mem::take(&mut *seen.lock().unwrap_or_else(PoisonError::into_inner));
    Ok((ended && !seen.timeless)
        .then(|| Plan::new(seen.packets))
        .flatten())
}

fn note(pad: &gst::Pad, buffer: &gst::BufferRef, seen: &mut Seen) {
    let header = buffer.pts().is_none() && buffer.flags().contains(gst::BufferFlags::HEADER);
    if header || buffer.flags().contains(gst::BufferFlags::DECODE_ONLY) {
        return;
    }
    let Some(start) = buffer.pts() else {
        seen.timeless = true;
        return;
    };
    let event = pad.sticky_event::<gst::event::Segment>(0);
    let segment = event.as_ref().and_then(|event| {
        let segment = event.segment().downcast_ref::<gst::ClockTime>();
        segment.cloned()
    });
    let Some(segment) = segment else {
        seen.timeless = true;
        return;
    };
    // Edit lists cut frames off, or shorten them; decoders do as they say.
    // A file may state any length, up to the last time that there is.
    let end = buffer.duration().map(|length| start.saturating_add(length));
    let Some((start, end)) = segment.clip(start, end) else {
        return;
    };
    let nanoseconds = |time: Option<gst::ClockTime>| {
        i64::try_from(segment.to_stream_time(time?)?.nseconds()).ok()
    };
    match nanoseconds(start) {
        Some(time) => seen.packets.push(Packet {
            time,
            end: nanoseconds(end).unwrap_or(time),
            key: !buffer.flags().contains(gst::BufferFlags::DELTA_UNIT),
        }),
        None => seen.timeless = true,
    }
}

impl Plan {
    /// From packets in any order; none if there are none, or two are shown at one time.
    fn new(mut packets: Vec<Packet>) -> Option<Self> {
        packets.sort_unstable_by_key(|packet| packet.time);
        let distinct = packets.windows(2).all(|pair| pair[0].time < pair[1].time);
        (distinct && !packets.is_empty()).then_some(Self { packets })
    }

    /// When the last frame ends, in nanoseconds.
    pub(super) fn end(&self) -> i64 {
        self.packets
            .iter()
            .map(|packet| packet.end)
            .max()
            .unwrap_or(0)
    }

    /// The times of `count` frames spread evenly, ascending, repeated where there are fewer.
    pub(super) fn times(&self, count: usize) -> Vec<i64> {
        uniform(self.packets.len(), count)
            .map(|index| self.packets[index].time)
            .collect()
    }

    /// How to reach these times with little decoding: a seek wherever it skips more frames than
    /// it costs.
    pub(super) fn runs(&self, times: &[i64]) -> Vec<Run> {
        let mut runs: Vec<Run> = Vec::new();
        // Frames before this one are decoded already.
        let mut decoded = 0;
        for &time in times {
            let index = self.packets.partition_point(|packet| packet.time < time);
            let key = (0..=index.min(self.packets.len() - 1))
                .rev()
                .find(|&at| self.packets[at].key)
                .unwrap_or(0);
            let seek = key > decoded + SEEK_COST;
            decoded = index + 1;
            match runs.last_mut() {
                Some(run) if !seek => {
                    if run.times.last() != Some(&time) {
                        run.times.push(time);
                    }
                }
                _ => runs.push(Run {
                    seek,
                    times: vec![time],
                }),
            }
        }
        runs
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// 40 ms a packet, with these keyframes.
    fn plan(total: usize, keys: &[usize]) -> Plan {
        let packets = (0..total).map(|i| Packet {
            time: i as i64 * 40,
            end: (i as i64 + 1) * 40,
            key: keys.contains(&i),
        });
        Plan::new(packets.rev().collect()).unwrap()
    }

    #[test]
    fn times_are_spread_and_repeated() {
        assert_eq!(plan(30, &[0]).times(3), [5 * 40, 15 * 40, 25 * 40]);
        assert_eq!(plan(2, &[0]).times(4), [0, 0, 40, 40]);
        assert_eq!(plan(2, &[0]).end(), 80);
    }

    #[test]
    fn a_seek_is_made_where_it_pays() {
        let plan = plan(300, &[0, 10, 100, 200]);
        let times = [5, 50, 60, 250].map(|i| i * 40);
        let runs = plan.runs(&times);
        assert_eq!(runs.len(), 2);
        assert_eq!((runs[0].seek, runs[0].times.len()), (false, 3));
        assert_eq!((runs[1].seek, &runs[1].times), (true, &vec![250 * 40]));
        assert_eq!(plan.runs(&[0, 0])[0].times, [0]);
    }

    #[test]
    fn packets_at_one_time_are_no_plan() {
        let twice = Packet {
            time: 0,
            end: 40,
            key: true,
        };
        assert!(Plan::new(vec![twice, twice]).is_none());
        assert!(Plan::new(vec![]).is_none());
    }
}
