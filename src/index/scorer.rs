//! Rows against one query on the GPU, some megabytes at a time.

use crate::Result;
use crate::gpu::{DType, Gpu, Tensor};
use crate::ops::score::score_rows;

/// Embeddings in one dispatch: enough to fill a GPU, and little enough for staging memory to be kept.
const CHUNK_BYTES: u64 = 32 << 20;

/// Computes the product of each row with the query. Reading goes on while the GPU computes.
pub(super) struct Scorer<'g> {
    gpu: &'g Gpu,
    /// E.
    width: usize,
    /// (E, up to a multiple of 8) f32.
    query: Tensor,
    /// (R, E up to a multiple of 8) f16: one buffer for all chunks.
    rows: Tensor,
    /// Rows of the chunk to come, as stored.
    chunk: Vec<u8>,
    /// (R) f32 of each chunk that was submitted, and how many of its rows count.
    scores: Vec<(Tensor, usize)>,
}

impl<'g> Scorer<'g> {
    /// For `total` rows of the query's width.
    pub fn new(gpu: &'g Gpu, query: &[f32], total: usize) -> Result<Self> {
        let (width, padded) = (query.len(), query.len().next_multiple_of(8));
        let most = CHUNK_BYTES.min(gpu.caps().binding_bytes) as usize;
        let fit = (most / (2 * padded)).max(1);
        let mut pass = gpu.pass();
        let mut values = query.to_vec();
        values.resize(padded, 0.0);
        let query = pass.upload_f32(&[padded], DType::F32, &values)?;
        let rows = pass.tensor(&[total.clamp(1, fit), padded], DType::F16)?;
        pass.submit()?;
        Ok(Self {
            gpu,
            width,
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
        let padded = self.padded();
        // The chunk before: it was computed while this one was read.
        self.gpu.wait()?;
        let mut pass = self.gpu.pass();
        // The last chunk may not fill the buffer: what is behind it is scored, too, and not read.
        pass.write(&self.rows, 0, padded.as_deref().unwrap_or(&self.chunk));
        let scores = score_rows(&mut pass, &self.rows, &self.query)?;
        pass.submit()?;
        self.scores.push((scores, count));
        self.chunk.clear();
        Ok(())
    }

    /// The chunk with rows as wide as the kernel takes them, if they are not stored so.
    fn padded(&self) -> Option<Vec<u8>> {
        let (stored, wide) = (2 * self.width, 2 * self.rows.cols());
        if stored == wide {
            return None;
        }
        let mut padded = vec![0; self.chunk.len() / stored * wide];
        let rows = padded.chunks_exact_mut(wide);
        for (to, from) in rows.zip(self.chunk.chunks_exact(stored)) {
            to[..stored].copy_from_slice(from);
        }
        Some(padded)
    }

    /// The scores of all rows, in their order.
    pub fn finish(mut self) -> Result<Vec<f32>> {
        if !self.chunk.is_empty() {
            self.submit()?;
        }
        let mut scores = Vec::new();
        for (chunk, count) in &self.scores {
            scores.extend(&self.gpu.read_f32(chunk)?[..*count]);
        }
        Ok(scores)
    }
}
