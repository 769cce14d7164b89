//! Zero-shot classification: each label becomes texts through templates, their mean embedding stands for
//! it, and a video is likeliest to show the label that it is closest to.

mod none;
mod templates;

pub use none::NoneOfThese;
pub use templates::Templates;

use crate::model::Texts;
use crate::{Engine, Error, Result};

/// Labels as a model reads them.
pub struct Labels {
    names: Vec<String>,
    /// (labels, E), each row l2-normalised.
    embeddings: Vec<Vec<f32>>,
    scale: f32,
}

impl Labels {
    /// Reads the texts of all labels. Blocks until done.
    ///
    /// Errors: no labels; those of [`Engine::embed_texts`].
    pub fn new(engine: &Engine, names: Vec<String>, templates: &Templates) -> Result<Self> {
        if names.is_empty() {
            return Err(Error::Argument {
                what: "labels",
                expected: "at least one".into(),
                found: "none".into(),
            });
        }
        let mut embeddings = Vec::with_capacity(names.len());
        // As many labels as are read together, and not the texts of all at a time.
        for some in names.chunks(Texts::AT_ONCE.div_ceil(templates.len())) {
            let texts: Vec<String> = (some.iter())
                .flat_map(|name| templates.fill(name))
                .collect();
            let read = engine.embed_texts(&texts)?;
            embeddings.extend(read.chunks(templates.len()).map(mean));
        }
        Ok(Self {
            names,
            embeddings,
            scale: engine.model().logit_scale(),
        })
    }

    pub fn names(&self) -> &[String] {
        &self.names
    }

    /// The cosine of an embedding (E), l2-normalised, with each label, times the checkpoint's scale.
    pub fn logits(&self, embedding: &[f32]) -> Vec<f32> {
        (self.embeddings.iter())
            .map(|label| self.scale * dot(label, embedding))
            .collect()
    }

    /// The softmax of the [`logits`](Self::logits).
    pub fn probabilities(&self, embedding: &[f32]) -> Vec<f32> {
        softmax(&self.logits(embedding))
    }
}

/// Probabilities of logits.
pub fn softmax(logits: &[f32]) -> Vec<f32> {
    let most = logits.iter().copied().fold(f32::NEG_INFINITY, f32::max);
    let weights: Vec<f64> = (logits.iter())
        .map(|logit| f64::from(logit - most).exp())
        .collect();
    let total: f64 = weights.iter().sum();
    (weights.iter())
        .map(|weight| (weight / total) as f32)
        .collect()
}

/// The l2-normalised mean of embeddings (E).
fn mean<T: AsRef<[f32]>>(embeddings: &[T]) -> Vec<f32> {
    let mut sum = vec![0.0f64; embeddings[0].as_ref().len()];
    for embedding in embeddings {
        (sum.iter_mut().zip(embedding.as_ref())).for_each(|(sum, &x)| *sum += f64::from(x));
    }
    let length = sum.iter().map(|x| x * x).sum::<f64>().sqrt().max(1e-12);
    sum.iter().map(|x| (x / length) as f32).collect()
}

pub(crate) fn dot(a: &[f32], b: &[f32]) -> f32 {
    a.iter().zip(b).map(|(a, b)| a * b).sum()
}
