//! OpenCLIP's CoCa, read as VideoCoCa reads it: frame by frame, then one pooler over all tokens.
//!
//! Struct fields carry the checkpoint's own names, so that the file's tensor list can be held
//! against the struct tree. Shapes: T frames, N tokens a frame, D vision width, Q queries, E
//! embedding width, L text length, V vocabulary, B clips, R texts.

pub(crate) mod block;
mod cache;
#[doc(hidden)]
pub mod checkpoint;
mod config;
mod convert;
mod decoder;
mod loader;
mod pooler;
mod prepare;
mod progress;
pub mod published;
mod random;
mod source;
mod taps;
mod text;
mod vision;

pub use cache::TextCache;
pub use config::{Config, Tower};
pub use pooler::Clips;
pub use progress::LoadProgress;
#[cfg(feature = "shapes")]
pub use source::SHAPES_BYTES;
pub use source::{ModelSource, SHAPES};
pub use taps::Taps;
pub use text::Texts;

use decoder::Decoder;
use loader::Loader;
use pooler::Pooler;
use text::Text;
use vision::Vision;

use crate::gpu::{DType, Gpu, Pass, Tensor};
use crate::ops::attention::{PoolState, pool_merge};
use crate::ops::choose::token_logprobs;
use crate::{Error, Result, selftest};

/// The work of one dispatch, in floating-point operations, that even a small GPU ends within a
/// fraction of the two seconds that desktop drivers allow.
const DISPATCH_FLOP: usize = 50_000_000_000;

/// A loaded model on its device.
pub struct CoCa {
    gpu: Gpu,
    config: Config,
    elem: DType,
    visual: Vision,
    attn_pool: Pooler,
    text: Text,
    text_decoder: Decoder,
    logit_scale: f32,
}

/// Frames behind the image encoder, ready to be pooled in any grouping.
pub struct FrameTokens {
    /// (T, N, 2E) `elem`: the pooler's keys and values of each frame.
    pub keys_values: Tensor,
}

impl FrameTokens {
    /// Puts runs of frames behind each other. At least one run.
    pub fn concatenate(pass: &mut Pass, mut parts: Vec<Self>) -> Result<Self> {
        if parts.len() == 1 {
            return Ok(parts.remove(0));
        }
        let first = &parts[0].keys_values;
        let frames = parts.iter().map(|part| part.keys_values.dim(0)).sum();
        let dims = [frames, first.dim(1), first.dim(2)];
        let keys_values = pass.tensor(&dims, first.dtype())?;
        let mut row = 0;
        for part in &parts {
            pass.copy_rows(&part.keys_values, &keys_values, row);
            row += part.keys_values.dim(0);
        }
        Ok(Self { keys_values })
    }
}

impl CoCa {
    /// Loads a model in `dtype` (f16 needs an adapter that computes in it).
    ///
    /// Nothing large is allocated before every tensor's name, shape and dtype has been checked.
    pub fn load(gpu: &Gpu, source: &ModelSource, dtype: DType) -> Result<Self> {
        Self::load_with(gpu, source, dtype, &mut |_| ())
    }

    /// [`load`](Self::load), which tells how far it has come: at the start, every 32 MB or so, and
    /// at the end.
    pub fn load_with(
        gpu: &Gpu,
        source: &ModelSource,
        dtype: DType,
        progress: &mut dyn FnMut(LoadProgress),
    ) -> Result<Self> {
        check_device(gpu, dtype)?;
        let config = Config::parse(&source.file(config::CONFIG), &source.config_json()?)?;
        let checkpoint = source.weights()?;
        Loader::load(gpu, &checkpoint, dtype, progress, |l| {
            Self::build(l, gpu, &config, dtype)
        })
    }

    fn build(l: &Loader, gpu: &Gpu, config: &Config, dtype: DType) -> Result<Self> {
        Ok(Self {
            gpu: gpu.clone(),
            config: config.clone(),
            elem: dtype,
            visual: Vision::load(l, config)?,
            attn_pool: Pooler::load(l, config)?,
            text: Text::load(l, config)?,
            text_decoder: Decoder::load(l, config)?,
            logit_scale: l.exponential("logit_scale")?,
        })
    }

    pub fn config(&self) -> &Config {
        &self.config
    }

    pub fn gpu(&self) -> &Gpu {
        &self.gpu
    }

    /// The element type of weights and activations.
    pub fn dtype(&self) -> DType {
        self.elem
    }

    /// What multiplies cosines to make contrastive logits.
    pub fn logit_scale(&self) -> f32 {
        self.logit_scale
    }

    /// Frames to encode at once: no activation exceeds a binding, and no dispatch takes so long that
    /// a desktop driver's watchdog would end it.
    pub fn frames_at_once(&self) -> usize {
        let Config { vision, .. } = self.config;
        let widest = (3 * vision.width)
            .max(vision.mlp)
            .max(2 * self.config.embed_dim)
            .max(self.config.patch_columns());
        let row = (widest * self.elem.size()).max(vision.width * DType::F32.size());
        let by_memory = self.gpu.caps().binding_bytes as usize / (self.config.tokens() * row);
        let by_time = DISPATCH_FLOP / (2 * self.config.tokens() * vision.width * vision.mlp);
        by_memory.min(by_time).max(1)
    }

    /// Reads frames: `patches` (T, G², padded 3P²) `elem` → the pooler's keys and values.
    pub fn encode_frames(
        &self,
        pass: &mut Pass,
        patches: &Tensor,
        taps: &mut Taps,
    ) -> Result<FrameTokens> {
        pass.scope("encode frames");
        let tokens = self.visual.forward(pass, patches, taps)?;
        Ok(FrameTokens {
            keys_values: self.attn_pool.keys_values(pass, &tokens, taps)?,
        })
    }

