//! Twins of choosing tokens.

use crate::ops::choose::Rules;

/// Softmax of every row of `x` (.., `width`).
pub fn softmax(x: &[f32], width: usize) -> Vec<f32> {
    let mut y = Vec::with_capacity(x.len());
    for row in x.chunks(width) {
        let log_sum = log_sum_exp(row);
        y.extend(row.iter().map(|&v| (f64::from(v) - log_sum).exp() as f32));
    }
    y
}

/// The `k` largest of every row of `x` (.., `width`) in falling order, and their columns; of equals
/// the lower column first, NaN last.
pub fn top_k(x: &[f32], width: usize, k: usize) -> (Vec<f32>, Vec<u32>) {
    let (mut values, mut columns) = (Vec::new(), Vec::new());
    for row in x.chunks(width) {
        let mut order: Vec<usize> = (0..width).collect();
        order.sort_by(|&i, &j| {
            let (a, b) = (row[i], row[j]);
            b.partial_cmp(&a)
                .unwrap_or_else(|| a.is_nan().cmp(&b.is_nan()))
                .then(i.cmp(&j))
        });
        values.extend(order[..k].iter().map(|&i| row[i]));
        columns.extend(order[..k].iter().map(|&i| i as u32));
    }
    (values, columns)
}

/// Captions being written: (B, capacity) tokens and log-probabilities, (B) flags.
#[derive(Clone)]
pub struct Written {
    pub tokens: Vec<u32>,
    pub logprobs: Vec<f32>,
    pub done: Vec<u32>,
}

/// Appends the arg-max of every row of `logits` at column `len` under `rules`.
pub fn greedy_step(logits: &[f32], written: &mut Written, len: usize, rules: &Rules) {
    let batch = written.done.len();
    let capacity = written.tokens.len() / batch;
    for (b, row) in logits.chunks(logits.len() / batch).enumerate() {
        let place = b * capacity + len;
        if written.done[b] != 0 {
            written.tokens[place] = 0;
            written.logprobs[place] = 0.0;
            continue;
        }
        let allowed = |&i: &usize| len >= rules.min_len || i != rules.eos as usize;
        let best = |best: usize, i: usize| if row[i] > row[best] { i } else { best };
        let mut token = (0..row.len())
            .filter(allowed)
            .reduce(best)
            .expect("a token besides EOS");
        if len + 1 == rules.seq_len {
            token = rules.eos as usize;
        }
        written.tokens[place] = token as u32;
        written.logprobs[place] = (f64::from(row[token]) - log_sum_exp(row)) as f32;
        written.done[b] = u32::from(token == 0 || token == rules.eos as usize);
    }
}

fn log_sum_exp(row: &[f32]) -> f64 {
    let max = f64::from(row.iter().fold(f32::MIN, |m, &v| m.max(v)));
    let sum: f64 = row.iter().map(|&v| (f64::from(v) - max).exp()).sum();
    max + sum.ln()
}
