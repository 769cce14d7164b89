//! The metrics against others: pycocoevalcap for captions and scikit-learn for average precision, by
//! what `tools/metrics_reference.py` wrote of them; plain counting for ranks.

use std::collections::BTreeMap;
use std::fs;
use std::path::PathBuf;

use serde::Deserialize;
use serde::de::DeserializeOwned;
use vcoca_gpu::metrics::answers::{Answers, normalise};
use vcoca_gpu::metrics::captions::{Captioned, Scores, score, tokenize};
use vcoca_gpu::metrics::classification::{Accuracy, MultiLabel};
use vcoca_gpu::metrics::retrieval::{RanksSummary, Retrieval};

fn text(name: &str) -> String {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/data/metrics");
    fs::read_to_string(folder.join(name)).unwrap()
}

fn read<T: DeserializeOwned>(name: &str) -> T {
    serde_json::from_str(&text(name)).unwrap()
}

/// Even numbers, the same each time.
struct Random(u64);

impl Random {
    fn below(&mut self, limit: usize) -> usize {
        self.0 = self.0.wrapping_mul(6364136223846793005).wrapping_add(1);
        (self.0 >> 33) as usize % limit
    }
}

mod tokens {
    use super::*;

    #[test]
    fn are_those_of_stanfords_lexer() {
        let mut counts: BTreeMap<String, (usize, Vec<String>)> = BTreeMap::new();
        for line in text("tokens.jsonl").lines() {
            let (kind, text, expected): (String, String, String) =
                serde_json::from_str(line).unwrap();
            let (count, differ) = counts.entry(kind).or_default();
            *count += 1;
            let found = tokenize(&text).join(" ");
            if found != expected {
                differ.push(format!("{text:?}: {expected:?}, but here {found:?}"));
            }
        }
        let (captions, differ) = &counts["captions"];
        assert!(*captions > 800 && differ.is_empty(), "{differ:#?}");
        let (written, differ) = &counts["written"];
        assert!(*written > 800 && differ.is_empty(), "{differ:#?}");
        // Constructs without spaces between: rules that meet only there are not all known.
        let (glued, differ) = &counts["glued"];
        assert!(*glued > 400 && differ.len() * 200 < *glued, "{differ:#?}");
    }

    #[test]
    fn of_awkward_texts() {
        for empty in [
            "",
            " ",
            "\n",
            ".",
            "...",
            "\u{1f600}\u{1f44d}",
            "\u{0}\u{7f}",
            "\u{fe0f}",
        ] {
            assert_eq!(tokenize(empty), [""; 0], "{empty:?}");
        }
        assert_eq!(tokenize("a\nb\tc\u{a0}d\r\ne"), ["a", "b", "c", "d", "e"]);
        assert_eq!(tokenize("ΟΔΥΣΣΕΥΣ Straße"), ["οδυσσευς", "straße"]);
        // What the punctuation list does not have, or has in capitals.
        assert_eq!(
            tokenize("(a) [b] {c}"),
            [
                "-lrb-", "a", "-rrb-", "-lsb-", "b", "-rsb-", "-lcb-", "c", "-rcb-"
            ]
        );
        assert_eq!(tokenize("wow! wow!! :)"), ["wow", "wow", "!!", ":-rrb-"]);
        assert_eq!(tokenize("1 1/2 cups"), ["1\u{a0}1/2", "cups"]);
    }

    #[test]
    fn of_a_long_text_without_a_space() {
        for pattern in [
            "a", "a.", "a'", "日本", "-", "<a ", "@a", "1,", "http://", "“",
        ] {
            let text = pattern.repeat((1 << 15) / pattern.len());
            let letters = |text: &str| text.chars().filter(|&c| c == 'a').count();
            assert_eq!(
                letters(&tokenize(&text).concat()),
                letters(&text),
                "{pattern:?}"
            );
        }
    }
}

mod captions {
    use super::*;

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
}

mod retrieval {
    use super::*;

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
}

mod classification {
    use super::*;

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
}

mod answers {
    use super::*;

    #[test]
    fn what_is_taken_away_and_what_stays() {
        for (answer, same) in [
            ("Red", "red"),
            (" A  dog.\n", "dog"),
            ("the Eiffel Tower!", "eiffel tower"),
            ("\"play guitar\"", "play guitar"),
            ("T-shirt", "t-shirt"),
            ("3.5", "3.5"),
            ("rock & roll", "rock & roll"),
            ("Anna", "anna"),
            ("ÉCOLE…", "école"),
            ("a", "a"),
            ("The.", "the"),
            ("the the", "the"),
            ("...", ""),
        ] {
            assert_eq!(normalise(answer), same, "{answer:?}");
        }
    }

    #[test]
    fn accuracy_is_the_share_of_same_answers() {
        let mut answers = Answers::new();
        assert_eq!(answers.push("A man.", "man"), 1.0);
        assert_eq!(answers.push("men", "man"), 0.0);
        assert_eq!(answers.push("", ""), 0.0);
        assert_eq!(answers.push("two", "2"), 0.0);
        let summary = answers.summary();
        assert_eq!((summary.questions, summary.accuracy), (4, 0.25));
        assert_eq!(Answers::new().summary().accuracy, 0.0);
    }

    #[test]
    fn two_annotators_suffice() {
        let annotators = ["spoon", "Spoon", "the spoon", "fork", ""];
        let mut answers = Answers::new();
        assert_eq!(answers.push_agreement("a spoon", &annotators), 1.0);
        assert_eq!(answers.push_agreement("fork", &annotators), 0.5);
        assert_eq!(answers.push_agreement("knife", &annotators), 0.0);
        assert_eq!(answers.push_agreement("", &annotators), 0.0);
        assert_eq!(answers.summary().accuracy, 0.375);
    }
}
