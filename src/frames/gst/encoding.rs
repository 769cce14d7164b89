//! A pipeline that writes a file from pictures that are handed to it.

use std::io;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use gstreamer as gst;
use gstreamer::prelude::*;
use gstreamer_app::AppSrc;

use super::fault;
use super::graph::STALL;
use crate::{Error, Result};

/// How long the end of a file is waited for while nothing moves.
const LAST: Duration = Duration::from_secs(2 * STALL.as_secs());

/// `appsrc ! … ! filesink`. Dropped before its [`end`](Self::end), it leaves what is written.
pub(super) struct Encoding {
    /// What errors are about that are not those of writing.
    path: PathBuf,
    to: PathBuf,
    doing: &'static str,
    pipeline: gst::Pipeline,
    source: AppSrc,
    bus: gst::Bus,
}

impl Encoding {
    /// Starts to write what comes out of `chain`, behind `source`, to the file `to`.
    pub(super) fn start(
        path: &Path,
        to: &Path,
        doing: &'static str,
        source: AppSrc,
        chain: &[gst::Element],
        sink: gst::Element,
    ) -> Result<Self> {
        sink.set_property("location", to);
        let pipeline = gst::Pipeline::new();
        let first = source.clone().upcast();
        let all: Vec<&gst::Element> = [&first].into_iter().chain(chain).chain([&sink]).collect();
        let build = || {
            pipeline.add_many(&all)?;
            gst::Element::link_many(&all)
        };
        build().map_err(|error| Error::media(path, error.to_string()))?;
        let bus = (pipeline.bus()).ok_or_else(|| Error::media(path, "the pipeline has no bus"))?;
        // A failure arrives on the bus, with its reason.
        let _ = pipeline.set_state(gst::State::Playing);
        Ok(Self {
            path: path.to_owned(),
            to: to.to_owned(),
            doing,
            pipeline,
            source,
            bus,
        })
    }

    pub(super) fn source(&self) -> &AppSrc {
        &self.source
    }

    /// Hands on a picture, which waits in memory until the encoder takes it.
    pub(super) fn push(&self, buffer: gst::Buffer) -> Result<()> {
        self.check()?;
        self.source.push_buffer(buffer).map(drop).or_else(|error| {
            self.check()?;
            let problem = format!("encoding stopped: {error}");
            Err(Error::media(&self.path, problem))
        })
    }

    /// Says that no more pictures come; does not wait.
    pub(super) fn close(&self) {
        // A pipeline that has failed takes nothing, and has said so on the bus.
        let _ = self.source.end_of_stream();
    }

    /// Writes what is left.
    pub(super) fn end(self) -> Result<()> {
        self.close();
        let (mut level, mut since) = (u64::MAX, Instant::now());
        loop {
            let kinds = [gst::MessageType::Eos, gst::MessageType::Error];
            let wait = gst::ClockTime::from_mseconds(20);
            if let Some(message) = self.bus.timed_pop_filtered(wait, &kinds) {
                return self.judge(&message);
            }
            let now = self.source.current_level_bytes();
            if now != level {
                (level, since) = (now, Instant::now());
            } else if since.elapsed() > LAST {
                return Err(self.stalled(LAST));
            }
        }
    }

    /// What has gone wrong so far.
    pub(super) fn check(&self) -> Result<()> {
        match self.bus.pop_filtered(&[gst::MessageType::Error]) {
            Some(message) => self.judge(&message),
            None => Ok(()),
        }
    }

    fn judge(&self, message: &gst::Message) -> Result<()> {
        let gst::MessageView::Error(message) = message.view() else {
            return Ok(());
        };
        let error = message.error();
        let reason = if error.matches(gst::ResourceError::NoSpaceLeft) {
            io::ErrorKind::StorageFull.into()
        } else if error.matches(gst::ResourceError::Write)
            || error.matches(gst::ResourceError::OpenWrite)
        {
            io::Error::other(error.to_string())
        } else {
            return Err(fault::reported(&self.path, message));
        };
        Err(Error::io(&self.to)(reason))
    }

    pub(super) fn stalled(&self, patience: Duration) -> Error {
        Error::Stalled {
            path: self.path.clone(),
            seconds: patience.as_secs(),
            doing: self.doing,
        }
    }
}

impl Drop for Encoding {
    fn drop(&mut self) {
        let _ = self.pipeline.set_state(gst::State::Null);
    }
}
