//! Over rows of logits: softmax, top-k, log-probabilities of given ids.

use super::grid::{folded, wide};
use super::shaders;
use crate::Result;
use crate::gpu::{DType, Pass, Tensor};

#[repr(C)]
#[derive(Clone, Copy, bytemuck::Pod, bytemuck::Zeroable)]
struct SoftmaxParams {
    rows: u32,
    width: u32,
}

/// Softmax of every row of `x` (.., V) `f32`. Errors: out of memory.
pub fn softmax(pass: &mut Pass, x: &Tensor) -> Result<Tensor> {
    assert_eq!(x.dtype(), DType::F32, "softmax reads f32");
    let y = pass.tensor(x.dims(), DType::F32)?;
    let params = SoftmaxParams {
        rows: x.rows() as u32,
        width: x.cols() as u32,
    };
    let lanes = wide(pass.gpu().caps(), x.cols(), 2);
    let kernel = (pass.gpu()).kernel(shaders::SOFTMAX, DType::F32, &[("LANES", lanes.into())])?;
    pass.dispatch(&kernel, &[x, &y], &params, folded(x.rows(), 1));
    Ok(y)
}

#[repr(C)]
#[derive(Clone, Copy, bytemuck::Pod, bytemuck::Zeroable)]
struct TopParams {
    rows: u32,
    width: u32,
    k: u32,
}

/// The `k` largest values of every row of `x` (.., V) `f32`, in falling order, and their columns:
/// (.., k) `f32` and (.., k) `u32`. Of equal values the lower column comes first; NaN come last.
/// Errors: out of memory.
pub fn top_k(pass: &mut Pass, x: &Tensor, k: usize) -> Result<(Tensor, Tensor)> {
    assert_eq!(x.dtype(), DType::F32, "top_k reads f32");
    assert!((1..=x.cols()).contains(&k), "top {k} of {x:?}");
    let mut dims = x.dims().to_vec();
    *dims.last_mut().expect("a tensor has at least one axis") = k;
    let values = pass.tensor(&dims, DType::F32)?;
    let columns = pass.tensor(&dims, DType::U32)?;
    let params = TopParams {
        rows: x.rows() as u32,
        width: x.cols() as u32,
        k: k as u32,
    };
    let lanes = wide(pass.gpu().caps(), x.cols(), k);
    let kernel = (pass.gpu()).kernel(shaders::TOP_K, DType::F32, &[("LANES", lanes.into())])?;
    let grid = folded(x.rows(), 1);
    pass.dispatch(&kernel, &[x, &values, &columns], &params, grid);
    Ok((values, columns))
}

#[repr(C)]
#[derive(Clone, Copy, bytemuck::Pod, bytemuck::Zeroable)]
struct LogprobParams {
    rows: u32,
    vocabulary: u32,
    count: u32,
    length: u32,
    first: u32,
}

/// Natural logarithms of the probabilities that `logits` (R, count, V) `f32` give to ids
/// `first..first + count` of texts `ids` (R, L) `u32`, all below V: (R, count) `f32`. The logits are
/// read on the GPU alone, for they are V times as large. Errors: out of memory.
pub fn token_logprobs(
    pass: &mut Pass,
    logits: &Tensor,
    ids: &Tensor,
    first: usize,
) -> Result<Tensor> {
    let &[texts, count, vocabulary] = logits.dims() else {
        panic!("logits are (R, count, V), not {logits:?}");
    };
    assert_eq!(logits.dtype(), DType::F32, "logits are f32");
    assert_eq!(ids.dtype(), DType::U32, "ids are u32");
    assert_eq!(ids.rows(), texts, "ids {ids:?} of {logits:?}");
    assert!(
        first + count <= ids.cols(),
        "ids {first}.. of {ids:?} for {logits:?}"
    );
    let y = pass.tensor(&[texts, count], DType::F32)?;
    let params = LogprobParams {
        rows: logits.rows() as u32,
        vocabulary: vocabulary as u32,
        count: count as u32,
        length: ids.cols() as u32,
        first: first as u32,
    };
    let constants = [("LANES", wide(pass.gpu().caps(), vocabulary, 1).into())];
    let kernel = (pass.gpu()).kernel(shaders::TOKEN_LOGPROBS, DType::F32, &constants)?;
    let grid = folded(logits.rows(), 1);
    pass.dispatch(&kernel, &[logits, ids, &y], &params, grid);
    Ok(y)
}
