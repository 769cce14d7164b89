//! The straight line from frames to answers, for users of the library.

use std::time::Instant;

use crate::frames::Frame;
use crate::generate::{Options, greedy};
use crate::gpu::{DType, Gpu, Tensor};
use crate::model::{Clips, CoCa, FrameTokens, ModelSource, Taps};
use crate::preprocess::patches;
use crate::tokenizer::Tokenizer;
use crate::{Error, Result};

/// A model with its tokenizer, ready to read videos.
pub struct Engine {
    model: CoCa,
    tokenizer: Tokenizer,
}

/// A video that has been read once: everything that can be asked of it starts here.
pub struct Clip {
    /// (1, E) f32, l2-normalised.
    pub embedding: Tensor,
    /// (1, Q-1, E) f32.
    pub context: Tensor,
    pub timings: Timings,
}

/// Milliseconds of wall time a clip took, stage by stage.
#[derive(Clone, Copy, Debug, Default, PartialEq, serde::Serialize)]
pub struct Timings {
    /// Upload, colour conversion, resize, crop, cutting of patches.
    pub preprocess: f64,
    /// The image encoder and the pooler's keys and values.
    pub encode: f64,
    pub pool: f64,
}

/// A sentence about a clip.
#[derive(Clone, Debug, PartialEq)]
pub struct Caption {
    pub text: String,
    /// SOT, the words, EOT.
    pub tokens: Vec<u32>,
    /// Natural logarithm of the probability of the words.
    pub logprob: f32,
    /// Milliseconds of wall time.
    pub generate: f64,
}

impl Engine {
    /// Loads a model and its tokenizer. `dtype` `None` takes f16 where the adapter computes in it,
    /// else f32.
    pub fn load(gpu: &Gpu, source: &ModelSource, dtype: Option<DType>) -> Result<Self> {
        let dtype = dtype.unwrap_or(if gpu.caps().f16 {
            DType::F16
        } else {
            DType::F32
        });
        let model = CoCa::load(gpu, source, dtype)?;
        let tokenizer = Tokenizer::from_json(
            &source.file("tokenizer.json"),
            &source.tokenizer_json()?,
            model.config().context_length,
            model.config().vocab,
        )?;
        Ok(Self { model, tokenizer })
    }

    pub fn model(&self) -> &CoCa {
        &self.model
    }

    pub fn tokenizer(&self) -> &Tokenizer {
        &self.tokenizer
    }

    /// Reads the frames of one clip, in any order: the pooler has none. Blocks until done.
    ///
    /// Errors: no frames, frames the GPU cannot hold, the device's.
    pub fn encode_video(&self, frames: &[Frame]) -> Result<Clip> {
        if frames.is_empty() {
            return Err(Error::Argument {
                what: "frames",
                expected: "at least one".into(),
                found: "none".into(),
            });
        }
        let (gpu, config) = (self.model.gpu(), self.model.config());
        let mut timings = Timings::default();
        let mut parts = Vec::new();
        for some in frames.chunks(self.model.frames_at_once()) {
            let clock = Instant::now();
            let mut pass = gpu.pass();
            let patches = patches(
                &mut pass,
                some,
                &config.preprocess,
                config.patch as u32,
                self.model.dtype(),
            )?;
            pass.submit()?.wait()?;
            timings.preprocess += lap(clock);

            let clock = Instant::now();
            let mut pass = gpu.pass();
            let tokens = (self.model).encode_frames(&mut pass, &patches, &mut Taps::none())?;
            pass.submit()?.wait()?;
            timings.encode += lap(clock);
            parts.push(tokens);
        }

        let clock = Instant::now();
        let mut pass = gpu.pass();
        let tokens = FrameTokens::concatenate(&mut pass, parts)?;
        let Clips { embedding, context } =
            (self.model).pool(&mut pass, &tokens, 1, &mut Taps::none())?;
        pass.submit()?.wait()?;
        timings.pool = lap(clock);
        Ok(Clip {
            embedding,
            context,
            timings,
        })
    }

    /// Says what a clip shows, always taking the likeliest word.
    pub fn caption(&self, clip: &Clip, options: &Options) -> Result<Caption> {
        let clock = Instant::now();
        let mut texts = greedy(&self.model, &clip.context, options)?;
        let written = texts.remove(0);
        Ok(Caption {
            text: self.tokenizer.decode(&written.tokens),
            tokens: written.tokens,
            logprob: written.logprob,
            generate: lap(clock),
        })
    }
}

fn lap(since: Instant) -> f64 {
    since.elapsed().as_secs_f64() * 1e3
}
