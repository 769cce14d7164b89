//! Labels over time: smoothed, with peaks that are held, and "none of these".

use super::Bar;
use crate::Result;
use crate::engine::Engine;
use crate::frames::Seconds;
use crate::labels::{Labels, NoneOfThese, Templates, softmax};
use crate::windows::to_f64;

/// Seconds in which a bar goes two thirds of the way to what the latest frame says.
const SMOOTH: f64 = 0.6;

/// Seconds that a peak is held, and then those in which it falls two thirds of the way.
const HOLD: f64 = 2.0;
const FALL: f64 = 1.0;

/// What "none of these" is called.
pub(super) const NONE: &str = "none of these";

/// Labels that are scored on every frame.
pub(super) struct Bars {
    labels: Labels,
    none: NoneOfThese,
    smooth: Smooth,
}

impl Bars {
    /// Reads the labels. Blocks until done.
    ///
    /// Errors: those of [`Labels::new`].
    pub fn new(engine: &Engine, names: Vec<String>) -> Result<Self> {
        let templates = Templates::default();
        Ok(Self {
            smooth: Smooth::new(names.len() + 1),
            labels: Labels::new(engine, names, &templates)?,
            none: NoneOfThese::new(engine, &templates)?,
        })
    }

    /// Scores a frame by its embedding (E). `caption` is the latest text about the scene: before there is
    /// one, nothing can be none of these.
    pub fn see(
        &mut self,
        engine: &Engine,
        time: Seconds,
        embedding: &[f32],
        caption: Option<&str>,
    ) -> Result<Vec<Bar>> {
        let mut logits = self.labels.logits(embedding);
        logits.push(match caption {
            Some(caption) => self.none.logit_beside(engine, caption, embedding)?,
            None => f32::NEG_INFINITY,
        });
        self.smooth.step(to_f64(time), &softmax(&logits));
        let names = self.labels.names().iter().map(String::as_str).chain([NONE]);
        Ok((names.zip(&self.smooth.values))
            .map(|(name, value)| Bar {
                name: name.to_owned(),
                share: value.share as f32,
                peak: value.peak as f32,
            })
            .collect())
    }
}

/// Exponential smoothing with peaks.
struct Smooth {
    values: Vec<Value>,
    last: Option<f64>,
}

#[derive(Clone, Copy, Default)]
struct Value {
    share: f64,
    peak: f64,
    /// When the peak was reached.
    since: f64,
}

impl Smooth {
    fn new(count: usize) -> Self {
        Self {
            values: vec![Value::default(); count],
            last: None,
        }
    }

    fn step(&mut self, time: f64, shares: &[f32]) {
        let elapsed = self.last.replace(time).map(|last| (time - last).max(0.0));
        let way = |seconds: f64| elapsed.map_or(1.0, |elapsed| 1.0 - (-elapsed / seconds).exp());
        for (value, &share) in self.values.iter_mut().zip(shares) {
            value.share += way(SMOOTH) * (f64::from(share) - value.share);
            if time - value.since > HOLD {
                value.peak += way(FALL) * (value.share - value.peak);
            }
            if value.share >= value.peak {
                (value.peak, value.since) = (value.share, time);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bars_follow_smoothly_and_stay_shares_of_one() {
        let mut smooth = Smooth::new(2);
        smooth.step(0.0, &[1.0, 0.0]);
        assert_eq!(
            smooth.values[0].share, 1.0,
            "the first frame is taken as it is"
        );
        for i in 1..=6 {
            smooth.step(0.1 * f64::from(i), &[0.0, 1.0]);
            let sum: f64 = smooth.values.iter().map(|value| value.share).sum();
            assert!((sum - 1.0).abs() < 1e-9);
        }
        let left = (-1.0f64).exp();
        assert!(
            (smooth.values[0].share - left).abs() < 1e-9,
            "at any frame rate"
        );
    }

    #[test]
    fn peaks_are_held_and_then_fall() {
        let mut smooth = Smooth::new(1);
        smooth.step(0.0, &[0.8]);
        for i in 1..=20 {
            smooth.step(0.1 * f64::from(i), &[0.1]);
            assert_eq!(smooth.values[0].peak, f64::from(0.8f32), "after {i} tenths");
        }
        for i in 21..=60 {
            smooth.step(0.1 * f64::from(i), &[0.1]);
        }
        assert!((0.1..0.15).contains(&smooth.values[0].peak));
        smooth.step(6.1, &[0.9]);
        assert_eq!(smooth.values[0].peak, smooth.values[0].share);
    }
}