    /// Pools `clips` clips of equally many frames that follow each other in `frames`.
    pub fn pool(
        &self,
        pass: &mut Pass,
        frames: &FrameTokens,
        clips: usize,
        taps: &mut Taps,
    ) -> Result<Clips> {
        assert_eq!(
            frames.keys_values.dim(0) % clips,
            0,
            "clips of equally many frames"
        );
        pass.scope("pool");
        self.attn_pool.pool(pass, &frames.keys_values, clips, taps)
    }

    /// The mergeable pooling state of each frame: what a ring of recent frames keeps. `patches_only`
    /// leaves the class tokens out.
    pub fn frame_states(
        &self,
        pass: &mut Pass,
        frames: &FrameTokens,
        patches_only: bool,
    ) -> Result<PoolState> {
        let all = 0..frames.keys_values.dim(0);
        (self.attn_pool).states(pass, &frames.keys_values, all, usize::from(patches_only))
    }

    /// The pooling state of no frames, for one clip.
    pub fn empty_state(&self, pass: &mut Pass) -> Result<PoolState> {
        self.attn_pool.empty_state(pass)
    }

    /// Merges frames into the state of a clip, which takes the same memory however many they are.
    pub fn merge_frames(
        &self,
        pass: &mut Pass,
        state: &PoolState,
        frames: &FrameTokens,
    ) -> Result<()> {
        self.attn_pool.merge(pass, state, &frames.keys_values, 0)
    }

    /// [`merge_frames`](Self::merge_frames) without the class token of each frame.
    pub fn merge_patches(
        &self,
        pass: &mut Pass,
        state: &PoolState,
        frames: &FrameTokens,
    ) -> Result<()> {
        self.attn_pool.merge(pass, state, &frames.keys_values, 1)
    }

    /// The clip whose frames were merged into `state`: what [`pool`](Self::pool) makes of them.
    pub fn pool_state(&self, pass: &mut Pass, state: &PoolState) -> Result<Clips> {
        self.attn_pool.pool_state(pass, state, &mut Taps::none())
    }

    /// Pools frames `first..first + count` of `states` into one clip: exactly what [`pool`](Self::pool)
    /// makes of the same frames.
    pub fn pool_states(
        &self,
        pass: &mut Pass,
        states: &PoolState,
        first: usize,
        count: usize,
    ) -> Result<Clips> {
        let merged = self.attn_pool.empty_state(pass)?;
        pool_merge(pass, &merged, states, first, count)?;
        self.attn_pool.pool_state(pass, &merged, &mut Taps::none())
    }

    /// Reads texts: ids (R, L), padded with 0.
    pub fn encode_text(&self, pass: &mut Pass, ids: &Tensor, taps: &mut Taps) -> Result<Texts> {
        pass.scope("encode text");
        self.text.forward(pass, ids, taps)
    }

    /// Teacher-forced logits (B, L, V) f32 of `tokens` (B, L, E) before `context` (B, Q-1, E).
    pub fn decode(
        &self,
        pass: &mut Pass,
        tokens: &Tensor,
        context: &Tensor,
        taps: &mut Taps,
    ) -> Result<Tensor> {
        pass.scope("decode");
        self.text_decoder.forward(pass, tokens, context, taps)
    }

    /// Texts of `length` ids of which [`token_logprobs`](Self::token_logprobs) looks at `count` each to
    /// read at once: no activation exceeds a binding, and no dispatch takes too long.
    pub fn texts_at_once(&self, length: usize, count: usize) -> usize {
        let Config { text, decoder, .. } = self.config;
        let logits = count * self.config.vocab;
        let widest = text.mlp.max(decoder.mlp).max(3 * self.config.embed_dim);
        let values = logits.max(length * widest);
        let by_memory = self.gpu.caps().binding_bytes as usize / (values * DType::F32.size());
        let by_time = DISPATCH_FLOP / (2 * logits * self.config.embed_dim);
        by_memory.min(by_time).clamp(1, Texts::AT_ONCE)
    }

    /// Natural logarithms of the probabilities of ids `first..` of each text, given the clip and the
    /// ids before: (R, L - first) f32. `ids` (R, L) `u32` start with SOT, so `first` is at least 1;
    /// equally many texts about each clip of `context` (B, Q-1, E) f32 lie behind each other. What
    /// pads a text at its end has values, too, and changes none before.
    pub fn token_logprobs(
        &self,
        pass: &mut Pass,
        ids: &Tensor,
        first: usize,
        context: &Tensor,
    ) -> Result<Tensor> {
        let length = ids.dim(1);
        assert!((1..length).contains(&first), "ids {first}.. of {ids:?}");
        pass.scope("score texts");
        let tokens = self.text.tokens(pass, ids, length - 1)?;
        // What is said at each position is the id that follows.
        let (at, count) = (first - 1, length - first);
        let logits = (self.text_decoder).forward_part(pass, &tokens, context, at, count)?;
        token_logprobs(pass, &logits, ids, first)
    }
}

/// Whether the adapter computes in a type, and which of its kernels are right there.
fn check_device(gpu: &Gpu, dtype: DType) -> Result<()> {
    match dtype == DType::F16 && !gpu.caps().f16 {
        false => selftest::cooperative_matrices(gpu).map(drop),
        true => Err(Error::Argument {
            what: "dtype",
            expected: "f32".into(),
            found: format!("f16, which {} cannot compute in", gpu.caps().name),
        }),
    }
}
