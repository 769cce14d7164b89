//! Twins over rows of logits.

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

/// Log-probabilities under `logits` (R, `count`, `width`) of ids `first..first + count` of texts `ids`
/// (R, `length`).
pub fn token_logprobs(
    logits: &[f32],
    width: usize,
    ids: &[u32],
    length: usize,
    first: usize,
) -> Vec<f32> {
    let texts = ids.len() / length;
    let count = logits.len() / width / texts;
    let mut y = Vec::with_capacity(texts * count);
    for (text, rows) in ids.chunks(length).zip(logits.chunks(count * width)) {
        for (row, &id) in rows.chunks(width).zip(&text[first..]) {
            y.push((f64::from(row[id as usize]) - log_sum_exp(row)) as f32);
        }
    }
    y
}

pub(super) fn log_sum_exp(row: &[f32]) -> f64 {
    let max = f64::from(row.iter().fold(f32::MIN, |m, &v| m.max(v)));
    let sum: f64 = row.iter().map(|&v| (f64::from(v) - max).exp()).sum();
    max + sum.ln()
}
