//! Rows of weights on their way to the device's element type.

use crate::gpu::DType;

/// A block of rows being converted, little-endian as every GPU reads it.
pub(super) struct Block {
    bytes: Vec<u8>,
    dtype: DType,
    /// Where the next [`copy_from`](Block::copy_from) writes, in elements.
    start: usize,
    finite: bool,
}

impl Block {
    /// Zeros.
    pub fn new(elements: usize, dtype: DType) -> Self {
        Self {
            bytes: vec![0; elements * dtype.size()],
            dtype,
            start: 0,
            finite: true,
        }
    }

    /// The bytes to upload.
    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// Whether every value so far is a number that the element type can hold.
    pub fn finite(&self) -> bool {
        self.finite
    }

    /// The next [`copy_from`](Block::copy_from) writes from element `start` on.
    pub fn seek(&mut self, start: usize) {
        self.start = start;
    }

    pub fn copy_from(&mut self, values: impl Iterator<Item = f32>) {
        for (i, value) in values.enumerate() {
            self.set(self.start + i, value);
        }
    }

    pub fn set(&mut self, index: usize, value: f32) {
        match self.dtype {
            DType::F16 => {
                let half = half::f16::from_f32(value);
                self.finite &= half.is_finite();
                self.bytes[index * 2..][..2].copy_from_slice(&half.to_le_bytes());
            }
            _ => {
                self.finite &= value.is_finite();
                self.bytes[index * 4..][..4].copy_from_slice(&value.to_le_bytes());
            }
        }
    }
}
