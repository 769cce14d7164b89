//! Products of many rows with one vector.

use super::grid::folded;
use super::shaders;
use crate::Result;
use crate::gpu::{Caps, DType, Pass, Tensor};

#[repr(C)]
#[derive(Clone, Copy, bytemuck::Pod, bytemuck::Zeroable)]
struct Params {
    rows: u32,
    width8: u32,
}

/// The product of every row of `x` (M, K) `f16` with `query` (K) `f32`: (M) `f32`. K is a multiple of 8;
/// the adapter need not compute in f16. Errors: out of memory.
pub fn score_rows(pass: &mut Pass, x: &Tensor, query: &Tensor) -> Result<Tensor> {
    assert_eq!(x.dtype(), DType::F16, "rows are f16");
    assert_eq!(query.dtype(), DType::F32, "the query is f32");
    assert_eq!(query.dims(), [x.cols()], "query of {x:?}");
    assert_eq!(x.cols() % 8, 0, "rows take widths in eights: {x:?}");
    let y = pass.tensor(&[x.rows()], DType::F32)?;
    let [lanes, rows, each] = shape(pass.gpu().caps());
    let constants = [
        ("LANES", lanes.into()),
        ("ROWS", rows.into()),
        ("EACH", each.into()),
    ];
    let kernel = (pass.gpu()).kernel(shaders::SCORE_ROWS, DType::F32, &constants)?;
    let params = Params {
        rows: x.rows() as u32,
        width8: (x.cols() / 8) as u32,
    };
    let grid = folded(x.rows(), (rows * each) as usize);
    pass.dispatch(&kernel, &[x, query, &y], &params, grid);
    Ok(y)
}

/// Invocations that share a row, rows to a workgroup, rows to an invocation. What hardware gets is not
/// measured yet: 16 lanes read 256 bytes side by side.
fn shape(caps: &Caps) -> [u32; 3] {
    match caps.software() {
        true => [1, 8, 8],
        false => [16, 16, 1],
    }
}
