//! Attention of texts being written, whose keys and values are cached.

use super::super::grid::folded;
use super::super::shaders;
use super::{Rows, Shape, check, scale};
use crate::Result;
use crate::gpu::{DType, Pass, Tensor};

#[repr(C)]
#[derive(Clone, Copy, bytemuck::Pod, bytemuck::Zeroable)]
struct RowParams {
    q: [u32; 3],
    k: [u32; 3],
    v: [u32; 3],
    keys: u32,
    heads: u32,
    scale: f32,
    capacity: u32,
}

/// Attention of one query a batch over keys and values that texts share (beams): key j of batch b lies
/// in the rows of batch `history[b, j]`. `history` is (B, keys or more) `u32`; the result is that of
/// [`attention`](super::attention). Errors: out of memory.
pub fn attention_history(
    pass: &mut Pass,
    operands: [Rows; 3],
    shape: Shape,
    history: &Tensor,
) -> Result<Tensor> {
    assert_eq!(shape.queries, 1, "one query a batch");
    assert_eq!(history.dtype(), DType::U32, "rows of the caches");
    assert!(
        history.rows() == shape.batch && history.cols() >= shape.keys,
        "{history:?} of {shape:?}"
    );
    let dims = [shape.batch, 1, shape.heads * shape.head_dim];
    let out = pass.tensor(&dims, operands[0].tensor.dtype())?;
    attend_row(pass, operands, &shape, Some(history), &out)?;
    Ok(out)
}

/// One query a batch, invocations spread over the keys.
pub(super) fn attend_row(
    pass: &mut Pass,
    operands: [Rows; 3],
    shape: &Shape,
    history: Option<&Tensor>,
    out: &Tensor,
) -> Result<()> {
    let [q, k, v] = check(operands, shape);
    let constants = [
        ("HEAD", (shape.head_dim as u32).into()),
        ("LANES", 64.into()),
        ("HISTORY", history.is_some().into()),
    ];
    let params = RowParams {
        q,
        k,
        v,
        keys: shape.keys as u32,
        heads: shape.heads as u32,
        scale: scale(shape),
        capacity: history.map_or(0, |history| history.cols() as u32),
    };
    let [q, k, v] = operands.map(|rows| rows.tensor);
    // Bound always, read only where there is one.
    let history = history.unwrap_or(q);
    let kernel = pass
        .gpu()
        .kernel(shaders::ATTENTION_ROW, q.dtype(), &constants)?;
    let grid = [shape.heads as u32, shape.batch as u32, 1];
    pass.dispatch(&kernel, &[q, k, v, history, out], &params, grid);
    Ok(())
}

#[repr(C)]
#[derive(Clone, Copy, bytemuck::Pod, bytemuck::Zeroable)]
struct AppendParams {
    items: u32,
    width4: u32,
    length: u32,
    capacity: u32,
    at: u32,
}

/// Copies keys and values, the last two thirds of the columns of packed `qkv` (B, L, 3E), into
/// rows `at..at + L` of `cache` (B, capacity, 2E) of the same element type. E is a multiple of 4.
pub fn kv_append(pass: &mut Pass, qkv: &Tensor, cache: &Tensor, at: usize) -> Result<()> {
    let (&[batch, length, width3], &[caches, capacity, width2]) = (qkv.dims(), cache.dims()) else {
        panic!("packed rows and caches have three axes: {qkv:?}, {cache:?}");
    };
    assert!(
        batch == caches && width3 * 2 == width2 * 3 && width3 % 12 == 0,
        "{qkv:?} into {cache:?}"
    );
    assert_eq!(qkv.dtype(), cache.dtype(), "element type of the cache");
    assert!(at + length <= capacity, "rows {at}.. of {cache:?}");
    let params = AppendParams {
        items: (batch * length * width2 / 4) as u32,
        width4: (width3 / 12) as u32,
        length: length as u32,
        capacity: capacity as u32,
        at: at as u32,
    };
    let kernel = pass.gpu().kernel(shaders::KV_APPEND, qkv.dtype(), &[])?;
    let grid = folded(params.items as usize, 64);
    pass.dispatch(&kernel, &[qkv, cache], &params, grid);
    Ok(())
}
