//! The frozen image encoder (OpenCLIP's `VisionTransformer`), up to its last block.

use super::block::Block;
use super::loader::Loader;
use super::{Config, Taps};
use crate::Result;
use crate::gpu::{DType, Pass, Tensor};
use crate::ops::attention::Mask;
use crate::ops::embed::embed_patches;
use crate::ops::linear::{Linear, linear};
use crate::ops::norm::{LayerNorm, layernorm};

pub(super) struct Vision {
    conv1: Linear,
    class_embedding: Tensor,
    positional_embedding: Tensor,
    ln_pre: LayerNorm,
    resblocks: Vec<Block>,
}

impl Vision {
    pub fn load(l: &Loader, config: &Config) -> Result<Self> {
        let tower = config.vision;
        Ok(Self {
            conv1: l.patch_convolution("visual.conv1.weight", tower.width, config.patch)?,
            class_embedding: l.plain("visual.class_embedding", &[tower.width])?,
            positional_embedding: l.plain(
                "visual.positional_embedding",
                &[config.tokens(), tower.width],
            )?,
            ln_pre: l.layer_norm("visual.ln_pre", tower.width)?,
            resblocks: (0..tower.layers)
                .map(|i| Block::load(l, &format!("visual.transformer.resblocks.{i}"), tower))
                .collect::<Result<_>>()?,
        })
    }

    /// (T, G², padded 3P²) patches → (T, N, D) f32 tokens. No norm after the last block.
    pub fn forward(&self, pass: &mut Pass, patches: &Tensor, taps: &mut Taps) -> Result<Tensor> {
        let embedded = linear(pass, patches, &self.conv1, DType::F32)?;
        taps.see(pass, "vis.patch_embed", &embedded)?;
        let x = embed_patches(
            pass,
            &embedded,
            &self.class_embedding,
            &self.positional_embedding,
        )?;
        taps.see(pass, "vis.embed", &x)?;
        let x = layernorm(pass, &x, &self.ln_pre, DType::F32)?;
        taps.see(pass, "vis.ln_pre", &x)?;
        for (i, block) in self.resblocks.iter().enumerate() {
            block.forward(pass, &x, Mask::None)?;
            taps.see(pass, &format!("vis.block.{i:02}"), &x)?;
        }
        Ok(x)
    }
}
