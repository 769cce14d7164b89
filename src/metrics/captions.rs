//! BLEU, ROUGE-L and CIDEr of captions, as pycocoevalcap 1.2 computes them.
//!
//! Texts are tokenized first, as its `PTBTokenizer` does: see [`tokenize`]. METEOR and SPICE need
//! programs of their own and are not here.

mod bleu;
mod cider;
mod ptb;
mod rouge;
mod sentence;

use serde::Serialize;

use self::sentence::{Sentence, Words};
use super::mean;
use crate::{Error, Result};

pub use ptb::tokenize;

/// A caption to be judged, and what people wrote about the same video.
#[derive(Clone, Debug)]
pub struct Captioned<S = String> {
    pub candidate: S,
    /// At least one.
    pub references: Vec<S>,
}

/// The figures of one caption or of many.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Scores {
    /// BLEU-1 to BLEU-4, 0..=1.
    pub bleu: [f64; 4],
    /// 0..=1.
    pub rouge_l: f64,
    /// 0..=10.
    pub cider: f64,
}

/// What [`score`] gives.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Report {
    /// BLEU of all captions together; the means of ROUGE-L and CIDEr.
    pub corpus: Scores,
    /// Those of each caption. CIDEr weighs words by how rare they are in all references, so a
    /// caption's figure depends on the others that are scored with it.
    pub each: Vec<Scores>,
}

/// Scores all captions of a set.
///
/// CIDEr needs many videos: a word that the references of all videos have weighs nothing, so that of
/// a single video is 0.
///
/// # Errors
/// No captions at all, or a video without references.
pub fn score<S: AsRef<str>>(captions: &[Captioned<S>]) -> Result<Report> {
    if captions.is_empty() {
        return Err(Error::Argument {
            what: "captions to score",
            expected: "at least one".into(),
            found: "none".into(),
        });
    }
    if let Some(place) = (captions.iter()).position(|captioned| captioned.references.is_empty()) {
        return Err(Error::Argument {
            what: "references of a caption",
            expected: "at least one".into(),
            found: format!("none for caption {place}, counted from 0"),
        });
    }
    let mut words = Words::default();
    let videos: Vec<_> = (captions.iter())
        .map(|captioned| Video {
            candidate: words.sentence(captioned.candidate.as_ref()),
            references: (captioned.references.iter())
                .map(|reference| words.sentence(reference.as_ref()))
                .collect(),
        })
        .collect();
    let (bleu, each_bleu) = bleu::score(&videos);
    let rouge_l = rouge::score(&videos);
    let cider = cider::score(&videos);
    let corpus = Scores {
        bleu,
        rouge_l: mean(rouge_l.iter().copied()),
        cider: mean(cider.iter().copied()),
    };
    let each = (each_bleu.into_iter().zip(rouge_l).zip(cider))
        .map(|((bleu, rouge_l), cider)| Scores {
            bleu,
            rouge_l,
            cider,
        })
        .collect();
    Ok(Report { corpus, each })
}

/// A video's sentences, read.
struct Video {
    candidate: Sentence,
    references: Vec<Sentence>,
}
