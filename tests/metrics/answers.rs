//! Answers to questions.

use vcoca_gpu::metrics::answers::{Answers, normalise};

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
