//! Where a tensor's elements stand in a file, and reading them.

use std::ops::Range;

use ::safetensors::Dtype;
use half::slice::HalfFloatSliceExt;

/// More than any tensor has.
pub(super) const DIMS: usize = 8;

/// A tensor's type, shape and place in a file.
pub(super) struct View {
    dtype: Dtype,
    shape: Vec<usize>,
    /// From an index to the next, in elements, for each dimension; `None` where the elements
    /// follow each other.
    strides: Option<Vec<usize>>,
    /// From its first element to the end of its last.
    bytes: Range<usize>,
}

impl View {
    /// A tensor whose elements are all of `bytes`.
    pub fn contiguous(
        dtype: Dtype,
        shape: Vec<usize>,
        bytes: Range<usize>,
    ) -> Result<Self, String> {
        if shape.len() > DIMS {
            return Err(format!(
                "expected a shape of at most {DIMS} sizes, found {}",
                shape.len()
            ));
        }
        let elements = product(&shape).and_then(|count| count.checked_mul(dtype.bitsize()));
        if elements != bytes.len().checked_mul(8) {
            return Err(format!(
                "expected the bytes of shape {shape:?} in {dtype:?}, found {}",
                bytes.len()
            ));
        }
        Ok(Self {
            dtype,
            shape,
            strides: None,
            bytes,
        })
    }

    /// A tensor that begins at element `offset` of a storage.
    pub fn strided(
        dtype: Dtype,
        shape: Vec<usize>,
        strides: Vec<usize>,
        offset: usize,
        storage: Range<usize>,
    ) -> Result<Self, String> {
        if shape.len() != strides.len() {
            return Err(format!(
                "shape {shape:?} does not go with strides {strides:?}"
            ));
        }
        let size = dtype.bitsize() / 8;
        let span = match shape.contains(&0) {
            true => Some(0),
            false => (shape.iter().zip(&strides))
                .map(|(size, stride)| (size - 1).checked_mul(*stride))
                .try_fold(1_usize, |span, step| span.checked_add(step?)),
        };
        let bytes = span.and_then(|span| {
            let start = storage.start.checked_add(offset.checked_mul(size)?)?;
            let end = start.checked_add(span.checked_mul(size)?)?;
            (end <= storage.end).then_some(start..end)
        });
        let (Some(bytes), Some(_)) = (bytes, product(&shape)) else {
            return Err(format!(
                "shape {shape:?}, strides {strides:?} from element {offset} on in {dtype:?} need \
                 more than the {} bytes of its storage",
                storage.len()
            ));
        };
        let strides = Some(strides).filter(|strides| span > Some(0) && !follow(&shape, strides));
        Ok(Self {
            dtype,
            shape,
            strides,
            bytes,
        })
    }

    /// The tensor in the file that it is in.
    pub fn of<'a>(&'a self, file: &'a [u8]) -> Stored<'a> {
        Stored {
            shape: &self.shape,
            dtype: self.dtype,
            strides: self.strides.as_deref(),
            bytes: &file[self.bytes.clone()],
        }
    }
}

fn product(shape: &[usize]) -> Option<usize> {
    shape.iter().copied().try_fold(1, usize::checked_mul)
}

/// Whether elements follow each other. An index that is always 0 may have any stride.
fn follow(shape: &[usize], strides: &[usize]) -> bool {
    let mut next = 1;
    for (&size, &stride) in shape.iter().zip(strides).rev() {
        if size != 1 && stride != next {
            return false;
        }
        next *= size;
    }
    true
}

/// One tensor as a file stores it.
#[derive(Clone, Copy)]
pub struct Stored<'a> {
    pub shape: &'a [usize],
    pub dtype: Dtype,
    strides: Option<&'a [usize]>,
    bytes: &'a [u8],
}

impl Stored<'_> {
    /// How many bytes of its file it takes.
    pub fn file_bytes(&self) -> usize {
        self.bytes.len()
    }

    /// Whether elements can be read.
    pub fn readable(&self) -> bool {
        matches!(self.dtype, Dtype::F32 | Dtype::F16 | Dtype::BF16)
    }

    /// Copies elements `first..first + out.len()` of the flattened tensor, as f32. Only for those
    /// that are [`readable`](Self::readable).
    pub fn read(&self, first: usize, out: &mut [f32]) {
        let size = self.dtype.bitsize() / 8;
        match self.strides {
            None => self.decode(&self.bytes[first * size..][..out.len() * size], out),
            Some(strides) => {
                for (i, value) in out.iter_mut().enumerate() {
                    let at = place(first + i, self.shape, strides) * size;
                    self.decode(&self.bytes[at..][..size], std::slice::from_mut(value));
                }
            }
        }
    }

    fn decode(&self, bytes: &[u8], out: &mut [f32]) {
        match self.dtype {
            Dtype::F32 => {
                for (raw, value) in bytes.as_chunks().0.iter().zip(out) {
                    *value = f32::from_le_bytes(*raw);
                }
            }
            Dtype::BF16 => {
                for (raw, value) in bytes.as_chunks().0.iter().zip(out) {
                    *value = half::bf16::from_le_bytes(*raw).to_f32();
                }
            }
            Dtype::F16 => {
                // Batches, for which there are instructions; a file may place them at odd bytes.
                let mut batch = [half::f16::ZERO; 64];
                for (raw, out) in bytes
                    .chunks(2 * batch.len())
                    .zip(out.chunks_mut(batch.len()))
                {
                    let batch = &mut batch[..out.len()];
                    for (raw, half) in raw.as_chunks().0.iter().zip(&mut *batch) {
                        *half = half::f16::from_le_bytes(*raw);
                    }
                    batch.convert_to_f32_slice(out);
                }
            }
            other => unreachable!("{other:?} is refused when the checkpoint is checked"),
        }
    }
}

/// Where an element of the flattened tensor stands.
fn place(mut index: usize, shape: &[usize], strides: &[usize]) -> usize {
    let mut at = 0;
    for (size, stride) in shape.iter().zip(strides).rev() {
        at += index % size * stride;
        index /= size;
    }
    at
}
