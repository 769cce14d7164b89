//! Cases of attention and pooling states.

use super::data::{EPS, ids, rounding, uniform, upload, upload_ids};
use super::{Case, Prepared, named};
use crate::Result;
use crate::gpu::{DType, Gpu, Tensor};
use crate::ops::attention::{self, Mask, PoolState, Rows, Shape};
use crate::reference;

/// Where queries, keys and values lie.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Layout {
    /// q|k|v in the columns of one tensor; the queries are its last rows.
    Packed,
    /// Queries of each batch; k|v in the columns of a cache with rows to spare.
    Cache,
    /// As `Cache`, with one set of queries for all batches.
    SharedQueries,
    /// As `Cache`, with one cache for all batches.
    SharedKeys,
}

#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Masked {
    No,
    Causal,
    CausalCls,
}

/// Rows of a cache that hold no keys.
const SPARE: usize = 2;

pub fn cases() -> Vec<Case> {
    use Layout::*;
    let of = |batch, heads, head_dim, queries, keys| Shape {
        batch,
        heads,
        head_dim,
        queries,
        keys,
    };
    vec![
        attention(of(1, 1, 4, 1, 1), Packed, Masked::No),
        attention(of(2, 3, 32, 7, 7), Packed, Masked::No),
        attention(of(2, 2, 64, 65, 65), Packed, Masked::No),
        attention(of(1, 2, 96, 63, 63), Packed, Masked::Causal),
        attention(of(3, 1, 64, 65, 65), Packed, Masked::Causal),
        attention(of(2, 2, 32, 3, 9), Packed, Masked::Causal),
        attention(of(3, 2, 64, 13, 13), Packed, Masked::CausalCls),
        attention(of(1, 2, 64, 70, 70), Packed, Masked::CausalCls),
        attention(of(2, 1, 64, 1, 13), Packed, Masked::CausalCls),
        attention(of(1, 1, 64, 3, 1757), Cache, Masked::No),
        // 64 frames of ViT-L/14: lavapipe ends loops after 65535 rounds, and this is not yet there.
        attention(of(1, 1, 96, 3, 64 * 257), Cache, Masked::No),
        attention(of(2, 1, 96, 33, 257), SharedQueries, Masked::No),
        attention(of(2, 2, 128, 5, 37), SharedKeys, Masked::No),
        attention(of(2, 2, 20, 5, 37), SharedKeys, Masked::No),
        attention(of(1, 3, 64, 1, 1), Cache, Masked::Causal),
        attention(of(3, 2, 32, 1, 63), Cache, Masked::Causal),
        attention(of(2, 2, 96, 1, 257), SharedKeys, Masked::Causal),
        attention(of(2, 1, 12, 1, 1757), Cache, Masked::Causal),
        attention_state(of(2, 1, 64, 7, 65), Cache),
        attention_state(of(3, 2, 96, 33, 63), SharedQueries),
        pool_merge(5, 3, 2, 12),
        pool_merge(3, 65, 8, 96),
        named(
            "vit_l14",
            attention(of(8, 16, 64, 257, 257), Packed, Masked::No),
        ),
        named(
            "vit_b32",
            attention(of(8, 12, 64, 50, 50), Packed, Masked::No),
        ),
        named(
            "text_77",
            attention(of(1, 12, 64, 77, 77), Packed, Masked::CausalCls),
        ),
        named(
            "pooler_8_frames",
            attention(of(1, 8, 96, 256, 8 * 257), Cache, Masked::No),
        ),
        named(
            "pooler_states",
            attention_state(of(8, 8, 96, 256, 257), SharedQueries),
        ),
        named(
            "decode_self",
            attention(of(1, 12, 64, 1, 76), Cache, Masked::Causal),
        ),
        named(
            "decode_cross",
            attention(of(6, 12, 64, 1, 255), SharedKeys, Masked::Causal),
        ),
    ]
}

