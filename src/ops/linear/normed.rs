//! Products of a layer norm: one dispatch where rows are few.

use bytemuck::{Pod, Zeroable};

use super::{Linear, Op, Params, Variant, extents, output, record};
use crate::Result;
use crate::gpu::{Constant, DType, Kernel, Pass, Tensor};
use crate::ops::attention::kv_append;
use crate::ops::norm::{LayerNorm, layernorm};
use crate::ops::tuning;

/// y = LN(x) Wᵀ + b: (.., K) F32 to (.., n) of type `out`, which is elem or F32.
///
/// K must be a multiple of 4.
pub fn linear_normed(
    pass: &mut Pass,
    x: &Tensor,
    norm: &LayerNorm,
    w: &Linear,
    out: DType,
) -> Result<Tensor> {
    normed(pass, x, norm, w, Op::Plain, out)
}

/// y = GELU(LN(x) Wᵀ + b): (.., K) F32 to (.., n) elem.
pub fn linear_normed_gelu(
    pass: &mut Pass,
    x: &Tensor,
    norm: &LayerNorm,
    w: &Linear,
) -> Result<Tensor> {
    normed(pass, x, norm, w, Op::Gelu, w.weight.dtype())
}

/// The packed queries, keys and values LN(x) Wᵀ + b of B texts: x (B, L, E) F32 to (B, L, 3E) elem,
/// whose keys and values go to rows `at..at + L` of `cache` (B, capacity, 2E) elem, too.
pub fn linear_normed_append(
    pass: &mut Pass,
    x: &Tensor,
    norm: &LayerNorm,
    w: &Linear,
    cache: &Tensor,
    at: usize,
) -> Result<Tensor> {
    let elem = w.weight.dtype();
    if x.dim(1) > 1 || !variant(pass, x, w).few_rows() {
        let packed = linear_normed(pass, x, norm, w, elem)?;
        kv_append(pass, &packed, cache, at)?;
        return Ok(packed);
    }
    let (batch, width) = (x.dim(0), w.n / 3);
    assert_eq!(w.n % 3, 0, "queries, keys and values of {w:?}");
    assert!(
        cache.dim(0) == batch && cache.dim(2) == 2 * width && at < cache.dim(1),
        "row {at} of {cache:?} for {x:?}"
    );
    assert_eq!(cache.dtype(), elem, "element type of {cache:?}");
    let append = Append { cache, at };
    let y = output(pass, x, w, elem)?;
    let around = Around {
        norm: None,
        append: Some(append),
    };
    product(pass, x, norm, w, Op::Plain, &y, around)?;
    Ok(y)
}

fn normed(
    pass: &mut Pass,
    x: &Tensor,
    norm: &LayerNorm,
    w: &Linear,
    op: Op,
    out: DType,
) -> Result<Tensor> {
    let y = output(pass, x, w, out)?;
    product(pass, x, norm, w, op, &y, Around::default())?;
    Ok(y)
}

/// The product, with the norm in the same dispatch where a kernel can do both.
fn product(
    pass: &mut Pass,
    x: &Tensor,
    norm: &LayerNorm,
    w: &Linear,
    op: Op,
    y: &Tensor,
    around: Around,
) -> Result<()> {
    // Elsewhere few invocations share a row, and each would have to read all of it.
    if variant(pass, x, w) == Variant::SplitRow {
        let norm = Some(norm);
        return record(pass, None, op, x, w, y, Around { norm, ..around });
    }
    let normed = layernorm(pass, x, norm, w.weight.dtype())?;
    record(pass, None, op, &normed, w, y, around)
}

fn variant(pass: &Pass, x: &Tensor, w: &Linear) -> Variant {
    tuning::tiling(pass.gpu(), extents(x, w), w.weight.dtype()).variant()
}

/// What a product of few rows does beside itself.
#[derive(Clone, Copy, Default)]
pub(super) struct Around<'a> {
    /// Norms x first.
    norm: Option<&'a LayerNorm>,
    append: Option<Append<'a>>,
}

/// Where the last two thirds of the columns go, too.
#[derive(Clone, Copy)]
struct Append<'a> {
    /// (M, capacity, 2N/3).
    cache: &'a Tensor,
    at: usize,
}

#[repr(C)]
#[derive(Clone, Copy, Pod, Zeroable)]
struct RowParams {
    product: Params,
    own: u32,
    at: u32,
    capacity: u32,
}

impl Around<'_> {
    /// The element type of x.
    pub fn operand(&self, elem: DType) -> DType {
        match self.norm {
            Some(_) => DType::F32,
            None => elem,
        }
    }

    /// What the kernel of few rows is told beside its tiling.
    pub fn constants(&self, elem: DType) -> [(&'static str, Constant); 3] {
        [
            ("NORM", self.norm.is_some().into()),
            ("APPEND", self.append.is_some().into()),
            ("operand", self.operand(elem).into()),
        ]
    }

    /// Records the kernel of few rows.
    pub fn dispatch(
        self,
        pass: &mut Pass,
        kernel: &Kernel,
        [x, weight, bias, y]: [&Tensor; 4],
        product: Params,
        grid: [u32; 3],
    ) -> Result<()> {
        // Bound always: read with a norm alone, written with caches alone.
        let unused = pass.tensor(&[4], DType::F32)?;
        let [scale, shift] = match self.norm {
            Some(norm) => {
                assert_eq!(norm.weight.dims(), [x.cols()], "norm of {x:?}: weight");
                assert_eq!(norm.bias.dims(), [x.cols()], "norm of {x:?}: bias");
                [&norm.weight, &norm.bias]
            }
            None => [weight; 2],
        };
        let (cache, own, at, capacity) = match self.append {
            Some(Append { cache, at }) => (cache, product.n / 3, at, cache.dim(1)),
            None => (&unused, product.n, 0, 0),
        };
        let params = RowParams {
            product,
            own,
            at: at as u32,
            capacity: capacity as u32,
        };
        let tensors = [x, weight, bias, y, scale, shift, cache];
        pass.dispatch(kernel, &tensors, &params, grid);
        Ok(())
    }
}
