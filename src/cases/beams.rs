//! Cases of beam search.

use super::choose::logits;
use super::data::{EPS, upload};
use super::next::{floats, logprob_error};
use super::{Case, Prepared, named};
use crate::Result;
use crate::gpu::{DType, Pass, Tensor};
use crate::ops::next::{self, Beams, Scale};
use crate::reference;

pub fn cases() -> Vec<Case> {
    let mut cases = Vec::new();
    for scale in [Scale::Logits, Scale::Probabilities] {
        cases.push(beam_candidates(1, 7, 3, scale));
        cases.push(beam_candidates(5, 1757, 3, scale));
    }
    for (clips, beams) in [(1, 1), (3, 2), (2, 5)] {
        cases.push(beam_step(clips, beams, false));
        cases.push(beam_step(clips, beams, true));
    }
    cases.push(named(
        "vocabulary",
        beam_candidates(6, 49_408, 12, Scale::Probabilities),
    ));
    cases.push(named("of a caption", beam_step(1, 6, false)));
    cases
}

fn beam_candidates(rows: usize, vocabulary: usize, count: usize, scale: Scale) -> Case {
    Case {
        op: "beam_candidates",
        shaders: &["beam_candidates", "top_k"],
        shape: format!("{count} of {rows} rows of {vocabulary}, {scale:?}"),
        bench: false,
        prepare: Box::new(move |gpu, _| {
            let x = logits(5, rows * vocabulary);
            let mut scores = x.clone();
            // A penalty, a bar, and a tie.
            (scores[0], scores[1], scores[2]) = (13.0, -1e30, 13.0);
            let want = reference::beam_candidates(&x, &scores, vocabulary, count, scale);
            let bound = (want.iter())
                .flat_map(|&[_, score, logprob]| {
                    [
                        0.0,
                        logprob_error(vocabulary, score),
                        logprob_error(vocabulary, logprob),
                    ]
                })
                .collect();
            let dims = [rows, vocabulary];
            let x = upload(gpu, &dims, DType::F32, &x)?;
            let scores = upload(gpu, &dims, DType::F32, &scores)?;
            Ok(Prepared {
                record: Box::new(move |pass| {
                    Ok(vec![next::beam_candidates(
                        pass, &x, &scores, count, scale,
                    )?])
                }),
                want: vec![want.into_flattened()],
                bound: vec![bound],
                flops: ((3 + count) * rows * vocabulary) as f64,
                bytes: (8 * rows * vocabulary) as f64,
            })
        }),
    }
}

/// Steps until the first clips are done, with ends among the candidates, good and bad ones.
/// With `ties` scores are coarse, so that many are equal.
fn beam_step(clips: usize, beams: usize, ties: bool) -> Case {
    let (start, steps, eos) = (2, 6, 3);
    let capacity = start + steps + 1;
    Case {
        op: "beam_step",
        shaders: &["beam_step"],
        shape: format!("{beams} beams of {clips} clips, ties: {ties}"),
        bench: false,
        prepare: Box::new(move |gpu, _| {
            let rows = clips * beams;
            let open = |row: usize| reference::Beam {
                tokens: vec![94, row as u32],
                history: vec![row as u32; start],
                score: if ties { 0.0 } else { -0.5 * row as f32 },
                logprob: -0.25 * row as f32,
                age: 0,
            };
            let mut want: Vec<_> = (0..clips)
                .map(|clip| reference::Beams {
                    open: (clip * beams..(clip + 1) * beams).map(open).collect(),
                    ..Default::default()
                })
                .collect();
            let first = State::of(&want, capacity);
            let mut all = Vec::new();
            for step in 0..steps {
                let candidates: Vec<[f32; 3]> = (0..rows)
                    .flat_map(|row| {
                        some_candidates((step * rows + row) as u64, 2 * beams, eos, ties)
                    })
                    .collect();
                for (clip, state) in want.iter_mut().enumerate() {
                    let some = &candidates[clip * beams * 2 * beams..][..beams * 2 * beams];
                    reference::beam_step(some, state, (clip * beams) as u32, eos);
                }
                let dims = [rows, 2 * beams, 3];
                all.push(upload(gpu, &dims, DType::F32, candidates.as_flattened())?);
            }
            assert!(
                want.iter().any(|clip| !clip.finished.is_empty()),
                "some candidates end a text"
            );
            let last = State::of(&want, capacity);
            Ok(Prepared {
                record: Box::new(move |pass| {
                    let state = first.upload(pass, beams)?;
                    for (step, candidates) in all.iter().enumerate() {
                        next::beam_step(pass, candidates, &state, start + step, eos)?;
                    }
                    let Beams {
                        tokens,
                        history,
                        sums,
                        texts,
                        finished,
                        done,
                        ..
                    } = state;
                    Ok(vec![tokens, history, sums, texts, finished, done])
                }),
                bound: last.bounds(),
                want: last.values(),
                flops: 0.0,
                bytes: (4 * 4 * rows * capacity) as f64,
            })
        }),
    }
}

