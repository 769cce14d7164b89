//! Writing text: how the next id is chosen, and when to stop.
//!
//! Everything is chosen on the GPU; the host looks every few ids whether all texts have ended.

mod beams;
mod chains;

use crate::gpu::{Pass, Tensor};
use crate::model::{CoCa, Config};
use crate::ops::next::Rules;
use crate::{Error, Result};

/// How a text is written. The defaults are those of OpenCLIP's `generate`, but for the strategy: its
/// own is [`BeamSearch::OPENCLIP`].
#[derive(Clone, Debug, PartialEq)]
pub struct Options {
    /// Most ids in all, the first (SOT) and the last (EOT) included; capped by the model's context.
    pub seq_len: usize,
    /// No end before this many ids.
    pub min_seq_len: usize,
    /// Ids that follow SOT and are continued.
    pub prompt: Vec<u32>,
    /// What the logit of an id that the text holds already is divided by (multiplied, below 0).
    pub repetition_penalty: f32,
    pub strategy: Strategy,
    /// Texts for each clip: the best of a beam search, or so many drawn ones.
    pub candidates: usize,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            seq_len: 30,
            min_seq_len: 5,
            prompt: Vec::new(),
            repetition_penalty: 1.0,
            strategy: Strategy::Greedy,
            candidates: 1,
        }
    }
}

impl Options {
    /// Whether a model of this configuration can write so: what [`generate`] asks first.
    ///
    /// Errors: [`Error::Argument`], which names the option.
    pub fn check(&self, config: &Config) -> Result<()> {
        Start::check(config, self).map(drop)
    }

    /// Clips to write about together: their logits stay within any adapter's bindings.
    pub(crate) fn clips_at_once(&self) -> usize {
        let texts = match self.strategy {
            Strategy::Beams(search) => search.beams,
            _ => self.candidates,
        };
        (TEXTS_AT_ONCE / texts.max(1)).max(1)
    }
}

/// How the next id is chosen.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub enum Strategy {
    /// Always the likeliest.
    #[default]
    Greedy,
    Draw(Draw),
    Beams(BeamSearch),
}

/// Drawing each id from the model's distribution, the same for the same seed.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Draw {
    /// Above 1 evens the likely and the unlikely out, below 1 sharpens.
    pub temperature: f32,
    /// Only the likeliest so many.
    pub top_k: Option<usize>,
    /// Of these only the fewest whose probability is this much together.
    pub top_p: f32,
    pub seed: u64,
}

impl Default for Draw {
    fn default() -> Self {
        Self {
            temperature: 1.0,
            top_k: None,
            top_p: 1.0,
            seed: 0,
        }
    }
}

/// Following the best texts side by side.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BeamSearch {
    pub beams: usize,
    /// Parts of equally many beams that are searched alone. OpenCLIP sets no term between them that
    /// would make them differ: six beams in three groups find exactly what two beams find, and that
    /// is how they are searched here.
    pub groups: usize,
    pub scoring: Scoring,
}

/// What a beam search sums.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Scoring {
    /// Logarithms of probabilities.
    #[default]
    LogProbabilities,
    /// Logits, as OpenCLIP up to 3.3.0 does.
    Logits,
}

impl BeamSearch {
    /// What OpenCLIP 3.3.0 does if it is asked for nothing else.
    pub const OPENCLIP: Self = Self {
        beams: 6,
        groups: 3,
        scoring: Scoring::Logits,
    };

    fn beams_of_a_group(&self) -> usize {
        self.beams / self.groups
    }
}

/// One text as it was written.
#[derive(Clone, Debug, PartialEq)]
pub struct Generated {
    /// SOT, the prompt, what was written, EOT; no padding. A beam that fills `seq_len` has no EOT.
    pub tokens: Vec<u32>,
    /// Natural logarithm of the probability, under the model alone, of what was written.
    pub logprob: f32,
    /// What candidates are ordered by: a beam's summed scores over its ids, else the log-probability.
    pub score: f32,
}

/// The most beams of one group: they are ordered by a single invocation.
const MAX_BEAMS: usize = 32;
/// The most texts of one clip.
const MAX_CANDIDATES: usize = 256;

/// Texts to write together, unless one clip has more.
const TEXTS_AT_ONCE: usize = 64;

/// Ids to choose in one submission before looking whether every text has ended.
const STEPS_AT_ONCE: usize = 8;

