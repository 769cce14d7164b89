//! Cases over rows of logits.

use super::data::{EPS, ids, uniform, upload, upload_ids};
use super::next::logprob_error;
use super::{Case, Prepared, named};
use crate::gpu::DType;
use crate::ops::choose;
use crate::reference;

pub fn cases() -> Vec<Case> {
    let mut cases = Vec::new();
    for (rows, width) in [(1, 1), (3, 7), (7, 65), (2, 1757)] {
        cases.push(softmax(rows, width));
        cases.push(top_k(rows, width, width.min(5)));
    }
    cases.push(top_k(2, 63, 63));
    for (texts, count, vocabulary) in [(1, 1, 1), (3, 2, 7), (2, 5, 1757)] {
        cases.push(token_logprobs(texts, count, vocabulary));
    }
    cases.push(named("vocabulary", softmax(1, 49_408)));
    cases.push(named("vocabulary", top_k(6, 49_408, 12)));
    cases.push(named("vocabulary", token_logprobs(5, 3, 49_408)));
    cases
}

/// Logits that span what a caption's do.
pub(super) fn logits(seed: u64, n: usize) -> Vec<f32> {
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

/// Ids behind others that do not count, and before one that does not.
fn token_logprobs(texts: usize, count: usize, vocabulary: usize) -> Case {
    let (first, length) = (2, 2 + count + 1);
    Case {
        op: "token_logprobs",
        shaders: &["token_logprobs"],
        shape: format!("{count} ids of {texts} texts, {vocabulary} tokens"),
        bench: false,
        prepare: Box::new(move |gpu, _| {
            let x = logits(3, texts * count * vocabulary);
            let mut text = ids(4, texts * length, vocabulary as u32);
            // The first and the last of the vocabulary, too.
            (text[first], text[texts * length - 2]) = (0, vocabulary as u32 - 1);
            let want = reference::token_logprobs(&x, vocabulary, &text, length, first);
            let bound = (want.iter())
                .map(|&want| logprob_error(vocabulary, want))
                .collect();
            let x = upload(gpu, &[texts, count, vocabulary], DType::F32, &x)?;
            let text = upload_ids(gpu, &[texts, length], &text)?;
            Ok(Prepared {
                record: Box::new(move |pass| {
                    Ok(vec![choose::token_logprobs(pass, &x, &text, first)?])
                }),
                want: vec![want],
                bound: vec![bound],
                flops: 3.0 * (texts * count * vocabulary) as f64,
                bytes: 4.0 * (texts * count * vocabulary) as f64,
            })
        }),
    }
}
