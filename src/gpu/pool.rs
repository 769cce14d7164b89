//! Explicit reuse of whole buffers.
//!
//! wgpu tracks use per whole buffer, so tensors do not share one arena: each takes a buffer of its
//! size class and gives it back when its last clone is dropped. Dispatches run in recording order
//! and recording is one line per device, so a buffer may be taken again while the dispatch that
//! last used it is still only recorded.

use std::collections::HashMap;
use std::ops::Add;
use std::sync::{Arc, Mutex, Weak};

use super::context::lock;
use crate::Result;

/// What the pool did so far.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Serialize)]
pub struct PoolStats {
    /// Bytes in tensors now alive, pooled or not.
    pub live_bytes: u64,
    /// The most bytes ever held from the driver at once, free ones included.
    pub peak_bytes: u64,
    /// Bytes held from the driver now.
    pub held_bytes: u64,
    /// Buffers asked of the driver since the start.
    pub allocations: u64,
    /// Requests served by a buffer that was already there.
    pub hits: u64,
}

impl Add for PoolStats {
    type Output = Self;

    /// Of two pools together; the peaks need not have been at one time.
    fn add(self, other: Self) -> Self {
        Self {
            live_bytes: self.live_bytes + other.live_bytes,
            peak_bytes: self.peak_bytes + other.peak_bytes,
            held_bytes: self.held_bytes + other.held_bytes,
            allocations: self.allocations + other.allocations,
            hits: self.hits + other.hits,
        }
    }
}

#[derive(Default)]
pub(super) struct Pool {
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    free: HashMap<u64, Vec<wgpu::Buffer>>,
    stats: PoolStats,
}

impl Pool {
    /// A buffer of at least `bytes`, reused if `pooled` and one is free, else made by `create`. The
    /// device makes none larger than `most`.
    pub fn take(
        self: &Arc<Self>,
        bytes: u64,
        pooled: bool,
        most: u64,
        create: impl FnOnce(u64) -> Result<wgpu::Buffer>,
    ) -> Result<PooledBuffer> {
        let size = match pooled {
            true => size_class(bytes).min(most).max(bytes),
            false => bytes,
        };
        let reused = pooled
            .then(|| lock(&self.state).free.get_mut(&size)?.pop())
            .flatten();
        let hit = reused.is_some();
        let raw = match reused {
            Some(raw) => raw,
            None => create(size)?,
        };
        let stats = &mut lock(&self.state).stats;
        stats.live_bytes += size;
        if hit {
            stats.hits += 1;
        } else {
            stats.allocations += 1;
            stats.held_bytes += size;
            stats.peak_bytes = stats.peak_bytes.max(stats.held_bytes);
        }
        Ok(PooledBuffer {
            raw,
            pooled,
            pool: Arc::downgrade(self),
        })
    }

    pub fn stats(&self) -> PoolStats {
        lock(&self.state).stats
    }

    /// Lets the peak begin anew with what is held now.
    pub fn restart_peak(&self) {
        let mut state = lock(&self.state);
        state.stats.peak_bytes = state.stats.held_bytes;
    }

    pub fn trim(&self) {
        let mut state = lock(&self.state);
        let freed: u64 = (state.free.drain())
            .map(|(size, buffers)| size * buffers.len() as u64)
            .sum();
        state.stats.held_bytes -= freed;
    }
}

/// Rounds up to one of eight sizes per power of two: at most an eighth is wasted, and shapes that
/// differ a little share buffers.
fn size_class(bytes: u64) -> u64 {
    let step = (bytes.next_power_of_two() / 16).max(256);
    bytes.next_multiple_of(step)
}

/// A buffer on loan from a [`Pool`].
pub(super) struct PooledBuffer {
    raw: wgpu::Buffer,
    pooled: bool,
    pool: Weak<Pool>,
}

impl PooledBuffer {
    pub fn raw(&self) -> &wgpu::Buffer {
        &self.raw
    }
}

impl Drop for PooledBuffer {
    fn drop(&mut self) {
        let Some(pool) = self.pool.upgrade() else {
            return;
        };
        let size = self.raw.size();
        let mut state = lock(&pool.state);
        state.stats.live_bytes -= size;
        if self.pooled {
            state.free.entry(size).or_default().push(self.raw.clone());
        } else {
            state.stats.held_bytes -= size;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::size_class;

    #[test]
    fn size_classes_hold_the_request_and_waste_at_most_an_eighth() {
        for bytes in [16, 255, 257, 4097, 65_535, 1_000_003, 123_456_789] {
            let class = size_class(bytes);
            assert!(class >= bytes, "{bytes} -> {class}");
            assert!(class - bytes <= (bytes / 8).max(256), "{bytes} -> {class}");
            assert_eq!(size_class(class), class, "a class is its own class");
        }
    }
}
