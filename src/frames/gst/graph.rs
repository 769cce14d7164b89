//! A pipeline `source ! parsebin|decodebin → tail`, in which no wait is without a deadline. Over a
//! local file nothing but that file is opened.

use std::cell::Cell;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use gstreamer as gst;
use gstreamer::prelude::*;

use super::fault;
use super::flow::{Flow, Links};
use crate::frames::limit::run;
use crate::{Error, Result};

/// Without progress for this long decoding is given up.
pub(super) const STALL: Duration = Duration::from_secs(5);

/// Without progress for this long it is looked whether anything is still at work.
const IDLE: Duration = Duration::from_millis(500);

/// How long the end of a pipeline is waited for; later it ends on its own, on another thread.
const TEARDOWN: Duration = Duration::from_secs(1);

/// A running pipeline; dropping it ends it.
pub(super) struct Graph {
    /// The file, or the name of another source.
    path: PathBuf,
    pipeline: gst::Pipeline,
    bus: gst::Bus,
    flow: Arc<Flow>,
    /// The longest wait without progress, all waits together.
    patience: Duration,
    idle: Cell<Idle>,
}

/// How long was waited since the last sign of progress: `ticks` as of then.
#[derive(Clone, Copy, Default)]
struct Idle {
    ticks: u64,
    waited: Duration,
}

/// What a graph reads.
pub(super) struct Origin {
    /// Holds the source, whose video is linked to `unpack` or will be.
    pub pipeline: gst::Pipeline,
    /// The `parsebin` or `decodebin` behind the source.
    pub unpack: gst::Element,
    /// Nothing but one file may be opened.
    pub local: bool,
}

impl Origin {
    /// The source `filesrc` before `unpack`.
    pub(super) fn file(path: &Path, unpack: &str) -> Result<Self> {
        let (source, unpack) = (element("filesrc")?, element(unpack)?);
        source.set_property("location", path);
        let pipeline = gst::Pipeline::new();
        let build = || {
            pipeline.add_many([&source, &unpack])?;
            source.link(&unpack)
        };
        build().map_err(|error| Error::media(path, error.to_string()))?;
        Ok(Self {
            pipeline,
            unpack,
            local: true,
        })
    }
}

