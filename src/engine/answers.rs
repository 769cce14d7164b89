//! Questions about a clip: answers in the model's own words, the likeliest of given ones, and how likely
//! any text is.

use std::collections::HashMap;
use std::time::Instant;

use super::{Caption, Clip, Engine, lap};
use crate::generate::{self, Options, generate};
use crate::{Error, Result};

/// How likely a text is.
#[derive(Clone, Debug, PartialEq)]
pub struct Scored {
    /// Ids of the text and EOT, without what they follow.
    pub tokens: Vec<u32>,
    /// Natural logarithm of the probability of all of them: that the text is this and ends here.
    pub logprob: f32,
}

impl Scored {
    /// The log-probability of one id on average, EOT among them: what makes texts of different lengths
    /// comparable.
    pub fn mean(&self) -> f32 {
        self.logprob / self.tokens.len() as f32
    }
}

/// One of the answers that a question may have.
#[derive(Clone, Debug, PartialEq)]
pub struct Choice {
    /// Its place among the choices as they were given.
    pub index: usize,
    pub scored: Scored,
    /// Softmax of the choices' [`mean`](Scored::mean) log-probabilities: they sum to 1.
    pub share: f32,
}

impl Engine {
    /// How likely each of `continuations` is to follow SOT and `prompt` about a clip, and to end then.
    /// Prompt and continuation are cleaned and read each on its own, as words with a space between them;
    /// both may be empty. Blocks until done.
    ///
    /// Errors: [`Error::Argument`] for what is no words or exceeds the model's context; the tokenizer's;
    /// values that are not numbers; the device's.
    pub fn score<S: AsRef<str>>(
        &self,
        clip: &Clip,
        prompt: &str,
        continuations: &[S],
    ) -> Result<Vec<Scored>> {
        let prompt = self.tokenizer.ids(prompt)?;
        let continuations = (continuations.iter())
            .map(|text| self.tokenizer.ids(text.as_ref()))
            .collect::<Result<Vec<_>>>()?;
        self.score_ids(clip, &prompt, continuations)
    }

    fn score_ids(&self, clip: &Clip, prompt: &[u32], texts: Vec<Vec<u32>>) -> Result<Vec<Scored>> {
        let scores = generate::score(&self.model, &clip.context, prompt, &texts)?;
        Ok((texts.into_iter().zip(scores))
            .map(|(mut tokens, logprobs)| {
                tokens.push(self.tokenizer.eot());
                let logprob = logprobs.iter().sum();
                Scored { tokens, logprob }
            })
            .collect())
    }

    /// Answers a question in the model's own words; of several candidates, the best. As
    /// [`answers`](Self::answers).
    pub fn answer(&self, clip: &Clip, question: &str, options: &Options) -> Result<Caption> {
        Ok(self.answers(clip, question, options)?.remove(0))
    }

    /// `options.candidates` answers to a question, the best first. The model is asked to go on after
    /// "question: … answer:", the form that the built-in model has learned; a question mark is added
    /// to a question that ends in a word. Blocks until done.
    ///
    /// `options.seq_len` bounds the answer with its start and end: the question comes on top, as far as
    /// the model's context goes. `options.prompt` is not used. Each [`Caption`] is of the answer
    /// alone: its `tokens` are those of the answer and EOT.
    ///
    /// Errors: [`Error::Argument`] for a question without words or too long for the model, and for options
    /// that [`generate`](generate()) refuses; the device's.
    pub fn answers(&self, clip: &Clip, question: &str, options: &Options) -> Result<Vec<Caption>> {
        let prompt = self.question(question)?;
        let asked = 1 + prompt.len();
        let options = Options {
            seq_len: options.seq_len + prompt.len(),
            prompt,
            ..options.clone()
        };
        let clock = Instant::now();
        let texts = generate(&self.model, &clip.context, &options)?.remove(0);
        let generate = lap(clock);
        Ok((texts.into_iter())
            .map(|mut written| {
                let tokens = written.tokens.split_off(asked);
                Caption {
                    text: self.tokenizer.decode(&tokens),
                    tokens,
                    logprob: written.logprob,
                    score: written.score,
                    generate,
                }
            })
            .collect())
    }

