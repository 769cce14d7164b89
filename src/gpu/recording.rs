//! The one line in which a device's commands are recorded.

use std::sync::{Mutex, MutexGuard};
use std::thread::{self, ThreadId};

use super::context::lock;

/// A lock that tells its own thread from others: a second pass on the same thread is our bug and
/// panics, where a plain mutex would hang.
#[derive(Default)]
pub(super) struct Recording {
    line: Mutex<()>,
    owner: Mutex<Option<ThreadId>>,
}

/// Held by an open pass.
pub(super) struct Line<'a> {
    owner: &'a Mutex<Option<ThreadId>>,
    _line: MutexGuard<'a, ()>,
}

impl Recording {
    pub fn enter(&self) -> Line<'_> {
        let this = thread::current().id();
        assert!(
            *lock(&self.owner) != Some(this),
            "a pass is already open on this thread: submit it before reading back or opening another"
        );
        let line = lock(&self.line);
        *lock(&self.owner) = Some(this);
        Line {
            owner: &self.owner,
            _line: line,
        }
    }
}

impl Drop for Line<'_> {
    fn drop(&mut self) {
        *lock(self.owner) = None;
    }
}
