//! Average precision against scikit-learn's, and accuracy.

use serde::Deserialize;
use vcoca_gpu::metrics::classification::{Accuracy, MultiLabel};

use crate::read;

#[derive(Deserialize)]
struct Reference {
    scores: Vec<Vec<f32>>,
    shown: Vec<Vec<usize>>,
    average_precision: Vec<Option<f64>>,
    map: f64,
}

#[test]
fn average_precision_is_that_of_scikit_learn() {
    let reference: Reference = read("multilabel.json");
    let mut found = MultiLabel::new(reference.average_precision.len());
    for (scores, shown) in reference.scores.iter().zip(&reference.shown) {
        // Classes may be named twice.
        found
            .push(scores, &[shown.as_slice(), shown].concat())
            .unwrap();
    }
    let found = found.summary();
    assert_eq!(found.videos, reference.scores.len());
    assert_eq!(
        found.classes,
        reference.average_precision.iter().flatten().count()
    );
    assert!(
        found.classes < reference.average_precision.len(),
        "one is shown by no video"
    );
    assert!((found.map - reference.map).abs() < 1e-12);
    for (found, expected) in found
        .average_precision
        .iter()
        .zip(&reference.average_precision)
    {
        assert_eq!(found.is_some(), expected.is_some());
        let off = found.unwrap_or(0.0) - expected.unwrap_or(0.0);
        assert!(off.abs() < 1e-12, "{found:?}, expected {expected:?}");
    }
}

#[test]
fn accuracy_counts_places() {
    let mut accuracy = Accuracy::new(7);
    let scores = [0.1, 0.9, 0.8, 0.7, 0.6, 0.5, 0.4];
    for (class, place) in [(1, 1.0), (2, 2.0), (5, 5.0), (6, 6.0), (0, 7.0)] {
        assert_eq!(accuracy.push(&scores, class).unwrap(), place);
    }
    let summary = accuracy.summary();
    assert_eq!(
        (summary.videos, summary.top_1, summary.top_5),
        (5, 0.2, 0.6)
    );
    assert_eq!(accuracy.top(7), 1.0);
    assert!(accuracy.push(&scores, 7).is_err());
    assert!(accuracy.push(&scores[1..], 1).is_err());
    assert_eq!(accuracy.summary().videos, 5);
}

#[test]
fn equal_scores_are_no_success() {
    let mut accuracy = Accuracy::new(400);
    assert_eq!(accuracy.push(&[0.0; 400], 0).unwrap(), 200.5);
    assert_eq!(accuracy.top(5), 0.0);
    let mut multi = MultiLabel::new(2);
    for video in 0..10 {
        let shown: &[usize] = if video < 3 { &[0] } else { &[] };
        multi.push(&[0.5, 0.5], shown).unwrap();
    }
    // What guessing gives: the share of videos that show the class.
    assert_eq!(multi.summary().average_precision, [Some(0.3), None]);
}

#[test]
fn nothing_gives_zeros() {
    let summary = Accuracy::new(3).summary();
    assert_eq!(
        (summary.videos, summary.top_1, summary.top_5),
        (0, 0.0, 0.0)
    );
    let summary = MultiLabel::new(3).summary();
    assert_eq!((summary.videos, summary.classes, summary.map), (0, 0, 0.0));
}
