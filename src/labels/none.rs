//! "None of these": when no label fits.

use super::{Labels, Templates, dot};
use crate::Result;
use crate::engine::{Clip, Engine};
use crate::generate::Options;

/// Words that fit every picture and no one better than another.
const NEUTRAL: [&str; 4] = ["something", "nothing", "a picture", "a video"];

/// How far a label has to come on the way from the neutral words to the model's own caption.
///
/// Chosen on 440 rendered clips with `shapes`, each against 8 labels drawn at random, with its own
/// and without: 7 % of the right labels are refused, 10 % of the others let through. At 0.5 that is 1 %
/// and 26 %, at 0.7 21 % and 3 %. docs/bench/world.md has what the program reaches.
const WAY: f32 = 0.6;

/// Where a label has to stand for a clip to count as showing it.
///
/// Cosines of texts with a clip mean different things in different models, and for different clips.
/// So both ends of the scale are the clip's own: below, what words that say nothing score; above,
/// what the caption scores that this model writes about it, which is the best text at hand. A label
/// counts from 0.6 of the way on.
pub struct NoneOfThese {
    neutral: Labels,
}

impl NoneOfThese {
    /// Reads the neutral words through the templates that the labels have. Blocks until done.
    ///
    /// Errors: those of [`Labels::new`].
    pub fn new(engine: &Engine, templates: &Templates) -> Result<Self> {
        let names = NEUTRAL.iter().map(|&word| word.to_owned()).collect();
        Ok(Self {
            neutral: Labels::new(engine, names, templates)?,
        })
    }

    /// The logit of "none of these" beside those of [`Labels::logits`]: the label that equals it is
    /// as likely as none. Writes a caption of `clip`, whose embedding (E) is `embedding`; blocks until
    /// done.
    ///
    /// Errors: the device's.
    pub fn logit(&self, engine: &Engine, clip: &Clip, embedding: &[f32]) -> Result<f32> {
        let caption = engine.caption(clip, &Options::default())?.text;
        self.logit_beside(engine, &caption, embedding)
    }

    /// [`logit`](Self::logit) for a clip of which the caption is known. Blocks until the caption is read.
    ///
    /// Errors: those of [`Engine::embed_texts`].
    pub fn logit_beside(&self, engine: &Engine, caption: &str, embedding: &[f32]) -> Result<f32> {
        let caption = engine.embed_texts(&[caption])?.remove(0);
        let told = engine.model().logit_scale() * dot(embedding, &caption);
        let neutral = self.neutral.logits(embedding);
        let neutral = neutral.iter().sum::<f32>() / neutral.len() as f32;
        Ok(neutral + WAY * (told - neutral).max(0.0))
    }
}