/// Operands of an attention, on both sides.
pub(super) struct Operands {
    layout: Layout,
    q: Vec<f32>,
    kv: Vec<f32>,
    tensors: [Tensor; 2],
    dims: [[usize; 3]; 2],
}

impl Operands {
    pub fn new(gpu: &Gpu, dtype: DType, shape: &Shape, layout: Layout) -> Result<Self> {
        let width = shape.heads * shape.head_dim;
        let own = |shared| if layout == shared { 1 } else { shape.batch };
        let dims = match layout {
            // The second tensor is not used.
            Layout::Packed => [[shape.batch, shape.keys, 3 * width], [1, 1, 4]],
            _ => [
                [own(Layout::SharedQueries), shape.queries, width],
                [own(Layout::SharedKeys), shape.keys + SPARE, 2 * width],
            ],
        };
        let q = uniform(1, dims[0].iter().product(), dtype);
        let kv = uniform(2, dims[1].iter().product(), dtype);
        let tensors = [
            upload(gpu, &dims[0], dtype, &q)?,
            upload(gpu, &dims[1], dtype, &kv)?,
        ];
        Ok(Self {
            layout,
            q,
            kv,
            tensors,
            dims,
        })
    }

    pub fn rows(&self, shape: &Shape) -> [Rows<'_>; 3] {
        let [q, kv] = &self.tensors;
        match self.layout {
            Layout::Packed => [
                Rows::part(q, 0, 3).skip_rows(shape.keys - shape.queries),
                Rows::part(q, 1, 3),
                Rows::part(q, 2, 3),
            ],
            Layout::SharedQueries => [
                Rows::all(q).shared(),
                Rows::part(kv, 0, 2),
                Rows::part(kv, 1, 2),
            ],
            Layout::SharedKeys => [
                Rows::all(q),
                Rows::part(kv, 0, 2).shared(),
                Rows::part(kv, 1, 2).shared(),
            ],
            Layout::Cache => [Rows::all(q), Rows::part(kv, 0, 2), Rows::part(kv, 1, 2)],
        }
    }

    /// The same rows for the twin, their strides written out.
    pub fn twins(&self, shape: &Shape) -> [reference::Rows<'_>; 3] {
        let width = shape.heads * shape.head_dim;
        let [[q_batches, q_rows, q_row], [kv_batches, kv_rows, kv_row]] = self.dims;
        let rows = |data, offset, batches, rows, row| reference::Rows {
            data,
            offset,
            batch: if batches == shape.batch {
                rows * row
            } else {
                0
            },
            row,
        };
        let (q, kv) = (&self.q, &self.kv);
        if self.layout == Layout::Packed {
            let skipped = (shape.keys - shape.queries) * q_row;
            [skipped, width, 2 * width].map(|at| rows(q, at, q_batches, q_rows, q_row))
        } else {
            [
                rows(q, 0, q_batches, q_rows, q_row),
                rows(kv, 0, kv_batches, kv_rows, kv_row),
                rows(kv, width, kv_batches, kv_rows, kv_row),
            ]
        }
    }
}

pub(super) fn flops(shape: &Shape, masked: Masked) -> f64 {
    let pairs = shape.queries * shape.keys / if masked == Masked::No { 1 } else { 2 };
    4.0 * (shape.batch * shape.heads * shape.head_dim * pairs) as f64
}

pub(super) fn bytes(shape: &Shape, dtype: DType) -> f64 {
    let rows = 2 * shape.queries + 2 * shape.keys;
    (shape.batch * shape.heads * shape.head_dim * rows * dtype.size()) as f64
}

/// Error of a score, and so about half that of a weight relative to itself: c·√K·ε·(|A||B|), with
/// operands of 0.56 in the mean.
fn score_error(shape: &Shape) -> f32 {
    let magnitude = 0.56 * 0.56 * (shape.head_dim as f32).sqrt();
    EPS * (shape.head_dim as f32).sqrt() * magnitude
}

