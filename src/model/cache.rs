//! What a text being written keeps on the GPU: keys and values of every layer.

use super::CoCa;
use crate::Result;
use crate::gpu::{Pass, Tensor};

/// Key-value caches of R texts of at most `capacity` ids, equally many for each of B clips, and the
/// clips' cross-attention keys and values.
pub struct TextCache {
    /// (R, capacity, 2E) `elem` for each layer of the text tower.
    text: Vec<Tensor>,
    /// The same for each self-attention layer of the decoder.
    decoder: Vec<Tensor>,
    /// (B, Q-1, 2E) `elem` for each cross-attention layer.
    cross: Vec<Tensor>,
}

/// One layer's cache of the ids before those that follow.
#[derive(Clone, Copy)]
pub(super) struct Seen<'a> {
    /// (R, capacity, 2E).
    pub keys_values: &'a Tensor,
    /// How many ids.
    pub at: usize,
    pub history: Option<&'a Tensor>,
}

impl CoCa {
    /// Empty caches of `texts` texts about each of the clips of `context` (B, Q-1, E) f32.
    pub fn text_cache(
        &self,
        pass: &mut Pass,
        context: &Tensor,
        texts: usize,
        capacity: usize,
    ) -> Result<TextCache> {
        let rows = context.dim(0) * texts;
        let dims = [rows, capacity, 2 * self.config.embed_dim];
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

    /// Logits (R, V) f32 of the id that follows ids `at..at + count` of `ids` (R, capacity), where
    /// those before `at` have been seen by the same cache.
    ///
    /// `history` (R, capacity) `u32`, if there is one, tells for every text and id in which text's
    /// cache its keys and values lie: beams share their beginnings. It counts once a single id
    /// follows, and all ids before lie in their own text's until then.
    pub fn next_logits(
        &self,
        pass: &mut Pass,
        ids: &Tensor,
        at: usize,
        count: usize,
        cache: &TextCache,
        history: Option<&Tensor>,
    ) -> Result<Tensor> {
        pass.scope("next token");
        let seen = |keys_values| Seen {
            keys_values,
            at,
            history,
        };
        let tokens =
            (self.text).forward_cached(pass, ids, at, count, cache.text.iter().map(seen))?;
        let layers = cache.decoder.iter().map(seen).zip(&cache.cross);
        (self.text_decoder).forward_cached(pass, &tokens, layers)
    }
}