impl Graph {
    /// Builds and starts a pipeline over a file, as [`Graph::build`] says, unpacked by `unpack`.
    pub(super) fn start(
        path: &Path,
        patience: Duration,
        unpack: &'static str,
        kinds: &'static [&'static str],
        tail: &[gst::Element],
        attach: impl Fn(&gst::Pad, &Arc<Flow>) + Send + Sync + 'static,
    ) -> Result<Self> {
        let origin = Origin::file(path, unpack)?;
        let graph = Self::build(path, patience, origin, kinds, tail, attach)?;
        // A failure arrives on the bus, with its reason.
        let _ = graph.set_state(gst::State::Playing)?;
        Ok(graph)
    }

    /// Builds the pipeline: the first stream that is unpacked with a media type in `kinds` is linked
    /// to the head of `tail`, after `attach` has seen its pad. No wait lasts longer than `patience`
    /// without progress, but that for the link.
    pub(super) fn build(
        path: &Path,
        patience: Duration,
        origin: Origin,
        kinds: &'static [&'static str],
        tail: &[gst::Element],
        attach: impl Fn(&gst::Pad, &Arc<Flow>) + Send + Sync + 'static,
    ) -> Result<Self> {
        let Origin {
            pipeline,
            unpack,
            local,
        } = origin;
        if unpack.has_property("force-sw-decoders") {
            // Hardware decoders hand out memory of their own kinds.
            unpack.set_property("force-sw-decoders", true);
        }
        let build = || {
            pipeline.add_many(tail)?;
            gst::Element::link_many(tail)
        };
        build().map_err(|error| Error::media(path, error.to_string()))?;

        let flow = Arc::new(Flow::new(local));
        let shared = flow.clone();
        unpack.connect("autoplug-continue", false, move |values| {
            let caps = values.get(2).and_then(|caps| caps.get::<gst::Caps>().ok());
            Some(caps.is_none_or(|caps| shared.judge(&caps)).to_value())
        });
        let shared = flow.clone();
        let head = tail[0].downgrade();
        unpack.connect_pad_added(move |_, pad| {
            let Some(sink) = head.upgrade().and_then(|head| head.static_pad("sink")) else {
                return;
            };
            let caps = pad.current_caps().unwrap_or_else(|| pad.query_caps(None));
            let wanted = caps
                .structure(0)
                .is_some_and(|kind| kinds.iter().any(|wanted| kind.name().starts_with(wanted)));
            if wanted && !sink.is_linked() {
                attach(pad, &shared);
                if pad.link(&sink).is_ok() {
                    shared.note(|links| links.linked = true);
                }
            }
        });
        let shared = flow.clone();
        unpack.connect_no_more_pads(move |_| shared.note(|links| links.complete = true));

        let bus = pipeline
            .bus()
            .ok_or_else(|| Error::media(path, "the pipeline has no bus"))?;
        // A source that goes on for days posts more than anybody looks at.
        bus.set_sync_handler(|_, message| match message.view() {
            gst::MessageView::Error(_) | gst::MessageView::Element(_) => gst::BusSyncReply::Pass,
            _ => gst::BusSyncReply::Drop,
        });
        Ok(Self {
            path: path.to_owned(),
            pipeline,
            bus,
            flow,
            patience,
            idle: Cell::default(),
        })
    }

    /// Changes the state of the pipeline; a failure arrives on the bus, too, with its reason.
    pub(super) fn set_state(
        &self,
        state: gst::State,
    ) -> Result<Result<gst::StateChangeSuccess, gst::StateChangeError>> {
        let pipeline = self.pipeline.clone();
        self.within("opening", move || pipeline.set_state(state))
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// How long ago by the pipeline's clock it was the running time `time`.
    pub(super) fn since(&self, time: gst::ClockTime) -> Option<Duration> {
        let (clock, base) = (self.pipeline.clock()?, self.pipeline.base_time()?);
        let since = clock.time().saturating_sub(base).saturating_sub(time);
        Some(since.into())
    }

    /// Calls `poll`, which may itself wait for some milliseconds, until it gives a value.
    ///
    /// # Errors
    ///
    /// What the pipeline reports while there is no value; [`Error::Stalled`] after too
    /// long without progress.
    pub(super) fn wait<T>(
        &self,
        doing: &'static str,
        poll: impl FnMut() -> Option<T>,
    ) -> Result<T> {
        self.wait_within(self.patience, doing, poll)
    }

    fn wait_within<T>(
        &self,
        patience: Duration,
        doing: &'static str,
        mut poll: impl FnMut() -> Option<T>,
    ) -> Result<T> {
        let mut before = self.waited(Duration::ZERO);
        loop {
            let started = Instant::now();
            let value = poll();
            let waited = self.waited(started.elapsed());
            before = before.min(waited);
            if let Some(value) = value {
                return Ok(value);
            }
            self.check()?;
            if waited > patience {
                return Err(self.stalled(patience, doing));
            } else if waited - before > IDLE && !self.alive() {
                let problem = format!("is damaged: {doing} came to a stop");
                return Err(Error::media(&self.path, problem));
            }
        }
    }

    /// Waits until the video stream is linked.
    ///
    /// # Errors
    ///
    /// Whatever keeps this file from having a video stream that can be decoded.
    pub(super) fn wait_linked(&self) -> Result<()> {
        // For the first file of its kind decoders are read from disk, which a busy one may take long for.
        self.wait_within(4 * self.patience, "looking for a video stream", || {
            let known = |links: &Links| links.linked || links.complete || links.refused.is_some();
            self.flow.wait(known).then_some(())
        })?;
        self.check_linked()
    }

    /// Whether there is, or still may be, a video stream that can be decoded.
    ///
    /// # Errors
    ///
    /// As [`Graph::wait_linked`].
    pub(super) fn check_linked(&self) -> Result<()> {
        // A missing decoder and a refusal say more than what follows.
        self.check()?;
        let links = self.flow.links();
        if links.linked || !links.complete {
            return Ok(());
        }
        if let Some((codec, kind)) = &links.missing {
            return Err(fault::missing(&self.path, codec, kind));
        }
        Err(self.no_video(&links))
    }

    /// Whether any streaming thread is at work. `decodebin` can lose the error with which the last
    /// of them ended.
    pub(super) fn alive(&self) -> bool {
        let mut elements = self.pipeline.iterate_recurse();
        loop {
            match elements.next() {
                Ok(Some(element)) => {
                    let started = |pad: &gst::Pad| pad.task_state() == gst::TaskState::Started;
                    if element.pads().iter().any(started) {
                        return true;
                    }
                }
                Ok(None) => return false,
                // The pipeline is changing under the iterator.
                Err(_) => return true,
            }
        }
    }

    fn no_video(&self, links: &Links) -> Error {
        let problem = if links.others.is_empty() {
            "has no video stream".to_owned()
        } else {
            format!("has no video stream, only {}", links.others.join(", "))
        };
        Error::media(&self.path, problem)
    }

    /// Reads what the pipeline has reported so far.
    pub(super) fn check(&self) -> Result<()> {
        if let Some(reason) = &self.flow.links().refused {
            return Err(Error::media(&self.path, reason));
        }
        while let Some(message) = self.bus.pop() {
            match message.view() {
                gst::MessageView::Error(error) => {
                    let links = self.flow.links();
                    if let Some((codec, kind)) = links.missing.as_ref().filter(|_| !links.linked) {
                        return Err(fault::missing(&self.path, codec, kind));
                    }
                    if !links.linked && fault::not_linked(error) {
                        return Err(self.no_video(&links));
                    }
                    return Err(fault::reported(&self.path, error));
                }
                gst::MessageView::Element(message) => {
                    if let Some(found) = message.structure().and_then(fault::missing_plugin) {
                        self.flow.links().missing.get_or_insert(found);
                    }
                }
                _ => {}
            }
        }
        Ok(())
    }

    /// Runs a call of GStreamer that might block; its thread is left behind when it does.
    pub(super) fn within<T: Send + 'static>(
        &self,
        doing: &'static str,
        call: impl FnOnce() -> T + Send + 'static,
    ) -> Result<T> {
        let left = self.patience.saturating_sub(self.waited(Duration::ZERO));
        let started = Instant::now();
        let result = run(left, call);
        self.waited(started.elapsed());
        result.ok_or_else(|| self.stalled(self.patience, doing))
    }

    /// Adds to the time waited without progress; that time.
    fn waited(&self, more: Duration) -> Duration {
        let mut idle = self.idle.get();
        let ticks = self.flow.ticks();
        if ticks == idle.ticks {
            idle.waited += more;
        } else {
            (idle.ticks, idle.waited) = (ticks, Duration::ZERO);
        }
        self.idle.set(idle);
        idle.waited
    }

    fn stalled(&self, patience: Duration, doing: &'static str) -> Error {
        Error::Stalled {
            path: self.path.clone(),
            seconds: patience.as_secs(),
            doing,
        }
    }
}

