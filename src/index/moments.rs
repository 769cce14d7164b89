//! From the scores of windows to moments of videos.

use std::path::PathBuf;

use crate::frames::Seconds;
use crate::windows::{Span, to_f64};

/// A stretch of a video that answers a query.
#[derive(Clone, Debug, PartialEq)]
pub struct Moment {
    /// Which of [`Found::videos`](super::Found::videos).
    pub video: usize,
    pub span: Span,
    /// The best window's.
    pub score: f32,
    /// The best window itself.
    pub best: Span,
    /// The best window's.
    pub caption: Option<String>,
}

/// A video with the score of each of its windows, in the order of time.
#[derive(Clone, Debug, PartialEq)]
pub struct Timeline {
    pub path: PathBuf,
    pub spans: Vec<Span>,
    pub scores: Vec<f32>,
}

/// The windows of one video while moments are taken from it.
pub(super) struct Windows<'a> {
    spans: &'a [Span],
    scores: &'a [f32],
    /// Part of a moment, or overlapping one.
    taken: &'a mut [bool],
}

impl<'a> Windows<'a> {
    pub fn new(spans: &'a [Span], scores: &'a [f32], taken: &'a mut [bool]) -> Self {
        Self {
            spans,
            scores,
            taken,
        }
    }

    /// The moment around window `peak`, or none if another moment has it or overlaps it.
    ///
    /// It goes on, to both sides, over windows that overlap or touch and score at least half of the way
    /// from `mean` to the peak: the full width at half maximum over what any window scores.
    pub fn moment(&mut self, peak: usize, mean: f32) -> Option<Span> {
        if self.taken[peak] {
            return None;
        }
        let least = self.scores[peak].min((self.scores[peak] + mean) / 2.0);
        let belongs = |window: usize| !self.taken[window] && self.scores[window] >= least;
        let mut span = self.spans[peak];
        let mut first = peak;
        while first > 0 && belongs(first - 1) && meet(self.spans[first - 1], span) {
            first -= 1;
            span = union(span, self.spans[first]);
        }
        let mut last = peak;
        while last + 1 < self.spans.len() && belongs(last + 1) && meet(span, self.spans[last + 1]) {
            last += 1;
            span = union(span, self.spans[last]);
        }
        for (taken, window) in self.taken.iter_mut().zip(self.spans) {
            *taken |= overlap(*window, span);
        }
        self.taken[first..=last].fill(true);
        Some(span)
    }
}

/// Whether one window overlaps or touches another that does not begin before it.
fn meet(earlier: Span, later: Span) -> bool {
    later.start <= earlier.end
}

/// Whether two windows share more than a point.
fn overlap(a: Span, b: Span) -> bool {
    a.start.max(b.start) < a.end.min(b.end)
}

fn union(a: Span, b: Span) -> Span {
    Span {
        start: a.start.min(b.start),
        end: a.end.max(b.end),
    }
}

impl Timeline {
    /// Where the last window ends.
    pub fn end(&self) -> Seconds {
        self.spans
            .iter()
            .map(|span| span.end)
            .max()
            .unwrap_or(Seconds::ZERO)
    }

    /// The best score in each of `count` equal parts of the video; a part without a window has none.
    pub fn parts(&self, count: usize) -> Vec<Option<f32>> {
        let end = to_f64(self.end());
        let mut parts: Vec<Option<f32>> = vec![None; count];
        for (span, &score) in self.spans.iter().zip(&self.scores) {
            // Images have no length: their one window fills the line.
            let place = |time: Seconds| match end > 0.0 {
                true => to_f64(time) / end * count as f64,
                false => 0.0,
            };
            let first = (place(span.start).max(0.0) as usize).min(count.saturating_sub(1));
            let last = match end > 0.0 {
                true => (place(span.end).ceil() as usize).clamp(first + 1, count.max(first + 1)),
                false => count,
            };
            for part in parts.iter_mut().take(last).skip(first) {
                *part = Some(part.map_or(score, |best| best.max(score)));
            }
        }
        parts
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Windows of 4 s every `stride` s.
    fn spans(count: i64, stride: i64) -> Vec<Span> {
        let span = |i| Span {
            start: Seconds::from(i * stride),
            end: Seconds::from(i * stride + 4),
        };
        (0..count).map(span).collect()
    }

    fn bounds(span: Option<Span>) -> Option<(i64, i64)> {
        span.map(|span| (span.start.to_integer(), span.end.to_integer()))
    }

    #[test]
    fn a_moment_is_as_wide_as_half_its_height() {
        let spans = spans(7, 2);
        let scores = [0.1, 0.1, 0.56, 0.9, 0.54, 0.5, 0.7];
        let mut taken = [false; 7];
        let mut windows = Windows::new(&spans, &scores, &mut taken);
        // Half of the way from 0.2 to 0.9 is 0.55.
        assert_eq!(bounds(windows.moment(3, 0.2)), Some((4, 10)));
        // 4..8 is part of it, 8..12 overlaps it.
        assert_eq!(windows.moment(2, 0.2), None);
        assert_eq!(windows.moment(4, 0.2), None);
        // 10..14 touches it and is free, but overlaps the better one at 12..16.
        assert_eq!(bounds(windows.moment(6, 0.2)), Some((10, 16)));
        assert_eq!(windows.moment(5, 0.2), None);
        assert_eq!(bounds(windows.moment(0, 0.2)), Some((0, 4)));
    }

    #[test]
    fn windows_that_touch_are_one_moment_and_a_gap_parts_them() {
        let scores = [0.8, 0.9];
        let touching = spans(2, 4);
        let apart = spans(2, 5);
        let moment = |spans: &[Span], scores: &[f32]| {
            let mut taken = [false; 2];
            bounds(Windows::new(spans, scores, &mut taken).moment(1, 0.0))
        };
        assert_eq!(moment(&touching, &scores), Some((0, 8)));
        assert_eq!(moment(&apart, &scores), Some((5, 9)));
        // Below the mean there is no height to halve.
        assert_eq!(moment(&touching, &[-0.9, -0.5]), Some((4, 8)));
    }

    #[test]
    fn a_timeline_has_the_best_of_each_part() {
        let timeline = |spans: Vec<Span>, scores: &[f32]| Timeline {
            path: PathBuf::new(),
            spans,
            scores: scores.to_vec(),
        };
        let three = timeline(spans(3, 6), &[0.1, 0.3, 0.2]);
        let want = [
            Some(0.1),
            Some(0.1),
            None,
            Some(0.3),
            Some(0.3),
            None,
            Some(0.2),
            Some(0.2),
        ];
        assert_eq!(three.parts(8), want);
        let instant = Span {
            start: Seconds::ZERO,
            end: Seconds::ZERO,
        };
        assert_eq!(timeline(vec![instant], &[0.5]).parts(3), [Some(0.5); 3]);
        assert_eq!(timeline(Vec::new(), &[]).parts(2), [None; 2]);
    }
}
