//! What a text being written keeps on the GPU: keys and values of every layer.

use super::CoCa;
use crate::Result;
use crate::gpu::{Pass, Tensor};

/// Key-value caches of B texts of at most `capacity` ids, and the clips' cross-attention keys and
/// values.
pub struct TextCache {
    /// (B, capacity, 2E) `elem` for each layer of the text tower.
    text: Vec<Tensor>,
    /// The same for each self-attention layer of the decoder.
    decoder: Vec<Tensor>,
    /// (B, Q-1, 2E) `elem` for each cross-attention layer.
    cross: Vec<Tensor>,
}

impl CoCa {
    /// Empty caches for clips of `context` (B, Q-1, E) f32.
    pub fn text_cache(
        &self,
        pass: &mut Pass,
        context: &Tensor,
        capacity: usize,
    ) -> Result<TextCache> {
        let dims = [context.dim(0), capacity, 2 * self.config.embed_dim];
        let layers = |pass: &Pass, count| {
            (0..count)
                .map(|_| pass.tensor(&dims, self.elem))
                .collect::<Result<Vec<_>>>()
        };
        Ok(TextCache {
            text: layers(pass, self.text.layers())?,
            decoder: layers(pass, self.text_decoder.layers())?,
            cross: self.text_decoder.keys_values(pass, context)?,
        })
    }

    /// Logits (B, V) f32 of the id that follows ids `at..at + count` of `ids` (B, capacity), where
    /// those before `at` have been seen by the same cache.
    pub fn next_logits(
        &self,
        pass: &mut Pass,
        ids: &Tensor,
        at: usize,
        count: usize,
        cache: &TextCache,
    ) -> Result<Tensor> {
        pass.scope("next token");
        let tokens = (self.text).forward_cached(pass, ids, at, count, &cache.text)?;
        (self.text_decoder).forward_cached(pass, &tokens, at, &cache.decoder, &cache.cross)
    }
}