impl Drop for Graph {
    fn drop(&mut self) {
        let pipeline = self.pipeline.clone();
        if run(TEARDOWN, move || pipeline.set_state(gst::State::Null)).is_none() {
            log::warn!("{}: decoding has not ended yet", self.path.display());
        }
    }
}

/// Makes an element that belongs to the base plugins.
pub(super) fn element(name: &str) -> Result<gst::Element> {
    plugin(name, "gstreamer1.0-plugins-base")
}

/// Makes an element that Debian's `package` brings.
pub(super) fn plugin(name: &str, package: &str) -> Result<gst::Element> {
    gst::ElementFactory::make(name)
        .build()
        .map_err(|_| Error::MissingCodec {
            path: PathBuf::from("GStreamer"),
            codec: format!("the element {name}"),
            install: package.into(),
        })
}

/// A presentation time of `pad` in nanoseconds from the start of the stream; the pad's segment may
/// start later than the time given.
pub(super) fn stream_time(pad: &gst::Pad, time: Option<gst::ClockTime>) -> Option<i64> {
    let event = pad.sticky_event::<gst::event::Segment>(0)?;
    let segment = event.segment().downcast_ref::<gst::ClockTime>()?;
    match segment.to_stream_time_full(time?)? {
        gst::Signed::Positive(time) => i64::try_from(time.nseconds()).ok(),
        gst::Signed::Negative(time) => i64::try_from(time.nseconds()).ok().map(|time| -time),
    }
}