/// Writes `options.candidates` texts, the best first, about each clip of `context` (B, Q-1, E) f32
/// (`CoCa.generate`; coca_model.py). Clips do not see each other: the texts are those of each alone.
///
/// Greedy and drawn texts end on EOT or on id 0, and EOT is forced as the last of `seq_len`; a beam
/// search ends as transformers' `BeamSearchScorer` does. Blocks until all texts have ended.
///
/// Errors: [`Error::Argument`] for options that contradict each other or the model; logits that are
/// not numbers; the device's.
pub fn generate(model: &CoCa, context: &Tensor, options: &Options) -> Result<Vec<Vec<Generated>>> {
    let start = Start::check(model.config(), options)?;
    let texts = match options.strategy {
        Strategy::Greedy => chains::write(model, context, &start, None, 1),
        Strategy::Draw(draw) => {
            chains::write(model, context, &start, Some(draw), options.candidates)
        }
        Strategy::Beams(search) => beams::write(model, context, &start, search, options.candidates),
    }?;
    let numbers = texts.iter().flatten().map(|text| text.logprob);
    match numbers.into_iter().all(f32::is_finite) {
        true => Ok(texts),
        false => Err(Error::Overflow(model.dtype())),
    }
}

/// Where every text starts, and how it may end.
struct Start {
    /// SOT and the prompt.
    ids: Vec<u32>,
    rules: Rules,
}

impl Start {
    fn check(config: &Config, options: &Options) -> Result<Self> {
        let refuse = |what, expected: String, found: String| {
            Err(Error::Argument {
                what,
                expected,
                found,
            })
        };
        let seq_len = options.seq_len.min(config.context_length);
        let (prompt, penalty) = (&options.prompt, options.repetition_penalty);
        if seq_len < 2 {
            return refuse("seq_len", "at least 2".into(), seq_len.to_string());
        }
        if prompt.len() + 1 >= seq_len {
            let expected = format!("at most {} ids", seq_len - 2);
            return refuse("prompt", expected, prompt.len().to_string());
        }
        if let Some(id) = prompt.iter().find(|&&id| id >= config.vocab as u32) {
            let expected = format!("ids below {}", config.vocab);
            return refuse("prompt", expected, id.to_string());
        }
        if !(0.01..=100.0).contains(&penalty) {
            let expected = "0.01 to 100".into();
            return refuse("repetition_penalty", expected, penalty.to_string());
        }
        let most = match options.strategy {
            Strategy::Greedy => 1,
            Strategy::Draw(draw) => {
                if !(0.01..=100.0).contains(&draw.temperature) {
                    let found = draw.temperature.to_string();
                    return refuse("temperature", "0.01 to 100".into(), found);
                }
                if !(draw.top_p > 0.0 && draw.top_p <= 1.0) {
                    let expected = "above 0, at most 1".into();
                    return refuse("top_p", expected, draw.top_p.to_string());
                }
                if draw.top_k == Some(0) {
                    return refuse("top_k", "at least 1".into(), "0".into());
                }
                MAX_CANDIDATES
            }
            Strategy::Beams(search) => {
                if search.groups == 0 || !search.beams.is_multiple_of(search.groups) {
                    let expected = format!("a part of {} beams", search.beams);
                    return refuse("groups", expected, search.groups.to_string());
                }
                // Each gives twice as many candidates, EOS barred.
                let most = MAX_BEAMS.min((config.vocab - 1) / 2);
                let beams = search.beams_of_a_group();
                if !(1..=most).contains(&beams) {
                    let expected = format!("1 to {most} in a group");
                    return refuse("beams", expected, beams.to_string());
                }
                beams
            }
        };
        if !(1..=most).contains(&options.candidates) {
            let expected = match options.strategy {
                Strategy::Greedy => "1 (drawn texts and beams give more)".into(),
                Strategy::Draw(_) => format!("1 to {most}"),
                Strategy::Beams(_) => format!("1 to {most}, as many as a group has beams"),
            };
            return refuse("candidates", expected, options.candidates.to_string());
        }
        Ok(Self {
            ids: std::iter::once(config.sot())
                .chain(prompt.iter().copied())
                .collect(),
            rules: Rules {
                eos: config.eot(),
                min_len: options.min_seq_len,
                seq_len,
                penalty,
            },
        })
    }

    /// `rows` rows of `seq_len` ids that start so, padded with 0.
    fn rows(&self, rows: usize) -> Vec<u32> {
        let mut row = self.ids.clone();
        row.resize(self.rules.seq_len, 0);
        row.repeat(rows)
    }
}

/// Records step after step, each of which takes all texts from `len` ids to one more of which `seen`
/// have been read before, and submits some at a time, until all are `done` or full. Blocks; gives
/// the number of ids.
fn take_steps<'g>(
    mut pass: Pass<'g>,
    start: &Start,
    done: &Tensor,
    step: impl Fn(&mut Pass<'g>, usize, usize) -> Result<()>,
) -> Result<usize> {
    let gpu = pass.gpu();
    let (mut seen, mut len) = (0, start.ids.len());
    loop {
        for _ in 0..STEPS_AT_ONCE.min(start.rules.seq_len - len) {
            step(&mut pass, seen, len)?;
            (seen, len) = (len, len + 1);
        }
        pass.submit()?;
        let all_done = gpu.read_u32(done)?.iter().all(|&done| done != 0);
        if all_done || len == start.rules.seq_len {
            return Ok(len);
        }
        pass = gpu.pass();
    }
}