    /// The choices from the likeliest answer to the least likely, by the mean log-probability of their
    /// ids after the same words as [`answers`](Self::answers) has; of equals the first given comes first.
    /// Blocks until done.
    ///
    /// Errors: [`Error::Argument`] for fewer than two choices, for one without words or with those of
    /// another, and as [`answers`](Self::answers) and [`score`](Self::score).
    pub fn rank_choices<S: AsRef<str>>(
        &self,
        clip: &Clip,
        question: &str,
        choices: &[S],
    ) -> Result<Vec<Choice>> {
        let prompt = self.question(question)?;
        let choices = self.choices(choices)?;
        let scored = self.score_ids(clip, &prompt, choices)?;
        let most = (scored.iter().map(Scored::mean)).fold(f32::NEG_INFINITY, f32::max);
        let total: f32 = (scored.iter().map(|scored| (scored.mean() - most).exp())).sum();
        let mut ranked: Vec<Choice> = (scored.into_iter().enumerate())
            .map(|(index, scored)| Choice {
                index,
                share: (scored.mean() - most).exp() / total,
                scored,
            })
            .collect();
        ranked.sort_by(|a, b| b.scored.mean().total_cmp(&a.scored.mean()));
        Ok(ranked)
    }

    /// Whether [`answers`](Self::answers) takes the question and, if there are any choices,
    /// [`rank_choices`](Self::rank_choices) takes them: known before a video has been read.
    pub fn check_question<S: AsRef<str>>(&self, question: &str, choices: &[S]) -> Result<()> {
        let prompt = self.question(question)?;
        if choices.is_empty() {
            return Ok(());
        }
        generate::fit(self.model.config(), &prompt, &self.choices(choices)?)
    }

    /// The ids of a question in the form that asks for its answer.
    fn question(&self, question: &str) -> Result<Vec<u32>> {
        let question = question.trim();
        if self.tokenizer.ids(question)?.is_empty() {
            return refuse("question", "words", format!("{question:?}"));
        }
        let mark = match question.ends_with(char::is_alphanumeric) {
            true => "?",
            false => "",
        };
        let asked = format!("question: {question}{mark} answer:");
        let ids = self.tokenizer.ids(&asked)?;
        // SOT before, a word and EOT behind.
        let most = self.model.config().context_length.saturating_sub(3);
        if ids.len() > most {
            let expected = format!(
                "at most {most} tokens with \"question:\" and \"answer:\" around it, as this model has \
                 room for"
            );
            return refuse("question", expected, ids.len().to_string());
        }
        Ok(ids)
    }

    /// The ids of choices that differ.
    fn choices<S: AsRef<str>>(&self, choices: &[S]) -> Result<Vec<Vec<u32>>> {
        if choices.len() < 2 {
            let found = choices.len().to_string();
            return refuse("choices", "at least 2", found);
        }
        let mut known: HashMap<Vec<u32>, &str> = HashMap::with_capacity(choices.len());
        let mut all = Vec::with_capacity(choices.len());
        for choice in choices {
            let choice = choice.as_ref();
            let ids = self.tokenizer.ids(choice)?;
            if ids.is_empty() {
                return refuse("choice", "words", format!("{choice:?}"));
            }
            if let Some(same) = known.insert(ids.clone(), choice) {
                let found = format!("{same:?} and {choice:?}");
                return refuse("choices", "each once", found);
            }
            all.push(ids);
        }
        Ok(all)
    }
}

fn refuse<T>(what: &'static str, expected: impl Into<String>, found: String) -> Result<T> {
    Err(Error::Argument {
        what,
        expected: expected.into(),
        found,
    })
}
