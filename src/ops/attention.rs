//! Fused attention with online softmax; beside it, pooling states and key-value caches.

mod cached;
mod coop;
mod pool;
mod rows;

pub use cached::*;
pub use pool::*;
pub use rows::Rows;

use super::coop::proven;
use super::grid::MAX_ROUNDS;
use super::shaders;
use crate::gpu::{Caps, Constant, DType, Gpu, Pass, Tensor};
use crate::{Error, Result};

/// Extents of an attention.
#[derive(Clone, Copy, Debug)]
pub struct Shape {
    pub batch: usize,
    pub heads: usize,
    /// A multiple of 4, at most 128.
    pub head_dim: usize,
    pub queries: usize,
    pub keys: usize,
}

/// Which keys a query sees.
#[derive(Clone, Copy)]
pub enum Mask<'a> {
    None,
    /// Query i sees keys 0..=i + (keys - queries).
    Causal,
    /// Causal; and in the last row (the CLS) key j counts only if j = 0 or `ids[b, j - 1]` is not
    /// 0: off by one, as OpenCLIP's weights were trained with it. `ids` is (B, keys - 1 or more)
    /// `u32`.
    CausalCls(&'a Tensor),
}

/// Which kernel does it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Variant {
    /// Tiles in workgroup memory, TX × TY invocations.
    Tiles { tx: u32, ty: u32 },
    /// Subgroups of 8 that share rows by broadcasts, no barriers: lavapipe.
    Broadcast,
    /// One query, invocations spread over the keys.
    Row,
    /// Cooperative matrices, in f16: where they were asked for and found right.
    Coop(coop::Workgroup),
}

/// Who chooses the kernel of an attention.
#[doc(hidden)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum By {
    /// The op itself.
    Choice,
    /// Cooperative matrices, which must [fit](coop_fits), for tests.
    Coop,
}

impl Variant {
    /// The fastest kernel on an adapter, by what was measured. A `state` or the mask of a CLS is
    /// more than [`Row`](Self::Row) can do.
    fn pick(gpu: &Gpu, shape: &Shape, elem: DType, mask: Mask, state: bool) -> Self {
        let caps = gpu.caps();
        let cls = matches!(mask, Mask::CausalCls(_));
        if shape.queries == 1 && !cls && !state {
            Self::Row
        } else if let Some(coop) = Self::coop(caps, shape, elem)
            && proven(gpu).attention
        {
            coop
        } else if caps.software() && caps.subgroup == Some((8, 8)) {
            Self::Broadcast
        } else {
            let (tx, ty) = tiles(caps.workgroup_bytes, shape.head_dim, elem);
            Self::Tiles { tx, ty }
        }
    }

    /// The kernel of cooperative matrices, if it can do this attention.
    fn coop(caps: &Caps, shape: &Shape, elem: DType) -> Option<Self> {
        let group = coop::Workgroup::pick(caps, shape.head_dim, elem)?;
        let variant = Self::Coop(group);
        (shape.keys <= variant.max_keys(caps, shape)).then_some(variant)
    }

    /// The most keys it takes: lavapipe ends every loop of an invocation after a number of rounds.
    fn max_keys(self, caps: &Caps, shape: &Shape) -> usize {
        let head4 = shape.head_dim / 4;
        // Keys taken together, and rounds of inner loops meanwhile, generously.
        let (keys, rounds) = match self {
            Self::Tiles { tx, .. } => (4 * tx as usize, head4 + 48),
            Self::Broadcast => (8 * WIDE as usize, head4 + 4),
            Self::Row => (256, head4.max(16) * 8 + 64),
            Self::Coop(group) => group.rounds(shape),
        };
        if caps.software() {
            MAX_ROUNDS / rounds * keys
        } else {
            usize::MAX
        }
    }
}

/// Eights of keys that the broadcast kernel takes together.
const WIDE: u32 = 2;

/// Workgroup memory that is used at most: more would leave too few workgroups on a multiprocessor to hide
/// latency.
const WORKGROUP_BYTES: u32 = 32 << 10;

