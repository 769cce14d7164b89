//! Layer norm and l2 norm.

use super::grid::{Lanes, folded, narrow};
use super::shaders;
use crate::Result;
use crate::gpu::{DType, Pass, Tensor};

/// Scale and shift of a layer norm, both (D) `f32`.
pub struct LayerNorm {
    pub weight: Tensor,
    pub bias: Tensor,
}

#[repr(C)]
#[derive(Clone, Copy, bytemuck::Pod, bytemuck::Zeroable)]
struct Params {
    rows: u32,
    width4: u32,
}

impl Params {
    fn of(x: &Tensor) -> Self {
        assert_eq!(x.dtype(), DType::F32, "norms read f32");
        assert_eq!(x.cols() % 4, 0, "norms take widths in fours: {x:?}");
        Self {
            rows: x.rows() as u32,
            width4: (x.cols() / 4) as u32,
        }
    }
}

/// Normalises every row of `x` (.., D) `f32` to mean 0 and variance 1 (eps 1e-5), then scales and
/// shifts it; the result is `out`. D is a multiple of 4. Errors: out of memory.
pub fn layernorm(pass: &mut Pass, x: &Tensor, ln: &LayerNorm, out: DType) -> Result<Tensor> {
    assert_eq!(ln.weight.dims(), [x.cols()], "layernorm of {x:?}: weight");
    assert_eq!(ln.bias.dims(), [x.cols()], "layernorm of {x:?}: bias");
    let params = Params::of(x);
    let y = pass.tensor(x.dims(), out)?;
    let Lanes { lanes, rows } = narrow(pass.gpu().caps());
    let constants = [("LANES", lanes.into()), ("ROWS", rows.into())];
    let kernel = pass.gpu().kernel(shaders::LAYERNORM, out, &constants)?;
    pass.dispatch(
        &kernel,
        &[x, &ln.weight, &ln.bias, &y],
        &params,
        folded(x.rows(), rows as usize),
    );
    Ok(y)
}

/// Scales every row of `x` (.., E) `f32` to length 1; a row shorter than 1e-12 is divided by that,
/// as PyTorch does. E is a multiple of 4. Errors: out of memory.
pub fn l2_normalize(pass: &mut Pass, x: &Tensor) -> Result<Tensor> {
    let params = Params::of(x);
    let y = pass.tensor(x.dims(), DType::F32)?;
    let Lanes { lanes, rows } = narrow(pass.gpu().caps());
    let constants = [("LANES", lanes.into()), ("ROWS", rows.into())];
    let kernel = (pass.gpu()).kernel(shaders::L2_NORMALIZE, DType::F32, &constants)?;
    let grid = folded(x.rows(), rows as usize);
    pass.dispatch(&kernel, &[x, &y], &params, grid);
    Ok(y)
}
