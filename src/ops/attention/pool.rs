//! States of pooling, which merge exactly.

use super::{By, Mask, Rows, Shape, attend};
use crate::Result;
use crate::gpu::{DType, Pass, Tensor};
use crate::ops::grid::folded;
use crate::ops::shaders;

/// A state of the online softmax of pooling: states over disjoint keys merge exactly.
#[derive(Clone)]
pub struct PoolState {
    /// (B, Q, H) `f32`: Σ exp(score - max); 0 marks an empty state.
    pub sum: Tensor,
    /// (B, Q, H) `f32`.
    pub max: Tensor,
    /// (B, Q, H·head_dim) `f32`: Σ exp(score - max) v, not yet divided.
    pub value: Tensor,
}

impl PoolState {
    fn allocate(
        pass: &Pass,
        batch: usize,
        queries: usize,
        heads: usize,
        head_dim: usize,
    ) -> Result<Self> {
        Ok(Self {
            sum: pass.tensor(&[batch, queries, heads], DType::F32)?,
            max: pass.tensor(&[batch, queries, heads], DType::F32)?,
            value: pass.tensor(&[batch, queries, heads * head_dim], DType::F32)?,
        })
    }

    fn head_dim(&self) -> usize {
        self.value.cols() / self.sum.cols()
    }
}

/// [`attention`](super::attention()) over every key, left as a state per batch. Errors as there.
pub fn attention_state(
    pass: &mut Pass,
    q: Rows,
    k: Rows,
    v: Rows,
    shape: Shape,
) -> Result<PoolState> {
    attention_state_by(pass, By::Choice, [q, k, v], shape)
}

/// [`attention_state`] by a kernel of one's choice: for tests.
#[doc(hidden)]
pub fn attention_state_by(
    pass: &mut Pass,
    by: By,
    operands: [Rows; 3],
    shape: Shape,
) -> Result<PoolState> {
    let state = PoolState::allocate(
        pass,
        shape.batch,
        shape.queries,
        shape.heads,
        shape.head_dim,
    )?;
    let statistics = Some([&state.sum, &state.max]);
    attend(
        pass,
        by,
        operands,
        &shape,
        Mask::None,
        &state.value,
        statistics,
    )?;
    Ok(state)
}

#[repr(C)]
#[derive(Clone, Copy, bytemuck::Pod, bytemuck::Zeroable)]
struct MergeParams {
    items: u32,
    first: u32,
    count: u32,
}

/// Merges `count` batches of `from` (T, Q, ..) from index `first` on into `into` (1, Q, ..), in
/// place.
pub fn pool_merge(
    pass: &mut Pass,
    into: &PoolState,
    from: &PoolState,
    first: usize,
    count: usize,
) -> Result<()> {
    assert_eq!(into.sum.dim(0), 1, "states merge into one");
    assert_eq!(into.sum.dims()[1..], from.sum.dims()[1..], "states differ");
    assert_eq!(into.head_dim(), from.head_dim(), "states differ");
    assert!(first + count <= from.sum.dim(0), "{first} + {count} states");
    let items = into.sum.len();
    let params = MergeParams {
        items: items as u32,
        first: first as u32,
        count: count as u32,
    };
    let constants = [("HEAD", (into.head_dim() as u32).into())];
    let kernel = (pass.gpu()).kernel(shaders::POOL_MERGE, DType::F32, &constants)?;
    let tensors = [
        &from.sum,
        &from.max,
        &from.value,
        &into.sum,
        &into.max,
        &into.value,
    ];
    pass.dispatch(&kernel, &tensors, &params, folded(items, 64));
    Ok(())
}

/// A state over no keys: (1, Q, ..). Errors: out of memory.
pub fn pool_empty(
    pass: &mut Pass,
    queries: usize,
    heads: usize,
    head_dim: usize,
) -> Result<PoolState> {
    let state = PoolState::allocate(pass, 1, queries, heads, head_dim)?;
    pass.clear(&state.sum);
    pass.clear(&state.max);
    pass.clear(&state.value);
    Ok(state)
}

#[repr(C)]
#[derive(Clone, Copy, bytemuck::Pod, bytemuck::Zeroable)]
struct FinishParams {
    items: u32,
    head4: u32,
}

/// The pooled values of a state: (B, Q, H·head_dim) `out`; 0 where it is empty. Errors: out of
/// memory.
pub fn pool_finish(pass: &mut Pass, state: &PoolState, out: DType) -> Result<Tensor> {
    let y = pass.tensor(state.value.dims(), out)?;
    let params = FinishParams {
        items: (y.len() / 4) as u32,
        head4: (state.head_dim() / 4) as u32,
    };
    let kernel = pass.gpu().kernel(shaders::POOL_FINISH, out, &[])?;
    let grid = folded(y.len() / 4, 64);
    pass.dispatch(&kernel, &[&state.sum, &state.value, &y], &params, grid);
    Ok(y)
}
