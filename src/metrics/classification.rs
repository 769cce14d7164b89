//! Accuracy where a video has one label, mean average precision where it has any number.

use serde::Serialize;

use super::{check_index, check_scores, mean};
use crate::Result;

/// The share of videos whose label is among the first `k` by score.
///
/// The place of the label is 1, plus the labels that score higher, plus half of those that score the
/// same: labels that all score the same are a guess, not a hit.
#[derive(Clone, Debug)]
pub struct Accuracy {
    classes: usize,
    /// One for each video.
    places: Vec<f64>,
}

/// Figures of [`Accuracy`].
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct AccuracySummary {
    pub videos: usize,
    pub top_1: f64,
    pub top_5: f64,
}

impl Accuracy {
    pub fn new(classes: usize) -> Self {
        Self {
            classes,
            places: Vec::new(),
        }
    }

    /// Counts a video: its score for each class (of any scale, the highest is best), and its true
    /// class. Gives the place of the true class, from 1.
    ///
    /// # Errors
    /// A row of another length, a score that is NaN, or a class that there is not.
    pub fn push(&mut self, scores: &[f32], class: usize) -> Result<f64> {
        check_scores(scores, self.classes)?;
        check_index("class", class, self.classes)?;
        let own = scores[class];
        let higher = scores.iter().filter(|&&score| score > own).count();
        let equal = scores.iter().filter(|&&score| score == own).count() - 1;
        let place = 1.0 + higher as f64 + equal as f64 / 2.0;
        self.places.push(place);
        Ok(place)
    }

    /// The share of videos whose true class is among the first `k`; 0 without videos.
    pub fn top(&self, k: usize) -> f64 {
        mean((self.places.iter()).map(|&place| f64::from(u8::from(place <= k as f64))))
    }

    pub fn summary(&self) -> AccuracySummary {
        AccuracySummary {
            videos: self.places.len(),
            top_1: self.top(1),
            top_5: self.top(5),
        }
    }
}

/// Mean average precision over the classes of videos that show any number of them (Charades).
///
/// The average precision of a class is Σ (Rᵢ − Rᵢ₋₁) Pᵢ over its distinct scores from the highest
/// down, where Pᵢ and Rᵢ are precision and recall of the videos that score at least as much (no
/// interpolation). Videos of equal score are taken together, so their order is nothing. Classes that
/// no video shows have no average precision and are left out of the mean.
///
/// Keeps all scores: 4 bytes for each video and class.
#[derive(Clone, Debug)]
pub struct MultiLabel {
    classes: usize,
    /// (videos, classes)
    scores: Vec<f32>,
    /// For each class, the videos that show it.
    shown: Vec<Vec<usize>>,
    videos: usize,
}

/// Figures of [`MultiLabel`].
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct MultiLabelSummary {
    pub videos: usize,
    /// Classes that at least one video shows.
    pub classes: usize,
    /// Mean average precision over those.
    pub map: f64,
    /// The average precision of each class; none where no video shows it.
    pub average_precision: Vec<Option<f64>>,
}

impl MultiLabel {
    pub fn new(classes: usize) -> Self {
        Self {
            classes,
            scores: Vec::new(),
            shown: vec![Vec::new(); classes],
            videos: 0,
        }
    }

    /// Counts a video: its score for each class, and the classes that it shows, in any order; a
    /// class may be named twice.
    ///
    /// # Errors
    /// A row of another length, a score that is NaN, or a class that there is not.
    pub fn push(&mut self, scores: &[f32], classes: &[usize]) -> Result<()> {
        check_scores(scores, self.classes)?;
        for &class in classes {
            check_index("class", class, self.classes)?;
        }
        for &class in classes {
            // Charades names a class once for each time it is done.
            if self.shown[class].last() != Some(&self.videos) {
                self.shown[class].push(self.videos);
            }
        }
        self.scores.extend_from_slice(scores);
        self.videos += 1;
        Ok(())
    }

    pub fn summary(&self) -> MultiLabelSummary {
        let average_precision: Vec<_> = (0..self.classes)
            .map(|class| self.average_precision(class))
            .collect();
        let known: Vec<f64> = average_precision.iter().flatten().copied().collect();
        MultiLabelSummary {
            videos: self.videos,
            classes: known.len(),
            map: mean(known.into_iter()),
            average_precision,
        }
    }

    fn average_precision(&self, class: usize) -> Option<f64> {
        let shown = &self.shown[class];
        if shown.is_empty() {
            return None;
        }
        let mut ranked: Vec<_> = (0..self.videos)
            .map(|video| (self.scores[video * self.classes + class], false))
            .collect();
        for &video in shown {
            ranked[video].1 = true;
        }
        ranked.sort_unstable_by(|(a, _), (b, _)| b.total_cmp(a));
        let (mut seen, mut found, mut sum) = (0, 0, 0.0);
        for equal in ranked.chunk_by(|(a, _), (b, _)| a == b) {
            let hits = equal.iter().filter(|(_, shown)| *shown).count();
            seen += equal.len();
            found += hits;
            sum += hits as f64 * found as f64 / seen as f64;
        }
        Some(sum / shown.len() as f64)
    }
}
