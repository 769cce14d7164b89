//! Choosing the next id of texts being written: greedy, sampled, beams.

use super::choose::top_k;
use super::grid::wide;
use super::shaders;
use crate::Result;
use crate::gpu::{Caps, DType, Pass, Tensor};

/// R texts being written, all on the GPU.
pub struct Written {
    /// (R, capacity) `u32`.
    pub tokens: Tensor,
    /// (R, capacity) `f32`: of each token that was chosen.
    pub logprobs: Tensor,
    /// (R) `u32`: 1 where the text has ended.
    pub done: Tensor,
}

/// When a text may and must end, and what its own ids cost.
#[derive(Clone, Copy, Debug)]
pub struct Rules {
    pub eos: u32,
    /// No end while the text has fewer tokens.
    pub min_len: usize,
    /// The end is forced as token number `seq_len`.
    pub seq_len: usize,
    /// What the score of an id that the text holds is divided by (multiplied, below 0).
    pub penalty: f32,
}

#[repr(C)]
#[derive(Clone, Copy, bytemuck::Pod, bytemuck::Zeroable)]
struct GreedyParams {
    vocabulary: u32,
    capacity: u32,
    column: u32,
    eos: u32,
    bar_eos: u32,
    force_eos: u32,
}

/// Appends at column `len` the arg-max of `logits` (R, V) `f32`: EOS is excluded while
/// `len < min_len` and forced when `len + 1 == seq_len`; no penalty. A text that is done gets pad 0;
/// it is done after EOS or id 0. The log-probability is that of the chosen token under the plain
/// logits, 0 for texts already done. In place.
pub fn greedy_step(
    pass: &mut Pass,
    logits: &Tensor,
    written: &Written,
    len: usize,
    rules: &Rules,
) -> Result<()> {
    assert!(rules.penalty == 1.0, "greedy_step knows no penalty");
    let (rows, capacity) = written.check(logits, len, rules);
    let params = GreedyParams {
        vocabulary: logits.cols() as u32,
        capacity: capacity as u32,
        column: len as u32,
        eos: rules.eos,
        bar_eos: u32::from(len < rules.min_len),
        force_eos: u32::from(len + 1 == rules.seq_len),
    };
    let lanes = wide(pass.gpu().caps(), logits.cols(), 1);
    let kernel =
        (pass.gpu()).kernel(shaders::GREEDY_STEP, DType::F32, &[("LANES", lanes.into())])?;
    let tensors = [logits, &written.tokens, &written.logprobs, &written.done];
    pass.dispatch(&kernel, &tensors, &params, [rows as u32, 1, 1]);
    Ok(())
}

impl Written {
    /// Asserts that all belongs together; gives rows and capacity.
    fn check(&self, logits: &Tensor, len: usize, rules: &Rules) -> (usize, usize) {
        let (rows, capacity) = (self.tokens.rows(), self.tokens.cols());
        assert_eq!(logits.dtype(), DType::F32, "logits are f32");
        assert_eq!(logits.rows(), rows, "logits of {rows} texts");
        assert_eq!(
            self.logprobs.dims(),
            self.tokens.dims(),
            "log-probabilities"
        );
        assert_eq!(self.done.len(), rows, "done flags");
        assert!(len < capacity, "column {len} of {capacity}");
        assert!((rules.eos as usize) < logits.cols(), "EOS is a token");
        (rows, capacity)
    }
}

#[repr(C)]
#[derive(Clone, Copy, bytemuck::Pod, bytemuck::Zeroable)]
struct ScoreParams {
    vocabulary: u32,
    capacity: u32,
    length: u32,
    eos: u32,
    bar_eos: u32,
    penalty: f32,
}

/// What is penalised.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scale {
    Logits,
    /// Logarithms of probabilities.
    Probabilities,
}

