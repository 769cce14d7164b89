//! Buffers filled in blocks, so that the host memory of a load is bounded.

use std::ops::Range;

use super::super::checkpoint::Stored;
use super::super::convert::Block;
use super::Loader;
use crate::gpu::{DType, Pass, Tensor};
use crate::{Error, Result};

/// Bytes converted and staged at a time.
const CHUNK_BYTES: usize = 4 << 20;
/// Bytes in flight before waiting for the device: bounds the host memory of a load.
const FLIGHT_BYTES: usize = 32 << 20;

impl<'a> Loader<'a> {
    /// Allocates (rows, cols) as `dims` and fills each row with the elements that `source` names.
    pub(super) fn fill(
        &self,
        name: &str,
        dims: &[usize],
        rows: usize,
        cols: usize,
        dtype: DType,
        source: &dyn Fn(usize) -> (Stored<'a>, Range<usize>),
    ) -> Result<Tensor> {
        let tensor = self.fill_blocks(name, &[rows, cols], dtype, |range, block| {
            for (i, row) in range.enumerate() {
                let (stored, elements) = source(row);
                block.copy(i, &stored, elements);
            }
        })?;
        Ok(tensor.reshape(dims))
    }

    /// Allocates (rows, cols) and fills it in blocks of whole rows of at most [`CHUNK_BYTES`].
    pub(super) fn fill_blocks(
        &self,
        name: &str,
        dims: &[usize; 2],
        dtype: DType,
        write: impl Fn(Range<usize>, &mut Block),
    ) -> Result<Tensor> {
        let [rows, cols] = *dims;
        let tensor = self.gpu.persistent(dims, dtype)?;
        let row_bytes = cols * dtype.size();
        let step = (CHUNK_BYTES / row_bytes).max(1).next_multiple_of(2);
        let mut pass = self.gpu.pass();
        for first in (0..rows).step_by(step) {
            let range = first..rows.min(first + step);
            let mut block = Block::new(range.len(), cols, dtype);
            write(range.clone(), &mut block);
            if !block.finite() {
                return Err(self.not_finite(name, dtype));
            }
            pass.write(&tensor, (first * row_bytes) as u64, block.bytes());
            pass = self.throttle(pass, block.bytes().len())?;
        }
        pass.submit()?;
        Ok(tensor)
    }

    pub(super) fn not_finite(&self, name: &str, dtype: DType) -> Error {
        let advice = match dtype {
            DType::F16 => "; try --dtype f32",
            _ => "",
        };
        let problem = format!("tensor {name} holds values that are not finite in {dtype}{advice}");
        Error::model(self.checkpoint.path(), problem)
    }

    /// Submits and waits once enough is on its way.
    fn throttle<'g>(&self, pass: Pass<'g>, bytes: usize) -> Result<Pass<'g>> {
        self.in_flight.set(self.in_flight.get() + bytes);
        if self.in_flight.get() < FLIGHT_BYTES {
            return Ok(pass);
        }
        let gpu = pass.gpu();
        pass.submit()?.wait()?;
        self.checkpoint.release();
        self.reading.borrow_mut().tell();
        self.in_flight.set(0);
        Ok(gpu.pass())
    }
}
