//! Ranks of texts among videos and of videos among texts.
//!
//! A text may belong to several videos and a video to several texts. The rank of a query is that of
//! the best of those that belong to it: 1, plus the others that score higher, plus half of the others
//! that score the same, where others are those that do not belong to it. So in a matrix whose scores
//! are all equal each rank is the middle one, not the first.

use serde::Serialize;

use super::{check_index, check_scores, mean};
use crate::{Error, Result};

/// The scores of all texts and videos, and which belong together.
///
/// Takes the scores row by row, a text at a time. Keeps the matrix as f32 and a few numbers for each
/// text and video, nothing more.
#[derive(Clone, Debug)]
pub struct Retrieval {
    videos: usize,
    /// The videos of each text.
    truth: Vec<Vec<usize>>,
    /// (texts, videos), as many rows as were pushed.
    scores: Vec<f32>,
}

impl Retrieval {
    /// `truth[t]` are the videos that text t belongs to, of `videos`. A text that belongs to none and
    /// a video that no text belongs to are found by the others but ask for nothing themselves.
    ///
    /// # Errors
    /// A video that there is not.
    pub fn new(videos: usize, mut truth: Vec<Vec<usize>>) -> Result<Self> {
        for own in &mut truth {
            for &video in own.iter() {
                check_index("video of a text", video, videos)?;
            }
            own.sort_unstable();
            own.dedup();
        }
        Ok(Self {
            videos,
            truth,
            scores: Vec::new(),
        })
    }

    /// Takes the next text's score for each video.
    ///
    /// # Errors
    /// A row of another length, a score that is NaN, or more rows than texts.
    pub fn push(&mut self, scores: &[f32]) -> Result<()> {
        check_scores(scores, self.videos)?;
        let row = self.scores.len() / self.videos.max(1);
        check_index("row of scores", row, self.truth.len())?;
        self.scores.extend_from_slice(scores);
        Ok(())
    }

    /// # Errors
    /// Fewer rows were pushed than there are texts.
    pub fn summary(&self) -> Result<RetrievalSummary> {
        Ok(RetrievalSummary {
            text_to_video: self.text_to_video()?.summary(),
            video_to_text: self.video_to_text()?.summary(),
        })
    }

    /// For each text that belongs to a video, in order: its video's rank.
    ///
    /// # Errors
    /// Fewer rows were pushed than there are texts.
    pub fn text_to_video(&self) -> Result<Ranks> {
        self.check_complete()?;
        let ranks = (self.rows().zip(&self.truth)).filter_map(|(row, own)| {
            let own = || own.iter().map(|&video| row[video]);
            let mut rank = Rank::of(own().reduce(f32::max)?);
            row.iter().for_each(|&score| rank.meet(score));
            own().for_each(|score| rank.leave_out(score));
            Some(rank.value())
        });
        Ok(Ranks(ranks.collect()))
    }

    /// For each video that a text belongs to, in order: its text's rank.
    ///
    /// # Errors
    /// Fewer rows were pushed than there are texts.
    pub fn video_to_text(&self) -> Result<Ranks> {
        self.check_complete()?;
        // The best own score of each video is known first; then one walk through the matrix, row by
        // row as it lies in memory, counts for all videos.
        let mut best = vec![None; self.videos];
        for (row, own) in self.rows().zip(&self.truth) {
            for &video in own {
                let best = best[video].get_or_insert(f32::NEG_INFINITY);
                *best = best.max(row[video]);
            }
        }
        let mut ranks: Vec<_> = best.into_iter().map(|best| best.map(Rank::of)).collect();
        for (row, own) in self.rows().zip(&self.truth) {
            for (rank, &score) in ranks.iter_mut().zip(row) {
                if let Some(rank) = rank {
                    rank.meet(score);
                }
            }
            for &video in own {
                let rank = ranks[video].as_mut().expect("it has a text");
                rank.leave_out(row[video]);
            }
        }
        Ok(Ranks(ranks.iter().flatten().map(Rank::value).collect()))
    }

    fn rows(&self) -> std::slice::ChunksExact<'_, f32> {
        self.scores.chunks_exact(self.videos.max(1))
    }

    fn check_complete(&self) -> Result<()> {
        let expected = self.truth.len() * self.videos;
        if self.scores.len() == expected {
            return Ok(());
        }
        Err(Error::Argument {
            what: "rows of scores",
            expected: format!("one for each of {} texts", self.truth.len()),
            found: self.rows().len().to_string(),
        })
    }
}

/// A rank as it is counted.
struct Rank {
    best: f32,
    higher: usize,
    equal: usize,
}

impl Rank {
    /// Starts with the best score of what belongs to the query.
    fn of(best: f32) -> Self {
        Self {
            best,
            higher: 0,
            equal: 0,
        }
    }

    fn meet(&mut self, score: f32) {
        self.higher += usize::from(score > self.best);
        self.equal += usize::from(score == self.best);
    }

    /// Takes back what belongs to the query itself. (It is never higher than the best of it.)
    fn leave_out(&mut self, score: f32) {
        self.equal -= usize::from(score == self.best);
    }

    fn value(&self) -> f64 {
        1.0 + self.higher as f64 + self.equal as f64 / 2.0
    }
}

/// The ranks of queries, from 1; a tie makes halves.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Ranks(Vec<f64>);

/// Both directions.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct RetrievalSummary {
    pub text_to_video: RanksSummary,
    pub video_to_text: RanksSummary,
}

/// Figures of [`Ranks`]. Recall at k is the share of queries whose rank is at most k. All are 0
/// without queries.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct RanksSummary {
    pub queries: usize,
    pub recall_at_1: f64,
    pub recall_at_5: f64,
    pub recall_at_10: f64,
    pub median_rank: f64,
    pub mean_rank: f64,
}

impl Ranks {
    pub fn as_slice(&self) -> &[f64] {
        &self.0
    }

    /// The share of queries whose rank is at most `k`.
    pub fn recall_at(&self, k: usize) -> f64 {
        mean((self.0.iter()).map(|&rank| f64::from(u8::from(rank <= k as f64))))
    }

    /// The rank in the middle; of an even number of them, the mean of the two in the middle.
    pub fn median(&self) -> f64 {
        let mut ranks = self.0.clone();
        ranks.sort_unstable_by(f64::total_cmp);
        let middle = ranks.len() / 2;
        match ranks.len() {
            0 => 0.0,
            n if n % 2 == 1 => ranks[middle],
            _ => (ranks[middle - 1] + ranks[middle]) / 2.0,
        }
    }

    pub fn summary(&self) -> RanksSummary {
        RanksSummary {
            queries: self.0.len(),
            recall_at_1: self.recall_at(1),
            recall_at_5: self.recall_at(5),
            recall_at_10: self.recall_at(10),
            median_rank: self.median(),
            mean_rank: mean(self.0.iter().copied()),
        }
    }
}
