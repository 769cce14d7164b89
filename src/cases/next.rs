//! Cases of choosing the next id.

use super::choose::logits;
use super::data::{EPS, ids, upload, upload_ids};
use super::{Case, Prepared, named};
use crate::Result;
use crate::gpu::{DType, Pass, Tensor};
use crate::ops::next::{self, Beams, Draw, Rules, Scale, Written};
use crate::reference;

pub fn cases() -> Vec<Case> {
    let mut cases = Vec::new();
    for (rows, vocabulary) in [(1, 7), (5, 1757)] {
        cases.push(greedy_step(rows, vocabulary));
        for scale in [Scale::Logits, Scale::Probabilities] {
            cases.push(score_tokens(rows, vocabulary, scale));
            cases.push(beam_candidates(rows, vocabulary, 3, scale));
        }
        for draw in draws() {
            cases.push(sample_step(rows, vocabulary, draw));
        }
    }
    for (clips, beams) in [(1, 1), (3, 2), (2, 5)] {
        cases.push(beam_step(clips, beams));
    }
    let whole = Draw {
        top_k: Some(50),
        top_p: 0.9,
        ..draws()[0]
    };
    cases.extend([
        named("vocabulary", greedy_step(1, 49_408)),
        named("vocabulary", score_tokens(6, 49_408, Scale::Probabilities)),
        named("vocabulary", sample_step(1, 49_408, whole)),
        named(
            "vocabulary",
            beam_candidates(6, 49_408, 12, Scale::Probabilities),
        ),
        named("of a caption", beam_step(1, 6)),
    ]);
    cases
}

/// Every way to limit a draw.
fn draws() -> Vec<Draw> {
    let plain = Draw {
        top_k: None,
        top_p: 1.0,
        temperature: 1.0,
        key: 7,
        candidates: 1,
    };
    let hot = Draw {
        temperature: 3.0,
        ..plain
    };
    vec![
        plain,
        Draw {
            temperature: 0.0,
            ..plain
        },
        Draw {
            top_k: Some(3),
            candidates: 5,
            ..hot
        },
        Draw { top_p: 0.4, ..hot },
        Draw {
            top_k: Some(5),
            top_p: 0.7,
            ..hot
        },
    ]
}

fn nothing_written(rows: usize, capacity: usize) -> reference::Written {
    reference::Written {
        tokens: vec![0; rows * capacity],
        logprobs: vec![0.0; rows * capacity],
        done: vec![0; rows],
    }
}

/// The same on the GPU.
fn empty(pass: &mut Pass, rows: usize, capacity: usize) -> Result<Written> {
    let written = Written {
        tokens: pass.tensor(&[rows, capacity], DType::U32)?,
        logprobs: pass.tensor(&[rows, capacity], DType::F32)?,
        done: pass.tensor(&[rows], DType::U32)?,
    };
    pass.clear(&written.tokens);
    pass.clear(&written.logprobs);
    pass.clear(&written.done);
    Ok(written)
}

/// Error of a log-probability: a sum over the vocabulary.
fn logprob_error(vocabulary: usize, want: f32) -> f32 {
    EPS * (64.0 + (vocabulary as f32).sqrt()) * (1.0 + want.abs())
}

fn floats(ids: &[u32]) -> Vec<f32> {
    ids.iter().map(|&id| id as f32).collect()
}

