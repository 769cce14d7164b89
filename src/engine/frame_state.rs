//! Frames one by one, each encoded once and kept as a state that pools with any others: what live video
//! stands on.

use super::{Clip, Engine, Timings};
use crate::Result;
use crate::gpu::{Pass, Tensor};
use crate::model::Taps;
use crate::ops::attention::{PoolState, pool_merge};
use crate::preprocess::{TextureColor, texture_patches};

/// A frame behind the image encoder.
#[derive(Clone)]
pub struct FrameState {
    /// What the attentional pooler makes of this frame's tokens: merged with those of others it is what
    /// pooling their tokens together makes.
    pub state: PoolState,
    /// (1, E) f32, l2-normalised: the frame's alone.
    pub embedding: Tensor,
}

impl Engine {
    /// Reads an upright picture in a texture of the model's device: records into the host's encoder all
    /// from the colours to the pooler's state, and nothing is submitted, polled or read back.
    ///
    /// The host submits the encoder before the next blocking call with what this gives; encoders that
    /// were recorded into one after the other are submitted in that order. `view` shows the whole of
    /// its texture's level 0; the texture has the usage `TEXTURE_BINDING`, one sample and square
    /// pixels. For the first picture kernels are compiled here: [`prepare`](crate::model::CoCa::prepare) does
    /// it earlier.
    ///
    /// Errors: [`Error::Argument`](crate::Error::Argument) for a texture that no shader can load floats
    /// from; out of memory; the device's.
    pub fn encode_texture(
        &self,
        encoder: &mut wgpu::CommandEncoder,
        view: &wgpu::TextureView,
        color: TextureColor,
    ) -> Result<FrameState> {
        (self.model.gpu()).record_into(encoder, |pass| self.read_texture(pass, view, color))
    }

    fn read_texture(
        &self,
        pass: &mut Pass,
        view: &wgpu::TextureView,
        color: TextureColor,
    ) -> Result<FrameState> {
        let (model, config) = (&self.model, self.model.config());
        let (side, elem) = (config.patch as u32, model.dtype());
        let patches = texture_patches(pass, view, color, &config.preprocess, side, elem)?;
        let tokens = model.encode_frames(pass, &patches, &mut Taps::none())?;
        let state = model.frame_states(pass, &tokens, false)?;
        let alone = model.pool_states(pass, &state, 0, 1)?;
        Ok(FrameState {
            state,
            embedding: alone.embedding,
        })
    }

    /// The state of all of `states` together, in any order: the pooler has none. Submits, does not wait.
    ///
    /// Errors: out of memory, the device's.
    pub fn merge<'s>(&self, states: impl IntoIterator<Item = &'s PoolState>) -> Result<PoolState> {
        let mut pass = self.model.gpu().pass();
        let merged = self.model.empty_state(&mut pass)?;
        for state in states {
            pool_merge(&mut pass, &merged, state, 0, 1)?;
        }
        pass.submit()?;
        Ok(merged)
    }

    /// The clip of all frames that were merged into `state`: what [`encode_video`](Self::encode_video)
    /// makes of them. Submits, does not wait.
    ///
    /// Errors: out of memory, the device's.
    pub fn pool(&self, state: &PoolState) -> Result<Clip> {
        let mut pass = self.model.gpu().pass();
        let clips = self.model.pool_state(&mut pass, state)?;
        pass.submit()?;
        Ok(Clip {
            embedding: clips.embedding,
            context: clips.context,
            timings: Timings::default(),
        })
    }
}
