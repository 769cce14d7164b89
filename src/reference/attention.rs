//! Twins of attention, pooling states and key-value caches.

use crate::ops::attention::Shape;

/// Rows of heads in a slice: element (b, i, h, c) is at
/// `offset + b * batch + i * row + h * head_dim + c`.
#[derive(Clone, Copy)]
pub struct Rows<'a> {
    pub data: &'a [f32],
    pub offset: usize,
    pub batch: usize,
    pub row: usize,
}

impl<'a> Rows<'a> {
    fn head(&self, shape: &Shape, b: usize, i: usize, h: usize) -> &'a [f32] {
        let start = self.offset + b * self.batch + i * self.row + h * shape.head_dim;
        &self.data[start..start + shape.head_dim]
    }
}

/// Which keys a query sees.
#[derive(Clone, Copy)]
pub enum Mask<'a> {
    None,
    Causal,
    /// Ids (B, row).
    CausalCls {
        ids: &'a [u32],
        row: usize,
    },
}

impl Mask<'_> {
    fn visible(&self, shape: &Shape, b: usize, i: usize, j: usize) -> bool {
        let causal = j + shape.queries <= i + shape.keys;
        match *self {
            Self::None => true,
            Self::Causal => causal,
            Self::CausalCls { ids, row } => {
                let cls = i + 1 == shape.queries;
                causal && (!cls || j == 0 || ids[b * row + j - 1] != 0)
            }
        }
    }
}

/// Attention of one query a batch; key j of batch b lies in the rows of batch `history[b, j]`.
pub fn attention_history(q: Rows, k: Rows, v: Rows, shape: &Shape, history: &[u32]) -> Vec<f32> {
    let capacity = history.len() / shape.batch;
    let mut out = Vec::new();
    for b in 0..shape.batch {
        let owners = &history[b * capacity..][..shape.keys];
        // The keys of this batch alone, behind each other.
        let gather = |from: Rows| -> Vec<f32> {
            (owners.iter().enumerate())
                .flat_map(|(j, &owner)| {
                    let start = from.offset + owner as usize * from.batch + j * from.row;
                    &from.data[start..start + shape.heads * shape.head_dim]
                })
                .copied()
                .collect()
        };
        let (keys, values) = (gather(k), gather(v));
        let rows = |data| Rows {
            data,
            offset: 0,
            batch: 0,
            row: shape.heads * shape.head_dim,
        };
        let query = Rows {
            offset: q.offset + b * q.batch,
            ..q
        };
        let one = Shape { batch: 1, ..*shape };
        out.extend(attention(
            query,
            rows(&keys),
            rows(&values),
            &one,
            Mask::None,
        ));
    }
    out
}

/// The online-softmax state (sum, max, value) of attention: (B, Q, H), (B, Q, H), (B, Q, H·hd).
pub struct State {
    pub sum: Vec<f64>,
    pub max: Vec<f64>,
    pub value: Vec<f64>,
}

pub fn attention_state(q: Rows, k: Rows, v: Rows, shape: &Shape, mask: Mask) -> State {
    let heads = shape.batch * shape.queries * shape.heads;
    let mut state = State {
        sum: Vec::with_capacity(heads),
        max: Vec::with_capacity(heads),
        value: vec![0.0; heads * shape.head_dim],
    };
    let scale = 1.0 / (shape.head_dim as f64).sqrt();
    let mut values = state.value.chunks_mut(shape.head_dim);
    for b in 0..shape.batch {
        for i in 0..shape.queries {
            for h in 0..shape.heads {
                let query = q.head(shape, b, i, h);
                let scores: Vec<(usize, f64)> = (0..shape.keys)
                    .filter(|&j| mask.visible(shape, b, i, j))
                    .map(|j| (j, scale * dot(query, k.head(shape, b, j, h))))
                    .collect();
                let max = scores.iter().fold(f64::MIN, |m, s| m.max(s.1));
                let value = values.next().expect("one a query and head");
                let mut sum = 0.0;
                for (j, score) in scores {
                    let weight = (score - max).exp();
                    sum += weight;
                    for (out, &x) in value.iter_mut().zip(v.head(shape, b, j, h)) {
                        *out += weight * f64::from(x);
                    }
                }
                state.sum.push(sum);
                state.max.push(max);
            }
        }
    }
    state
}

pub fn attention(q: Rows, k: Rows, v: Rows, shape: &Shape, mask: Mask) -> Vec<f32> {
    pool_finish(&attention_state(q, k, v, shape, mask))
}

/// `into` with the batches `first..first + count` of `from` merged in.
pub fn pool_merge(into: &State, from: &State, first: usize, count: usize) -> State {
    let heads = into.sum.len();
    let head_dim = into.value.len() / heads;
    let mut merged = State {
        sum: vec![0.0; heads],
        max: vec![0.0; heads],
        value: vec![0.0; into.value.len()],
    };
    for h in 0..heads {
        let batches = (first..first + count).map(|t| (from, t * heads + h));
        let parts: Vec<_> = std::iter::once((into, h))
            .chain(batches)
            .filter(|&(state, i)| state.sum[i] > 0.0)
            .collect();
        let max = (parts.iter()).fold(f64::MIN, |m, &(state, i)| m.max(state.max[i]));
        merged.max[h] = max;
        for (state, i) in parts {
            let weight = (state.max[i] - max).exp();
            merged.sum[h] += weight * state.sum[i];
            for c in 0..head_dim {
                merged.value[h * head_dim + c] += weight * state.value[i * head_dim + c];
            }
        }
    }
    merged
}

/// The quotient value / sum; 0 where the sum is 0.
pub fn pool_finish(state: &State) -> Vec<f32> {
    let head_dim = state.value.len() / state.sum.len();
    (state.value.chunks(head_dim).zip(&state.sum))
        .flat_map(|(value, &sum)| {
            let value = value.iter();
            value.map(move |v| if sum > 0.0 { (v / sum) as f32 } else { 0.0 })
        })
        .collect()
}

/// Rows `at..` of every batch of `cache` (B, capacity, 2E) replaced by the last two thirds of the
/// rows of `qkv` (B, L, 3E).
pub fn kv_append(qkv: &[f32], cache: &mut [f32], batch: usize, width: usize, at: usize) {
    let length = qkv.len() / batch / (3 * width);
    let capacity = cache.len() / batch / (2 * width);
    for b in 0..batch {
        for l in 0..length {
            let from = (b * length + l) * 3 * width + width;
            let to = (b * capacity + at + l) * 2 * width;
            cache[to..to + 2 * width].copy_from_slice(&qkv[from..from + 2 * width]);
        }
    }
}

fn dot(a: &[f32], b: &[f32]) -> f64 {
    (a.iter().zip(b))
        .map(|(&x, &y)| f64::from(x) * f64::from(y))
        .sum()
}
