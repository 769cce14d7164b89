//! Models of random weights: as fast as trained ones, and as large.

use half::f16;

use super::checkpoint::Checkpoint;
use super::loader::Loader;
use super::{CoCa, Config, check_device};
use crate::Result;
use crate::gpu::{DType, Gpu};

/// Uniform weights in ±`SPREAD` have about the deviation that models begin their training with.
const SPREAD: f32 = 0.04;

impl CoCa {
    /// A model of these sizes with random weights, the same for the same seed: for measurements. It says
    /// nothing of sense. Tensors share one run of values, which bounds the memory that making it takes.
    ///
    /// Errors: as [`load`](Self::load).
    pub fn random(gpu: &Gpu, config: &Config, dtype: DType, seed: u64) -> Result<Self> {
        check_device(gpu, dtype)?;
        let wanted = Loader::wanted(gpu, |l| Self::build(l, gpu, config, dtype).map(drop))?;
        let elements = |shape: &[usize]| shape.iter().product::<usize>();
        let largest = (wanted.iter()).map(|(_, shape)| elements(shape)).max();
        let largest = largest.unwrap_or(0);
        let mut values = numbers(seed, largest);
        // Gains are about 1; they are short and stand behind the weights.
        let gains: Vec<f16> = (values.iter().take(config.widest()))
            .map(|value| f16::from_f32(1.0 + value.to_f32()))
            .collect();
        values.extend(gains);
        // ln(1 / 0.07), as CLIP begins with.
        values.push(f16::from_f32(2.659));
        let scale = values.len() - 1;
        let mut turn = 0;
        let tensors = wanted.into_iter().map(|(name, shape)| {
            let start = if name == "logit_scale" {
                scale
            } else if name.contains("ln_") && name.ends_with(".weight") {
                largest
            } else {
                // Each begins elsewhere, so that layers differ.
                turn = (turn + 7919) % (largest - elements(&shape) + 1);
                turn
            };
            (name, shape, 2 * start)
        });
        let tensors: Vec<_> = tensors.collect();
        let checkpoint = Checkpoint::of_tensors(bytemuck::cast_slice(&values).to_vec(), tensors);
        Loader::load(gpu, &checkpoint, dtype, &mut |_| (), |l| {
            Self::build(l, gpu, config, dtype)
        })
    }
}

/// Uniform numbers in ±[`SPREAD`] (xorshift64*).
fn numbers(seed: u64, count: usize) -> Vec<f16> {
    let mut state = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
    let next = move |_| {
        state ^= state >> 12;
        state ^= state << 25;
        state ^= state >> 27;
        let unit = (state.wrapping_mul(0x2545_f491_4f6c_dd1d) >> 40) as f32 / (1 << 23) as f32;
        f16::from_f32((unit - 1.0) * SPREAD)
    };
    (0..count).map(next).collect()
}
