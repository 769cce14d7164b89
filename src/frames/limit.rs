//! Calls that may take too long.

use std::sync::mpsc;
use std::thread;
use std::time::Duration;

/// The result of `call`, run on a thread of its own, if it comes within `limit`; else the thread is
/// left behind.
pub(super) fn run<T: Send + 'static>(
    limit: Duration,
    call: impl FnOnce() -> T + Send + 'static,
) -> Option<T> {
    let (done, result) = mpsc::channel();
    let spawned = thread::Builder::new()
        .name("media call".into())
        .spawn(move || {
            // The receiver is gone if the limit has passed.
            let _ = done.send(call());
        });
    spawned.ok().and_then(|_| result.recv_timeout(limit).ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_call_in_time_and_one_too_late() {
        assert_eq!(run(Duration::from_secs(10), || 7), Some(7));
        let late = || thread::sleep(Duration::from_secs(1));
        assert_eq!(run(Duration::from_millis(1), late), None);
    }
}