pub(super) fn weight_error(shape: &Shape) -> f32 {
    2.0 * score_error(shape) + EPS * (16.0 + (shape.keys as f32).sqrt())
}

fn attention(shape: Shape, layout: Layout, masked: Masked) -> Case {
    let shaders: &[&str] = if shape.queries == 1 && masked != Masked::CausalCls {
        &["attention_row"]
    } else {
        &["attention", "attention_broadcast"]
    };
    Case {
        op: "attention",
        shaders,
        shape: describe(&shape, layout, masked),
        bench: false,
        prepare: Box::new(move |gpu, dtype| {
            let operands = Operands::new(gpu, dtype, &shape, layout)?;
            let id_row = shape.keys + 2;
            // A third of the ids is the pad.
            let mut tokens = ids(3, shape.batch * id_row, 9);
            tokens.iter_mut().for_each(|id| *id = id.saturating_sub(3));
            let mask = match masked {
                Masked::No => reference::Mask::None,
                Masked::Causal => reference::Mask::Causal,
                Masked::CausalCls => reference::Mask::CausalCls {
                    ids: &tokens,
                    row: id_row,
                },
            };
            let [q, k, v] = operands.twins(&shape);
            let want = reference::attention(q, k, v, &shape, mask);
            let error = 1.25 * weight_error(&shape);
            let bound = (want.iter()).map(|&y| error + rounding(y, dtype)).collect();
            let tokens = upload_ids(gpu, &[shape.batch, id_row], &tokens)?;
            Ok(Prepared {
                record: Box::new(move |pass| {
                    let mask = match masked {
                        Masked::No => Mask::None,
                        Masked::Causal => Mask::Causal,
                        Masked::CausalCls => Mask::CausalCls(&tokens),
                    };
                    let [q, k, v] = operands.rows(&shape);
                    Ok(vec![attention::attention(pass, q, k, v, shape, mask)?])
                }),
                want: vec![want],
                bound: vec![bound],
                flops: flops(&shape, masked),
                bytes: bytes(&shape, dtype),
            })
        }),
    }
}

fn attention_state(shape: Shape, layout: Layout) -> Case {
    Case {
        op: "attention_state",
        shaders: &["attention", "attention_broadcast"],
        shape: describe(&shape, layout, Masked::No),
        bench: false,
        prepare: Box::new(move |gpu, dtype| {
            let operands = Operands::new(gpu, dtype, &shape, layout)?;
            let [q, k, v] = operands.twins(&shape);
            let state = reference::attention_state(q, k, v, &shape, reference::Mask::None);
            let error = weight_error(&shape);
            let sum_bound: Vec<f32> = (state.sum.iter()).map(|&s| error * s as f32).collect();
            let max_bound = (state.max.iter())
                .map(|&m| score_error(&shape) + EPS * m.abs() as f32)
                .collect();
            let value_bound = (0..state.value.len())
                .map(|i| 1.25 * sum_bound[i / shape.head_dim])
                .collect();
            Ok(Prepared {
                record: Box::new(move |pass| {
                    let [q, k, v] = operands.rows(&shape);
                    let PoolState { sum, max, value } =
                        attention::attention_state(pass, q, k, v, shape)?;
                    Ok(vec![sum, max, value])
                }),
                want: vec![narrow(&state.sum), narrow(&state.max), narrow(&state.value)],
                bound: vec![sum_bound, max_bound, value_bound],
                flops: flops(&shape, Masked::No),
                bytes: bytes(&shape, dtype),
            })
        }),
    }
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

pub(super) fn describe(shape: &Shape, layout: Layout, masked: Masked) -> String {
    let Shape {
        batch,
        heads,
        head_dim,
        queries,
        keys,
    } = shape;
    format!(
        "{batch} × {heads} heads of {head_dim}, {queries} queries, {keys} keys, {layout:?}, mask {masked:?}"
    )
}

fn narrow(x: &[f64]) -> Vec<f32> {
    x.iter().map(|&v| v as f32).collect()
}
