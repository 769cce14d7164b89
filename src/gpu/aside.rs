//! Waiting beside threads that show what comes.

use std::sync::mpsc::{self, RecvTimeoutError};
use std::time::{Duration, Instant};

use super::Gpu;
use super::context::PATIENCE;
use crate::{Error, Result};

/// How often to look whether work has been done.
const LOOK: Duration = Duration::from_millis(1);

impl Gpu {
    /// Waits until all that was submitted so far has run, and lets go of the device in between: in its own
    /// waits wgpu holds what other threads need to upload and to present, and a frame of a large model
    /// takes long on a CPU.
    ///
    /// Errors: a lost device.
    pub(crate) fn wait_aside(&self) -> Result<()> {
        let begin = Instant::now();
        let (sender, done) = mpsc::channel();
        // The receiver goes only with an error, which is told.
        (self.queue()).on_submitted_work_done(move || {
            let _ = sender.send(());
        });
        loop {
            let polled = self.device().poll(wgpu::PollType::Poll);
            self.check_lost()?;
            polled.map_err(|error| Error::DeviceLost(error.to_string()))?;
            match done.recv_timeout(LOOK) {
                Ok(()) => return Ok(()),
                Err(RecvTimeoutError::Timeout) if begin.elapsed() < PATIENCE => {}
                Err(RecvTimeoutError::Timeout | RecvTimeoutError::Disconnected) => {
                    let problem = "work that was submitted does not end";
                    return Err(Error::DeviceLost(problem.into()));
                }
            }
        }
    }
}
