//! Rows against one query on the GPU, some megabytes at a time.

use half::f16;

use super::videos::floats;
use crate::Result;
use crate::gpu::{DType, Gpu, Tensor};
use crate::ops::linear::{Linear, linear, padded};

/// Embeddings in one product: enough to fill a GPU, and little enough for staging memory to be kept.
const CHUNK_BYTES: usize = 32 << 20;

/// Columns of the product, of which the first is the query's: the quick kernels make four at a time.
const COLUMNS: usize = 4;

/// Computes the product of each row with the query. Reading goes on while the GPU computes.
pub(super) struct Scorer<'g> {
    gpu: &'g Gpu,
    /// E, and E as the kernels want it.
    width: usize,
    padded: usize,
    query: Linear,
    /// (R, padded E): one buffer for all chunks.
    rows: Tensor,
    /// Rows of the chunk to come, as stored.
    chunk: Vec<u8>,
    /// (R, 4) f32 of each chunk that was submitted, and how many of its rows count.
    scores: Vec<(Tensor, usize)>,
}

impl<'g> Scorer<'g> {
    /// For `total` rows of the query's width.
    pub fn new(gpu: &'g Gpu, query: &[f32], total: usize) -> Result<Self> {
        let elem = match gpu.caps().f16 {
            true => DType::F16,
            false => DType::F32,
        };
        let (width, wide) = (query.len(), query.len().next_multiple_of(4));
        let most = (CHUNK_BYTES as u64).min(gpu.caps().binding_bytes) as usize;
        let fit = most / (wide * elem.size()).max(COLUMNS * DType::F32.size());
        let mut pass = gpu.pass();
        let mut weight = vec![0.0; wide * padded(COLUMNS)];
        for (row, &value) in weight.chunks_exact_mut(padded(COLUMNS)).zip(query) {
            row[0] = value;
        }
        let query = Linear {
            weight: pass.upload_f32(&[wide, padded(COLUMNS)], elem, &weight)?,
            bias: None,
            n: COLUMNS,
        };
        let rows = pass.tensor(&[total.clamp(1, fit.max(1)), wide], elem)?;
        // The last chunk may not fill it.
        pass.clear(&rows);
        pass.submit()?;
        Ok(Self {
            gpu,
            width,
            padded: wide,
            query,
            rows,
            chunk: Vec::new(),
            scores: Vec::new(),
        })
    }

    /// Adds rows: little-endian f16, E values each.
    pub fn push(&mut self, mut block: &[u8]) -> Result<()> {
        let full = self.rows.dim(0) * self.width * 2;
        while !block.is_empty() {
            let (some, rest) = block.split_at(block.len().min(full - self.chunk.len()));
            self.chunk.extend_from_slice(some);
            block = rest;
            if self.chunk.len() == full {
                self.submit()?;
            }
        }
        Ok(())
    }

    fn submit(&mut self) -> Result<()> {
        let count = self.chunk.len() / (2 * self.width);
        let bytes = self.staged();
        // The chunk before: it was computed while this one was read.
        self.gpu.wait()?;
        let mut pass = self.gpu.pass();
        pass.write(&self.rows, 0, bytes.as_deref().unwrap_or(&self.chunk));
        let scores = linear(&mut pass, &self.rows, &self.query, DType::F32)?;
        pass.submit()?;
        self.scores.push((scores, count));
        self.chunk.clear();
        Ok(())
    }

    /// The chunk as the kernels want it, where that differs from how it is stored.
    fn staged(&self) -> Option<Vec<u8>> {
        let halves = self.rows.dtype() == DType::F16;
        if halves && self.padded == self.width && cfg!(target_endian = "little") {
            return None;
        }
        let rows = self.chunk.chunks_exact(2 * self.width);
        let mut staged = Vec::with_capacity(rows.len() * self.padded * self.rows.dtype().size());
        for row in rows {
            let padding = std::iter::repeat_n(0.0, self.padded - self.width);
            for value in floats(row).chain(padding) {
                match halves {
                    true => staged.extend(f16::from_f32(value).to_ne_bytes()),
                    false => staged.extend(value.to_ne_bytes()),
                }
            }
        }
        Some(staged)
    }

    /// The scores of all rows, in their order.
    pub fn finish(mut self) -> Result<Vec<f32>> {
        if !self.chunk.is_empty() {
            self.submit()?;
        }
        let mut scores = Vec::new();
        for (chunk, count) in &self.scores {
            let values = self.gpu.read_f32(chunk)?;
            scores.extend(values.chunks_exact(COLUMNS).take(*count).map(|row| row[0]));
        }
        Ok(scores)
    }
}