/// Several steps in a row: one where EOS is best but too early, free ones, a forced end.
fn greedy_step(batch: usize, vocabulary: usize) -> Case {
    let capacity = 9;
    Case {
        op: "greedy_step",
        shaders: &["greedy_step"],
        shape: format!("{batch} captions of {vocabulary} tokens"),
        bench: false,
        prepare: Box::new(move |gpu, _| {
            let rules = Rules {
                eos: vocabulary as u32 - 1,
                min_len: 3,
                seq_len: 7,
                penalty: 1.0,
            };
            let mut want = nothing_written(batch, capacity);
            let mut steps = Vec::new();
            for len in 2..7 {
                let mut x = logits(len as u64, batch * vocabulary);
                for (b, row) in x.chunks_mut(vocabulary).enumerate() {
                    match (len, b) {
                        (2, _) => row[vocabulary - 1] = 30.0, // too early
                        (3, 1) => row[vocabulary - 1] = 30.0,
                        (4, 2) => row[0] = 30.0, // the pad ends a caption, too
                        (5, 3) => (row[2], row[4]) = (30.0, 30.0), // a tie
                        _ => row[0] = -12.0,
                    }
                }
                reference::greedy_step(&x, &mut want, len, &rules);
                steps.push((len, upload(gpu, &[batch, vocabulary], DType::F32, &x)?));
            }
            let logprob_bound = (want.logprobs.iter())
                .map(|&want| logprob_error(vocabulary, want))
                .collect();
            Ok(Prepared {
                record: Box::new(move |pass| {
                    let written = empty(pass, batch, capacity)?;
                    for (len, logits) in &steps {
                        next::greedy_step(pass, logits, &written, *len, &rules)?;
                    }
                    Ok(vec![written.tokens, written.logprobs, written.done])
                }),
                want: vec![floats(&want.tokens), want.logprobs, floats(&want.done)],
                bound: vec![vec![0.0; batch * capacity], logprob_bound, vec![0.0; batch]],
                flops: 5.0 * 3.0 * (batch * vocabulary) as f64,
                bytes: 5.0 * 4.0 * (batch * vocabulary) as f64,
            })
        }),
    }
}

fn score_tokens(rows: usize, vocabulary: usize, scale: Scale) -> Case {
    let (capacity, len) = (9, 6);
    Case {
        op: "score_tokens",
        shaders: &["score_tokens"],
        shape: format!("{rows} rows of {vocabulary}, {scale:?}"),
        bench: false,
        prepare: Box::new(move |gpu, _| {
            let x = logits(3, rows * vocabulary);
            // Few ids, so that some stand in a text twice, and EOS among them.
            let mut text = ids(4, rows * capacity, (vocabulary as u32).min(5));
            text[1] = vocabulary as u32 - 1;
            let rules = move |min_len| Rules {
                eos: vocabulary as u32 - 1,
                min_len,
                seq_len: capacity,
                penalty: 1.3,
            };
            let want: Vec<Vec<f32>> = [len, len + 1]
                .map(|min_len| {
                    reference::score_tokens(&x, vocabulary, &text, len, &rules(min_len), scale)
                })
                .into();
            let error = EPS * (64.0 + (vocabulary as f32).sqrt());
            let bound = (want.iter())
                .map(|want| want.iter().map(|y| error * (16.0 + y.abs())).collect())
                .collect();
            let x = upload(gpu, &[rows, vocabulary], DType::F32, &x)?;
            let text = upload_ids(gpu, &[rows, capacity], &text)?;
            Ok(Prepared {
                record: Box::new(move |pass| {
                    [len, len + 1]
                        .map(|min_len| {
                            next::score_tokens(pass, &x, &text, len, &rules(min_len), scale)
                        })
                        .into_iter()
                        .collect()
                }),
                want,
                bound,
                flops: 2.0 * 4.0 * (rows * vocabulary) as f64,
                bytes: 2.0 * 8.0 * (rows * vocabulary) as f64,
            })
        }),
    }
}

