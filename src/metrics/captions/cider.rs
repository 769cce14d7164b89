//! CIDEr (arXiv 1411.5726) as pycocoevalcap's `Cider` has it: with counts clipped to those of the
//! reference and a penalty for lengths that differ, which the paper calls CIDEr-D.

use std::collections::HashMap;

use super::Video;
use super::sentence::{Gram, Sentence, order};

/// Words by which lengths may differ before it costs much.
const SIGMA: f64 = 6.0;
const SCALE: f64 = 10.0;

/// Of each caption.
pub(super) fn score(videos: &[Video]) -> Vec<f64> {
    let rarity = Rarity::of(videos);
    (videos.iter())
        .map(|video| {
            let candidate = Weights::of(&video.candidate, &rarity);
            let sum: f64 = (video.references.iter())
                .map(|reference| similarity(&candidate, &Weights::of(reference, &rarity)))
                .sum();
            SCALE * sum / video.references.len() as f64
        })
        .collect()
}

/// In how many videos' references each gram stands.
struct Rarity<'a> {
    videos: HashMap<&'a Gram, u32>,
    log_total: f64,
}

impl<'a> Rarity<'a> {
    fn of(all: &'a [Video]) -> Self {
        // With each gram, the last video that was seen to have it: one video counts once.
        let mut counts: HashMap<&Gram, (usize, u32)> = HashMap::new();
        for (place, video) in all.iter().enumerate() {
            for (gram, _) in video.references.iter().flat_map(|sentence| &sentence.grams) {
                let (last, count) = counts.entry(gram).or_insert((place, 1));
                if *last != place {
                    (*last, *count) = (place, *count + 1);
                }
            }
        }
        Self {
            videos: (counts.into_iter())
                .map(|(gram, (_, count))| (gram, count))
                .collect(),
            log_total: (all.len() as f64).ln(),
        }
    }

    /// The logarithm of all videos over those that have the gram. What none has counts as what one
    /// has.
    fn weight(&self, gram: &Gram) -> f64 {
        let videos = self.videos.get(gram).copied().unwrap_or(1);
        self.log_total - f64::from(videos).ln()
    }
}

/// The vectors of a sentence: counts times rarity.
struct Weights<'a> {
    /// Sorted by gram.
    grams: Vec<(&'a Gram, f64)>,
    /// The Euclidean norm for each order.
    norms: [f64; 4],
    /// In pairs of neighbouring words, as pycocoevalcap counts it.
    length: usize,
}

impl<'a> Weights<'a> {
    fn of(sentence: &'a Sentence, rarity: &Rarity) -> Self {
        let mut squares = [0.0; 4];
        let grams = (sentence.grams.iter())
            .map(|(gram, count)| {
                let weight = f64::from(*count) * rarity.weight(gram);
                squares[order(gram) - 1] += weight * weight;
                (gram, weight)
            })
            .collect();
        Self {
            grams,
            norms: squares.map(f64::sqrt),
            length: sentence.words.saturating_sub(1),
        }
    }
}

/// The mean over the four orders of the cosine, clipped, times the penalty for the lengths.
fn similarity(candidate: &Weights, reference: &Weights) -> f64 {
    let mut products = [0.0; 4];
    for (gram, weight) in &candidate.grams {
        if let Ok(place) = reference.grams.binary_search_by_key(gram, |(gram, _)| gram) {
            let own = reference.grams[place].1;
            products[order(gram) - 1] += weight.min(own) * own;
        }
    }
    let apart = candidate.length.abs_diff(reference.length) as f64;
    let penalty = (-apart * apart / (2.0 * SIGMA * SIGMA)).exp();
    let cosines = (0..4).map(|order| {
        let norms = candidate.norms[order] * reference.norms[order];
        match norms > 0.0 {
            true => products[order] / norms,
            // Then the product is 0, too.
            false => 0.0,
        }
    });
    penalty * cosines.sum::<f64>() / 4.0
}
