//! Zero-shot classification: each label becomes texts through templates, their mean embedding stands for
//! it, and a video is likeliest to show the label that it is closest to.

use std::path::Path;

use serde::Serialize;

use crate::files;
use crate::{Engine, Error, Result};

/// Texts with `{}` where a label goes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(transparent)]
pub struct Templates(Vec<String>);

/// Far above any list of templates.
const BYTES: u64 = 1 << 20;

impl Default for Templates {
    /// The label alone.
    fn default() -> Self {
        Self(vec!["{}".into()])
    }
}

impl Templates {
    /// Reads templates from a file, one a line.
    ///
    /// Errors: [`Error::Dataset`] for a file without lines, or with one that has no `{}`; what cannot be
    /// read.
    pub fn read(path: &Path) -> Result<Self> {
        let bytes = files::read(path, "a list of templates", BYTES)?;
        let text = String::from_utf8_lossy(&bytes);
        let lines = text.lines().map(str::trim).enumerate();
        let mut templates = Vec::new();
        for (i, line) in lines.filter(|(_, line)| !line.is_empty()) {
            if !line.contains("{}") {
                let shown = files::shown(line);
                let problem = format!("line {}: expected a text with {{}}, found {shown}", i + 1);
                return Err(Error::dataset(path, problem));
            }
            templates.push(line.to_owned());
        }
        match templates.is_empty() {
            true => Err(Error::dataset(path, "is empty")),
            false => Ok(Self(templates)),
        }
    }

    fn fill(&self, label: &str) -> Vec<String> {
        let texts = self.0.iter().map(|template| template.replace("{}", label));
        texts.collect()
    }
}

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
        let embed = |name: &String| {
            let texts = engine.embed_texts(&templates.fill(name))?;
            let mut sum = vec![0.0; texts[0].len()];
            for text in &texts {
                sum.iter_mut()
                    .zip(text.iter())
                    .for_each(|(sum, x)| *sum += x);
            }
            let length = sum.iter().map(|x| x * x).sum::<f32>().sqrt();
            Ok(sum.iter().map(|x| x / length.max(1e-12)).collect())
        };
        Ok(Self {
            embeddings: names.iter().map(embed).collect::<Result<_>>()?,
            scale: engine.model().logit_scale(),
            names,
        })
    }

    pub fn names(&self) -> &[String] {
        &self.names
    }

    /// The cosine of an embedding (E), l2-normalised, with each label, times the checkpoint's scale.
    pub fn logits(&self, embedding: &[f32]) -> Vec<f32> {
        let dot =
            |label: &Vec<f32>| -> f32 { label.iter().zip(embedding).map(|(a, b)| a * b).sum() };
        self.embeddings
            .iter()
            .map(|label| self.scale * dot(label))
            .collect()
    }

    /// The softmax of the [`logits`](Self::logits).
    pub fn probabilities(&self, embedding: &[f32]) -> Vec<f32> {
        let logits = self.logits(embedding);
        let most = logits.iter().copied().fold(f32::NEG_INFINITY, f32::max);
        let weights: Vec<f32> = logits.iter().map(|logit| (logit - most).exp()).collect();
        let total: f32 = weights.iter().sum();
        weights.iter().map(|weight| weight / total).collect()
    }
}
