//! Answers to questions about videos.
//!
//! Two answers are the same if [`normalise`] makes the same of them. The answers of the public sets
//! (MSRVTT-QA, MSVD-QA, ActivityNet-QA, iVQA) are bare words in lower case, most a single one, and are
//! compared as they stand; a model that writes sentences says the same word with a capital, a full
//! stop or an article. So these, and nothing else, are taken away. "two" is not "2", and "dogs" is not
//! "dog": who wants that counted tells the model to answer so.

use serde::Serialize;

use super::mean;

/// Lower case; white space as single spaces; without punctuation (marks and symbols of ASCII, curly
/// quotes, ellipsis) at either end of the whole; without a leading "a", "an" or "the", unless that is
/// all there is. What stands within stays: "t-shirt", "3.5", "rock & roll".
pub fn normalise(answer: &str) -> String {
    let lower = answer.to_lowercase();
    let bare = lower.trim_matches(|c: char| c.is_whitespace() || is_mark(c));
    let mut words: Vec<_> = bare.split_whitespace().collect();
    if words.len() > 1 && matches!(words[0], "a" | "an" | "the") {
        words.remove(0);
    }
    words.join(" ")
}

fn is_mark(c: char) -> bool {
    c.is_ascii_punctuation() || matches!(c, '\u{2018}'..='\u{201f}' | '…' | '¿' | '¡')
}

/// The accuracy of the answers to many questions.
#[derive(Clone, Debug, Default)]
pub struct Answers {
    scores: Vec<f64>,
}

/// Figures of [`Answers`].
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct AnswersSummary {
    pub questions: usize,
    pub accuracy: f64,
}

impl Answers {
    pub fn new() -> Self {
        Self::default()
    }

    /// Counts a question that has one true answer: 1 if the given one is the same, else 0, which it
    /// gives. An empty answer is never right.
    pub fn push(&mut self, given: &str, truth: &str) -> f64 {
        let given = normalise(given);
        let right = !given.is_empty() && given == normalise(truth);
        self.count(f64::from(u8::from(right)))
    }

    /// Counts a question that several annotators answered, as iVQA does: min(n / 2, 1), where n of
    /// them gave the same answer. An annotator without an answer agrees with nobody.
    pub fn push_agreement<S: AsRef<str>>(&mut self, given: &str, annotators: &[S]) -> f64 {
        let given = normalise(given);
        let agree = (annotators.iter())
            .filter(|answer| !given.is_empty() && normalise(answer.as_ref()) == given)
            .count();
        self.count((agree as f64 / 2.0).min(1.0))
    }

    fn count(&mut self, score: f64) -> f64 {
        self.scores.push(score);
        score
    }

    pub fn summary(&self) -> AnswersSummary {
        AnswersSummary {
            questions: self.scores.len(),
            accuracy: mean(self.scores.iter().copied()),
        }
    }
}