/// The largest workgroup of the tiled kernel whose memory fits.
fn tiles(workgroup_bytes: u32, head_dim: usize, elem: DType) -> (u32, u32) {
    let budget = workgroup_bytes.min(WORKGROUP_BYTES) as usize;
    let fits = |&(tx, ty): &(u32, u32)| {
        let (tx, ty) = (tx as usize, ty as usize);
        let stride = ((head_dim / 4) | 1) * 4 * elem.size();
        4 * (tx + ty) * stride + 4 * ty * (tx + 1) * 16 + 4 * ty * tx * 4 <= budget
    };
    [(8, 16), (8, 8), (4, 8), (4, 4), (2, 4)]
        .into_iter()
        .find(fits)
        .expect("the smallest tile of 128 columns fits 16 KiB")
}

#[repr(C)]
#[derive(Clone, Copy, bytemuck::Pod, bytemuck::Zeroable)]
struct Params {
    q: [u32; 3],
    k: [u32; 3],
    v: [u32; 3],
    queries: u32,
    keys: u32,
    heads: u32,
    id_row: u32,
    scale: f32,
}

/// Softmax(q kᵀ / √head_dim) v per head: (B, queries, heads·head_dim) of q's element type.
/// Softmax is online and in `f32`; no score leaves the kernel.
///
/// Errors: out of memory; on software adapters, tens of thousands of keys.
pub fn attention(
    pass: &mut Pass,
    q: Rows,
    k: Rows,
    v: Rows,
    shape: Shape,
    mask: Mask,
) -> Result<Tensor> {
    attention_by(pass, By::Choice, [q, k, v], shape, mask)
}

/// [`attention`] by a kernel of one's choice: for tests.
#[doc(hidden)]
pub fn attention_by(
    pass: &mut Pass,
    by: By,
    operands: [Rows; 3],
    shape: Shape,
    mask: Mask,
) -> Result<Tensor> {
    let elem = operands[0].tensor.dtype();
    let out = pass.tensor(
        &[shape.batch, shape.queries, shape.heads * shape.head_dim],
        elem,
    )?;
    attend(pass, by, operands, &shape, mask, &out, None)?;
    Ok(out)
}

/// Asserts what every variant needs of its operands; gives their strides in vec4.
fn check([q, k, v]: [Rows; 3], shape: &Shape) -> [[u32; 3]; 3] {
    assert!(
        shape.head_dim.is_multiple_of(4) && (4..=128).contains(&shape.head_dim),
        "head_dim is a multiple of 4 up to 128: {shape:?}"
    );
    assert!(
        shape.batch > 0 && shape.batch <= 65535 && shape.queries > 0 && shape.keys > 0,
        "{shape:?}"
    );
    let elem = q.tensor.dtype();
    assert!(
        k.tensor.dtype() == elem && v.tensor.dtype() == elem,
        "q, k and v have one element type"
    );
    [
        q.checked("q", shape.queries, shape),
        k.checked("k", shape.keys, shape),
        v.checked("v", shape.keys, shape),
    ]
}

fn scale(shape: &Shape) -> f32 {
    1.0 / (shape.head_dim as f32).sqrt()
}

/// Whether an adapter has cooperative matrices that can do an attention in `elem`.
#[doc(hidden)]
pub fn coop_fits(caps: &Caps, shape: &Shape, elem: DType) -> bool {
    Variant::coop(caps, shape, elem).is_some()
}

/// The constants with which cooperative matrices do an attention in f16 on an adapter that they fit, so
/// that tests can translate what the adapter at hand cannot compile. `mask` is the kernel's number.
#[doc(hidden)]
pub fn coop_constants(
    caps: &Caps,
    head_dim: usize,
    mask: u32,
    state: bool,
) -> Vec<(&'static str, Constant)> {
    let group = coop::Workgroup::pick(caps, head_dim, DType::F16).expect("a workgroup that fits");
    let out = if state { DType::F32 } else { DType::F16 };
    let mut all = constants(head_dim, mask, state, out);
    all.extend(group.constants());
    all
}

