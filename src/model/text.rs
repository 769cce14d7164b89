//! The causal text tower (OpenCLIP's `TextTransformer` with `embed_cls`).

use super::block::Block;
use super::cache::Seen;
use super::loader::Loader;
use super::{Config, Taps};
use crate::Result;
use crate::gpu::{DType, Pass, Tensor};
use crate::ops::attention::Mask;
use crate::ops::embed::{TokenTable, embed_tokens, slice_rows};
use crate::ops::linear::{Linear, linear};
use crate::ops::norm::{LayerNorm, l2_normalize, layernorm};

pub(super) struct Text {
    token_embedding: TokenTable,
    positional_embedding: Tensor,
    cls_emb: Tensor,
    resblocks: Vec<Block>,
    ln_final: LayerNorm,
    text_projection: Linear,
}

/// What the text tower makes of texts.
pub struct Texts {
    /// (R, E) f32, l2-normalised.
    pub embedding: Tensor,
    /// (R, L, E) f32, before the final norm: for the decoder.
    pub tokens: Tensor,
}

impl Texts {
    /// Texts to read together: their activations stay within any adapter's bindings.
    pub const AT_ONCE: usize = 64;
}

impl Text {
    pub fn load(l: &Loader, config: &Config) -> Result<Self> {
        let tower = config.text;
        let e = config.embed_dim;
        Ok(Self {
            token_embedding: l.token_table("text.token_embedding.weight", config.vocab, e)?,
            positional_embedding: l
                .plain("text.positional_embedding", &[config.context_length + 1, e])?,
            cls_emb: l.plain("text.cls_emb", &[e])?,
            resblocks: (0..tower.layers)
                .map(|i| Block::load(l, &format!("text.transformer.resblocks.{i}"), tower))
                .collect::<Result<_>>()?,
            ln_final: l.layer_norm("text.ln_final", e)?,
            text_projection: l.projection("text.text_projection", e, e)?,
        })
    }

    pub fn layers(&self) -> usize {
        self.resblocks.len()
    }

    /// Ids (R, L), padded with 0 → embeddings and decoder tokens. The CLS stands behind the L ids,
    /// under the mask it was trained with.
    pub fn forward(&self, pass: &mut Pass, ids: &Tensor, taps: &mut Taps) -> Result<Texts> {
        let (rows, length) = (ids.dim(0), ids.dim(1));
        let x = embed_tokens(
            pass,
            ids,
            0,
            length,
            &self.token_embedding,
            &self.positional_embedding,
            Some(&self.cls_emb),
        )?;
        taps.see(pass, "text.embed", &x)?;
        for (i, block) in self.resblocks.iter().enumerate() {
            block.forward(pass, &x, Mask::CausalCls(ids))?;
            taps.see(pass, &format!("text.block.{i:02}"), &x)?;
        }
        let tokens = slice_rows(pass, &x, 0, length, DType::F32)?;
        let cls = slice_rows(pass, &x, length, 1, DType::F32)?.reshape(&[rows, x.cols()]);
        let normed = layernorm(
            pass,
            &cls,
            &self.ln_final,
            self.text_projection.weight.dtype(),
        )?;
        taps.see(pass, "text.cls_ln", &normed)?;
        let raw = linear(pass, &normed, &self.text_projection, DType::F32)?;
        let embedding = l2_normalize(pass, &raw)?;
        taps.see(pass, "text.emb", &embedding)?;
        Ok(Texts { embedding, tokens })
    }

    /// Decoder tokens (R, count, E) of the first `count` of `ids` (R, L). No CLS reads them: it comes
    /// last and is causal, so that they are those of [`forward`](Self::forward).
    pub fn tokens(&self, pass: &mut Pass, ids: &Tensor, count: usize) -> Result<Tensor> {
        let x = embed_tokens(
            pass,
            ids,
            0,
            count,
            &self.token_embedding,
            &self.positional_embedding,
            None,
        )?;
        for block in &self.resblocks {
            block.forward(pass, &x, Mask::Causal)?;
        }
        Ok(x)
    }

    /// Decoder tokens (R, count, E) of the `count` ids behind those that each layer has seen. The CLS
    /// comes last and is causal, so that generation can leave it out.
    pub fn forward_cached<'a>(
        &self,
        pass: &mut Pass,
        ids: &Tensor,
        at: usize,
        count: usize,
        layers: impl Iterator<Item = Seen<'a>>,
    ) -> Result<Tensor> {
        let x = embed_tokens(
            pass,
            ids,
            at,
            count,
            &self.token_embedding,
            &self.positional_embedding,
            None,
        )?;
        for (block, seen) in self.resblocks.iter().zip(layers) {
            block.forward_cached(pass, &x, seen)?;
        }
        Ok(x)
    }
}
