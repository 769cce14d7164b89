//! Cases of choosing tokens.

use super::data::{EPS, uniform, upload};
use super::{Case, Prepared, named};
use crate::gpu::DType;
use crate::ops::choose::{self, Rules, Written};
use crate::reference;

pub fn cases() -> Vec<Case> {
    let mut cases = Vec::new();
    for (rows, width) in [(1, 1), (3, 7), (7, 65), (2, 1757)] {
        cases.push(softmax(rows, width));
        cases.push(top_k(rows, width, width.min(5)));
    }
    cases.push(top_k(2, 63, 63));
    cases.push(greedy_step(1, 7));
    cases.push(greedy_step(5, 1757));
    cases.push(named("vocabulary", softmax(1, 49_408)));
    cases.push(named("vocabulary", top_k(6, 49_408, 12)));
    cases.push(named("vocabulary", greedy_step(1, 49_408)));
    cases
}

/// Logits that span what a caption's do.
fn logits(seed: u64, n: usize) -> Vec<f32> {
    let mut x = uniform(seed, n, DType::F32);
    x.iter_mut().for_each(|v| *v *= 12.0);
    x
}

fn softmax(rows: usize, width: usize) -> Case {
    Case {
        op: "softmax",
        shaders: &["softmax"],
        shape: format!("{rows} rows of {width}"),
        bench: false,
        prepare: Box::new(move |gpu, _| {
            let x = logits(1, rows * width);
            let want = reference::softmax(&x, width);
            // exp of a difference that is off by ε·|x|, and the sum.
            let error = EPS * (40.0 + (width as f32).sqrt());
            let bound = want.iter().map(|&y| error * y + 1e-20).collect();
            let x = upload(gpu, &[rows, width], DType::F32, &x)?;
            Ok(Prepared {
                record: Box::new(move |pass| Ok(vec![choose::softmax(pass, &x)?])),
                want: vec![want],
                bound: vec![bound],
                flops: 4.0 * (rows * width) as f64,
                bytes: 8.0 * (rows * width) as f64,
            })
        }),
    }
}

fn top_k(rows: usize, width: usize, k: usize) -> Case {
    Case {
        op: "top_k",
        shaders: &["top_k"],
        shape: format!("{k} of {rows} rows of {width}"),
        bench: false,
        prepare: Box::new(move |gpu, _| {
            let mut x = logits(2, rows * width);
            // Ties, among them 0 and -0; an infinity; and NaN, which come last.
            if width > 6 {
                (x[1], x[3], x[5]) = (20.0, 20.0, 20.0);
                (x[0], x[2]) = (-0.0, 0.0);
                (x[4], x[6]) = (f32::NAN, f32::NEG_INFINITY);
            }
            let (values, columns) = reference::top_k(&x, width, k);
            let columns = columns.into_iter().map(|c| c as f32).collect();
            let x = upload(gpu, &[rows, width], DType::F32, &x)?;
            Ok(Prepared {
                record: Box::new(move |pass| {
                    let (values, columns) = choose::top_k(pass, &x, k)?;
                    Ok(vec![values, columns])
                }),
                want: vec![values, columns],
                bound: vec![vec![0.0; rows * k]; 2],
                flops: (k * rows * width) as f64,
                bytes: 4.0 * (rows * width) as f64,
            })
        }),
    }
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
            };
            let mut want = reference::Written {
                tokens: vec![0; batch * capacity],
                logprobs: vec![0.0; batch * capacity],
                done: vec![0; batch],
            };
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
            let error = EPS * (64.0 + (vocabulary as f32).sqrt());
            let logprob_bound = (want.logprobs.iter())
                .map(|y| error * (1.0 + y.abs()))
                .collect();
            Ok(Prepared {
                record: Box::new(move |pass| {
                    let written = Written {
                        tokens: pass.tensor(&[batch, capacity], DType::U32)?,
                        logprobs: pass.tensor(&[batch, capacity], DType::F32)?,
                        done: pass.tensor(&[batch], DType::U32)?,
                    };
                    pass.clear(&written.tokens);
                    pass.clear(&written.logprobs);
                    pass.clear(&written.done);
                    for (len, logits) in &steps {
                        choose::greedy_step(pass, logits, &written, *len, &rules)?;
                    }
                    Ok(vec![written.tokens, written.logprobs, written.done])
                }),
                want: vec![
                    want.tokens.iter().map(|&t| t as f32).collect(),
                    want.logprobs,
                    want.done.iter().map(|&d| d as f32).collect(),
                ],
                bound: vec![vec![0.0; batch * capacity], logprob_bound, vec![0.0; batch]],
                flops: 5.0 * 3.0 * (batch * vocabulary) as f64,
                bytes: 5.0 * 4.0 * (batch * vocabulary) as f64,
            })
        }),
    }
}
