//! Twins of the loops that measure ceilings.

use crate::ops::ceiling::Chains;

/// The sums of eight chains for each of `count` invocations: those of seeds (S, 4), in turn.
pub fn ceiling_multiply_add(seeds: &[f32], chains: Chains, count: usize) -> Vec<f32> {
    let (a, b) = chains.step();
    let chain = |seed: f64| (0..chains.steps()).fold(seed, |x, _| x * f64::from(a) + f64::from(b));
    let four = |seeds: &[f32; 4]| {
        let sums = seeds.map(|seed| chain(seed.into()) + chain(f64::from(seed) + 0.5));
        sums.iter().sum::<f64>() as f32
    };
    let sums: Vec<f32> = seeds.as_chunks().0.iter().map(four).collect();
    sums.iter().copied().cycle().take(count).collect()
}

/// The same values.
pub fn ceiling_copy(x: &[f32]) -> Vec<f32> {
    x.to_vec()
}
