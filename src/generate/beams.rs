//! Beam search (OpenCLIP's `_generate_beamsearch` with transformers' `BeamSearchScorer`).
//!
//! Unlike OpenCLIP's it continues a prompt, and takes one group for all: they never differ.

use super::{BeamSearch, Generated, Scoring, Start, take_steps};
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
    let len = take_steps(pass, start, &state.done, |pass, seen, len| {
        let logits = model.next_logits(pass, tokens, seen, len - seen, &cache, history)?;
        let scores = score_tokens(pass, &logits, tokens, len, rules, scale)?;
        let best = beam_candidates(pass, &logits, &scores, 2 * beams, scale)?;
        beam_step(pass, &best, &state, len, rules.eos)
    })?;
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

/// A finished text and when it was finished.
struct Finished {
    text: Generated,
    age: u32,
}

/// Of each clip's finished texts and of the beams left open at `len` ids as many as there are beams,
/// the best first and of equals the last finished (`BeamSearchScorer.finalize`).
fn finished(gpu: &Gpu, state: &Beams, start: &Start, len: usize) -> Result<Vec<Vec<Generated>>> {
    let (beams, capacity) = (state.beams, start.rules.seq_len);
    let tokens = gpu.read_u32(&state.tokens)?;
    let texts = gpu.read_u32(&state.texts)?;
    let sums = gpu.read_f32(&state.sums)?;
    let numbers = gpu.read_f32(&state.finished)?;
    let done = gpu.read_u32(&state.done)?;
    let end = |ids: &[u32]| {
        let mut ids = ids.to_vec();
        if ids.len() < capacity {
            ids.push(start.rules.eos);
        }
        ids
    };
    let clip = |clip: usize| {
        let rows = clip * beams..(clip + 1) * beams;
        let mut all: Vec<Finished> = (rows.clone())
            .filter(|row| numbers[4 * row + 2] > 0.0)
            .map(|row| {
                let [score, logprob, length, age] = numbers[4 * row..][..4] else {
                    unreachable!("four numbers");
                };
                let tokens = end(&texts[row * capacity..][..length as usize]);
                Finished {
                    text: Generated {
                        tokens,
                        logprob,
                        score,
                    },
                    age: age as u32,
                }
            })
            .collect();
        if done[clip] == 0 {
            all.extend(rows.enumerate().map(|(i, row)| Finished {
                text: Generated {
                    tokens: end(&tokens[row * capacity..][..len]),
                    logprob: sums[2 * row + 1],
                    score: sums[2 * row] / len as f32,
                },
                // After everything else, one after the other.
                age: u32::MAX - (beams - i) as u32,
            }));
        }
        all.sort_by(|a, b| {
            let by_score = b.text.score.total_cmp(&a.text.score);
            by_score.then(b.age.cmp(&a.age))
        });
        all.truncate(beams);
        all.into_iter().map(|finished| finished.text).collect()
    };
    Ok((0..done.len()).map(clip).collect())
}
