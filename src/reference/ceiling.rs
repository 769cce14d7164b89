//! Twins of the loops that measure ceilings.

use crate::ops::ceiling::{Chains, coop_steps};

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

/// The product of `a` (2S, `side`) and `b` (`side`, 2S) added up as often as the kernel does, for each
/// of `groups`.
pub fn ceiling_coop(a: &[f32], b: &[f32], side: usize, rounds: u32, groups: usize) -> Vec<f32> {
    let sum = |row: &[f32], col: usize| -> f64 {
        let products = row.iter().zip(b.chunks_exact(2 * side));
        let once: f64 = products
            .map(|(&a, b)| f64::from(a) * f64::from(b[col]))
            .sum();
        once * f64::from(coop_steps(rounds))
    };
    let of_row = |row| (0..2 * side).map(move |col| sum(row, col) as f32);
    let once: Vec<f32> = a.chunks_exact(side).flat_map(of_row).collect();
    once.repeat(groups)
}

/// The same values.
pub fn ceiling_copy(x: &[f32]) -> Vec<f32> {
    x.to_vec()
}
