//! The straight line from frames to answers, for users of the library.

mod answers;
mod cells;
mod frame_state;
mod pooling;
mod shots;
mod sliding;
mod texts;
mod windows;

use std::ops::{AddAssign, ControlFlow};
use std::time::Instant;

use crate::frames::Frame;
use crate::generate::{Generated, Options, generate, generate_streaming, rehearse};
use crate::gpu::{DType, Gpu, Pass, Tensor};
use crate::model::{Clips, CoCa, FrameTokens, LoadProgress, ModelSource, Taps};
use crate::preprocess::patches;
use crate::tokenizer::Tokenizer;
use crate::{Error, Result};

pub use answers::{Choice, Scored};
pub use frame_state::FrameState;
pub use pooling::Pooling;
pub use windows::{JoinedWindows, Opened, VideoWindows, Window, WindowOptions};

/// A model with its tokenizer, ready to read videos.
pub struct Engine {
    model: CoCa,
    tokenizer: Tokenizer,
    texts: texts::Kept,
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
    /// Reading and decoding the file, where the engine did that itself.
    pub decode: f64,
    /// Upload, colour conversion, resize, crop, cutting of patches.
    pub preprocess: f64,
    /// The image encoder and the pooler's keys and values.
    pub encode: f64,
    pub pool: f64,
}

impl AddAssign for Timings {
    fn add_assign(&mut self, more: Self) {
        self.decode += more.decode;
        self.preprocess += more.preprocess;
        self.encode += more.encode;
        self.pool += more.pool;
    }
}

/// A sentence about a clip.
#[derive(Clone, Debug, PartialEq)]
pub struct Caption {
    pub text: String,
    /// SOT, the words, EOT; of an answer, its words and EOT alone.
    pub tokens: Vec<u32>,
    /// Natural logarithm of the probability of the words.
    pub logprob: f32,
    /// What candidates are ordered by; see [`Generated`].
    pub score: f32,
    /// Milliseconds of wall time, of all that was written together.
    pub generate: f64,
}

/// Pixels staged at a time.
const UPLOAD_BYTES: usize = 64 << 20;

impl Engine {
    /// Loads a model and its tokenizer. `dtype` `None` takes f16 where the adapter computes in it,
    /// else f32.
    pub fn load(gpu: &Gpu, source: &ModelSource, dtype: Option<DType>) -> Result<Self> {
        Self::load_with(gpu, source, dtype, &mut |_| ())
    }

    /// [`load`](Self::load), which tells how far reading the weights has come.
    pub fn load_with(
        gpu: &Gpu,
        source: &ModelSource,
        dtype: Option<DType>,
        progress: &mut dyn FnMut(LoadProgress),
    ) -> Result<Self> {
        let dtype = dtype.unwrap_or(if gpu.caps().f16 {
            DType::F16
        } else {
            DType::F32
        });
        let model = CoCa::load_with(gpu, source, dtype, progress)?;
        let tokenizer = source.tokenizer(model.config())?;
        Ok(Self::new(model, tokenizer))
    }

    /// A model with its tokenizer.
    pub fn new(model: CoCa, tokenizer: Tokenizer) -> Self {
        Self {
            model,
            tokenizer,
            texts: texts::Kept::default(),
        }
    }

    pub fn model(&self) -> &CoCa {
        &self.model
    }

    pub fn tokenizer(&self) -> &Tokenizer {
        &self.tokenizer
    }

    /// Compiles the kernels that read a clip of `frames` frames, as [`CoCa::prepare`] does, and those that
    /// write a greedy caption of it. Blocks until done; what is compiled already costs little.
    ///
    /// Errors: the driver's, if it refuses a kernel; out of memory.
    pub fn prepare_captions(&self, frames: usize) -> Result<()> {
        self.prepare_captions_on(self.model.gpu(), frames)
    }

    /// The same for a view of the model's device that compiles for itself.
    pub(crate) fn prepare_captions_on(&self, gpu: &Gpu, frames: usize) -> Result<()> {
        self.model.prepare_on(gpu, frames)?;
        rehearse(&self.model, gpu)
    }

    /// Reads the frames of one clip, in any order: the pooler has none. Blocks until done.
    ///
    /// Errors: no frames, frames the GPU cannot hold, the device's.
    pub fn encode_video(&self, frames: &[Frame]) -> Result<Clip> {
        if frames.is_empty() {
            return Err(nothing("frames"));
        }
        let portions: Vec<_> = portions(frames, self.model.frames_at_once()).collect();
        let mut timings = Timings::default();
        let Clips { embedding, context } = match portions[..] {
            [all] => {
                let tokens = self.encode_portion(all, &mut timings)?;
                self.timed(&mut timings.pool, |pass| {
                    self.model.pool(pass, &tokens, 1, &mut Taps::none())
                })?
            }
            _ => {
                let state = self.timed(&mut timings.pool, |pass| self.model.empty_state(pass))?;
                for some in portions {
                    let tokens = self.encode_portion(some, &mut timings)?;
                    self.timed(&mut timings.pool, |pass| {
                        self.model.merge_frames(pass, &state, &tokens)
                    })?;
                }
                self.timed(&mut timings.pool, |pass| {
                    self.model.pool_state(pass, &state)
                })?
            }
        };
        Ok(Clip {
            embedding,
            context,
            timings,
        })
    }

