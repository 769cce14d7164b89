//! Cases of a whole block of the image encoder: all that a frame's tokens go through once a layer.

use super::data::{EPS, round, uniform, upload};
use super::{Case, Prepared, named};
use crate::gpu::{DType, Gpu};
use crate::model::block::{Block, Mlp, SelfAttention};
use crate::ops::attention::{Mask, Shape};
use crate::ops::linear::{Linear, padded};
use crate::ops::norm::LayerNorm;
use crate::{Result, reference};

pub fn cases() -> Vec<Case> {
    let of = |frames, tokens, heads, head_dim| Shape {
        batch: frames,
        heads,
        head_dim,
        queries: tokens,
        keys: tokens,
    };
    vec![
        block(of(3, 7, 3, 12)),
        named("vit_b32", block(of(8, 50, 12, 64))),
        named("vit_l14", block(of(2, 257, 16, 64))),
    ]
}

fn block(shape: Shape) -> Case {
    let width = shape.heads * shape.head_dim;
    Case {
        op: "vit_block",
        shaders: &["layernorm", "linear_tile", "attention"],
        shape: format!(
            "{} frames, {} tokens of {width}, {} heads",
            shape.batch, shape.keys, shape.heads
        ),
        bench: false,
        prepare: Box::new(move |gpu, elem| {
            let weights = Weights::new(shape, elem);
            let x = uniform(9, shape.batch * shape.keys * width, DType::F32);
            let (want, bound) = weights.expected(&x, elem);
            let block = weights.block(gpu, elem)?;
            let dims = [shape.batch, shape.keys, width];
            Ok(Prepared {
                record: Box::new(move |pass| {
                    let x = pass.upload_f32(&dims, DType::F32, &x)?;
                    block.forward(pass, &x, Mask::None)?;
                    Ok(vec![x])
                }),
                want: vec![want],
                bound: vec![bound],
                flops: flops(&shape),
                bytes: (2 * dims.iter().product::<usize>() * 4 + 12 * width * width * elem.size())
                    as f64,
            })
        }),
    }
}

/// Of the four products and of attention.
fn flops(shape: &Shape) -> f64 {
    let (rows, width) = (shape.batch * shape.keys, shape.heads * shape.head_dim);
    (24 * rows * width * width + 4 * rows * shape.keys * width) as f64
}

/// A layer of (K, padded n) weights, on the CPU.
struct Layer {
    weight: Vec<f32>,
    bias: Vec<f32>,
    k: usize,
    n: usize,
}

impl Layer {
    /// Outputs are about as large as inputs times `gain`.
    fn new(seed: u64, [k, n]: [usize; 2], gain: f32, elem: DType) -> Self {
        let scale = gain / (k as f32).sqrt();
        let p = padded(n);
        let mut weight = uniform(seed, k * p, DType::F32);
        (weight.iter_mut()).for_each(|w| *w = round(*w * scale, elem));
        (weight.chunks_exact_mut(p)).for_each(|row| row[n..].fill(0.0));
        let mut bias = uniform(seed + 100, p, DType::F32);
        bias[n..].fill(0.0);
        Self { weight, bias, k, n }
    }

    fn apply(&self, x: &[f32]) -> Vec<f32> {
        reference::linear(x, &self.weight, Some(&self.bias), self.k, self.n)
    }

    /// What an output is summed from, |x| |W|.
    fn magnitude(&self, x: &[f32]) -> Vec<f32> {
        let abs = |v: &[f32]| v.iter().map(|v| v.abs()).collect::<Vec<_>>();
        reference::linear(&abs(x), &abs(&self.weight), None, self.k, self.n)
    }

    fn upload(&self, gpu: &Gpu, elem: DType) -> Result<Linear> {
        let p = padded(self.n);
        Ok(Linear {
            weight: upload(gpu, &[self.k, p], elem, &self.weight)?,
            bias: Some(upload(gpu, &[p], DType::F32, &self.bias)?),
            n: self.n,
        })
    }
}

/// Scale and shift of a norm, on the CPU.
struct Norm([Vec<f32>; 2]);

impl Norm {
    fn new(seed: u64, width: usize) -> Self {
        let weight = uniform(seed, width, DType::F32);
        let weight = weight.into_iter().map(|w| 1.0 + 0.25 * w).collect();
        Self([weight, uniform(seed + 100, width, DType::F32)])
    }

    fn apply(&self, x: &[f32], elem: DType) -> Vec<f32> {
        rounded(reference::layernorm(x, &self.0[0], &self.0[1]), elem)
    }

    fn upload(&self, gpu: &Gpu) -> Result<LayerNorm> {
        let vector = |values: &[f32]| upload(gpu, &[values.len()], DType::F32, values);
        Ok(LayerNorm {
            weight: vector(&self.0[0])?,
            bias: vector(&self.0[1])?,
        })
    }
}

