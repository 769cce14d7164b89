//! A shape over a GPU buffer.

use std::fmt;
use std::sync::Arc;

use super::pool::PooledBuffer;

/// Element type of a tensor.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, serde::Serialize)]
#[serde(rename_all = "lowercase")]
pub enum DType {
    F32,
    F16,
    U32,
}

impl DType {
    /// Bytes an element takes.
    pub fn size(self) -> usize {
        match self {
            Self::F32 | Self::U32 => 4,
            Self::F16 => 2,
        }
    }
}

impl fmt::Display for DType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::F32 => "f32",
            Self::F16 => "f16",
            Self::U32 => "u32",
        })
    }
}

/// Dense values on the GPU: row-major, axes in PyTorch's order. Cheap to clone; the buffer goes
/// back to the pool with the last clone.
#[derive(Clone)]
pub struct Tensor {
    dims: Box<[usize]>,
    dtype: DType,
    buffer: Arc<PooledBuffer>,
}

impl Tensor {
    pub(super) fn new(dims: &[usize], dtype: DType, buffer: PooledBuffer) -> Self {
        Self {
            dims: dims.into(),
            dtype,
            buffer: Arc::new(buffer),
        }
    }

    /// Bytes to allocate: whole 16-byte words, so that kernels may load vec4 up to the end.
    pub(super) fn bytes_for(dims: &[usize], dtype: DType) -> u64 {
        let bytes = dims.iter().product::<usize>() * dtype.size();
        (bytes.next_multiple_of(16) as u64).max(16)
    }

    pub(super) fn padded_bytes(&self) -> u64 {
        Self::bytes_for(&self.dims, self.dtype)
    }

    pub(super) fn buffer(&self) -> &wgpu::Buffer {
        self.buffer.raw()
    }

    pub fn dims(&self) -> &[usize] {
        &self.dims
    }

    /// The extent of axis `axis`.
    pub fn dim(&self, axis: usize) -> usize {
        self.dims[axis]
    }

    pub fn dtype(&self) -> DType {
        self.dtype
    }

    /// Number of elements.
    #[allow(clippy::len_without_is_empty)] // no tensor is empty
    pub fn len(&self) -> usize {
        self.dims.iter().product()
    }

    /// The extent of the last axis.
    pub fn cols(&self) -> usize {
        *self.dims.last().expect("a tensor has at least one axis")
    }

    /// The product of all axes but the last: every op sees rows.
    pub fn rows(&self) -> usize {
        self.len() / self.cols()
    }

    /// The same values under another shape. Panics if the number of elements differs.
    pub fn reshape(&self, dims: &[usize]) -> Self {
        assert_eq!(
            self.len(),
            dims.iter().product::<usize>(),
            "reshape of {:?} to {dims:?}",
            self.dims
        );
        Self {
            dims: dims.into(),
            ..self.clone()
        }
    }
}

impl fmt::Debug for Tensor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Tensor({:?}, {})", self.dims, self.dtype)
    }
}