    fn encode_portion(&self, frames: &[Frame], timings: &mut Timings) -> Result<FrameTokens> {
        let config = self.model.config();
        let (side, elem) = (config.patch as u32, self.model.dtype());
        let patches = self.timed(&mut timings.preprocess, |pass| {
            patches(pass, frames, &config.preprocess, side, elem)
        })?;
        self.timed(&mut timings.encode, |pass| {
            (self.model).encode_frames(pass, &patches, &mut Taps::none())
        })
    }

    /// Records, submits and waits, and adds the wall time to `total`.
    fn timed<T>(&self, total: &mut f64, record: impl FnOnce(&mut Pass) -> Result<T>) -> Result<T> {
        let clock = Instant::now();
        let mut pass = self.model.gpu().pass();
        let recorded = record(&mut pass)?;
        pass.submit()?.wait()?;
        *total += lap(clock);
        Ok(recorded)
    }

    /// Says what a clip shows; of several candidates, what is best. Blocks until done.
    pub fn caption(&self, clip: &Clip, options: &Options) -> Result<Caption> {
        Ok(self.captions(&[clip], options)?.remove(0).remove(0))
    }

    /// Writes about many clips together: for each, `options.candidates` sentences, the best first. They
    /// are those that each clip gets alone. Blocks until done.
    ///
    /// Errors: no clips, options that [`generate`] refuses, the device's.
    pub fn captions(&self, clips: &[&Clip], options: &Options) -> Result<Vec<Vec<Caption>>> {
        if clips.is_empty() {
            return Err(nothing("clips"));
        }
        let mut captions = Vec::with_capacity(clips.len());
        for some in clips.chunks(options.clips_at_once()) {
            let clock = Instant::now();
            let texts = generate(&self.model, &self.contexts(some)?, options)?;
            let generate = lap(clock);
            let caption = |written| self.told(written, generate);
            let texts = texts.into_iter();
            captions.extend(texts.map(|texts| texts.into_iter().map(caption).collect()));
        }
        Ok(captions)
    }

    /// [`caption`](Self::caption), which shows the words as they come; a `Break` ends the sentence there.
    ///
    /// Errors: as [`generate_streaming`].
    pub fn caption_streaming(
        &self,
        clip: &Clip,
        options: &Options,
        show: &mut dyn FnMut(&str) -> ControlFlow<()>,
    ) -> Result<Caption> {
        let clock = Instant::now();
        let mut decoded = |tokens: &[u32]| show(&self.tokenizer.decode(tokens));
        let written = generate_streaming(&self.model, &clip.context, options, &mut decoded)?;
        Ok(self.told(written, lap(clock)))
    }

    fn told(&self, written: Generated, generate: f64) -> Caption {
        Caption {
            text: self.tokenizer.decode(&written.tokens),
            tokens: written.tokens,
            logprob: written.logprob,
            score: written.score,
            generate,
        }
    }

    /// The contexts of clips behind each other: (B, Q-1, E) f32.
    fn contexts(&self, clips: &[&Clip]) -> Result<Tensor> {
        let first = &clips[0].context;
        let strange = clips
            .iter()
            .find(|clip| clip.context.dims() != first.dims());
        if let Some(clip) = strange {
            return Err(Error::Argument {
                what: "clips",
                expected: format!("those of one model, with contexts {:?}", first.dims()),
                found: format!("{:?}", clip.context.dims()),
            });
        }
        if clips.len() == 1 {
            return Ok(first.clone());
        }
        let mut pass = self.model.gpu().pass();
        let dims = [clips.len(), first.dim(1), first.dim(2)];
        let together = pass.tensor(&dims, first.dtype())?;
        for (i, clip) in clips.iter().enumerate() {
            pass.copy_rows(&clip.context, &together, i);
        }
        pass.submit()?;
        Ok(together)
    }
}

/// The error for a call that was given none of what it needs.
fn nothing(what: &'static str) -> Error {
    Error::Argument {
        what,
        expected: "at least one".into(),
        found: "none".into(),
    }
}

/// Consecutive frames to upload and encode together: at most `most`, and no more than
/// [`UPLOAD_BYTES`] of pixels unless a single frame has more.
fn portions(mut frames: &[Frame], most: usize) -> impl Iterator<Item = &[Frame]> {
    std::iter::from_fn(move || {
        let mut bytes = 0;
        let fits = |frame: &&Frame| {
            bytes += frame.picture.data.len();
            bytes <= UPLOAD_BYTES
        };
        let count = frames.iter().take(most).take_while(fits).count().max(1);
        let (some, rest) = frames.split_at_checked(count)?;
        frames = rest;
        Some(some)
    })
}

fn lap(since: Instant) -> f64 {
    since.elapsed().as_secs_f64() * 1e3
}