/// A block on the CPU.
struct Weights {
    shape: Shape,
    ln_1: Norm,
    in_proj: Layer,
    out_proj: Layer,
    ln_2: Norm,
    c_fc: Layer,
    c_proj: Layer,
}

impl Weights {
    fn new(shape: Shape, elem: DType) -> Self {
        let width = shape.heads * shape.head_dim;
        Self {
            shape,
            ln_1: Norm::new(1, width),
            // Scores of some size, so that attention is no mean.
            in_proj: Layer::new(2, [width, 3 * width], 2.0, elem),
            out_proj: Layer::new(3, [width, width], 1.0, elem),
            ln_2: Norm::new(4, width),
            c_fc: Layer::new(5, [width, 4 * width], 1.0, elem),
            c_proj: Layer::new(6, [4 * width, width], 1.0, elem),
        }
    }

    fn block(&self, gpu: &Gpu, elem: DType) -> Result<Block> {
        Ok(Block {
            ln_1: self.ln_1.upload(gpu)?,
            attn: SelfAttention {
                in_proj: self.in_proj.upload(gpu, elem)?,
                out_proj: self.out_proj.upload(gpu, elem)?,
                heads: self.shape.heads,
            },
            ln_2: self.ln_2.upload(gpu)?,
            mlp: Mlp {
                c_fc: self.c_fc.upload(gpu, elem)?,
                c_proj: self.c_proj.upload(gpu, elem)?,
            },
        })
    }

    /// What the block makes of `x` (B, N, D), and the error allowed: some rows of the first and the last
    /// frame. The others have to be finite.
    fn expected(&self, x: &[f32], elem: DType) -> (Vec<f32>, Vec<f32>) {
        let tokens = self.shape.keys;
        let frame_len = tokens * self.shape.heads * self.shape.head_dim;
        let mut want = vec![0.0; x.len()];
        let mut bound = vec![f32::INFINITY; x.len()];
        for frame in [0, self.shape.batch - 1] {
            let own = frame * frame_len..(frame + 1) * frame_len;
            let (want, bound) = (&mut want[own.clone()], &mut bound[own.clone()]);
            self.frame(&x[own], &[0, tokens / 3, tokens - 1], elem, want, bound);
        }
        (want, bound)
    }

    /// The same for some `rows` of one frame `x` (N, D). What lies between matmuls is rounded to `elem`,
    /// as the kernels store it.
    fn frame(&self, x: &[f32], rows: &[usize], elem: DType, want: &mut [f32], bound: &mut [f32]) {
        let width = self.shape.heads * self.shape.head_dim;
        let pick = |from: &[f32], stride: usize| -> Vec<f32> {
            let row = |&row: &usize| from[row * stride..][..width].iter().copied();
            rows.iter().flat_map(row).collect()
        };
        let qkv = rounded(self.in_proj.apply(&self.ln_1.apply(x, elem)), elem);
        let queries = pick(&qkv, 3 * width);
        let part = |data, offset, row| reference::Rows {
            data,
            offset,
            batch: 0,
            row,
        };
        let shape = Shape {
            batch: 1,
            queries: rows.len(),
            ..self.shape
        };
        let mixed = reference::attention(
            part(&queries, 0, width),
            part(&qkv, width, 3 * width),
            part(&qkv, 2 * width, 3 * width),
            &shape,
            reference::Mask::None,
        );
        let mixed = rounded(mixed, elem);
        let mut y = pick(x, width);
        add(&mut y, &self.out_proj.apply(&mixed));
        let hidden = self.c_fc.apply(&self.ln_2.apply(&y, elem));
        let hidden = hidden.iter().map(|&v| reference::gelu(v.into()) as f32);
        let hidden = rounded(hidden.collect(), elem);
        add(&mut y, &self.c_proj.apply(&hidden));

        let mut summed = self.out_proj.magnitude(&mixed);
        add(&mut summed, &self.c_proj.magnitude(&hidden));
        // A sum in f32 is off as that of any product; an operand that rounds the other way in f16 is off
        // by one unit, but the signs of such errors differ.
        let root = (width as f32).sqrt();
        let error = match elem {
            DType::F16 => 8.0 / root / 2048.0,
            _ => 0.5 * root * EPS,
        };
        for (i, (y, summed)) in y.iter().zip(&summed).enumerate() {
            let at = rows[i / width] * width + i % width;
            want[at] = *y;
            bound[at] = error * summed + EPS * y.abs();
        }
    }
}

fn add(to: &mut [f32], terms: &[f32]) {
    to.iter_mut().zip(terms).for_each(|(to, term)| *to += term);
}

fn rounded(mut x: Vec<f32>, elem: DType) -> Vec<f32> {
    x.iter_mut().for_each(|v| *v = round(*v, elem));
    x
}
