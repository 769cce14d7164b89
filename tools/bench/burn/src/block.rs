//! A block of an image encoder.

use std::ops::Range;

use burn::tensor::Tensor;
use burn::tensor::activation::gelu;

use crate::cases::{Shape, attended};
use crate::operands::{Layer, Norm, Operands, add};
use crate::twin;

/// A block of an image encoder, on both sides.
pub struct Block {
    shape: Shape,
    ln_1: Norm,
    in_proj: Layer,
    out_proj: Layer,
    ln_2: Norm,
    c_fc: Layer,
    c_proj: Layer,
}

impl Block {
    pub fn new(operands: &mut Operands, shape: Shape) -> Self {
        let width = shape.width();
        Self {
            shape,
            ln_1: Norm::new(operands, width),
            // Scores of some size, so that attention is no mean.
            in_proj: Layer::new(operands, [width, 3 * width], 1.5),
            out_proj: Layer::new(operands, [width, width], 1.0),
            ln_2: Norm::new(operands, width),
            c_fc: Layer::new(operands, [width, 4 * width], 1.0),
            c_proj: Layer::new(operands, [4 * width, width], 1.0),
        }
    }

    /// (T, N, D) to the same.
    pub fn on(&self, x: Tensor<3>) -> Tensor<3> {
        let Shape {
            frames,
            tokens,
            heads,
            head_dim,
        } = self.shape;
        let qkv = self.in_proj.on(self.ln_1.on(x.clone()));
        let [q, k, v] = std::array::from_fn(|part| {
            let part = qkv
                .clone()
                .narrow(2, part * self.shape.width(), self.shape.width());
            part.reshape([frames, tokens, heads, head_dim])
                .swap_dims(1, 2)
        });
        let mixed = attended(q, k, v).swap_dims(1, 2);
        let mixed = mixed.reshape([frames, tokens, self.shape.width()]);
        let x = x + self.out_proj.on(mixed);
        let hidden = gelu(self.c_fc.on(self.ln_2.on(x.clone())));
        x + self.c_proj.on(hidden)
    }

    /// Some rows of what becomes of one frame (N, D): their indices, and what they are.
    pub fn twin(&self, x: &[f64]) -> Vec<(usize, Vec<f64>)> {
        let Shape {
            tokens,
            heads,
            head_dim,
            ..
        } = self.shape;
        let width = self.shape.width();
        let qkv = self.in_proj.twin(&self.ln_1.twin(x));
        // Part 0, 1 or 2 of the columns, of one head.
        let head = |rows: Range<usize>, part: usize, head: usize| -> Vec<f64> {
            let at = part * width + head * head_dim;
            rows.flat_map(|row| &qkv[row * 3 * width + at..][..head_dim])
                .copied()
                .collect()
        };
        let row = |row: usize| {
            let mixed: Vec<f64> = (0..heads)
                .flat_map(|h| {
                    let (keys, values) = (head(0..tokens, 1, h), head(0..tokens, 2, h));
                    twin::attention(&head(row..row + 1, 0, h), &keys, &values, head_dim)
                })
                .collect();
            let mut y = x[row * width..][..width].to_vec();
            add(&mut y, self.out_proj.twin(&mixed));
            let mut hidden = self.c_fc.twin(&self.ln_2.twin(&y));
            hidden.iter_mut().for_each(|x| *x = twin::gelu(*x));
            add(&mut y, self.c_proj.twin(&hidden));
            (row, y)
        };
        [0, tokens / 3, tokens - 1].map(row).into()
    }
}
