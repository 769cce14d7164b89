//! Cases of choosing the next id of a text: the likeliest, or a drawn one.

use super::choose::logits;
use super::data::{EPS, ids, upload, upload_ids};
use super::{Case, Prepared, named};
use crate::Result;
use crate::gpu::{DType, Pass};
use crate::ops::next::{self, Draw, Rules, Scale, Written};
use crate::reference;

pub fn cases() -> Vec<Case> {
    let mut cases = Vec::new();
    for (rows, vocabulary) in [(1, 7), (5, 1757)] {
        cases.push(greedy_step(rows, vocabulary));
        for scale in [Scale::Logits, Scale::Probabilities] {
            cases.push(score_tokens(rows, vocabulary, scale));
        }
        for draw in draws() {
            cases.push(sample_step(rows, vocabulary, draw));
        }
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
        // So little that rounding decides: the best stay all the same.
        Draw { top_p: 1e-9, ..hot },
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
pub(super) fn logprob_error(vocabulary: usize, want: f32) -> f32 {
    EPS * (64.0 + (vocabulary as f32).sqrt()) * (1.0 + want.abs())
}

pub(super) fn floats(ids: &[u32]) -> Vec<f32> {
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