/// Scores (R, V) `f32` that order the next ids of texts (R, capacity) of `len` ids each: the `logits`
/// (R, V), but lowest for EOS while `len < min_len`, and with the rules' penalty on ids that the text
/// holds already (transformers' `MinLengthLogitsProcessor`, `RepetitionPenaltyLogitsProcessor`).
/// Where the rules change nothing, these are the logits themselves. Errors: out of memory.
pub fn score_tokens(
    pass: &mut Pass,
    logits: &Tensor,
    tokens: &Tensor,
    len: usize,
    rules: &Rules,
    scale: Scale,
) -> Result<Tensor> {
    assert_eq!(logits.dtype(), DType::F32, "logits are f32");
    assert_eq!(logits.rows(), tokens.rows(), "logits of {tokens:?}");
    assert!(len <= tokens.cols(), "{len} ids of {tokens:?}");
    assert!(rules.penalty > 0.0, "a penalty of {}", rules.penalty);
    if rules.penalty == 1.0 && len >= rules.min_len {
        return Ok(logits.clone());
    }
    let scores = pass.tensor(logits.dims(), DType::F32)?;
    let params = ScoreParams {
        vocabulary: logits.cols() as u32,
        capacity: tokens.cols() as u32,
        length: len as u32,
        eos: rules.eos,
        bar_eos: u32::from(len < rules.min_len),
        penalty: rules.penalty,
    };
    let constants = [
        ("LANES", lanes(pass.gpu().caps(), logits.cols(), 2).into()),
        ("PROBABILITIES", (scale == Scale::Probabilities).into()),
    ];
    let kernel = (pass.gpu()).kernel(shaders::SCORE_TOKENS, DType::F32, &constants)?;
    let grid = [logits.rows() as u32, 1, 1];
    pass.dispatch(&kernel, &[logits, tokens, &scores], &params, grid);
    Ok(scores)
}

/// How an id is drawn.
#[derive(Clone, Copy, Debug)]
pub struct Draw {
    /// Only the `top_k` best scores.
    pub top_k: Option<usize>,
    /// Of these only the fewest that hold this part of their probability.
    pub top_p: f32,
    /// What scores are divided by before the draw; 0: the best wins.
    pub temperature: f32,
    /// Fixes the draw; another for every step.
    pub key: u32,
    /// Rows that follow each other and draw differently: texts of one clip.
    pub candidates: usize,
}

#[repr(C)]
#[derive(Clone, Copy, bytemuck::Pod, bytemuck::Zeroable)]
struct SampleParams {
    vocabulary: u32,
    capacity: u32,
    column: u32,
    eos: u32,
    force_eos: u32,
    top_k: u32,
    rest: f32,
    sharpness: f32,
    noise: u32,
    key: u32,
    candidates: u32,
}

/// Appends at column `len` an id drawn from softmax(`scores` / temperature), both limits of `draw`
/// taken before the temperature as OpenCLIP's `generate` does it. `logits` and `scores` are (R, V)
/// `f32`. Ends and log-probabilities are those of [`greedy_step`]; that EOS is barred early is up to
/// the scores. In place.
pub fn sample_step(
    pass: &mut Pass,
    logits: &Tensor,
    scores: &Tensor,
    written: &Written,
    len: usize,
    rules: &Rules,
    draw: &Draw,
) -> Result<()> {
    let (rows, capacity) = written.check(logits, len, rules);
    let vocabulary = logits.cols();
    assert_eq!(scores.dims(), logits.dims(), "scores of the logits");
    assert!(draw.temperature >= 0.0 && draw.top_p > 0.0, "{draw:?}");
    assert!(
        rows.is_multiple_of(draw.candidates),
        "{rows} rows, {draw:?}"
    );
    let noise = draw.temperature > 0.0;
    let top_k = draw.top_k.unwrap_or(vocabulary).clamp(1, vocabulary);
    let rest = 1.0 - draw.top_p.min(1.0);
    let params = SampleParams {
        vocabulary: vocabulary as u32,
        capacity: capacity as u32,
        column: len as u32,
        eos: rules.eos,
        force_eos: u32::from(len + 1 == rules.seq_len),
        top_k: top_k as u32,
        rest,
        sharpness: if noise { 1.0 / draw.temperature } else { 1.0 },
        noise: noise.into(),
        key: draw.key,
        candidates: draw.candidates as u32,
    };
    // Three passes, and one for each bit of a limit.
    let passes = 4 + 32 * (usize::from(top_k < vocabulary) + usize::from(rest > 0.0));
    let lanes = lanes(pass.gpu().caps(), vocabulary, passes);
    let constants = [("LANES", lanes.into())];
    let kernel = (pass.gpu()).kernel(shaders::SAMPLE_STEP, DType::F32, &constants)?;
    let Written {
        tokens,
        logprobs,
        done,
    } = written;
    let tensors = [logits, scores, tokens, logprobs, done];
    pass.dispatch(&kernel, &tensors, &params, [rows as u32, 1, 1]);
    Ok(())
}

