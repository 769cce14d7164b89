//! Trying again what may go better another time.

use std::thread;
use std::time::Duration;

use super::Problem;

/// Attempts in a row that came to nothing.
#[derive(Default)]
pub(super) struct Attempts(u32);

/// So many are enough.
const MOST: u32 = 5;
/// The wait after the first of them; each further one is twice as long.
const PAUSE: Duration = Duration::from_millis(250);

impl Attempts {
    /// Waits until it is time for another attempt, or gives the problem back if there were enough.
    pub fn wait_after(&mut self, problem: Problem) -> Result<(), Problem> {
        self.0 += 1;
        if self.0 == MOST {
            return Err(problem);
        }
        log::info!("{problem}; trying again");
        thread::sleep(PAUSE * (1 << (self.0 - 1)));
        Ok(())
    }
}
