//! Sentences as numbers: what the three scores count.

use std::collections::HashMap;

use super::ptb;

/// One to four words in a row; 0 behind the last.
pub(super) type Gram = [u32; 4];

/// How many words a gram has.
pub(super) fn order(gram: &Gram) -> usize {
    gram.iter().filter(|&&word| word != 0).count()
}

/// A sentence after tokenizing.
pub(super) struct Sentence {
    /// What ROUGE-L compares: the sentence split at spaces, so that an empty one has a single, empty
    /// token.
    pub tokens: Vec<u32>,
    /// The words that BLEU and CIDEr count. There are more than tokens where a token has a no-break
    /// space in it ("1 1/2"), and none in an empty sentence.
    pub words: usize,
    /// Each gram of the words with its count, sorted by gram.
    pub grams: Vec<(Gram, u32)>,
}

/// The number of each word, from 1.
#[derive(Default)]
pub(super) struct Words(HashMap<String, u32>);

impl Words {
    pub fn sentence(&mut self, text: &str) -> Sentence {
        let mut tokens = ptb::tokenize(text);
        if tokens.is_empty() {
            tokens.push(String::new());
        }
        let words: Vec<_> = (tokens.iter())
            .flat_map(|token| token.split_whitespace())
            .map(|word| self.number(word))
            .collect();
        Sentence {
            tokens: tokens.iter().map(|token| self.number(token)).collect(),
            words: words.len(),
            grams: grams(&words),
        }
    }

    fn number(&mut self, word: &str) -> u32 {
        if let Some(&number) = self.0.get(word) {
            return number;
        }
        let number = self.0.len() as u32 + 1;
        self.0.insert(word.to_owned(), number);
        number
    }
}

fn grams(words: &[u32]) -> Vec<(Gram, u32)> {
    let mut all: Vec<Gram> = (1..=4)
        .flat_map(|order| words.windows(order))
        .map(|window| {
            let mut gram = [0; 4];
            gram[..window.len()].copy_from_slice(window);
            gram
        })
        .collect();
    all.sort_unstable();
    (all.chunk_by(|a, b| a == b))
        .map(|same| (same[0], same.len() as u32))
        .collect()
}
