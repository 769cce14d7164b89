//! y = x Wᵀ + b, with what follows it fused, and what goes before where rows are few.

mod normed;

use std::sync::Arc;

use bytemuck::{Pod, Zeroable};

pub use normed::{linear_normed, linear_normed_append, linear_normed_gelu};

use normed::Around;

pub use super::select::{Extents, Variant};
use super::tiling::Choice;
pub use super::tiling::{TILINGS, Tiling};
use super::tuning;
use crate::Result;
use crate::gpu::{Caps, Constant, DType, Gpu, Kernel, Pass, Tensor};

/// A linear layer of n outputs.
#[derive(Clone, Debug)]
pub struct Linear {
    /// (K, padded n) elem: transposed against PyTorch's (n, K); columns from n on are zero.
    pub weight: Tensor,
    /// (padded n) F32, zero from n on.
    pub bias: Option<Tensor>,
    pub n: usize,
}

/// Columns that a weight of `n` outputs is stored with: whole tiles of the smallest kernel, and
/// rows that begin at 32 bytes even in f16.
pub const fn padded(n: usize) -> usize {
    n.next_multiple_of(16)
}

/// y = x Wᵀ + b: (.., K) elem to (.., n) of type `out`, which is elem or F32.
///
/// K must be a multiple of 4.
pub fn linear(pass: &mut Pass, x: &Tensor, w: &Linear, out: DType) -> Result<Tensor> {
    let y = output(pass, x, w, out)?;
    record(pass, None, Op::Plain, x, w, &y, Around::default())?;
    Ok(y)
}

/// y = GELU(x Wᵀ + b), the exact GELU: (.., K) elem to (.., n) elem.
pub fn linear_gelu(pass: &mut Pass, x: &Tensor, w: &Linear) -> Result<Tensor> {
    let y = output(pass, x, w, x.dtype())?;
    record(pass, None, Op::Gelu, x, w, &y, Around::default())?;
    Ok(y)
}

/// residual += x Wᵀ + b: (.., K) elem onto (.., n) F32, in place.
pub fn linear_add(pass: &mut Pass, x: &Tensor, w: &Linear, residual: &Tensor) -> Result<()> {
    record(pass, None, Op::Add, x, w, residual, Around::default())
}

/// What a product does with its sums.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[doc(hidden)]
pub enum Op {
    Plain,
    Gelu,
    Add,
}

/// A product by all that its kernel depends on, beside the element type.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Product {
    pub op: Op,
    pub at: Extents,
    pub bias: bool,
    /// Element type of the output.
    pub out: DType,
}

/// Compiles the kernel of a product, so that recording it need not.
pub(crate) fn prepare(gpu: &Gpu, elem: DType, product: &Product) -> Result<()> {
    let tiling = tuning::tiling(gpu, product.at, elem);
    compiled(gpu, tiling, elem, product, Around::default()).map(drop)
}

fn compiled(
    gpu: &Gpu,
    tiling: Tiling,
    elem: DType,
    product: &Product,
    around: Around,
) -> Result<(Arc<Kernel>, Choice)> {
    let choice = specialised(gpu.caps(), tiling, elem, product, around);
    let kernel = gpu.kernel(choice.source, elem, &choice.constants)?;
    Ok((kernel, choice))
}

/// The kernel of a product with all its constants.
fn specialised(
    caps: &Caps,
    tiling: Tiling,
    elem: DType,
    product: &Product,
    around: Around,
) -> Choice {
    let &Product { op, at, bias, out } = product;
    let mut choice = tiling.choice(caps, at);
    choice.constants.extend([
        ("HALF", (elem == DType::F16).into()),
        ("BIAS", bias.into()),
        ("GELU", (op == Op::Gelu).into()),
        ("ADD", (op == Op::Add).into()),
        ("result", out.into()),
    ]);
    if tiling.variant().few_rows() {
        choice.constants.extend(around.constants(elem));
    }
    choice
}

