//! Operands of cases: reproducible, asymmetric, and exact in the element type of the run.

use crate::Result;
use crate::gpu::{DType, Gpu, Tensor};

/// Relative spacing of `f32`.
pub const EPS: f32 = f32::EPSILON;

/// `n` values in [-1, 1.25), the same for the same seed, rounded to `dtype`.
pub fn uniform(seed: u64, n: usize, dtype: DType) -> Vec<f32> {
    let mut state = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
    let mut next = move || {
        // xorshift64*: its upper bits are good enough here.
        state ^= state >> 12;
        state ^= state << 25;
        state ^= state >> 27;
        (state.wrapping_mul(0x2545_f491_4f6c_dd1d) >> 40) as f32 / (1 << 24) as f32
    };
    (0..n).map(|_| round(next() * 2.25 - 1.0, dtype)).collect()
}

/// `n` ids below `bound`.
pub fn ids(seed: u64, n: usize, bound: u32) -> Vec<u32> {
    (uniform(seed, n, DType::F32).iter())
        .map(|v| ((v + 1.0) / 2.25 * bound as f32) as u32)
        .collect()
}

/// `value` as `dtype` holds it.
pub fn round(value: f32, dtype: DType) -> f32 {
    match dtype {
        DType::F16 => half::f16::from_f32(value).to_f32(),
        _ => value,
    }
}

/// What rounding `want` to `dtype` may cost.
pub fn rounding(want: f32, dtype: DType) -> f32 {
    match dtype {
        // Half a unit in the last place, or half the smallest subnormal.
        DType::F16 => (want.abs() * 0.000_489).max(3e-8),
        _ => want.abs() * EPS,
    }
}

/// Uploads values that outlive passes.
pub fn upload(gpu: &Gpu, dims: &[usize], dtype: DType, values: &[f32]) -> Result<Tensor> {
    let mut pass = gpu.pass();
    let tensor = pass.upload_f32(dims, dtype, values)?;
    pass.submit()?;
    Ok(tensor)
}

/// Uploads ids.
pub fn upload_ids(gpu: &Gpu, dims: &[usize], values: &[u32]) -> Result<Tensor> {
    let mut pass = gpu.pass();
    let tensor = pass.upload(dims, DType::U32, values)?;
    pass.submit()?;
    Ok(tensor)
}

/// As the GPU gives it.
pub fn narrow(x: &[f64]) -> Vec<f32> {
    x.iter().map(|&v| v as f32).collect()
}