/// The constants of every variant but [`Row`](Variant::Row).
fn constants(head_dim: usize, mask: u32, state: bool, out: DType) -> Vec<(&'static str, Constant)> {
    vec![
        ("HEAD", (head_dim as u32).into()),
        ("MASK", mask.into()),
        ("STATE", state.into()),
        ("result", out.into()),
    ]
}

/// Records the fastest kernel, or one that was asked for, which leaves a state if there are tensors for its sum and maximum.
fn attend(
    pass: &mut Pass,
    by: By,
    operands: [Rows; 3],
    shape: &Shape,
    mask: Mask,
    out: &Tensor,
    statistics: Option<[&Tensor; 2]>,
) -> Result<()> {
    let [q, k, v] = check(operands, shape);
    let tensors = operands.map(|rows| rows.tensor);
    let elem = tensors[0].dtype();
    let caps = pass.gpu().caps();
    let variant = match by {
        By::Choice => Variant::pick(pass.gpu(), shape, elem, mask, statistics.is_some()),
        By::Coop => Variant::coop(caps, shape, elem).expect("cooperative matrices that fit"),
    };
    let max_keys = variant.max_keys(caps, shape);
    if shape.keys > max_keys {
        return Err(Error::AdapterLimit {
            adapter: caps.name.clone(),
            what: "the number of keys of an attention".into(),
            needed: shape.keys as u64,
            allowed: max_keys as u64,
            advice: "use fewer frames, or another adapter",
        });
    }
    let (number, ids) = match mask {
        // Ids are bound always and read under the last mask only.
        Mask::None => (0, tensors[0]),
        Mask::Causal => (1, tensors[0]),
        Mask::CausalCls(ids) => (2, ids),
    };
    if number != 0 {
        assert!(shape.queries <= shape.keys, "causal: {shape:?}");
    }
    if let Mask::CausalCls(ids) = mask {
        assert_eq!(ids.dtype(), DType::U32, "ids are u32");
        assert!(
            ids.rows() == shape.batch && ids.cols() + 1 >= shape.keys,
            "ids {ids:?} of {shape:?}"
        );
    }
    let mut constants = constants(shape.head_dim, number, statistics.is_some(), out.dtype());
    let (source, grid) = match variant {
        Variant::Tiles { tx, ty } => {
            constants.extend([("TX", tx.into()), ("TY", ty.into())]);
            let tiles = shape.queries.div_ceil(4 * ty as usize) as u32;
            let grid = [tiles, shape.heads as u32, shape.batch as u32];
            (shaders::ATTENTION, grid)
        }
        Variant::Broadcast => {
            constants.push(("WIDE", WIDE.into()));
            let groups = shape.queries.div_ceil(16) as u32;
            let grid = [groups, shape.heads as u32, shape.batch as u32];
            (shaders::ATTENTION_BROADCAST, grid)
        }
        Variant::Coop(group) => {
            constants.extend(group.constants());
            let groups = shape.queries.div_ceil(group.queries() as usize) as u32;
            let grid = [groups, shape.heads as u32, shape.batch as u32];
            (shaders::ATTENTION_COOP, grid)
        }
        Variant::Row => {
            return cached::attend_row(pass, operands, shape, None, out);
        }
    };
    let params = Params {
        q,
        k,
        v,
        queries: shape.queries as u32,
        keys: shape.keys as u32,
        heads: shape.heads as u32,
        id_row: ids.cols() as u32,
        scale: scale(shape),
    };
    let kernel = pass.gpu().kernel(source, elem, &constants)?;
    // Without a state its statistics are bound and not written.
    let unused = pass.tensor(&[4], DType::F32)?;
    let [sum, max] = statistics.unwrap_or([&unused; 2]);
    let [q, k, v] = tensors;
    pass.dispatch(&kernel, &[q, k, v, ids, out, sum, max], &params, grid);
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::{DType, tiles};

    #[test]
    fn a_tile_fits_every_head_into_16_kib() {
        for head_dim in (4..=128).step_by(4) {
            for elem in [DType::F16, DType::F32] {
                for kib in [16, 32, 64] {
                    tiles(kib * 1024, head_dim, elem);
                }
            }
        }
        assert_eq!(tiles(48 << 10, 64, DType::F16), (8, 16));
    }
}
