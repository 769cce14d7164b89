//! Cases of attention, and of what it leaves for pooling.

use super::data::{EPS, ids, narrow, rounding, uniform, upload, upload_ids};
use super::{Case, Prepared, named};
use crate::Result;
use crate::gpu::{Caps, DType, Gpu, Tensor};
use crate::ops::attention::{self, By, Mask, PoolState, Rows, Shape};
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

fn of(batch: usize, heads: usize, head_dim: usize, queries: usize, keys: usize) -> Shape {
    Shape {
        batch,
        heads,
        head_dim,
        queries,
        keys,
    }
}

/// By cooperative matrices: queries and keys off the edges of tiles, heads of one matrix and of many. Some
/// drivers take a minute to compile a kernel, so that cases share them.
fn cooperative(caps: &Caps) -> Vec<Case> {
    use Layout::*;
    let attentions = [
        (of(1, 1, 16, 1, 1), Packed, Masked::No),
        (of(2, 3, 16, 3, 7), Cache, Masked::No),
        (of(2, 2, 72, 17, 50), SharedKeys, Masked::No),
        (of(2, 1, 128, 65, 257), SharedQueries, Masked::No),
        (of(1, 2, 64, 257, 257), Packed, Masked::Causal),
        (of(2, 2, 64, 17, 50), Packed, Masked::Causal),
        (of(1, 2, 64, 1, 50), Cache, Masked::Causal),
        (of(3, 2, 64, 65, 65), Packed, Masked::CausalCls),
        (of(2, 1, 64, 1, 13), Packed, Masked::CausalCls),
        (of(1, 1, 64, 3, 1757), Cache, Masked::No),
    ];
    let states = [
        (of(2, 1, 64, 7, 65), Cache),
        (of(3, 2, 64, 33, 257), SharedQueries),
        (of(1, 2, 16, 17, 7), Cache),
    ];
    let models = [
        ("attention_257", of(8, 16, 64, 257, 257), Packed),
        ("pooler_8_frames", of(1, 8, 96, 256, 8 * 257), Cache),
    ];
    let fits = |shape: &Shape| attention::coop_fits(caps, shape, DType::F16);
    let mut cases = Vec::new();
    for (shape, layout, masked) in attentions.into_iter().filter(|(shape, ..)| fits(shape)) {
        cases.push(attention_by(By::Coop, shape, layout, masked));
    }
    for (shape, layout) in states.into_iter().filter(|(shape, _)| fits(shape)) {
        cases.push(attention_state_by(By::Coop, shape, layout));
    }
    for (name, shape, layout) in models.into_iter().filter(|(_, shape, _)| fits(shape)) {
        cases.push(named(
            name,
            attention_by(By::Coop, shape, layout, Masked::No),
        ));
    }
    cases
}

/// One by cooperative matrices that ends inside a tile along every axis, where they fit.
pub fn awkward(caps: &Caps) -> Option<Case> {
    let shape = of(2, 2, 48, 19, 41);
    let fits = attention::coop_fits(caps, &shape, DType::F16);
    fits.then(|| attention_by(By::Coop, shape, Layout::Packed, Masked::CausalCls))
}

pub fn cases(caps: &Caps) -> Vec<Case> {
    use Layout::*;
    let mut cases = vec![
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
    ];
    cases.extend(cooperative(caps));
    cases
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

/// Error of a weight, with what cooperative matrices add where they may do it, since they want weights in
/// f16: errors that have nothing to do with each other.
fn chosen_weight_error(gpu: &Gpu, dtype: DType, shape: &Shape) -> f32 {
    let rounded = match attention::coop_fits(gpu.caps(), shape, dtype) {
        true => rounding(1.0, DType::F16) * (4.0 / (shape.keys as f32).sqrt()).min(1.0),
        false => 0.0,
    };
    weight_error(shape) + rounded
}

pub(super) fn weight_error(shape: &Shape) -> f32 {
    2.0 * score_error(shape) + EPS * (16.0 + (shape.keys as f32).sqrt())
}

fn attention(shape: Shape, layout: Layout, masked: Masked) -> Case {
    attention_by(By::Choice, shape, layout, masked)
}

fn attention_by(by: By, shape: Shape, layout: Layout, masked: Masked) -> Case {
    let shaders: &[&str] = match by {
        By::Coop => &["attention_coop"],
        By::Choice if shape.queries == 1 && masked != Masked::CausalCls => &["attention_row"],
        By::Choice => &["attention", "attention_broadcast"],
    };
    Case {
        op: "attention",
        shaders,
        shape: described(by, &shape, layout, masked),
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
            let error = 1.25 * chosen_weight_error(gpu, dtype, &shape);
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
                    Ok(vec![attention::attention_by(
                        pass,
                        by,
                        [q, k, v],
                        shape,
                        mask,
                    )?])
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
    attention_state_by(By::Choice, shape, layout)
}

fn attention_state_by(by: By, shape: Shape, layout: Layout) -> Case {
    Case {
        op: "attention_state",
        shaders: match by {
            By::Coop => &["attention_coop"],
            By::Choice => &["attention", "attention_broadcast"],
        },
        shape: described(by, &shape, layout, Masked::No),
        bench: false,
        prepare: Box::new(move |gpu, dtype| {
            let operands = Operands::new(gpu, dtype, &shape, layout)?;
            let [q, k, v] = operands.twins(&shape);
            let state = reference::attention_state(q, k, v, &shape, reference::Mask::None);
            let error = chosen_weight_error(gpu, dtype, &shape);
            let sum_bound: Vec<f32> = (state.sum.iter()).map(|&s| error * s as f32).collect();
            let max_bound = (state.max.iter())
                .map(|&m| score_error(&shape) + EPS * m.abs() as f32)
                .collect();
            let value_bound = (0..state.value.len())
                .map(|i| 1.25 * sum_bound[i / shape.head_dim])
                .collect();
            Ok(Prepared {
                record: Box::new(move |pass| {
                    let rows = operands.rows(&shape);
                    let PoolState { sum, max, value } =
                        attention::attention_state_by(pass, by, rows, shape)?;
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

fn described(by: By, shape: &Shape, layout: Layout, masked: Masked) -> String {
    let by_whom = match by {
        By::Choice => "",
        By::Coop => " by Coop",
    };
    describe(shape, layout, masked) + by_whom
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