/// The constants with which a tiling's kernel makes a product in f16, so that tests can translate what
/// the adapter at hand cannot compile.
#[doc(hidden)]
pub fn constants(
    caps: &Caps,
    tiling: Tiling,
    op: Op,
    at: Extents,
) -> Vec<(&'static str, Constant)> {
    let out = if op == Op::Add {
        DType::F32
    } else {
        DType::F16
    };
    let bias = op != Op::Plain;
    let product = Product { op, at, bias, out };
    specialised(caps, tiling, DType::F16, &product, Around::default()).constants
}

/// One product by a tiling of one's choice, which must fit the adapter: for tests and tuning.
#[doc(hidden)]
pub fn linear_by(
    pass: &mut Pass,
    tiling: Tiling,
    op: Op,
    x: &Tensor,
    w: &Linear,
    y: &Tensor,
) -> Result<()> {
    record(pass, Some(tiling), op, x, w, y, Around::default())
}

fn output(pass: &mut Pass, x: &Tensor, w: &Linear, out: DType) -> Result<Tensor> {
    let mut dims = x.dims().to_vec();
    *dims.last_mut().expect("a tensor has at least one axis") = w.n;
    pass.tensor(&dims, out)
}

fn extents(x: &Tensor, w: &Linear) -> Extents {
    Extents {
        m: x.rows(),
        n: w.n,
        k: x.cols(),
    }
}

#[repr(C)]
#[derive(Clone, Copy, Pod, Zeroable)]
struct Params {
    m: u32,
    /// N, or N/4 where a kernel stores vec4s.
    n: u32,
    k4: u32,
    p4: u32,
}

fn record(
    pass: &mut Pass,
    tiling: Option<Tiling>,
    op: Op,
    x: &Tensor,
    w: &Linear,
    y: &Tensor,
    around: Around,
) -> Result<()> {
    let at = extents(x, w);
    let elem = w.weight.dtype();
    assert_eq!(
        x.dtype(),
        around.operand(elem),
        "the element type of {x:?} in a product with a weight in {elem}"
    );
    assert_eq!(w.weight.dims(), [at.k, padded(at.n)], "weight of {x:?}");
    assert!(
        at.k.is_multiple_of(4),
        "K = {} is not a multiple of 4",
        at.k
    );
    assert_eq!((y.rows(), y.cols()), (at.m, at.n), "output of {x:?}");
    assert!(
        y.dtype() == DType::F32 || (y.dtype() == elem && op != Op::Add),
        "an output in {} of a product in {elem}",
        y.dtype()
    );
    if let Some(bias) = &w.bias {
        assert_eq!(bias.dims(), [padded(at.n)], "bias of {:?}", w.weight);
        assert_eq!(bias.dtype(), DType::F32, "bias of {:?}", w.weight);
    }

    let tiling = tiling.unwrap_or_else(|| tuning::tiling(pass.gpu(), at, elem));
    let product = Product {
        op,
        at,
        bias: w.bias.is_some(),
        out: y.dtype(),
    };
    let (kernel, choice) = compiled(pass.gpu(), tiling, elem, &product, around)?;
    let vec4_stores = matches!(tiling.variant(), Variant::Tile | Variant::Broadcast);
    let params = Params {
        m: at.m as u32,
        n: if vec4_stores { at.n / 4 } else { at.n } as u32,
        k4: (at.k / 4) as u32,
        p4: (padded(at.n) / 4) as u32,
    };
    // Without a bias the kernel never reads the binding, but its layout has one.
    let bias = w.bias.as_ref().unwrap_or(&w.weight);
    let tensors = [x, &w.weight, bias, y];
    let grid = choice.grid(at);
    if tiling.variant().few_rows() {
        return around.dispatch(pass, &kernel, tensors, params, grid);
    }
    pass.dispatch(&kernel, &tensors, &params, grid);
    Ok(())
}
