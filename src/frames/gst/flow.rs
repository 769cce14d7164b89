//! What is known of the streams of a running pipeline.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use gstreamer as gst;

use super::playlist;
use crate::frames::MAX_PIXELS;

/// What the streaming threads tell the caller.
pub(super) struct Flow {
    /// Counts packets and frames: the measure of progress.
    ticks: AtomicU64,
    /// Nothing but the one file that was opened may be read.
    local: bool,
    links: Mutex<Links>,
    changed: Condvar,
}

#[derive(Default)]
pub(super) struct Links {
    /// The video stream reaches the tail.
    pub(super) linked: bool,
    /// All streams of the file are known.
    pub(super) complete: bool,
    /// Why this file must not be played.
    pub(super) refused: Option<String>,
    /// Media types of streams that are not video.
    pub(super) others: Vec<String>,
    /// Description and media type of a video stream without a decoder.
    pub(super) missing: Option<(String, String)>,
}

impl Flow {
    pub(super) fn new(local: bool) -> Self {
        Self {
            ticks: AtomicU64::new(0),
            local,
            links: Mutex::default(),
            changed: Condvar::new(),
        }
    }

    /// Packets and frames that have moved.
    pub(super) fn ticks(&self) -> u64 {
        self.ticks.load(Ordering::Relaxed)
    }

    /// Changes what is known of the streams.
    pub(super) fn note(&self, change: impl FnOnce(&mut Links)) {
        change(&mut self.links());
        self.changed.notify_all();
    }

    /// Waits some milliseconds for a change unless `known` holds; whether it does.
    pub(super) fn wait(&self, known: impl Fn(&Links) -> bool) -> bool {
        let wait = Duration::from_millis(10);
        let waited = (self.changed).wait_timeout_while(self.links(), wait, |links| !known(links));
        known(&waited.unwrap_or_else(PoisonError::into_inner).0)
    }

    /// Notes that a packet or a frame has moved.
    pub(super) fn tick(&self) {
        self.ticks.fetch_add(1, Ordering::Relaxed);
    }

    pub(super) fn links(&self) -> MutexGuard<'_, Links> {
        self.links.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether to look further into a stream of this type.
    pub(super) fn judge(&self, caps: &gst::CapsRef) -> bool {
        let Some(kind) = caps.structure(0) else {
            return true;
        };
        let name = kind.name().as_str();
        let pixels = kind
            .get::<i32>("width")
            .ok()
            .zip(kind.get::<i32>("height").ok())
            .map_or(0, |(w, h)| {
                u64::from(w.unsigned_abs()) * u64::from(h.unsigned_abs())
            });
        let mut links = self.links();
        if pixels > MAX_PIXELS {
            links.refused = Some(format!(
                "has pictures of {pixels} pixels; more than 64 Mpx are refused"
            ));
        } else if self.local && playlist::refers_elsewhere(caps) {
            links.refused = Some(format!(
                "is a playlist ({name}), which refers to other files; give the video file itself"
            ));
        } else if ["audio/", "text/", "subpicture/", "closedcaption/", "meta/"]
            .iter()
            .any(|other| name.starts_with(other))
        {
            links.others.push(name.to_owned());
        } else {
            return true;
        }
        self.changed.notify_all();
        false
    }
}
