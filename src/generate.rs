//! Writing text: how the next id is chosen, and when to stop.
//!
//! Everything is chosen on the GPU; the host looks every few ids whether all texts have ended.

mod beams;
mod chains;
mod score;

pub(crate) use score::fit;
pub use score::score;

use std::ops::ControlFlow;

use chains::Chains;

use crate::gpu::{DType, Gpu, Pass, Tensor};
use crate::model::{CoCa, Config};
use crate::ops::next::Rules;
use crate::{Error, Result};

/// How a text is written. The defaults are those of OpenCLIP's `generate`, but for the strategy: its
/// own is [`BeamSearch::OPENCLIP`].
///
/// Texts are OpenCLIP's, with padding as its releases up to 2.x read it: 3.x hides an id 0 inside a
/// text from what follows, as if it were padding.
#[derive(Clone, Debug, PartialEq, serde::Serialize)]
pub struct Options {
    /// Most ids in all, the first (SOT) and the last (EOT) included; capped by the model's context.
    pub seq_len: usize,
    /// No end before this many ids.
    pub min_seq_len: usize,
    /// Ids of words that follow SOT and are continued.
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
    /// Whether these options agree with each other; [`generate`] asks first.
    ///
    /// Errors: [`Error::Argument`], which names the option.
    pub fn check(&self) -> Result<()> {
        if self.seq_len < 2 {
            return refuse("seq_len", "at least 2", self.seq_len);
        }
        if self.min_seq_len >= self.seq_len {
            let expected = format!("below seq_len, {}", self.seq_len);
            return refuse("min_seq_len", expected, self.min_seq_len);
        }
        if !(0.01..=100.0).contains(&self.repetition_penalty) {
            let found = self.repetition_penalty;
            return refuse("repetition_penalty", "0.01 to 100", found);
        }
        let (most, why) = match self.strategy {
            Strategy::Greedy => (1, " (drawn texts and beams give more)"),
            Strategy::Draw(draw) => {
                draw.check()?;
                (MAX_CANDIDATES, "")
            }
            Strategy::Beams(search) => {
                search.check(MAX_BEAMS)?;
                (search.beams_of_a_group(), ", as many as a group has beams")
            }
        };
        match self.candidates {
            0 => refuse("candidates", "at least 1", 0),
            more if more > most => refuse("candidates", format!("at most {most}{why}"), more),
            _ => Ok(()),
        }
    }

    /// Whether a model of this configuration can write so.
    ///
    /// Errors: those of [`check`](Self::check), and for a prompt or more beams than it takes.
    pub fn fits(&self, config: &Config) -> Result<()> {
        Start::check(config, self).map(drop)
    }

    /// Clips to write about together: their logits stay within any adapter's bindings.
    pub(crate) fn clips_at_once(&self) -> usize {
        let texts = match self.strategy {
            Strategy::Beams(search) => search.beams / search.groups.max(1),
            _ => self.candidates,
        };
        (TEXTS_AT_ONCE / texts.max(1)).max(1)
    }
}

fn refuse<T>(what: &'static str, expected: impl Into<String>, found: impl ToString) -> Result<T> {
    Err(Error::Argument {
        what,
        expected: expected.into(),
        found: found.to_string(),
    })
}

/// How the next id is chosen.
#[derive(Clone, Copy, Debug, Default, PartialEq, serde::Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Strategy {
    /// Always the likeliest.
    #[default]
    Greedy,
    Draw(Draw),
    Beams(BeamSearch),
}

/// Drawing each id from the model's distribution, the same for the same seed.
#[derive(Clone, Copy, Debug, PartialEq, serde::Serialize)]
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

impl Draw {
    fn check(&self) -> Result<()> {
        if !(0.01..=100.0).contains(&self.temperature) {
            return refuse("temperature", "0.01 to 100", self.temperature);
        }
        if !(self.top_p > 0.0 && self.top_p <= 1.0) {
            return refuse("top_p", "above 0, at most 1", self.top_p);
        }
        if self.top_k == Some(0) {
            return refuse("top_k", "at least 1", 0);
        }
        Ok(())
    }
}

/// Following the best texts side by side.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize)]
pub struct BeamSearch {
    pub beams: usize,
    /// Parts of equally many beams that are searched alone. OpenCLIP sets no term between them that
    /// would make them differ: six beams in three groups find exactly what two beams find, and that
    /// is how they are searched here.
    pub groups: usize,
    pub scoring: Scoring,
}

/// What a beam search sums.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "snake_case")]
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

    /// `most` beams a group.
    fn check(&self, most: usize) -> Result<()> {
        if self.groups == 0 || !self.beams.is_multiple_of(self.groups) {
            let expected = format!("a part of {} beams", self.beams);
            return refuse("groups", expected, self.groups);
        }
        if !(1..=most).contains(&self.beams_of_a_group()) {
            let expected = format!("1 to {most} in a group");
            return refuse("beams", expected, self.beams_of_a_group());
        }
        Ok(())
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
/// All clips are written about at once: so many that their logits, `candidates` or beams rows of the
/// vocabulary for each, fit the adapter's bindings.
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
    finite(model, texts.iter().flatten())?;
    Ok(texts)
}