/// Candidates of one beam in falling order; some have EOS among them.
fn some_candidates(seed: u64, count: usize, eos: u32, ties: bool) -> Vec<[f32; 3]> {
    let mut scores = logits(seed + 1, count);
    scores.sort_by(|a, b| b.total_cmp(a));
    let end = seed as usize * 5 % (2 * count);
    (scores.iter().enumerate())
        .map(|(i, &score)| {
            let id = if i == end {
                eos
            } else {
                10 + (seed as u32 * 7 + i as u32) % 80
            };
            let own = if ties {
                (score / 8.0).round() / 2.0
            } else {
                0.1 * score - 1.0
            };
            [id as f32, own, 0.2 * score - 2.0]
        })
        .collect()
}

/// What [`Beams`] holds, on the CPU.
struct State {
    capacity: usize,
    tokens: Vec<u32>,
    history: Vec<u32>,
    sums: Vec<f32>,
    texts: Vec<u32>,
    finished: Vec<f32>,
    done: Vec<u32>,
}

impl State {
    fn of(clips: &[reference::Beams], capacity: usize) -> Self {
        let padded = |ids: &[u32]| {
            let mut row = ids.to_vec();
            row.resize(capacity, 0);
            row
        };
        let mut state = Self {
            capacity,
            tokens: Vec::new(),
            history: Vec::new(),
            sums: Vec::new(),
            texts: Vec::new(),
            finished: Vec::new(),
            done: Vec::new(),
        };
        for clip in clips {
            for (i, beam) in clip.open.iter().enumerate() {
                state.tokens.extend(padded(&beam.tokens));
                state.history.extend(padded(&beam.history));
                state.sums.extend([beam.score, beam.logprob]);
                let (text, numbers) = match clip.finished.get(i) {
                    None => (padded(&[]), [0.0; 4]),
                    Some(f) => (
                        padded(&f.tokens),
                        [f.score, f.logprob, f.tokens.len() as f32, f.age as f32],
                    ),
                };
                state.texts.extend(text);
                state.finished.extend(numbers);
            }
            state.done.push(clip.done.into());
        }
        state
    }

    fn upload(&self, pass: &mut Pass, beams: usize) -> Result<Beams> {
        let rows = self.done.len() * beams;
        let mut whole = |values: &[u32]| -> Result<Tensor> {
            pass.upload(&[rows, self.capacity], DType::U32, values)
        };
        let (tokens, history, texts) = (
            whole(&self.tokens)?,
            whole(&self.history)?,
            whole(&self.texts)?,
        );
        Ok(Beams {
            beams,
            tokens,
            history,
            texts,
            sums: pass.upload(&[rows, 2], DType::F32, &self.sums)?,
            finished: pass.upload(&[rows, 4], DType::F32, &self.finished)?,
            done: pass.upload(&[self.done.len()], DType::U32, &self.done)?,
        })
    }

    /// In the order of the outputs.
    fn values(self) -> Vec<Vec<f32>> {
        let Self {
            tokens,
            history,
            sums,
            texts,
            finished,
            done,
            ..
        } = self;
        vec![
            floats(&tokens),
            floats(&history),
            sums,
            floats(&texts),
            finished,
            floats(&done),
        ]
    }

    /// Sums of a few numbers; all else is exact.
    fn bounds(&self) -> Vec<Vec<f32>> {
        let sum = |values: &[f32]| {
            values
                .iter()
                .map(|y| 16.0 * EPS * (1.0 + y.abs()))
                .collect()
        };
        vec![
            vec![0.0; self.tokens.len()],
            vec![0.0; self.history.len()],
            sum(&self.sums),
            vec![0.0; self.texts.len()],
            sum(&self.finished),
            vec![0.0; self.done.len()],
        ]
    }
}
