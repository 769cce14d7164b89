//! ROUGE-L: precision and recall of the longest common subsequence (Lin, 2004), each the best over
//! the references.

use super::Video;

/// How much recall outweighs precision.
const BETA: f64 = 1.2;

/// Of each caption.
pub(super) fn score(videos: &[Video]) -> Vec<f64> {
    videos.iter().map(of_video).collect()
}

/// Precision and recall may come from different references: so does pycocoevalcap.
fn of_video(video: &Video) -> f64 {
    let candidate = &video.candidate.tokens;
    let (mut precision, mut recall) = (0.0, 0.0);
    for reference in &video.references {
        let common = longest_common(candidate, &reference.tokens) as f64;
        precision = f64::max(precision, common / candidate.len() as f64);
        recall = f64::max(recall, common / reference.tokens.len() as f64);
    }
    if precision == 0.0 || recall == 0.0 {
        return 0.0;
    }
    let weight = BETA * BETA;
    (1.0 + weight) * precision * recall / (recall + weight * precision)
}

/// The length of the longest common subsequence: a row of the usual table at a time.
fn longest_common(a: &[u32], b: &[u32]) -> usize {
    let mut row = vec![0; b.len() + 1];
    for x in a {
        let mut diagonal = 0;
        for (place, y) in b.iter().enumerate() {
            let above = row[place + 1];
            row[place + 1] = if x == y {
                diagonal + 1
            } else {
                above.max(row[place])
            };
            diagonal = above;
        }
    }
    row[b.len()]
}
