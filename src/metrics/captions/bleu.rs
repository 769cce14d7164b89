//! BLEU: the share of a candidate's grams that a reference has, too, with a penalty for candidates
//! that are shorter than the reference closest in length (Papineni et al., ACL 2002).

use std::collections::HashMap;

use super::Video;
use super::sentence::{Gram, order};

/// Keeps quotients of nothing by nothing finite. Without any match of an order, what these leave of
/// a product is far below what figures show, but not 0, and the tests hold that.
const TINY: f64 = 1e-15;
const SMALL: f64 = 1e-9;

/// What is added up over captions.
#[derive(Default)]
struct Counts {
    /// Words of the candidates.
    words: usize,
    /// Words of the references closest to them in length.
    closest: usize,
    /// Grams of each order in the candidates.
    grams: [usize; 4],
    /// Those of them that a reference has, each at most as often as that reference.
    matches: [usize; 4],
}

/// BLEU-1 to BLEU-4 of all captions together, and of each.
pub(super) fn score(videos: &[Video]) -> ([f64; 4], Vec<[f64; 4]>) {
    let mut total = Counts::default();
    let each = (videos.iter())
        .map(|video| {
            let counts = count(video);
            total.words += counts.words;
            total.closest += counts.closest;
            for order in 0..4 {
                total.grams[order] += counts.grams[order];
                total.matches[order] += counts.matches[order];
            }
            counts.bleu()
        })
        .collect();
    (total.bleu(), each)
}

fn count(video: &Video) -> Counts {
    let words = video.candidate.words;
    // Of two as close, the shorter.
    let closest = (video.references.iter())
        .map(|reference| reference.words)
        .min_by_key(|&length| (length.abs_diff(words), length))
        .expect("score() looks for references");
    let mut most: HashMap<&Gram, u32> = HashMap::new();
    for (gram, count) in video.references.iter().flat_map(|sentence| &sentence.grams) {
        let most = most.entry(gram).or_default();
        *most = (*most).max(*count);
    }
    let mut matches = [0; 4];
    for (gram, count) in &video.candidate.grams {
        let allowed = most.get(gram).copied().unwrap_or(0);
        matches[order(gram) - 1] += allowed.min(*count) as usize;
    }
    Counts {
        words,
        closest,
        grams: [0, 1, 2, 3].map(|less| words.saturating_sub(less)),
        matches,
    }
}

impl Counts {
    fn bleu(&self) -> [f64; 4] {
        let mut product = 1.0;
        let mut bleu = [0.0; 4];
        for (order, bleu) in bleu.iter_mut().enumerate() {
            let (matches, grams) = (self.matches[order] as f64, self.grams[order] as f64);
            product *= (matches + TINY) / (grams + SMALL);
            *bleu = f64::powf(product, 1.0 / (order + 1) as f64);
        }
        let ratio = (self.words as f64 + TINY) / (self.closest as f64 + SMALL);
        let penalty = if ratio < 1.0 {
            (1.0 - 1.0 / ratio).exp()
        } else {
            1.0
        };
        bleu.map(|bleu| bleu * penalty)
    }
}
