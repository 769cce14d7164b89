//! Ranks against those of sorting.

use vcoca_gpu::metrics::retrieval::{RanksSummary, Retrieval};

use crate::Random;

/// The ranks of queries by sorting: of all places that a tie can take, the mean.
fn by_sorting(queries: &[(Vec<f32>, Vec<usize>)]) -> Vec<f64> {
    (queries.iter().filter(|(_, own)| !own.is_empty()))
        .map(|(scores, own)| {
            let best = own.iter().map(|&i| scores[i]).fold(f32::MIN, f32::max);
            let mut others: Vec<_> = (0..scores.len())
                .filter(|i| !own.contains(i))
                .map(|i| scores[i])
                .collect();
            others.sort_by(|a, b| b.total_cmp(a));
            let first = others.iter().take_while(|&&score| score > best).count();
            let last = others.iter().take_while(|&&score| score >= best).count();
            1.0 + (first + last) as f64 / 2.0
        })
        .collect()
}

#[test]
fn ranks_are_those_of_sorting_both_ways() {
    let mut random = Random(5);
    for (texts, videos) in [(1, 1), (7, 5), (40, 13), (23, 60)] {
        // None, one or several videos to a text; some videos have no text.
        let truth: Vec<Vec<usize>> = (0..texts)
            .map(|_| {
                (0..[0, 1, 1, 3][random.below(4)])
                    .map(|_| random.below(videos))
                    .collect()
            })
            .collect();
        let rows: Vec<Vec<f32>> = (0..texts)
            .map(|_| {
                (0..videos)
                    .map(|_| random.below(9) as f32 / 4.0 - 1.0)
                    .collect()
            })
            .collect();
        let mut retrieval = Retrieval::new(videos, truth.clone()).unwrap();
        for row in &rows {
            retrieval.push(row).unwrap();
        }
        let queries: Vec<_> = rows.iter().cloned().zip(truth.iter().cloned()).collect();
        let found = retrieval.text_to_video().unwrap();
        assert_eq!(found.as_slice(), by_sorting(&queries));
        let queries: Vec<_> = (0..videos)
            .map(|video| {
                let column = rows.iter().map(|row| row[video]).collect();
                let own = (0..texts)
                    .filter(|&text| truth[text].contains(&video))
                    .collect();
                (column, own)
            })
            .collect();
        let found = retrieval.video_to_text().unwrap();
        assert_eq!(found.as_slice(), by_sorting(&queries));
    }
}

fn diagonal(count: usize, score: impl Fn(usize, usize) -> f32) -> Retrieval {
    let truth = (0..count).map(|i| vec![i]).collect();
    let mut retrieval = Retrieval::new(count, truth).unwrap();
    for text in 0..count {
        let row: Vec<_> = (0..count).map(|video| score(text, video)).collect();
        retrieval.push(&row).unwrap();
    }
    retrieval
}

#[test]
fn equal_scores_are_no_success() {
    let found = diagonal(100, |_, _| 0.25).summary().unwrap();
    let middle = RanksSummary {
        queries: 100,
        recall_at_1: 0.0,
        recall_at_5: 0.0,
        recall_at_10: 0.0,
        median_rank: 50.5,
        mean_rank: 50.5,
    };
    assert_eq!((found.text_to_video, found.video_to_text), (middle, middle));
}

#[test]
fn figures_of_ranks_that_are_known() {
    // Text i has i videos before its own; each video's own text is the best.
    let found = diagonal(
        20,
        |text, video| if video < text { 3.0 } else { -(video as f32) },
    );
    let found = found.text_to_video().unwrap();
    let ranks: Vec<_> = (1..=20).map(f64::from).collect();
    assert_eq!(found.as_slice(), ranks);
    let summary = found.summary();
    assert_eq!(summary.recall_at_1, 0.05);
    assert_eq!(summary.recall_at_5, 0.25);
    assert_eq!(summary.recall_at_10, 0.5);
    assert_eq!(summary.median_rank, 10.5);
    assert_eq!(summary.mean_rank, 10.5);
}

#[test]
fn what_belongs_together_does_not_compete() {
    // A video with three texts that all score the same, above the rest.
    let mut retrieval = Retrieval::new(2, vec![vec![0], vec![0], vec![0, 0], vec![1]]).unwrap();
    for row in [[1.0, 0.0], [1.0, 0.0], [1.0, 0.0], [0.0, 0.5]] {
        retrieval.push(&row).unwrap();
    }
    assert_eq!(retrieval.video_to_text().unwrap().as_slice(), [1.0, 1.0]);
}

#[test]
fn what_has_no_rank_is_refused() {
    let error = Retrieval::new(2, vec![vec![2]]).unwrap_err().to_string();
    assert_eq!(error, "video of a text: expected less than 2, found 2");
    let mut retrieval = Retrieval::new(2, vec![vec![0]]).unwrap();
    assert!(retrieval.push(&[1.0]).is_err());
    let error = retrieval.push(&[1.0, f32::NAN]).unwrap_err().to_string();
    assert!(error.contains("NaN at place 1"), "{error}");
    let error = retrieval.summary().unwrap_err().to_string();
    assert!(
        error.contains("one for each of 1 texts, found 0"),
        "{error}"
    );
    retrieval.push(&[f32::NEG_INFINITY, f32::INFINITY]).unwrap();
    assert!(retrieval.push(&[0.0, 0.0]).is_err());
    assert_eq!(retrieval.text_to_video().unwrap().as_slice(), [2.0]);
}
