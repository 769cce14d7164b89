//! What the video benchmarks measure. Pure arithmetic: no GPU, no model, no files.
//!
//! | task | module | figures |
//! |---|---|---|
//! | classification | [`classification`] | top-1 and top-5 accuracy; mean average precision |
//! | retrieval, both ways | [`retrieval`] | R@1, R@5, R@10, median and mean rank |
//! | captions | [`captions`] | BLEU-1..4, ROUGE-L and CIDEr, as pycocoevalcap computes them |
//! | questions | [`answers`] | accuracy; iVQA's agreement with five annotators |
//!
//! Shares (accuracy, recall, precision) lie in 0..=1. Where scores are equal nobody is favoured by
//! the order in which things stand in a file; each module says how.

pub mod answers;
pub mod captions;
pub mod classification;
pub mod retrieval;

use crate::{Error, Result};

/// A row of scores must be as long as the others, and numbers: what is not a number has no rank.
fn check_scores(scores: &[f32], expected: usize) -> Result<()> {
    if scores.len() != expected {
        return Err(Error::Argument {
            what: "scores",
            expected: format!("a row of {expected}"),
            found: format!("a row of {}", scores.len()),
        });
    }
    match scores.iter().position(|score| score.is_nan()) {
        None => Ok(()),
        Some(place) => Err(Error::Argument {
            what: "scores",
            expected: "numbers".into(),
            found: format!("NaN at place {place} of the row, counted from 0"),
        }),
    }
}

/// What must be below the number of things there are.
fn check_index(what: &'static str, index: usize, count: usize) -> Result<()> {
    if index < count {
        return Ok(());
    }
    Err(Error::Argument {
        what,
        expected: format!("less than {count}"),
        found: index.to_string(),
    })
}

/// The mean, or 0 of nothing.
fn mean(values: impl ExactSizeIterator<Item = f64>) -> f64 {
    match values.len() {
        0 => 0.0,
        count => values.sum::<f64>() / count as f64,
    }
}
