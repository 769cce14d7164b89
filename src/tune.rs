//! Which tiling of a matrix product is the fastest on an adapter: each is held against the CPU twin,
//! then timed.

use serde::Serialize;

use crate::Result;
use crate::cases::Prepared;
use crate::cases::linear::{By, Operands};
use crate::gpu::{DType, Gpu};
use crate::ops::linear::{Extents, Op, TILINGS, Tiling, Variant, padded};
use crate::ops::tuning::{Bucket, Rows, Size};
use crate::selftest;

/// What a winner has to save of the time: less is noise, and not worth a kernel of its own.
pub const LEAST_GAIN: f64 = 0.05;

/// A tiling that takes this many times as long as the best so far is not timed again.
const HOPELESS: f64 = 3.0;

/// A run that is shorter is repeated until it takes as long: clocks are coarse.
const RUN_MS: f64 = 2.0;
const MOST_REPEATS: f64 = 64.0;

/// What came of a bucket.
#[derive(Debug)]
pub struct Outcome {
    pub bucket: Bucket,
    /// In the order of [`TILINGS`].
    pub candidates: Vec<Candidate>,
    /// The tiling that is taken untuned.
    pub usual: Tiling,
}

/// A tiling that was tried.
#[derive(Clone, Debug, Serialize)]
pub struct Candidate {
    #[serde(serialize_with = "by_name")]
    pub tiling: Tiling,
    /// The median of its runs. `None` if it is wrong.
    pub ms: Option<f64>,
    /// What it made wrong.
    pub wrong: Option<String>,
}

fn by_name<S: serde::Serializer>(tiling: &Tiling, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_str(tiling)
}

impl Outcome {
    /// Milliseconds of the usual tiling. `None` if it is wrong.
    pub fn usual_ms(&self) -> Option<f64> {
        let usual = self.candidates.iter().find(|c| c.tiling == self.usual);
        usual.and_then(|usual| usual.ms)
    }

    /// The fastest tiling that is right, if it is worth taking in place of the usual one.
    pub fn winner(&self) -> Option<(Tiling, f64)> {
        let right = self
            .candidates
            .iter()
            .filter_map(|c| Some((c.tiling, c.ms?)));
        let (tiling, ms) = right.min_by(|a, b| a.1.total_cmp(&b.1))?;
        let worth = self
            .usual_ms()
            .is_none_or(|usual| ms <= (1.0 - LEAST_GAIN) * usual);
        (worth && tiling != self.usual).then_some((tiling, ms))
    }
}

/// The buckets to tune on an adapter: all whose weight it can bind, or, for a quick look, two with
/// little work.
pub fn buckets(gpu: &Gpu, quick: bool) -> Vec<Bucket> {
    let f16 = gpu.caps().f16;
    if quick {
        let elem = if f16 { DType::F16 } else { DType::F32 };
        let size = Size::Small;
        return [Rows::One, Rows::Tens]
            .map(|rows| Bucket { rows, size, elem })
            .into();
    }
    let mut buckets = Bucket::all(DType::F32);
    if f16 {
        buckets.extend(Bucket::all(DType::F16));
    }
    buckets.retain(|bucket| {
        let Extents { k, n, .. } = bucket.extents();
        (k * padded(n) * bucket.elem.size()) as u64 <= gpu.caps().binding_bytes
    });
    buckets
}

/// Tries every tiling that suits and fits the bucket's product: once for its results, then `runs` times for
/// its time, in turns, so that a change of the machine's speed meets all alike.
pub fn tune(gpu: &Gpu, bucket: Bucket, runs: usize) -> Result<Outcome> {
    let (caps, at) = (gpu.caps(), bucket.extents());
    let usual = Variant::pick(caps, at).tiling(caps, at);
    let operands = Operands::new(gpu, bucket.elem, Op::Plain, [at.m, at.k, at.n])?;
    let mut candidates = Vec::new();
    let mut timed = Vec::new();
    for &tiling in TILINGS {
        let trusted = tiling.variant() != Variant::Coop || selftest::cooperative_matrices(gpu)?;
        if !trusted || !tiling.suits(caps, at) || !tiling.fits(caps, at, bucket.elem) {
            continue;
        }
        let prepared = operands.product(By::Tiling(tiling));
        let wrong = prepared.check(gpu)?.err();
        if wrong.is_none() {
            timed.push(Timed::new(candidates.len(), prepared));
        }
        candidates.push(Candidate {
            tiling,
            ms: None,
            wrong,
        });
    }
    for _ in 0..runs {
        let best = timed.iter().filter_map(Timed::median).reduce(f64::min);
        for candidate in &mut timed {
            let is_usual = candidates[candidate.index].tiling == usual;
            let hopeless = |best: f64| candidate.median().is_some_and(|ms| ms > HOPELESS * best);
            if is_usual || !best.is_some_and(hopeless) {
                candidate.run(gpu)?;
            }
        }
    }
    for candidate in timed {
        candidates[candidate.index].ms = candidate.median();
    }
    Ok(Outcome {
        bucket,
        candidates,
        usual,
    })
}

/// A candidate on the track.
struct Timed {
    index: usize,
    prepared: Prepared,
    repeats: usize,
    ms: Vec<f64>,
}

impl Timed {
    fn new(index: usize, prepared: Prepared) -> Self {
        Self {
            index,
            prepared,
            repeats: 0,
            ms: Vec::new(),
        }
    }

    fn run(&mut self, gpu: &Gpu) -> Result<()> {
        if self.repeats == 0 {
            let once = self.prepared.time(gpu, 1)?;
            self.repeats = (RUN_MS / once).clamp(1.0, MOST_REPEATS) as usize;
        }
        self.ms.push(self.prepared.time(gpu, self.repeats)?);
        Ok(())
    }

    fn median(&self) -> Option<f64> {
        let mut sorted = self.ms.clone();
        sorted.sort_by(f64::total_cmp);
        sorted.get(sorted.len() / 2).copied()
    }
}
