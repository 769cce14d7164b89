//! Beam search (OpenCLIP's `_generate_beamsearch` with transformers' `BeamSearchScorer`).
//!
//! Unlike OpenCLIP's it continues a prompt, and takes one group for all: they never differ.

use super::{BeamSearch, Generated, STEPS_AT_ONCE, Scoring, Start, all_done, take_steps};
use crate::Result;
use crate::gpu::{DType, Gpu, Pass, Tensor};
use crate::model::CoCa;
use crate::ops::next::{Beams, Scale, beam_candidates, beam_step, score_tokens};

/// Below what any text can reach: beams that repeat the first one at the start.
const REPEATED: f32 = -1e9;

/// Writes the best `candidates` texts about each clip.
pub(super) fn write(
    model: &CoCa,
    context: &Tensor,
    start: &Start,
    search: BeamSearch,
    candidates: usize,
) -> Result<Vec<Vec<Generated>>> {
    let (gpu, rules) = (model.gpu(), &start.rules);
    let beams = search.beams_of_a_group();
    let scale = match search.scoring {
        Scoring::Logits => Scale::Logits,
        Scoring::LogProbabilities => Scale::Probabilities,
    };
    let mut pass = gpu.pass();
    let state = fresh(&mut pass, start, context.dim(0), beams)?;
    let cache = model.text_cache(&mut pass, context, beams, rules.seq_len)?;

    let (tokens, history) = (&state.tokens, Some(&state.history));
    let step = |pass: &mut Pass, seen, len| {
        let logits = model.next_logits(pass, tokens, seen, len - seen, &cache, history)?;
        let scores = score_tokens(pass, &logits, tokens, len, rules, scale)?;
        let best = beam_candidates(pass, &logits, &scores, 2 * beams, scale)?;
        beam_step(pass, &best, &state, len, rules.eos)
    };
    let look = |_| all_done(gpu, &state.done);
    let len = take_steps(pass, start, STEPS_AT_ONCE, step, look)?;
    let mut clips = finished(gpu, &state, start, len)?;
    clips
        .iter_mut()
        .for_each(|texts| texts.truncate(candidates));
    Ok(clips)
}

/// Beams that have the start alone; all but each clip's first count for nothing.
fn fresh(pass: &mut Pass, start: &Start, clips: usize, beams: usize) -> Result<Beams> {
    let rows = clips * beams;
    let dims = [rows, start.rules.seq_len];
    let own: Vec<u32> = (0..rows as u32)
        .flat_map(|row| std::iter::repeat_n(row, start.rules.seq_len))
        .collect();
    let sums: Vec<[f32; 2]> = (0..rows)
        .map(|row| [if row % beams == 0 { 0.0 } else { REPEATED }, 0.0])
        .collect();
    let state = Beams {
        beams,
        tokens: pass.upload(&dims, DType::U32, &start.rows(rows))?,
        history: pass.upload(&dims, DType::U32, &own)?,
        sums: pass.upload(&[rows, 2], DType::F32, &sums)?,
        texts: pass.tensor(&dims, DType::U32)?,
        finished: pass.tensor(&[rows, 4], DType::F32)?,
        done: pass.tensor(&[clips], DType::U32)?,
    };
    pass.clear(&state.texts);
    pass.clear(&state.finished);
    pass.clear(&state.done);
    Ok(state)
}

/// The best texts of a clip, as many as it has beams (transformers' `BeamHypotheses`).
struct Best {
    beams: usize,
    /// In the order in which they were finished.
    texts: Vec<Generated>,
}

impl Best {
    fn add(&mut self, text: Generated) {
        if self.texts.len() == self.beams {
            // Of equals the oldest goes.
            let worst = (0..self.beams)
                .min_by(|&a, &b| self.texts[a].score.total_cmp(&self.texts[b].score))
                .expect("at least one beam");
            if text.score <= self.texts[worst].score {
                return;
            }
            self.texts.remove(worst);
        }
        self.texts.push(text);
    }

    /// The best first, of equals the last finished.
    fn sorted(mut self) -> Vec<Generated> {
        self.texts.reverse();
        self.texts.sort_by(|a, b| b.score.total_cmp(&a.score));
        self.texts
    }
}

/// Of each clip the best of its finished texts and of the beams left open at `len` ids
/// (`BeamSearchScorer.finalize`).
fn finished(gpu: &Gpu, state: &Beams, start: &Start, len: usize) -> Result<Vec<Vec<Generated>>> {
    let (beams, capacity) = (state.beams, start.rules.seq_len);
    let tokens = gpu.read_u32(&state.tokens)?;
    let texts = gpu.read_u32(&state.texts)?;
    let sums = gpu.read_f32(&state.sums)?;
    let numbers = gpu.read_f32(&state.finished)?;
    let done = gpu.read_u32(&state.done)?;

    let ended = |row: usize, length: f32, logprob: f32, score: f32| {
        let mut tokens = texts[row * capacity..][..length as usize].to_vec();
        tokens.push(start.rules.eos);
        Generated {
            tokens,
            logprob,
            score,
        }
    };
    let open = |row: usize| Generated {
        tokens: tokens[row * capacity..][..len].to_vec(),
        logprob: sums[2 * row + 1],
        score: sums[2 * row] / len as f32,
    };
    let clip = |clip: usize| {
        let rows = clip * beams..(clip + 1) * beams;
        let mut all: Vec<(f32, Generated)> = (rows.clone())
            .filter_map(|row| match numbers[4 * row..][..4] {
                [_, _, 0.0, _] => None,
                [score, logprob, length, age] => Some((age, ended(row, length, logprob, score))),
                _ => unreachable!("four numbers"),
            })
            .collect();
        all.sort_by(|(a, _), (b, _)| a.total_cmp(b));
        let mut best = Best {
            beams,
            texts: all.into_iter().map(|(_, text)| text).collect(),
        };
        if done[clip] == 0 {
            rows.for_each(|row| best.add(open(row)));
        }
        best.sorted()
    };
    Ok((0..done.len()).map(clip).collect())
}

#[cfg(test)]
mod tests {
    use super::{Best, Generated};

    fn text(id: u32, score: f32) -> Generated {
        Generated {
            tokens: vec![id],
            logprob: 0.0,
            score,
        }
    }

    #[test]
    fn of_equal_texts_the_first_stays_in_and_the_last_comes_first() {
        let mut best = Best {
            beams: 2,
            texts: Vec::new(),
        };
        let scores = [-1.0, -2.0, -2.0, -1.0, -1.0];
        for (id, score) in (0..).zip(scores) {
            best.add(text(id, score));
        }
        // 2 is no better than 1; 3 takes the place of 1; 4 is no better than 0 and 3.
        assert_eq!(best.sorted(), [text(3, -1.0), text(0, -1.0)]);
    }
}
