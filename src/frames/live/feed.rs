//! A source kept alive: opened, watched, and opened again after a loss.

use std::io;
use std::sync::Arc;
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use super::state::Shared;
use super::{Condition, LiveFrame, Source, Status};
use crate::frames::gst::{Capture, Recipe};
use crate::{Error, Result};

/// How long a source may take for its first frame, and between two frames.
const FIRST_FRAME: Duration = Duration::from_secs(10);
const NEXT_FRAME: Duration = Duration::from_secs(2);

/// How often to look for the end of the feed while no frame comes.
const TICK: Duration = Duration::from_millis(50);

/// The waits before a source is opened again: doubled from the first to the last.
const FIRST_RETRY: Duration = Duration::from_millis(500);
const LAST_RETRY: Duration = Duration::from_secs(10);

/// After so long without a loss the waits begin anew.
const STEADY: Duration = Duration::from_secs(5);

/// How long dropping a feed waits for its thread, which ends later on its own.
const FAREWELL: Duration = Duration::from_secs(3);

/// A running source, of which the newest frame is kept.
///
/// Apart from a file, a source that fails, ends or falls silent for 2 seconds is opened again,
/// after 0.5 seconds at first and 10 at most; meanwhile its last frame stays. Dropping the feed
/// stops it, within 3 seconds whatever the source does.
pub struct Feed {
    shared: Arc<Shared>,
    worker: Option<JoinHandle<()>>,
}

/// Why a source is not watched any longer.
enum Outcome {
    Stopped,
    Ended,
    Lost(Error),
}

impl Feed {
    /// Starts a source. Returns before its first frame comes.
    ///
    /// # Errors
    ///
    /// What waiting cannot heal: [`Error::Io`], [`Error::NotAFile`] or [`Error::Media`] for a file
    /// that cannot be played, [`Error::MissingCodec`] if a plugin is needed, [`Error::Live`] if
    /// there is no such camera, no screen, or a description does not parse.
    pub fn open(source: &Source) -> Result<Self> {
        let opened = Instant::now();
        let recipe = Recipe::new(source, opened)?;
        let first = recipe.build()?;
        let shared = Arc::new(Shared::new(opened));
        let theirs = shared.clone();
        let worker = thread::Builder::new()
            .name("live source".into())
            .spawn(move || {
                supervise(&theirs, &recipe, first);
                theirs.finish();
            })
            .map_err(|error: io::Error| Error::live(source, error.to_string()))?;
        Ok(Self {
            shared,
            worker: Some(worker),
        })
    }

    /// The newest frame with a number above `after`; waits for it at most `patience`. None if none
    /// came in time, or as soon as the source is lost or ended. Frames between are skipped.
    ///
    /// While the source stays lost this waits for its return.
    pub fn newer(&self, after: u64, patience: Duration) -> Option<Arc<LiveFrame>> {
        self.shared.newer(after, patience)
    }

    /// How the feed is doing.
    pub fn status(&self) -> Status {
        self.shared.status()
    }
}

impl Drop for Feed {
    fn drop(&mut self) {
        let finished = self.shared.stop(FAREWELL);
        if let Some(worker) = self.worker.take().filter(|_| finished)
            && worker.join().is_err()
        {
            log::error!("the thread of a live source panicked");
        }
    }
}

/// Watches `capture`, and those that follow it, until the feed is dropped or a file ends.
fn supervise(shared: &Shared, recipe: &Recipe, first: Capture) {
    let mut capture = Ok(first);
    let mut retry = FIRST_RETRY;
    loop {
        let outcome = match capture {
            Ok(capture) => watch(shared, &capture, recipe.ends(), &mut retry),
            Err(error) => Outcome::Lost(error),
        };
        match outcome {
            Outcome::Stopped => return,
            Outcome::Ended => return shared.set(Condition::Ended),
            Outcome::Lost(error) => {
                let why = error.to_string();
                log::warn!("live source lost: {why}");
                shared.set(Condition::Lost { why, retry });
            }
        }
        if !shared.pause(retry) {
            return;
        }
        retry = (2 * retry).min(LAST_RETRY);
        shared.set(Condition::Connecting);
        capture = recipe.build();
    }
}

/// Publishes the frames of one capture. `ends`: it is a file, which comes to an end and may show
/// one picture for long.
fn watch(shared: &Shared, capture: &Capture, ends: bool, retry: &mut Duration) -> Outcome {
    if let Err(error) = capture.start() {
        return Outcome::Lost(error);
    }
    let started = Instant::now();
    let (mut last, mut limit) = (started, FIRST_FRAME);
    while !shared.stopped() {
        match capture.next(TICK) {
            Ok(Some((picture, age))) => {
                // Nothing was captured before the source was started.
                shared.publish(picture, age.min(started.elapsed()));
                (last, limit) = (Instant::now(), NEXT_FRAME);
                if started.elapsed() > STEADY {
                    *retry = FIRST_RETRY;
                }
            }
            Ok(None) if ends && capture.ended() => return Outcome::Ended,
            Ok(None) if capture.ended() => return Outcome::Lost(capture.failed("has ended")),
            Ok(None) if !ends && last.elapsed() > limit => {
                let problem = format!("has sent no picture for {} s", limit.as_secs());
                return Outcome::Lost(capture.failed(&problem));
            }
            // The end of a damaged file can get lost.
            Ok(None) if ends && last.elapsed() > limit && !capture.alive() => {
                return Outcome::Ended;
            }
            Ok(None) => {}
            Err(error) if ends => {
                log::warn!("damaged, ending with its good frames: {error}");
                return Outcome::Ended;
            }
            Err(error) => return Outcome::Lost(error),
        }
    }
    Outcome::Stopped
}
