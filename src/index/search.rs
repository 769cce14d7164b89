//! Exact search: every window of the index is compared with the query.

use std::cmp::Reverse;
use std::collections::{BinaryHeap, HashMap};

use super::moments::Windows;
use super::scorer::Scorer;
use super::{Index, Moment, Timeline};
use crate::gpu::Gpu;
use crate::windows::Span;
use crate::{Error, Result};

/// How much is wanted of a search.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Wanted {
    /// The most moments.
    pub top: usize,
    /// Moments that score less are left out.
    pub min_score: Option<f32>,
}

/// What a search found.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Found {
    /// The best first.
    pub moments: Vec<Moment>,
    /// The videos that they are of, in the order of their best moments.
    pub videos: Vec<Timeline>,
    /// Windows that were compared.
    pub windows: usize,
    /// The mean of their scores.
    pub mean: f32,
}

/// The windows of one video among those of all.
struct Stretch {
    id: i64,
    first: usize,
    count: usize,
}

impl Index {
    /// The moments whose embeddings are nearest to `query` (E), which is l2-normalised, so that scores
    /// are cosines. Windows of a video that overlap or touch are one moment while they score at least
    /// half as far above the mean of all windows as the best of them; moments of a video do not overlap.
    ///
    /// Exact but for the rounding to f16 of what is stored. The GPU takes 4 bytes for each window and
    /// 32 MiB. Blocks until done.
    ///
    /// # Errors
    ///
    /// [`Error::Argument`] for a query of another width; [`Error::Index`]; the device's.
    pub fn search(&self, gpu: &Gpu, query: &[f32], wanted: &Wanted) -> Result<Found> {
        // One state of the index for all that follows.
        let reading = self.db.unchecked_transaction().map_err(self.fault())?;
        let (stretches, scores) = self.score(gpu, query)?;
        let found = self.moments(&stretches, &scores, wanted);
        drop(reading);
        found
    }

    /// The score of every window, in the order of the videos' keys; for tests and benchmarks.
    #[doc(hidden)]
    pub fn scores(&self, gpu: &Gpu, query: &[f32]) -> Result<Vec<f32>> {
        Ok(self.score(gpu, query)?.1)
    }

    /// Reads every embedding, as a search does; their number. For benchmarks.
    #[doc(hidden)]
    pub fn read_through(&self) -> Result<usize> {
        let mut bytes = 0;
        self.blocks(|_, block| {
            bytes += block.len();
            Ok(())
        })?;
        Ok(bytes / (2 * self.recipe.width))
    }

    fn score(&self, gpu: &Gpu, query: &[f32]) -> Result<(Vec<Stretch>, Vec<f32>)> {
        let width = self.recipe.width;
        if query.len() != width {
            return Err(Error::Argument {
                what: "query",
                expected: format!("an embedding of {width} values, as the index has"),
                found: query.len().to_string(),
            });
        }
        let total = "SELECT coalesce(sum(length(embeddings)), 0) FROM videos";
        let bytes: i64 = (self.db.query_row(total, [], |row| row.get(0))).map_err(self.fault())?;
        let mut scorer = Scorer::new(gpu, query, bytes as usize / (2 * width))?;
        let (mut stretches, mut first) = (Vec::new(), 0);
        self.blocks(|id, block| {
            if !block.len().is_multiple_of(2 * width) {
                return Err(self.damaged());
            }
            let count = block.len() / (2 * width);
            stretches.push(Stretch { id, first, count });
            first += count;
            scorer.push(block)
        })?;
        let mut scores = scorer.finish()?;
        for score in &mut scores {
            // A damaged embedding must not come first.
            if !score.is_finite() {
                *score = f32::NEG_INFINITY;
            }
        }
        Ok((stretches, scores))
    }

    fn moments(&self, stretches: &[Stretch], scores: &[f32], wanted: &Wanted) -> Result<Found> {
        let finite = scores.iter().filter(|score| score.is_finite());
        let (count, sum) = finite.fold((0.0, 0.0), |(count, sum), &score| {
            (count + 1.0, sum + f64::from(score))
        });
        let mean = if count > 0.0 {
            (sum / count) as f32
        } else {
            0.0
        };
        let mut found = Found {
            windows: scores.len(),
            mean,
            ..Found::default()
        };
        // Only the few that are looked at are put in order. Of equals the first in the index wins.
        let ranked = scores.iter().enumerate();
        let mut ranked: BinaryHeap<(Order, Reverse<usize>)> = ranked
            .map(|(at, &score)| (Order(score), Reverse(at)))
            .collect();
        let mut looked: HashMap<usize, Video> = HashMap::new();
        while found.moments.len() < wanted.top {
            let Some((Order(score), Reverse(at))) = ranked.pop() else {
                break;
            };
            if wanted.min_score.is_some_and(|least| score < least) || !score.is_finite() {
                break;
            }
            let stretch = stretches.partition_point(|stretch| stretch.first <= at) - 1;
            let Stretch { id, first, count } = stretches[stretch];
            let scores = &scores[first..first + count];
            let video = match looked.entry(stretch) {
                std::collections::hash_map::Entry::Occupied(known) => known.into_mut(),
                std::collections::hash_map::Entry::Vacant(new) => {
                    let number = found.videos.len();
                    let (timeline, captions) = self.timeline(id, scores)?;
                    found.videos.push(timeline);
                    new.insert(Video {
                        number,
                        captions,
                        taken: vec![false; count],
                    })
                }
            };
            let spans = &found.videos[video.number].spans;
            let peak = at - first;
            let mut windows = Windows::new(spans, scores, &mut video.taken);
            if let Some(span) = windows.moment(peak, mean) {
                found.moments.push(Moment {
                    video: video.number,
                    span,
                    score,
                    best: spans[peak],
                    caption: video.captions[peak].clone(),
                });
            }
        }
        Ok(found)
    }

    /// A video's windows with their scores, and their captions.
    fn timeline(&self, id: i64, scores: &[f32]) -> Result<(Timeline, Vec<Option<String>>)> {
        let row = self.rows("WHERE id = ?1", [id])?.pop();
        let (spans, captions): (Vec<Span>, Vec<_>) = self.windows(id)?.into_iter().unzip();
        let row = row
            .filter(|_| spans.len() == scores.len())
            .ok_or_else(|| self.damaged())?;
        let timeline = Timeline {
            path: row.video.path,
            spans,
            scores: scores.to_vec(),
        };
        Ok((timeline, captions))
    }

    fn damaged(&self) -> Error {
        let problem =
            "is damaged: a video has other windows than embeddings; `index verify` says which";
        Error::index(&self.path, problem)
    }
}

/// A video that moments are taken from.
struct Video {
    /// Which of [`Found::videos`].
    number: usize,
    captions: Vec<Option<String>>,
    /// Windows that are part of a moment, or overlap one.
    taken: Vec<bool>,
}

/// A score in the order of scores.
#[derive(PartialEq)]
struct Order(f32);

impl Eq for Order {}

impl Ord for Order {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        self.0.total_cmp(&other.0)
    }
}

impl PartialOrd for Order {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}
