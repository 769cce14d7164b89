//! The relevance of a video over its time, in one line of text.

use vcoca_gpu::index::{Found, Timeline};

/// Cells of a line.
const CELLS: usize = 16;

const BARS: [char; 8] = [
    '\u{2581}', '\u{2582}', '\u{2583}', '\u{2584}', '\u{2585}', '\u{2586}', '\u{2587}', '\u{2588}',
];

/// From the mean of all windows, which is nothing, to the best.
pub struct Scale {
    mean: f32,
    best: f32,
}

impl Scale {
    pub fn of(found: &Found) -> Self {
        Self {
            mean: found.mean,
            best: found
                .moments
                .first()
                .map_or(found.mean, |moment| moment.score),
        }
    }

    /// How relevant a score is: 0 to 1.
    pub fn level(&self, score: f32) -> f32 {
        let height = self.best - self.mean;
        match height > 0.0 {
            true => ((score - self.mean) / height).clamp(0.0, 1.0),
            false => 1.0,
        }
    }
}

/// The best score in each part of a video; a blank where no window lies.
pub fn line(video: &Timeline, scale: &Scale) -> String {
    let bar = |score: Option<f32>| match score {
        Some(score) => BARS[(scale.level(score) * (BARS.len() - 1) as f32).round() as usize],
        None => ' ',
    };
    video.parts(CELLS).into_iter().map(bar).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_mean_is_the_lowest_bar_and_the_best_the_highest() {
        let scale = Scale {
            mean: 0.2,
            best: 0.6,
        };
        let levels = [-1.0, 0.2, 0.4, 0.6, 0.9].map(|score| (scale.level(score) * 100.0).round());
        assert_eq!(levels, [0.0, 0.0, 50.0, 100.0, 100.0]);
        let flat = Scale {
            mean: 0.2,
            best: 0.2,
        };
        assert_eq!(flat.level(0.2), 1.0);
    }
}
