//! `live --record`: what happens goes into a folder, too.

use std::path::Path;
use std::sync::{Mutex, MutexGuard, PoisonError};

use vcoca_gpu::live::{Event, Recorder};
use vcoca_gpu::{Engine, Error, ModelSource, Result};

use crate::cli::{Stop, output};

/// A recorder that may have failed: then it is fed no more.
pub struct Recording {
    recorder: Mutex<Option<Recorder>>,
    /// On its own, for it is asked for while the recorder is at work.
    failure: Mutex<Option<Error>>,
}

impl Recording {
    /// Begins to record into a folder, or records nothing where there is none.
    pub fn begin(folder: Option<&Path>, engine: &Engine, model: &ModelSource) -> Result<Self> {
        let recorder = folder.map(|folder| Recorder::create(folder, engine, model));
        Ok(Self {
            recorder: Mutex::new(recorder.transpose()?),
            failure: Mutex::default(),
        })
    }

    pub fn hear(&self, event: &Event) {
        match event {
            Event::Read { frame, .. } => self.feed(|recorder| recorder.read(frame)),
            Event::Settled(moment) => self.feed(|recorder| recorder.settled(moment)),
            Event::Told(line) => self.feed(|recorder| recorder.told(line)),
            _ => {}
        }
    }

    fn feed(&self, feed: impl FnOnce(&mut Recorder) -> Result<()>) {
        let mut recorder = lock(&self.recorder);
        if let Some(recorder) = recorder.as_mut().filter(|_| lock(&self.failure).is_none())
            && let Err(error) = feed(recorder)
        {
            *lock(&self.failure) = Some(error);
        }
    }

    /// Why nothing more is recorded.
    pub fn failure(&self) -> Option<String> {
        lock(&self.failure).as_ref().map(Error::to_string)
    }

    /// Ends the files and tells of them.
    ///
    /// Errors: the first thing that went wrong.
    pub fn finish(&self) -> Result<(), Stop> {
        let Some(recorder) = lock(&self.recorder).take() else {
            return Ok(());
        };
        let finished = recorder.finish();
        if let Some(failure) = lock(&self.failure).take() {
            return Err(failure.into());
        }
        let recorded = finished?;
        if recorded.dropped > 0 {
            log::warn!(
                "{} frames were not recorded: the encoder or the disk was too slow",
                recorded.dropped
            );
        }
        for video in &recorded.videos {
            log::info!("recorded {}", output::path(video));
        }
        let (moments, lines) = (recorded.moments, recorded.lines);
        log::info!("{moments} moments and {lines} lines recorded");
        Ok(())
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
