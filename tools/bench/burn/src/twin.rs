//! The same in plain loops and f64.

/// y = x W + b for rows of x (.., K): W (K, N), b (N).
pub fn linear(x: &[f64], weight: &[f32], bias: &[f32]) -> Vec<f64> {
    let n = bias.len();
    let k = weight.len() / n;
    let mut y = Vec::with_capacity(x.len() / k * n);
    for row in x.chunks_exact(k) {
        let mut sums: Vec<f64> = bias.iter().map(|&b| b.into()).collect();
        for (&x, weights) in row.iter().zip(weight.chunks_exact(n)) {
            for (sum, &weight) in sums.iter_mut().zip(weights) {
                *sum += x * f64::from(weight);
            }
        }
        y.extend(sums);
    }
    y
}

/// Attention of one head: queries (.., C) to keys and values (S, C).
pub fn attention(queries: &[f64], keys: &[f64], values: &[f64], head_dim: usize) -> Vec<f64> {
    let scale = 1.0 / (head_dim as f64).sqrt();
    let mut out = Vec::with_capacity(queries.len());
    for query in queries.chunks_exact(head_dim) {
        let score = |key: &[f64]| scale * query.iter().zip(key).map(|(q, k)| q * k).sum::<f64>();
        let scores: Vec<f64> = keys.chunks_exact(head_dim).map(score).collect();
        let most = scores.iter().copied().fold(f64::MIN, f64::max);
        let weights: Vec<f64> = scores.iter().map(|score| (score - most).exp()).collect();
        let sum: f64 = weights.iter().sum();
        let mut mean = vec![0.0; head_dim];
        for (weight, value) in weights.iter().zip(values.chunks_exact(head_dim)) {
            for (mean, value) in mean.iter_mut().zip(value) {
                *mean += weight / sum * value;
            }
        }
        out.extend(mean);
    }
    out
}

/// Layer norm of rows of x (.., D), with D = `weight.len()`.
pub fn layer_norm(x: &[f64], weight: &[f32], bias: &[f32]) -> Vec<f64> {
    let width = weight.len();
    let mut y = Vec::with_capacity(x.len());
    for row in x.chunks_exact(width) {
        let mean = row.iter().sum::<f64>() / width as f64;
        let variance = row.iter().map(|x| (x - mean).powi(2)).sum::<f64>() / width as f64;
        let scale = 1.0 / (variance + 1e-5).sqrt();
        for ((x, &weight), &bias) in row.iter().zip(weight).zip(bias) {
            y.push((x - mean) * scale * f64::from(weight) + f64::from(bias));
        }
    }
    y
}

/// The exact GELU, x Φ(x).
pub fn gelu(x: f64) -> f64 {
    0.5 * x * (1.0 + erf(x * std::f64::consts::FRAC_1_SQRT_2))
}

/// By its series, which f64 sums well where it is not yet 1.
fn erf(x: f64) -> f64 {
    if x.abs() > 5.0 {
        return x.signum();
    }
    // 2/√π e^(-x²) Σ 2ⁿ x^(2n+1) / (1·3·…·(2n+1)): all terms have one sign.
    let (mut term, mut sum, mut n) = (x, x, 0.0);
    while term.abs() > 1e-17 * sum.abs() {
        n += 1.0;
        term *= 2.0 * x * x / (2.0 * n + 1.0);
        sum += term;
    }
    std::f64::consts::FRAC_2_SQRT_PI * (-x * x).exp() * sum
}
