//! Cases of merging and finishing pooling states.

use super::data::{EPS, narrow, rounding, uniform, upload};
use super::{Case, Prepared};
use crate::gpu::DType;
use crate::ops::attention::{self, PoolState};
use crate::reference;

pub fn cases() -> Vec<Case> {
    vec![pool_merge(5, 3, 2, 12), pool_merge(3, 65, 8, 96)]
}

/// Starts empty, merges batch 0, then all others at once, then finishes.
fn pool_merge(batches: usize, queries: usize, heads: usize, head_dim: usize) -> Case {
    Case {
        op: "pool_merge",
        shaders: &["pool_merge", "pool_finish"],
        shape: format!("{batches} states of {queries} queries, {heads} heads of {head_dim}"),
        bench: false,
        prepare: Box::new(move |gpu, dtype| {
            let items = batches * queries * heads;
            let one = queries * heads;
            let mut sum = uniform(1, items, DType::F32);
            // Positive but for some that are empty; in the first batch all of the first query's.
            for (i, s) in sum.iter_mut().enumerate() {
                let empty = i % 5 == 1 || i < heads;
                *s = if empty { 0.0 } else { 1.5 + *s };
            }
            let max: Vec<f32> = uniform(2, items, DType::F32)
                .into_iter()
                .map(|m| 20.0 * m)
                .collect();
            let value = uniform(3, items * head_dim, DType::F32);
            let widen = |x: &[f32]| x.iter().map(|&v| f64::from(v)).collect::<Vec<_>>();
            let from = reference::State {
                sum: widen(&sum),
                max: widen(&max),
                value: widen(&value),
            };
            let empty = reference::State {
                sum: vec![0.0; one],
                max: vec![0.0; one],
                value: vec![0.0; one * head_dim],
            };
            let first = reference::pool_merge(&empty, &from, 0, 1);
            let merged = reference::pool_merge(&first, &from, 1, batches - 1);
            let finished = reference::pool_finish(&merged);
            let error = 64.0 * EPS * batches as f32;
            let sum_bound: Vec<f32> = merged.sum.iter().map(|&s| error * s as f32).collect();
            let finished_bound = (finished.iter())
                .map(|&y| error * 4.0 + rounding(y, dtype))
                .collect();
            let state = PoolState {
                sum: upload(gpu, &[batches, queries, heads], DType::F32, &sum)?,
                max: upload(gpu, &[batches, queries, heads], DType::F32, &max)?,
                value: upload(
                    gpu,
                    &[batches, queries, heads * head_dim],
                    DType::F32,
                    &value,
                )?,
            };
            Ok(Prepared {
                record: Box::new(move |pass| {
                    let into = attention::pool_empty(pass, queries, heads, head_dim)?;
                    attention::pool_merge(pass, &into, &state, 0, 1)?;
                    attention::pool_merge(pass, &into, &state, 1, batches - 1)?;
                    let finished = attention::pool_finish(pass, &into, dtype)?;
                    Ok(vec![finished, into.sum])
                }),
                want: vec![finished, narrow(&merged.sum)],
                bound: vec![finished_bound, sum_bound],
                flops: 2.0 * (items * head_dim) as f64,
                bytes: 4.0 * ((items + 4 * one) * head_dim) as f64,
            })
        }),
    }
}
