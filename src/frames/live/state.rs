//! What a feed's thread and its readers share.

use std::collections::VecDeque;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use super::{Condition, LiveFrame, Status};
use crate::frames::{Picture, Seconds};

/// Over how long the rate of frames is taken.
const RATE_SPAN: Duration = Duration::from_secs(2);

/// The newest frame and the condition of a feed.
pub(super) struct Shared {
    opened: Instant,
    state: Mutex<State>,
    changed: Condvar,
}

struct State {
    condition: Condition,
    newest: Option<Arc<LiveFrame>>,
    delivered: u64,
    reconnects: u32,
    /// No frame has come since the last loss.
    lost: bool,
    /// When the frames of the last [`RATE_SPAN`] came.
    arrivals: VecDeque<Instant>,
    /// When the source began to deliver, after the last loss if there was one.
    live_since: Instant,
    /// The feed is dropped.
    stop: bool,
    /// The feed's thread has let go of the source.
    finished: bool,
}

impl Shared {
    pub(super) fn new(opened: Instant) -> Self {
        Self {
            opened,
            state: Mutex::new(State {
                condition: Condition::Connecting,
                newest: None,
                delivered: 0,
                reconnects: 0,
                lost: false,
                arrivals: VecDeque::new(),
                live_since: opened,
                stop: false,
                finished: false,
            }),
            changed: Condvar::new(),
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits for a change while `wait` holds, at most `patience`.
    fn wait_while(
        &self,
        patience: Duration,
        mut wait: impl FnMut(&State) -> bool,
    ) -> MutexGuard<'_, State> {
        self.changed
            .wait_timeout_while(self.lock(), patience, |state| wait(state))
            .unwrap_or_else(PoisonError::into_inner)
            .0
    }

    /// Puts a frame that is `age` old in the place of the one before it.
    pub(super) fn publish(&self, picture: Picture, age: Duration) {
        let now = Instant::now();
        let captured = now.checked_sub(age).unwrap_or(now).max(self.opened);
        let since = (captured - self.opened).as_nanos();
        let mut state = self.lock();
        // Another pipeline, or a clock that was set, may place a frame before the last.
        let after = state.newest.as_ref().map(|frame| frame.time);
        let time = Seconds::new(i64::try_from(since).unwrap_or(i64::MAX), 1_000_000_000)
            .max(after.unwrap_or_default() + Seconds::new(1, 1_000_000_000));
        if state.condition != Condition::Live {
            state.condition = Condition::Live;
            state.live_since = now;
            state.arrivals.clear();
            state.reconnects += u32::from(std::mem::take(&mut state.lost));
        }
        state.delivered += 1;
        state.arrivals.push_back(now);
        state.prune(now);
        state.newest = Some(Arc::new(LiveFrame {
            number: state.delivered,
            captured,
            time,
            picture,
        }));
        self.changed.notify_all();
    }

    pub(super) fn set(&self, condition: Condition) {
        let mut state = self.lock();
        state.lost |= matches!(condition, Condition::Lost { .. });
        state.condition = condition;
        self.changed.notify_all();
    }

    /// The newest frame after number `after`, as [`Feed::newer`](super::Feed::newer) says.
    pub(super) fn newer(&self, after: u64, patience: Duration) -> Option<Arc<LiveFrame>> {
        let lost = |state: &State| matches!(state.condition, Condition::Lost { .. });
        let was_lost = lost(&self.lock());
        let state = self.wait_while(patience, |state| {
            state.delivered <= after
                && state.condition != Condition::Ended
                && (was_lost || !lost(state))
        });
        state.newest.clone().filter(|frame| frame.number > after)
    }

    pub(super) fn status(&self) -> Status {
        let now = Instant::now();
        let mut state = self.lock();
        state.prune(now);
        let span = (now - state.live_since).min(RATE_SPAN).as_secs_f32();
        Status {
            condition: state.condition.clone(),
            delivered: state.delivered,
            // The first frame ends no interval.
            fps: state.arrivals.len().saturating_sub(1) as f32 / span.max(0.1),
            size: state
                .newest
                .as_ref()
                .map(|frame| (frame.picture.width, frame.picture.height)),
            reconnects: state.reconnects,
        }
    }

    pub(super) fn stopped(&self) -> bool {
        self.lock().stop
    }

    /// Waits; false if the feed was dropped.
    pub(super) fn pause(&self, length: Duration) -> bool {
        !self.wait_while(length, |state| !state.stop).stop
    }

    /// Notes that the feed's thread has let go of the source.
    pub(super) fn finish(&self) {
        self.lock().finished = true;
        self.changed.notify_all();
    }

    /// Tells the feed's thread to stop; whether it has within `patience`.
    pub(super) fn stop(&self, patience: Duration) -> bool {
        self.lock().stop = true;
        self.changed.notify_all();
        self.wait_while(patience, |state| !state.finished).finished
    }
}

impl State {
    fn prune(&mut self, now: Instant) {
        while (self.arrivals.front()).is_some_and(|&arrival| now - arrival > RATE_SPAN) {
            self.arrivals.pop_front();
        }
    }
}
