//! Twin of the scores of rows.

/// The product of every row of `x` (.., K) with `query` (K).
pub fn score_rows(x: &[f32], query: &[f32]) -> Vec<f32> {
    let product = |row: &[f32]| -> f64 {
        let pairs = row.iter().zip(query);
        pairs.map(|(&a, &b)| f64::from(a) * f64::from(b)).sum()
    };
    x.chunks(query.len())
        .map(|row| product(row) as f32)
        .collect()
}
