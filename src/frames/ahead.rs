//! The next video's frames are fetched while the present ones are used.

use std::panic;
use std::sync::mpsc::{Receiver, sync_channel};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

/// What an iterator gives, made on a thread of its own before it is asked for; from [`ahead`].
pub struct Ahead<T> {
    /// None once the thread has been joined.
    given: Option<(Receiver<T>, JoinHandle<()>)>,
    waited: Duration,
}

/// Runs an iterator ahead, on one thread: its items come in order, errors among them in their place.
/// Two at most are made before they are asked for, so with one in use three are in memory.
///
/// Dropping the result ends the thread and waits for it: for the item that it is at, no further one. A
/// panic of the iterator is one of [`next`](Iterator::next), behind the items that were made before.
///
/// ```
/// # use std::path::Path;
/// use vcoca_gpu::frames::{Sampling, ahead, sample};
///
/// let paths = ["assets/red_star.mp4", "assets/missing.mp4"];
/// let videos = ahead(paths.map(|path| sample(Path::new(path), 8, Sampling::Uniform)).into_iter());
/// assert!(videos.last().unwrap().is_err());
/// ```
///
/// # Panics
///
/// Where the system can start no thread.
pub fn ahead<T: Send + 'static>(items: impl Iterator<Item = T> + Send + 'static) -> Ahead<T> {
    // One item waits in the queue, a second one in `send`.
    let (give, given) = sync_channel(1);
    let thread = thread::spawn(move || {
        for item in items {
            // Nobody takes any more.
            if give.send(item).is_err() {
                break;
            }
        }
    });
    Ahead {
        given: Some((given, thread)),
        waited: Duration::ZERO,
    }
}

impl<T> Ahead<T> {
    /// The time that [`next`](Iterator::next) has waited for items so far.
    pub fn waited(&self) -> Duration {
        self.waited
    }

    /// Ends the thread; its panic, if it did.
    fn join(&mut self) -> thread::Result<()> {
        let Some((given, thread)) = self.given.take() else {
            return Ok(());
        };
        // Wakes a thread that waits for room.
        drop(given);
        thread.join()
    }
}

impl<T> Iterator for Ahead<T> {
    type Item = T;

    fn next(&mut self) -> Option<T> {
        let (given, _) = self.given.as_ref()?;
        let clock = Instant::now();
        let item = given.recv().ok();
        self.waited += clock.elapsed();
        if item.is_none()
            && let Err(panic) = self.join()
        {
            panic::resume_unwind(panic);
        }
        item
    }
}

impl<T> Drop for Ahead<T> {
    fn drop(&mut self) {
        // Nobody is left to hear of a panic.
        let _ = self.join();
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};

    use super::*;

    /// Counts what it gives.
    fn counted(made: &Arc<AtomicUsize>, end: usize) -> impl Iterator<Item = usize> + use<> {
        let made = made.clone();
        (0..end).inspect(move |_| {
            made.fetch_add(1, SeqCst);
        })
    }

    #[test]
    fn items_come_in_order_with_errors_in_their_places() {
        let third = |i: usize| if i % 3 == 2 { Err(i) } else { Ok(i) };
        let items: Vec<_> = ahead((0..100).map(third)).collect();
        assert!(items.into_iter().eq((0..100).map(third)));
    }

    #[test]
    fn two_are_made_ahead_and_no_more() {
        let made = Arc::new(AtomicUsize::new(0));
        for (taken, item) in (1..).zip(ahead(counted(&made, 30))) {
            assert_eq!(item, taken - 1);
            let most = (taken + 2).min(30);
            while made.load(SeqCst) < most {
                thread::yield_now();
            }
            // Time to make one too many.
            thread::sleep(Duration::from_millis(2));
            assert_eq!(made.load(SeqCst), most);
        }
    }

    #[test]
    fn dropping_it_ends_the_thread_without_making_the_rest() {
        let made = Arc::new(AtomicUsize::new(0));
        let mut items = ahead(counted(&made, usize::MAX));
        assert_eq!(items.next(), Some(0));
        drop(items);
        // The thread owned the other reference.
        assert_eq!(Arc::strong_count(&made), 1);
        assert!(made.load(SeqCst) <= 4);
    }

    #[test]
    fn a_panic_comes_through_behind_what_was_made_before() {
        let mut items = ahead((0..5).inspect(|&i| assert!(i < 2, "broken picture")));
        assert_eq!((items.next(), items.next()), (Some(0), Some(1)));
        let panic = panic::catch_unwind(panic::AssertUnwindSafe(|| items.next())).unwrap_err();
        assert_eq!(*panic.downcast::<&str>().unwrap(), "broken picture");
        assert_eq!(items.next(), None);
    }
}
