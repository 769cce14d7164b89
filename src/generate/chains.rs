//! Texts written straight on: the likeliest id each time, or a drawn one.

use std::ops::ControlFlow;

use super::{Draw, Generated, STEPS_AT_ONCE, Start, all_done, take_steps};
use crate::Result;
use crate::gpu::{DType, Pass, Tensor};
use crate::model::{CoCa, TextCache};
use crate::ops::next::{self, Rules, Scale, Written, greedy_step, sample_step, score_tokens};

/// Texts that are being written.
pub(super) struct Chains<'a> {
    model: &'a CoCa,
    rules: &'a Rules,
    draw: Option<Draw>,
    candidates: usize,
    written: Written,
    cache: TextCache,
}

impl<'a> Chains<'a> {
    /// Starts `candidates` texts about each clip of `context` (B, Q-1, E).
    pub fn start(
        pass: &mut Pass,
        model: &'a CoCa,
        context: &Tensor,
        start: &'a Start,
        draw: Option<Draw>,
        candidates: usize,
    ) -> Result<Self> {
        let rules = &start.rules;
        let texts = context.dim(0) * candidates;
        let dims = [texts, rules.seq_len];
        let written = Written {
            tokens: pass.upload(&dims, DType::U32, &start.rows(texts))?,
            logprobs: pass.tensor(&dims, DType::F32)?,
            done: pass.tensor(&[texts], DType::U32)?,
        };
        pass.clear(&written.logprobs);
        pass.clear(&written.done);
        Ok(Self {
            model,
            rules,
            draw,
            candidates,
            cache: model.text_cache(pass, context, candidates, rules.seq_len)?,
            written,
        })
    }

    /// Takes all from `len` ids, of which `seen` have been read before, to one more.
    pub fn step(&self, pass: &mut Pass, seen: usize, len: usize) -> Result<()> {
        let (written, rules) = (&self.written, self.rules);
        let tokens = &written.tokens;
        let logits = (self.model).next_logits(pass, tokens, seen, len - seen, &self.cache, None)?;
        if self.draw.is_none() && rules.penalty == 1.0 {
            return greedy_step(pass, &logits, written, len, rules);
        }
        let scores = score_tokens(pass, &logits, tokens, len, rules, Scale::Logits)?;
        let draw = step(self.draw, self.candidates, len);
        sample_step(pass, &logits, &scores, written, len, rules, &draw)
    }

    /// What was written so far: `len` ids of each text, up to its end.
    fn texts(&self, start: &Start, len: usize) -> Result<Vec<Generated>> {
        let gpu = self.model.gpu();
        let tokens = gpu.read_u32(&self.written.tokens)?;
        let logprobs = gpu.read_f32(&self.written.logprobs)?;
        let row = self.rules.seq_len;
        Ok((tokens.chunks(row).zip(logprobs.chunks(row)))
            .map(|(tokens, logprobs)| text(&tokens[..len], &logprobs[..len], start))
            .collect())
    }
}

/// Writes `candidates` texts about each clip, ordered by their log-probability.
pub(super) fn write(
    model: &CoCa,
    context: &Tensor,
    start: &Start,
    draw: Option<Draw>,
    candidates: usize,
) -> Result<Vec<Vec<Generated>>> {
    let gpu = model.gpu();
    let mut pass = gpu.pass();
    let chains = Chains::start(&mut pass, model, context, start, draw, candidates)?;
    let written = &chains.written;
    let step = |pass: &mut Pass, seen, len| chains.step(pass, seen, len);
    let look = |_| all_done(gpu, &written.done);
    let len = take_steps(pass, start, STEPS_AT_ONCE, step, look)?;
    let texts = chains.texts(start, len)?;
    Ok((texts.chunks(candidates))
        .map(|texts| {
            let mut texts = texts.to_vec();
            texts.sort_by(|a, b| b.score.total_cmp(&a.score));
            texts
        })
        .collect())
}

/// Writes one text about one clip and shows it after every id, until it has ended or `show` breaks it off.
pub(super) fn stream(
    model: &CoCa,
    context: &Tensor,
    start: &Start,
    draw: Option<Draw>,
    show: &mut dyn FnMut(&[u32]) -> ControlFlow<()>,
) -> Result<Generated> {
    let gpu = model.gpu();
    let mut pass = gpu.pass();
    let chains = Chains::start(&mut pass, model, context, start, draw, 1)?;
    let written = &chains.written;
    let step = |pass: &mut Pass, seen, len| chains.step(pass, seen, len);
    let look = |len| {
        let tokens = gpu.read_u32(&written.tokens)?;
        Ok(show(&tokens[..len]).is_break() || all_done(gpu, &written.done)?)
    };
    let len = take_steps(pass, start, 1, step, look)?;
    Ok(chains.texts(start, len)?.remove(0))
}

/// How the id number `len` is drawn.
fn step(draw: Option<Draw>, candidates: usize, len: usize) -> next::Draw {
    let certain = next::Draw {
        top_k: None,
        top_p: 1.0,
        temperature: 0.0,
        key: 0,
        candidates,
    };
    draw.map_or(certain, |draw| next::Draw {
        top_k: draw.top_k,
        top_p: draw.top_p,
        temperature: draw.temperature,
        key: key(draw.seed, len as u64),
        candidates,
    })
}

/// Another number for every seed and step (one output of splitmix64).
fn key(seed: u64, step: u64) -> u32 {
    let mut z = seed.wrapping_add(step.wrapping_mul(0x9e37_79b9_7f4a_7c15));
    z = (z ^ z >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ z >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
    ((z ^ z >> 31) >> 32) as u32
}

/// A row up to its end. The pad that ends a text counts as written, but is not shown.
fn text(tokens: &[u32], logprobs: &[f32], start: &Start) -> Generated {
    let first = start.ids.len();
    let is_end = |&id: &u32| id == start.rules.eos || id == 0;
    let end = tokens[first..].iter().position(is_end);
    let written = end.map_or(tokens.len(), |end| first + end + 1);
    let shown = written - usize::from(tokens[written - 1] == 0);
    let logprob = logprobs[first..written].iter().sum();
    Generated {
        tokens: tokens[..shown].to_vec(),
        logprob,
        score: logprob,
    }
}

#[cfg(test)]
mod tests {
    use super::{Draw, step};

    #[test]
    fn every_step_draws_with_a_key_of_its_own() {
        let key = |seed, len| {
            let draw = Draw {
                seed,
                ..Draw::default()
            };
            step(Some(draw), 1, len).key
        };
        assert_ne!(key(0, 1), key(0, 2));
        assert_ne!(key(0, 1), key(1, 1));
        assert_ne!(key(0, 1), key(1, 0));
    }
}
