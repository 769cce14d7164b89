//! Cases of products of a layer norm.

use super::data::{EPS, rounding, uniform, upload};
use super::{Case, Prepared, named};
use crate::Result;
use crate::gpu::{DType, Gpu, Tensor};
use crate::ops::linear::{Linear, linear_normed, linear_normed_append, linear_normed_gelu, padded};
use crate::ops::norm::LayerNorm;
use crate::reference;

/// (M, K, N): as few rows as one kernel takes with the norm, and more.
const SIZES: [[usize; 3]; 7] = [
    [1, 4, 1],
    [3, 28, 7],
    [5, 260, 96],
    [6, 132, 257],
    [8, 1028, 65],
    [9, 36, 20],
    [65, 64, 63],
];

/// Where keys and values go: (texts, ids of each, E, capacity, at).
const APPENDED: [[usize; 5]; 5] = [
    [1, 1, 4, 1, 0],
    [3, 1, 36, 7, 6],
    [8, 1, 132, 3, 1],
    [9, 1, 20, 5, 0],
    [2, 3, 20, 5, 1],
];

pub fn cases() -> Vec<Case> {
    let mut cases = Vec::new();
    for mkn in SIZES {
        cases.extend([product(mkn, false), product(mkn, true)]);
    }
    cases.extend(APPENDED.map(append));
    cases.push(named("decode_row", product([1, 768, 2304], false)));
    cases.push(named("decode_rows", product([6, 768, 2304], false)));
    cases
}

fn product([m, k, n]: [usize; 3], gelu: bool) -> Case {
    Case {
        op: if gelu {
            "linear_normed_gelu"
        } else {
            "linear_normed"
        },
        shaders: &["layernorm", "linear_row"],
        shape: format!("({m}, {k}) x ({k}, {n})"),
        bench: false,
        prepare: Box::new(move |gpu, elem| {
            let Operands {
                x,
                norm,
                layer,
                want,
                bound,
            } = Operands::new(gpu, elem, [m, k, n], gelu)?;
            Ok(Prepared {
                record: Box::new(move |pass| {
                    Ok(vec![match gelu {
                        true => linear_normed_gelu(pass, &x, &norm, &layer)?,
                        false => linear_normed(pass, &x, &norm, &layer, elem)?,
                    }])
                }),
                want: vec![want],
                bound: vec![bound],
                flops: 2.0 * (m * k * n) as f64,
                bytes: ((k * padded(n) + m * n) * elem.size() + m * k * 4) as f64,
            })
        }),
    }
}

fn append([batch, length, width, capacity, at]: [usize; 5]) -> Case {
    Case {
        op: "linear_normed_append",
        shaders: &["layernorm", "linear_row", "kv_append"],
        shape: format!("{batch} × {length} rows of {width} at {at} of {capacity}"),
        bench: false,
        prepare: Box::new(move |gpu, elem| {
            let operands = Operands::new(gpu, elem, [batch * length, width, 3 * width], false)?;
            let Operands { x, norm, layer, .. } = operands;
            let x = x.reshape(&[batch, length, width]);
            let cached = |packed: &[f32]| {
                let mut cache = vec![0.0; batch * capacity * 2 * width];
                reference::kv_append(packed, &mut cache, batch, width, at);
                cache
            };
            Ok(Prepared {
                record: Box::new(move |pass| {
                    let cache = pass.tensor(&[batch, capacity, 2 * width], elem)?;
                    pass.clear(&cache);
                    let packed = linear_normed_append(pass, &x, &norm, &layer, &cache, at)?;
                    Ok(vec![packed, cache])
                }),
                want: vec![operands.want.clone(), cached(&operands.want)],
                bound: vec![operands.bound.clone(), cached(&operands.bound)],
                flops: 0.0,
                bytes: 0.0,
            })
        }),
    }
}

/// What a product is made of, and what it has to give.
struct Operands {
    x: Tensor,
    norm: LayerNorm,
    layer: Linear,
    want: Vec<f32>,
    bound: Vec<f32>,
}

impl Operands {
    fn new(gpu: &Gpu, elem: DType, [m, k, n]: [usize; 3], gelu: bool) -> Result<Self> {
        let p = padded(n);
        // Off zero, so that a mean left out shows; no digits of the variance are lost.
        let x: Vec<f32> = (uniform(1, m * k, DType::F32).iter())
            .map(|v| v + 1.5)
            .collect();
        let (scale, shift) = (uniform(2, k, DType::F32), uniform(3, k, DType::F32));
        let mut weight = uniform(4, k * p, elem);
        weight
            .chunks_exact_mut(p)
            .for_each(|row| row[n..].fill(0.0));
        let mut bias = uniform(5, p, DType::F32);
        bias[n..].fill(0.0);

        let normed = reference::layernorm(&x, &scale, &shift);
        let twin = match gelu {
            true => reference::linear_gelu,
            false => reference::linear,
        };
        let want = twin(&normed, &weight, Some(&bias), k, n);
        // What a norm may be off by, and what a kernel of its own loses where it stores `elem`.
        let off: Vec<f32> = (normed.iter())
            .map(|&y| 4.0 * EPS * (1.0 + y.abs()) + rounding(y, elem))
            .collect();
        let abs = |values: &[f32]| values.iter().map(|v| v.abs()).collect::<Vec<_>>();
        let from_norm = reference::linear(&off, &abs(&weight), None, k, n);
        let magnitude = reference::linear(&abs(&normed), &abs(&weight), Some(&abs(&bias)), k, n);
        let bound = (want.iter().zip(&from_norm).zip(&magnitude))
            .map(|((&y, &from_norm), &magnitude)| {
                // GELU's slope is 1.13 at most.
                1.2 * (from_norm + 2.0 * (k as f32).sqrt() * EPS * magnitude)
                    + rounding(y, elem)
                    + 1e-6
            })
            .collect();
        Ok(Self {
            x: upload(gpu, &[m, k], DType::F32, &x)?,
            norm: LayerNorm {
                weight: upload(gpu, &[k], DType::F32, &scale)?,
                bias: upload(gpu, &[k], DType::F32, &shift)?,
            },
            layer: Linear {
                weight: upload(gpu, &[k, p], elem, &weight)?,
                bias: Some(upload(gpu, &[p], DType::F32, &bias)?),
                n,
            },
            want,
            bound,
        })
    }
}