/// Writes one text about one clip, `context` (1, Q-1, E) f32, and shows what there is of it after every
/// id: SOT, the prompt, and the ids so far. A `Break` ends the text there. Blocks until it has ended.
///
/// It is the text that [`generate`] writes, in more and shorter submissions.
///
/// Errors: as [`generate`]; [`Error::Argument`] for beams and for several candidates, which are not known
/// before their end.
pub fn generate_streaming(
    model: &CoCa,
    context: &Tensor,
    options: &Options,
    show: &mut dyn FnMut(&[u32]) -> ControlFlow<()>,
) -> Result<Generated> {
    let start = Start::check(model.config(), options)?;
    let draw = check_streaming(options)?;
    assert_eq!(context.dim(0), 1, "one clip");
    let text = chains::stream(model, context, &start, draw, show)?;
    finite(model, [&text])?;
    Ok(text)
}

/// Whether texts written so can be shown before their end; how their ids are drawn, if they are.
pub(crate) fn check_streaming(options: &Options) -> Result<Option<Draw>> {
    if options.candidates != 1 {
        let what = "candidates of a text shown while it is written";
        return refuse(what, "1", options.candidates);
    }
    match options.strategy {
        Strategy::Greedy => Ok(None),
        Strategy::Draw(draw) => Ok(Some(draw)),
        Strategy::Beams(search) => {
            refuse("a text shown while it is written", "no beams", search.beams)
        }
    }
}

/// Refuses texts whose probabilities are not numbers.
fn finite<'t>(model: &CoCa, texts: impl IntoIterator<Item = &'t Generated>) -> Result<()> {
    match texts.into_iter().all(|text| text.logprob.is_finite()) {
        true => Ok(()),
        false => Err(Error::Overflow(model.dtype())),
    }
}

/// Records, for nobody to submit, how a greedy text about one clip is written: after that its kernels are
/// compiled, for the view `gpu` of the model's device.
///
/// Errors: the driver's, if it refuses a kernel; out of memory.
pub(crate) fn rehearse(model: &CoCa, gpu: &Gpu) -> Result<()> {
    let config = model.config();
    let start = Start::check(config, &Options::default())?;
    let mut pass = gpu.pass();
    let context = pass.tensor(&[1, config.queries - 1, config.embed_dim], DType::F32)?;
    let chains = Chains::start(&mut pass, model, &context, &start, None, 1)?;
    chains.step(&mut pass, 0, 1)
}

/// Where every text starts, and how it may end.
struct Start {
    /// SOT and the prompt.
    ids: Vec<u32>,
    rules: Rules,
}

impl Start {
    fn check(config: &Config, options: &Options) -> Result<Self> {
        options.check()?;
        let seq_len = options.seq_len.min(config.context_length);
        let prompt = &options.prompt;
        if prompt.len() + 1 >= seq_len {
            let expected = format!("at most {} ids", seq_len - 2);
            return refuse("prompt", expected, prompt.len());
        }
        if let Some(id) = prompt.iter().find(|&&id| id >= config.sot()) {
            let expected = format!("ids of words, below {}", config.sot());
            return refuse("prompt", expected, id);
        }
        if prompt.last() == Some(&0) {
            return refuse("prompt", "no id 0 at its end, for it ends a text", 0);
        }
        if let Strategy::Beams(search) = options.strategy {
            // Each beam gives twice as many candidates, EOS barred.
            search.check((config.vocab - 1) / 2)?;
        }
        Ok(Self {
            ids: std::iter::once(config.sot())
                .chain(prompt.iter().copied())
                .collect(),
            rules: Rules {
                eos: config.eot(),
                min_len: options.min_seq_len,
                seq_len,
                penalty: options.repetition_penalty,
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
/// have been read before, and submits `at_once` of them at a time, until `look`, which is told the number
/// of ids after each submission, says that this is the end, or all are full. Blocks; gives the number of
/// ids.
fn take_steps<'g>(
    mut pass: Pass<'g>,
    start: &Start,
    at_once: usize,
    step: impl Fn(&mut Pass<'g>, usize, usize) -> Result<()>,
    mut look: impl FnMut(usize) -> Result<bool>,
) -> Result<usize> {
    let gpu = pass.gpu();
    let (mut seen, mut len) = (0, start.ids.len());
    loop {
        for _ in 0..at_once.min(start.rules.seq_len - len) {
            step(&mut pass, seen, len)?;
            (seen, len) = (len, len + 1);
        }
        pass.submit()?;
        if look(len)? || len == start.rules.seq_len {
            return Ok(len);
        }
        pass = gpu.pass();
    }
}

/// Whether every text has ended, as the GPU notes it.
fn all_done(gpu: &Gpu, done: &Tensor) -> Result<bool> {
    Ok(gpu.read_u32(done)?.iter().all(|&done| done != 0))
}
