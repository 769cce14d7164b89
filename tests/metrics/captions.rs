//! Scores of captions against pycocoevalcap's.

use serde::Deserialize;
use vcoca_gpu::metrics::captions::{Captioned, Scores, score};

use crate::read;

#[derive(Deserialize)]
struct Set {
    corpus: Expected,
    videos: Vec<Video>,
}

#[derive(Deserialize)]
struct Video {
    candidate: String,
    references: Vec<String>,
    #[serde(flatten)]
    scores: Expected,
}

#[derive(Deserialize)]
struct Expected {
    bleu: [f64; 4],
    rouge_l: f64,
    cider: f64,
}

#[track_caller]
fn same(found: &Scores, expected: &Expected, what: &str) {
    let all = |bleu: [f64; 4], rouge_l, cider| bleu.into_iter().chain([rouge_l, cider]);
    let expected = all(expected.bleu, expected.rouge_l, expected.cider);
    for (found, expected) in all(found.bleu, found.rouge_l, found.cider).zip(expected) {
        let off = (found - expected).abs();
        assert!(off <= 1e-6, "{what}: {found}, expected {expected}");
    }
}

fn captioned(candidate: &str, references: &[&str]) -> Captioned {
    Captioned {
        candidate: candidate.to_owned(),
        references: references.iter().map(|text| text.to_string()).collect(),
    }
}

#[test]
fn score_as_pycocoevalcap_does() {
    let sets: Vec<Set> = read("captions.json");
    assert_eq!(sets.len(), 3);
    for set in &sets {
        let captions: Vec<_> = (set.videos.iter())
            .map(|video| Captioned {
                candidate: &video.candidate,
                references: video.references.iter().collect(),
            })
            .collect();
        let report = score(&captions).unwrap();
        same(&report.corpus, &set.corpus, "the set");
        assert_eq!(report.each.len(), set.videos.len());
        for (found, video) in report.each.iter().zip(&set.videos) {
            same(found, &video.scores, &video.candidate);
        }
    }
}

#[test]
fn that_say_what_a_reference_says_are_perfect() {
    let captions = [
        captioned("a dog runs on the beach", &["A dog runs on the beach."]),
        captioned(
            "two men play chess in a park",
            &["Two men play chess in a park!"],
        ),
    ];
    let report = score(&captions).unwrap();
    for scores in report.each.iter().chain([&report.corpus]) {
        assert!(scores.bleu.iter().all(|bleu| (bleu - 1.0).abs() < 1e-6));
        assert!((scores.rouge_l - 1.0).abs() < 1e-9);
        assert!((scores.cider - 10.0).abs() < 1e-9);
    }
}

#[test]
fn without_anything_to_compare_are_refused() {
    let none: [Captioned; 0] = [];
    let error = score(&none).unwrap_err().to_string();
    assert_eq!(
        error,
        "captions to score: expected at least one, found none"
    );
    let captions = [captioned("a", &["a"]), captioned("b", &[])];
    let error = score(&captions).unwrap_err().to_string();
    assert!(error.contains("none for caption 1"), "{error}");
}