/// Two free draws and a forced end, of scores that differ from the logits.
fn sample_step(rows: usize, vocabulary: usize, draw: Draw) -> Case {
    let capacity = 9;
    Case {
        op: "sample_step",
        shaders: &["sample_step"],
        shape: format!("{rows} texts of {vocabulary} tokens, {draw:?}"),
        bench: false,
        prepare: Box::new(move |gpu, _| {
            // Rows that differ only by the candidate they are.
            let draw = Draw {
                candidates: draw.candidates.min(rows),
                ..draw
            };
            let rules = Rules {
                eos: vocabulary as u32 - 1,
                min_len: 0,
                seq_len: 5,
                penalty: 1.0,
            };
            let mut want = nothing_written(rows, capacity);
            let mut steps = Vec::new();
            for len in 2..5 {
                let x = logits(len as u64, rows * vocabulary);
                let mut scores = x.clone();
                scores.iter_mut().step_by(3).for_each(|score| *score -= 4.0);
                scores
                    .iter_mut()
                    .skip(4)
                    .step_by(vocabulary)
                    .for_each(|eos| *eos = -1e30);
                let draw = Draw {
                    key: draw.key + len as u32,
                    ..draw
                };
                reference::sample_step(&x, &scores, &mut want, len, &rules, &draw);
                let dims = [rows, vocabulary];
                let [x, scores] = [x, scores].map(|v| upload(gpu, &dims, DType::F32, &v));
                steps.push((len, x?, scores?, draw));
            }
            let logprob_bound = (want.logprobs.iter())
                .map(|&want| logprob_error(vocabulary, want))
                .collect();
            Ok(Prepared {
                record: Box::new(move |pass| {
                    let written = empty(pass, rows, capacity)?;
                    for (len, logits, scores, draw) in &steps {
                        next::sample_step(pass, logits, scores, &written, *len, &rules, draw)?;
                    }
                    Ok(vec![written.tokens, written.logprobs, written.done])
                }),
                want: vec![floats(&want.tokens), want.logprobs, floats(&want.done)],
                bound: vec![vec![0.0; rows * capacity], logprob_bound, vec![0.0; rows]],
                flops: 3.0 * 5.0 * (rows * vocabulary) as f64,
                bytes: 3.0 * 8.0 * (rows * vocabulary) as f64,
            })
        }),
    }
}

fn beam_candidates(rows: usize, vocabulary: usize, count: usize, scale: Scale) -> Case {
    Case {
        op: "beam_candidates",
        shaders: &["beam_candidates"],
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
fn beam_step(clips: usize, beams: usize) -> Case {
    let (start, steps, eos) = (2, 6, 3);
    let capacity = start + steps + 1;
    Case {
        op: "beam_step",
        shaders: &["beam_step"],
        shape: format!("{beams} beams of {clips} clips"),
        bench: false,
        prepare: Box::new(move |gpu, _| {
            let rows = clips * beams;
            let mut want: Vec<_> = (0..rows)
                .map(|row| reference::Beam {
                    tokens: vec![94, row as u32],
                    history: vec![row as u32; start],
                    score: -0.5 * row as f32,
                    logprob: -0.25 * row as f32,
                    age: 0,
                })
                .collect::<Vec<_>>()
                .chunks(beams)
                .map(|open| reference::Beams {
                    open: open.to_vec(),
                    ..Default::default()
                })
                .collect();
            let first = State::of(&want, capacity, true);
            let mut all = Vec::new();
            for step in 0..steps {
                let candidates: Vec<[f32; 3]> = (0..rows)
                    .flat_map(|row| some_candidates((step * rows + row) as u64, 2 * beams, eos))
                    .collect();
                for (clip, state) in want.iter_mut().enumerate() {
                    let some = &candidates[clip * beams * 2 * beams..][..beams * 2 * beams];
                    reference::beam_step(some, state, (clip * beams) as u32, eos);
                }
                let dims = [rows, 2 * beams, 3];
                all.push(upload(gpu, &dims, DType::F32, candidates.as_flattened())?);
            }
            let last = State::of(&want, capacity, false);
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
fn some_candidates(seed: u64, count: usize, eos: u32) -> Vec<[f32; 3]> {
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
            [id as f32, 0.1 * score - 1.0, 0.2 * score - 2.0]
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
    fn of(clips: &[reference::Beams], capacity: usize, fresh: bool) -> Self {
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
            assert!(fresh || clip.open.len() == clips[0].open.len());
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
