//! The multimodal decoder (OpenCLIP's `MultimodalTransformer`).

use super::block::{Block, CrossBlock};
use super::cache::Seen;
use super::loader::Loader;
use super::{Config, Taps};
use crate::Result;
use crate::gpu::{DType, Pass, Tensor};
use crate::ops::attention::Mask;
use crate::ops::embed::slice_rows;
use crate::ops::linear::{Linear, linear, linear_normed};
use crate::ops::norm::{LayerNorm, layernorm};

pub(super) struct Decoder {
    resblocks: Vec<Block>,
    cross_attn: Vec<CrossBlock>,
    ln_final: LayerNorm,
    /// By ranges of the vocabulary: one part, or more where the adapter's bindings are small.
    text_projection: Vec<Linear>,
}

impl Decoder {
    pub fn load(l: &Loader, config: &Config) -> Result<Self> {
        let (tower, e) = (config.decoder, config.embed_dim);
        let name = "text_decoder";
        Ok(Self {
            resblocks: (0..tower.layers)
                .map(|i| Block::load(l, &format!("{name}.resblocks.{i}"), tower))
                .collect::<Result<_>>()?,
            cross_attn: (0..tower.layers)
                .map(|i| CrossBlock::load(l, &format!("{name}.cross_attn.{i}"), tower))
                .collect::<Result<_>>()?,
            ln_final: l.layer_norm(&format!("{name}.ln_final"), e)?,
            text_projection: l.wide_projection(
                &format!("{name}.text_projection"),
                e,
                config.vocab,
            )?,
        })
    }

    pub fn layers(&self) -> usize {
        self.resblocks.len()
    }

    /// Cross-attention keys and values of every layer, (B, Q-1, 2E) each: once per clip.
    pub fn keys_values(&self, pass: &mut Pass, context: &Tensor) -> Result<Vec<Tensor>> {
        self.cross_attn
            .iter()
            .map(|block| block.keys_values(pass, context))
            .collect()
    }

    /// Logits (B, L, V) f32 of every position of `tokens` (B, L, E) f32, teacher-forced.
    pub fn forward(
        &self,
        pass: &mut Pass,
        tokens: &Tensor,
        context: &Tensor,
        taps: &mut Taps,
    ) -> Result<Tensor> {
        // The text tower's output stays as it is for whoever else reads it.
        let x = pass.copy_of(tokens)?;
        self.blocks(pass, &x, context, taps)?;
        let logits = self.logits(pass, &x)?;
        taps.see(pass, "dec.logits", &logits)?;
        Ok(logits)
    }

    /// Logits (R, count, V) f32 of positions `first..first + count` alone of `x` (R, L, E) f32, which
    /// is used up: equally many texts about each clip of `context` (B, Q-1, E), behind each other.
    pub fn forward_part(
        &self,
        pass: &mut Pass,
        x: &Tensor,
        context: &Tensor,
        first: usize,
        count: usize,
    ) -> Result<Tensor> {
        self.blocks(pass, x, context, &mut Taps::none())?;
        let part = slice_rows(pass, x, first, count, DType::F32)?;
        self.logits(pass, &part)
    }

    /// Runs all blocks on `x` (R, L, E) f32, in place.
    fn blocks(&self, pass: &mut Pass, x: &Tensor, context: &Tensor, taps: &mut Taps) -> Result<()> {
        for (i, (block, cross)) in self.resblocks.iter().zip(&self.cross_attn).enumerate() {
            block.forward(pass, x, Mask::Causal)?;
            taps.see(pass, &format!("dec.block.{i:02}.self"), x)?;
            let keys_values = cross.keys_values(pass, context)?;
            cross.forward(pass, &by_clip(x, &keys_values), &keys_values)?;
            taps.see(pass, &format!("dec.block.{i:02}.cross"), x)?;
        }
        Ok(())
    }

    /// Logits (R, V) f32 of the last of the ids whose tokens `x` (R, count, E) f32 are used up; for
    /// each layer the ids before, and the clips' keys and values (B, Q-1, 2E).
    pub fn forward_cached<'a>(
        &self,
        pass: &mut Pass,
        x: &Tensor,
        layers: impl Iterator<Item = (Seen<'a>, &'a Tensor)>,
    ) -> Result<Tensor> {
        let blocks = self.resblocks.iter().zip(&self.cross_attn);
        for ((block, cross), (seen, keys_values)) in blocks.zip(layers) {
            block.forward_cached(pass, x, seen)?;
            cross.forward(pass, &by_clip(x, keys_values), keys_values)?;
        }
        let last = match x.dim(1) {
            1 => x.clone(),
            count => slice_rows(pass, x, count - 1, 1, DType::F32)?,
        };
        let logits = self.logits(pass, &last)?;
        let vocab = logits.cols();
        Ok(logits.reshape(&[x.dim(0), vocab]))
    }

    /// `ln_final(x) @ text_projection`: (B, L, E) f32 → (B, L, V) f32.
    fn logits(&self, pass: &mut Pass, x: &Tensor) -> Result<Tensor> {
        if let [whole] = &self.text_projection[..] {
            return linear_normed(pass, x, &self.ln_final, whole, DType::F32);
        }
        let elem = self.text_projection[0].weight.dtype();
        let normed = layernorm(pass, x, &self.ln_final, elem)?;
        let vocab = self.text_projection.iter().map(|part| part.n).sum();
        let logits = pass.tensor(&[x.dim(0), x.dim(1), vocab], DType::F32)?;
        let mut first = 0;
        for part in &self.text_projection {
            let columns = linear(pass, &normed, part, DType::F32)?;
            pass.copy_columns(&columns, &logits, first);
            first += part.n;
        }
        Ok(logits)
    }
}

/// Texts `x` (R, L, E) as rows of the clips that they are about, (B, R/B·L, E): all are queries of the
/// same keys and none is masked.
fn by_clip(x: &Tensor, keys_values: &Tensor) -> Tensor {
    let clips = keys_values.dim(0);
    x.reshape(&[clips, x.rows() / clips, x.cols()])
}
