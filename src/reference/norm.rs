//! Twins of the norms.

/// Every row of `x` (.., D), with D = `weight.len()`, normalised, scaled and shifted.
pub fn layernorm(x: &[f32], weight: &[f32], bias: &[f32]) -> Vec<f32> {
    let width = weight.len();
    let mut y = Vec::with_capacity(x.len());
    for row in x.chunks(width) {
        let mean = row.iter().map(|&v| f64::from(v)).sum::<f64>() / width as f64;
        let variance = (row.iter())
            .map(|&v| (f64::from(v) - mean).powi(2))
            .sum::<f64>()
            / width as f64;
        let scale = 1.0 / (variance + 1e-5).sqrt();
        for ((&v, &w), &b) in row.iter().zip(weight).zip(bias) {
            y.push(((f64::from(v) - mean) * scale * f64::from(w) + f64::from(b)) as f32);
        }
    }
    y
}

/// Every row of `x` (.., `width`) scaled to length 1.
pub fn l2_normalize(x: &[f32], width: usize) -> Vec<f32> {
    let mut y = Vec::with_capacity(x.len());
    for row in x.chunks(width) {
        let norm = row
            .iter()
            .map(|&v| f64::from(v).powi(2))
            .sum::<f64>()
            .sqrt();
        y.extend(row.iter().map(|&v| (f64::from(v) / norm.max(1e-12)) as f32));
    }
    y
}
