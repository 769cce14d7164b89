//! Rows of weights on their way to the device's element type.

use std::ops::Range;

use half::f16;
use half::slice::HalfFloatSliceExt;

use super::checkpoint::Stored;
use crate::gpu::DType;

/// Rows that are transposed together: what is read of each, and what is written at a time, are
/// whole cache lines.
const TILE: usize = 32;

/// A block of rows of `cols` elements being filled.
pub(super) struct Block {
    elements: Elements,
    cols: usize,
    scratch: Vec<f32>,
}

enum Elements {
    F32(Vec<f32>),
    F16(Vec<f16>),
}

impl Block {
    /// Zeros.
    pub fn new(rows: usize, cols: usize, dtype: DType) -> Self {
        Self {
            elements: match dtype {
                DType::F16 => Elements::F16(vec![f16::ZERO; rows * cols]),
                _ => Elements::F32(vec![0.0; rows * cols]),
            },
            cols,
            scratch: Vec::new(),
        }
    }

    /// The bytes to upload: little-endian, as every GPU and every host of wgpu reads them.
    pub fn bytes(&self) -> &[u8] {
        match &self.elements {
            Elements::F32(values) => bytemuck::cast_slice(values),
            Elements::F16(values) => bytemuck::cast_slice(values),
        }
    }

    /// Whether every value so far is a number that the element type can hold.
    pub fn finite(&self) -> bool {
        // Folded without a way out, so that many are looked at in one instruction.
        match &self.elements {
            Elements::F32(values) => values.iter().fold(true, |all, v| all & v.is_finite()),
            Elements::F16(values) => values.iter().fold(true, |all, v| all & v.is_finite()),
        }
    }

    /// Fills the first elements of `row` with elements `from` of a tensor.
    pub fn copy(&mut self, row: usize, stored: &Stored, from: Range<usize>) {
        let to = row * self.cols..row * self.cols + from.len();
        match &mut self.elements {
            Elements::F32(values) => stored.read(from.start, &mut values[to]),
            Elements::F16(values) => {
                self.scratch.resize(from.len(), 0.0);
                stored.read(from.start, &mut self.scratch);
                values[to].convert_from_f32_slice(&self.scratch);
            }
        }
    }

    /// Writes rows `rows` of a matrix with `width` columns as columns `column..`, of which the
    /// block's rows are `inputs`.
    pub fn transpose(
        &mut self,
        column: usize,
        stored: &Stored,
        rows: Range<usize>,
        width: usize,
        inputs: Range<usize>,
    ) {
        let length = inputs.len();
        if length == 0 {
            return;
        }
        self.scratch.resize(TILE * length, 0.0);
        for first in rows.clone().step_by(TILE) {
            let count = TILE.min(rows.end - first);
            for (i, read) in self.scratch.chunks_mut(length).take(count).enumerate() {
                stored.read((first + i) * width + inputs.start, read);
            }
            let column = column + first - rows.start;
            for input in 0..length {
                let mut tile = [0.0; TILE];
                for (i, value) in tile[..count].iter_mut().enumerate() {
                    *value = self.scratch[i * length + input];
                }
                let at = input * self.cols + column;
                match &mut self.elements {
                    Elements::F32(values) => values[at..at + count].copy_from_slice(&tile[..count]),
                    Elements::F16(values) => {
                        values[at..at + count].convert_from_f32_slice(&tile[..count]);
                    }
                }
            }
        }
    }
}
