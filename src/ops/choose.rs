//! Choosing tokens: softmax, top-k, the greedy step.

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

/// B captions being written, all on the GPU.
pub struct Written {
    /// (B, capacity) `u32`.
    pub tokens: Tensor,
    /// (B, capacity) `f32`: of each token that was chosen.
    pub logprobs: Tensor,
    /// (B) `u32`: 1 where the caption has ended.
    pub done: Tensor,
}

/// When a caption may and must end.
#[derive(Clone, Copy, Debug)]
pub struct Rules {
    pub eos: u32,
    /// No end while the caption has fewer tokens.
    pub min_len: usize,
    /// The end is forced as token number `seq_len`.
    pub seq_len: usize,
}

#[repr(C)]
#[derive(Clone, Copy, bytemuck::Pod, bytemuck::Zeroable)]
struct GreedyParams {
    vocabulary: u32,
    capacity: u32,
    column: u32,
    eos: u32,
    bar_eos: u32,
    force_eos: u32,
}

/// Appends at column `len` the arg-max of `logits` (B, V) `f32`: EOS is excluded while
/// `len < min_len` and forced when `len + 1 == seq_len`. A caption that is done gets pad 0; it is
/// done after EOS or id 0. The log-probability is that of the chosen token under the plain logits,
/// 0 for captions already done. In place.
pub fn greedy_step(
    pass: &mut Pass,
    logits: &Tensor,
    written: &Written,
    len: usize,
    rules: &Rules,
) -> Result<()> {
    let Written {
        tokens,
        logprobs,
        done,
    } = written;
    let (batch, capacity) = (tokens.rows(), tokens.cols());
    assert_eq!(logits.dtype(), DType::F32, "greedy_step reads f32");
    assert_eq!(logits.rows(), batch, "logits of {batch} captions");
    assert_eq!(logprobs.dims(), tokens.dims(), "log-probabilities");
    assert_eq!(done.len(), batch, "done flags");
    assert!(len < capacity, "column {len} of {capacity}");
    assert!((rules.eos as usize) < logits.cols(), "EOS is a token");
    let params = GreedyParams {
        vocabulary: logits.cols() as u32,
        capacity: capacity as u32,
        column: len as u32,
        eos: rules.eos,
        bar_eos: u32::from(len < rules.min_len),
        force_eos: u32::from(len + 1 == rules.seq_len),
    };
    let lanes = wide(pass.gpu().caps(), logits.cols(), 1);
    let kernel =
        (pass.gpu()).kernel(shaders::GREEDY_STEP, DType::F32, &[("LANES", lanes.into())])?;
    let tensors = [logits, tokens, logprobs, done];
    pass.dispatch(&kernel, &tensors, &params, [batch as u32, 1, 1]);
    Ok(())
}