/// Beams of B clips, and the texts that they finished.
pub struct Beams {
    pub beams: usize,
    /// (B·beams, capacity) `u32`.
    pub tokens: Tensor,
    /// (B·beams, capacity) `u32`: in which row of the caches each column lies.
    pub history: Tensor,
    /// (B·beams, 2) `f32`: summed scores and log-probabilities.
    pub sums: Tensor,
    /// (B·beams, capacity) `u32`: finished texts, without EOS.
    pub texts: Tensor,
    /// (B·beams, 4) `f32` of each finished text: score, log-probability, length (0: there is none),
    /// age (the younger, the greater).
    pub finished: Tensor,
    /// (B) `u32`: 1 where nothing can improve any more.
    pub done: Tensor,
}

#[repr(C)]
#[derive(Clone, Copy, bytemuck::Pod, bytemuck::Zeroable)]
struct CandidateParams {
    vocabulary: u32,
    count: u32,
}

/// The `count` best next ids of every beam: (R, count, 3) `f32`, in falling order, of id, score and
/// log-probability. Scores are `scores` (R, V), less log Σ exp(`logits`) on the scale of
/// probabilities. Errors: out of memory.
pub fn beam_candidates(
    pass: &mut Pass,
    logits: &Tensor,
    scores: &Tensor,
    count: usize,
    scale: Scale,
) -> Result<Tensor> {
    let (rows, vocabulary) = (logits.rows(), logits.cols());
    assert_eq!(logits.dtype(), DType::F32, "logits are f32");
    assert_eq!(scores.dims(), logits.dims(), "scores of the logits");
    let (values, columns) = top_k(pass, scores, count)?;
    let candidates = pass.tensor(&[rows, count, 3], DType::F32)?;
    let constants = [
        ("LANES", lanes(pass.gpu().caps(), vocabulary, 1).into()),
        ("PROBABILITIES", (scale == Scale::Probabilities).into()),
    ];
    let params = CandidateParams {
        vocabulary: vocabulary as u32,
        count: count as u32,
    };
    let kernel = (pass.gpu()).kernel(shaders::BEAM_CANDIDATES, DType::F32, &constants)?;
    let tensors = [logits, &values, &columns, &candidates];
    pass.dispatch(&kernel, &tensors, &params, [rows as u32, 1, 1]);
    Ok(candidates)
}

#[repr(C)]
#[derive(Clone, Copy, bytemuck::Pod, bytemuck::Zeroable)]
struct BeamParams {
    capacity: u32,
    column: u32,
    eos: u32,
}

/// Takes all beams from `len` ids to `len + 1`, given their 2·beams best `candidates` each
/// (transformers' `BeamSearchScorer.process` without length penalty). In place.
pub fn beam_step(
    pass: &mut Pass,
    candidates: &Tensor,
    state: &Beams,
    len: usize,
    eos: u32,
) -> Result<()> {
    let Beams {
        beams,
        tokens,
        history,
        sums,
        texts,
        finished,
        done,
    } = state;
    let (rows, capacity) = (tokens.rows(), tokens.cols());
    let clips = done.len();
    assert_eq!(rows, clips * beams, "{beams} beams of {clips} clips");
    assert_eq!(candidates.dims(), [rows, 2 * beams, 3], "candidates");
    assert!(history.dims() == tokens.dims() && texts.dims() == tokens.dims());
    assert!(sums.dims() == [rows, 2] && finished.dims() == [rows, 4]);
    assert!(len < capacity, "column {len} of {capacity}");
    let params = BeamParams {
        capacity: capacity as u32,
        column: len as u32,
        eos,
    };
    let constants = [
        ("LANES", (beams.next_multiple_of(32) as u32).into()),
        ("BEAMS", (*beams as u32).into()),
    ];
    let kernel = (pass.gpu()).kernel(shaders::BEAM_STEP, DType::F32, &constants)?;
    let tensors = [candidates, tokens, history, sums, texts, finished, done];
    pass.dispatch(&kernel, &tensors, &params, [clips as u32, 1, 1]);
    Ok(())
}

/// Invocations for a row of a vocabulary that is read `passes` times, each with several reductions
/// in between: no more than a barrier is worth.
fn lanes(caps: &Caps, vocabulary: usize, passes: usize) -> u32 {
    let lanes = wide(caps, vocabulary, passes);
    if caps.software() {
        lanes
    } else {
        lanes.min(256)
    }
}
