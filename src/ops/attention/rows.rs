//! Where the heads of queries, keys and values lie.

use super::Shape;
use crate::gpu::Tensor;

/// Rows of heads inside a tensor: element (b, i, h, c) is at
/// `offset + b * batch + i * row + h * head_dim + c`. All are multiples of 4.
#[derive(Clone, Copy)]
pub struct Rows<'a> {
    pub tensor: &'a Tensor,
    pub offset: usize,
    /// 0 where all batches share their rows.
    pub batch: usize,
    pub row: usize,
}

impl<'a> Rows<'a> {
    /// Part `i` of `of` equal column parts of a (B, L, of·W) tensor.
    pub fn part(tensor: &'a Tensor, i: usize, of: usize) -> Self {
        let &[_, rows, cols] = tensor.dims() else {
            panic!("rows of heads are (B, L, W), not {tensor:?}");
        };
        assert_eq!(cols % of, 0, "{of} parts of {tensor:?}");
        Self {
            tensor,
            offset: i * (cols / of),
            batch: rows * cols,
            row: cols,
        }
    }

    /// All columns of a (B, L, W) tensor.
    pub fn all(tensor: &'a Tensor) -> Self {
        Self::part(tensor, 0, 1)
    }

    /// The same without the first `batches` batches.
    pub fn skip_batches(self, batches: usize) -> Self {
        Self {
            offset: self.offset + batches * self.batch,
            ..self
        }
    }

    /// The same without the first `n` rows of every batch.
    pub fn skip_rows(self, n: usize) -> Self {
        Self {
            offset: self.offset + n * self.row,
            ..self
        }
    }

    /// The first batch's rows for every batch.
    pub fn shared(self) -> Self {
        Self { batch: 0, ..self }
    }

    /// Asserts that `count` rows of `shape` lie inside the tensor; gives the strides in vec4.
    pub(super) fn checked(&self, what: &str, count: usize, shape: &Shape) -> [u32; 3] {
        let Self {
            tensor,
            offset,
            batch,
            row,
        } = *self;
        assert!(
            offset % 4 == 0 && batch % 4 == 0 && row % 4 == 0,
            "{what}: offset {offset}, batch {batch} and row {row} are in fours"
        );
        let last =
            offset + (shape.batch - 1) * batch + (count - 1) * row + shape.heads * shape.head_dim;
        assert!(
            last <= tensor.len(),
            "{what}: {count} rows of {shape:?} reach {last} in {tensor:?}"
        );
        [offset, batch, row].map(|n| (n / 4) as u32)
    }
}
