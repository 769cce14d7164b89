//! How long the device works, by its own clock.

use std::mem::take;
use std::sync::{Arc, Mutex, Weak};

use wgpu::Features;

use super::Gpu;
use super::context::lock;
use super::timestamps::{self, MAX_PAIRS};
use crate::Result;

/// Adds up how long the device works, until it is stopped or dropped; from [`Gpu::busy_clock`].
pub struct BusyClock {
    gpu: Gpu,
    spans: Arc<Mutex<Spans>>,
}

/// The clock that runs on a device, if one does.
#[derive(Default)]
pub(super) struct Running(Mutex<Weak<Mutex<Spans>>>);

/// The timestamps of submissions.
#[derive(Default)]
struct Spans {
    /// All full but the last.
    sets: Vec<wgpu::QuerySet>,
    /// Spans of the last one.
    used: u32,
}

/// The place of one submission's span, taken once the submission has been made.
pub(super) struct Span {
    spans: Arc<Mutex<Spans>>,
    set: wgpu::QuerySet,
    begin: u32,
}

impl Gpu {
    /// Starts to add up how long the device works: each submission from now on begins and ends with a
    /// timestamp. Without a clock none has any.
    ///
    /// `None` where the adapter has no timestamps between commands, or while another clock runs.
    pub fn busy_clock(&self) -> Option<BusyClock> {
        let features = self.device().features();
        let between = features.contains(Features::TIMESTAMP_QUERY_INSIDE_ENCODERS);
        let mut running = lock(&self.shared.clock.0);
        if !self.caps().timestamps || !between || running.strong_count() > 0 {
            return None;
        }
        let spans = Arc::default();
        *running = Arc::downgrade(&spans);
        Some(BusyClock {
            gpu: self.clone(),
            spans,
        })
    }
}

impl Running {
    /// Begins the span of a submission, if a clock runs.
    pub fn begin(&self, device: &wgpu::Device, encoder: &mut wgpu::CommandEncoder) -> Option<Span> {
        let spans = lock(&self.0).upgrade()?;
        let (set, begin) = lock(&spans).next(device);
        encoder.write_timestamp(&set, begin);
        Some(Span { spans, set, begin })
    }
}

impl Spans {
    /// A set with room, and where.
    fn next(&mut self, device: &wgpu::Device) -> (wgpu::QuerySet, u32) {
        if self.used == MAX_PAIRS || self.sets.is_empty() {
            self.sets.push(timestamps::queries(device, "busy"));
            self.used = 0;
        }
        let set = self.sets[self.sets.len() - 1].clone();
        (set, 2 * self.used)
    }
}

impl Span {
    pub fn end(&self, encoder: &mut wgpu::CommandEncoder) {
        encoder.write_timestamp(&self.set, self.begin + 1);
    }

    /// Counts it: the submission has been made.
    pub fn keep(self) {
        lock(&self.spans).used += 1;
    }
}

impl BusyClock {
    /// Stops the clock, waits for all that was submitted, and tells the milliseconds in which the device
    /// was at work on it: from the first to the last command of each submission, copies included.
    ///
    /// Errors: the device's.
    pub fn stop(self) -> Result<f64> {
        let gpu = &self.gpu;
        // Reading is not to be counted.
        take(&mut *lock(&gpu.shared.clock.0));
        let Spans { sets, used } = take(&mut *lock(&self.spans));
        let (mut busy, mut until) = (0, 0);
        for (i, set) in sets.iter().enumerate() {
            let pairs = if i + 1 < sets.len() { MAX_PAIRS } else { used };
            if pairs == 0 {
                continue;
            }
            let mut pass = gpu.pass();
            let resolved = pass.resolve(set, pairs)?;
            pass.submit()?;
            for [begin, end] in timestamps::read(gpu, &resolved)? {
                // Where submissions overlap, time counts once.
                busy += end.saturating_sub(begin.max(until));
                until = until.max(end);
            }
        }
        Ok(timestamps::ms(gpu, busy))
    }
}
