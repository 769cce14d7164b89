//! Values that are made once, at first use, whichever threads ask for them.

use std::collections::HashMap;
use std::hash::Hash;
use std::sync::{Arc, Mutex};

use super::context::lock;

/// Values by key. While one is made, others can be made and taken; who asks for the same one waits.
pub(super) struct Once<K, V>(Mutex<HashMap<K, Place<V>>>);

/// Locked by the thread that makes the value.
type Place<V> = Arc<Mutex<Option<V>>>;

impl<K, V> Default for Once<K, V> {
    fn default() -> Self {
        Self(Mutex::default())
    }
}

impl<K: Eq + Hash + Clone, V: Clone> Once<K, V> {
    /// The value of `key`, from `make` if it is not there. An error is not kept: the next one to ask
    /// tries again.
    pub fn get<E>(&self, key: K, make: impl FnOnce() -> Result<V, E>) -> Result<V, E> {
        let place = lock(&self.0).entry(key).or_default().clone();
        let mut value = lock(&place);
        Ok(match &*value {
            Some(value) => value.clone(),
            None => value.insert(make()?).clone(),
        })
    }

    /// The keys of all that was made.
    pub fn keys(&self) -> Vec<K> {
        let places = lock(&self.0);
        let made = places.iter().filter(|(_, place)| lock(place).is_some());
        made.map(|(key, _)| key.clone()).collect()
    }
}

#[cfg(test)]
mod tests {
    use std::convert::Infallible;
    use std::sync::Barrier;
    use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
    use std::thread;

    use super::Once;

    #[test]
    fn threads_that_ask_for_the_same_wait_for_one_to_make_it() {
        let (once, made) = (Once::default(), AtomicUsize::new(0));
        let together = Barrier::new(8);
        thread::scope(|scope| {
            for _ in 0..8 {
                scope.spawn(|| {
                    together.wait();
                    let value = once.get("key", || {
                        // The others have time to come too early.
                        thread::sleep(std::time::Duration::from_millis(5));
                        Ok::<_, Infallible>(made.fetch_add(1, SeqCst))
                    });
                    assert_eq!(value, Ok(0));
                });
            }
        });
        assert_eq!(once.keys(), ["key"]);
    }

    #[test]
    fn different_ones_are_made_at_the_same_time() {
        let once = Once::default();
        let both = Barrier::new(2);
        thread::scope(|scope| {
            for key in 0..2 {
                let (once, both) = (&once, &both);
                // Each waits, while it makes its value, for the other to do so.
                scope.spawn(move || once.get(key, || Ok::<_, Infallible>(both.wait().is_leader())));
            }
        });
        assert_eq!(once.keys().len(), 2);
    }

    #[test]
    fn what_could_not_be_made_is_tried_again() {
        let once = Once::default();
        assert_eq!(once.get(1, || Err("no")), Err("no"));
        assert!(once.keys().is_empty());
        assert_eq!(once.get(1, || Ok::<_, &str>("yes")), Ok("yes"));
        assert_eq!(once.get(1, || Err("not asked")), Ok("yes"));
    }
}
