//! Twin of the linear ops.

use crate::ops::linear::padded;

/// y = x · weight + bias: x (M, K), weight (K, padded n), bias (padded n) or nothing, y (M, n).
pub fn linear(x: &[f32], weight: &[f32], bias: Option<&[f32]>, k: usize, n: usize) -> Vec<f32> {
    products(x, weight, bias, k, n)
        .map(|sum| sum as f32)
        .collect()
}

/// GELU of [`linear`].
pub fn linear_gelu(
    x: &[f32],
    weight: &[f32],
    bias: Option<&[f32]>,
    k: usize,
    n: usize,
) -> Vec<f32> {
    products(x, weight, bias, k, n)
        .map(|sum| gelu(sum) as f32)
        .collect()
}

/// residual += [`linear`]; residual (M, n).
pub fn linear_add(
    x: &[f32],
    weight: &[f32],
    bias: Option<&[f32]>,
    k: usize,
    n: usize,
    residual: &mut [f32],
) {
    for (r, sum) in residual.iter_mut().zip(products(x, weight, bias, k, n)) {
        *r = (f64::from(*r) + sum) as f32;
    }
}

/// The exact GELU, x Φ(x).
pub fn gelu(x: f64) -> f64 {
    0.5 * x * erfc(-x * std::f64::consts::FRAC_1_SQRT_2)
}

fn products(
    x: &[f32],
    weight: &[f32],
    bias: Option<&[f32]>,
    k: usize,
    n: usize,
) -> impl Iterator<Item = f64> {
    let stride = padded(n);
    assert_eq!(weight.len(), k * stride);
    x.chunks_exact(k).flat_map(move |row| {
        let mut sums: Vec<f64> = match bias {
            Some(bias) => bias[..n].iter().map(|&b| b.into()).collect(),
            None => vec![0.0; n],
        };
        for (&a, w) in row.iter().zip(weight.chunks_exact(stride)) {
            for (sum, &b) in sums.iter_mut().zip(w) {
                *sum += f64::from(a) * f64::from(b);
            }
        }
        sums
    })
}

/// 1 - erf(z), by the Taylor series of erf near 0 and Lentz's continued fraction beyond.
fn erfc(z: f64) -> f64 {
    let a = z.abs();
    let upper = if a < 2.5 {
        let mut term = a;
        let mut sum = a;
        for i in 1..80 {
            term *= -a * a / f64::from(i);
            sum += term / f64::from(2 * i + 1);
        }
        1.0 - sum * std::f64::consts::FRAC_2_SQRT_PI
    } else {
        // erfc(a) = exp(-a²)/√π · 1/(a + ½/(a + 1/(a + 1½/(a + …))))
        let fraction = (1..80).rev().fold(a, |f, i| a + 0.5 * f64::from(i) / f);
        (-a * a).exp() * std::f64::consts::FRAC_2_SQRT_PI / (2.0 * fraction)
    };
    if z < 0.0 { 2.0 - upper } else { upper }
}

#[cfg(test)]
mod tests {
    use super::{erfc, gelu};

    #[test]
    fn erfc_agrees_with_tabulated_values() {
        let table = [
            (0.0, 1.0),
            (0.5, 0.479_500_122_186_953_5),
            (1.0, 0.157_299_207_050_285_13),
            (2.0, 4.677_734_981_047_266e-3),
            (3.0, 2.209_049_699_858_544e-5),
            (-1.0, 1.842_700_792_949_715),
        ];
        for (z, want) in table {
            assert!((erfc(z) - want).abs() < 1e-13, "erfc({z}) = {}", erfc(z));
        }
        assert_eq!(gelu(0.0), 0.0);
    }
}
