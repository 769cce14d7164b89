//! Fused attention with online softmax, pooling state, key-value caches.

use super::grid::folded;
use super::shaders;
use crate::Result;
use crate::gpu::{Caps, Constant, DType, Pass, Tensor};

/// Rows of heads inside a tensor: element (b, i, h, c) is at
/// `offset + b * batch + i * row + h * head_dim + c`. All are multiples of 4.
#[derive(Clone, Copy)]
pub struct Rows<'a> {
    pub tensor: &'a Tensor,
    pub offset: usize,
    /// 0 where all batches share their rows.
    pub batch: usize,
    pub row: usize,
}

impl<'a> Rows<'a> {
    /// Part `i` of `of` equal column parts of a (B, L, of·W) tensor.
    pub fn part(tensor: &'a Tensor, i: usize, of: usize) -> Self {
        let &[_, rows, cols] = tensor.dims() else {
            panic!("rows of heads are (B, L, W), not {tensor:?}");
        };
        assert_eq!(cols % of, 0, "{of} parts of {tensor:?}");
        Self {
            tensor,
            offset: i * (cols / of),
            batch: rows * cols,
            row: cols,
        }
    }

    /// All columns of a (B, L, W) tensor.
    pub fn all(tensor: &'a Tensor) -> Self {
        Self::part(tensor, 0, 1)
    }

    /// The same without the first `n` rows of every batch.
    pub fn skip_rows(self, n: usize) -> Self {
        Self {
            offset: self.offset + n * self.row,
            ..self
        }
    }

    /// The first batch's rows for every batch.
    pub fn shared(self) -> Self {
        Self { batch: 0, ..self }
    }

    /// Asserts that `count` rows of `shape` lie inside the tensor; gives the strides in vec4.
    fn checked(&self, what: &str, count: usize, shape: &Shape) -> [u32; 3] {
        let Self {
            tensor,
            offset,
            batch,
            row,
        } = *self;
        assert!(
            offset % 4 == 0 && batch % 4 == 0 && row % 4 == 0,
            "{what}: offset {offset}, batch {batch} and row {row} are in fours"
        );
        let last =
            offset + (shape.batch - 1) * batch + (count - 1) * row + shape.heads * shape.head_dim;
        assert!(
            last <= tensor.len(),
            "{what}: {count} rows of {shape:?} reach {last} in {tensor:?}"
        );
        [offset, batch, row].map(|n| (n / 4) as u32)
    }
}

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
    /// One invocation a query and head, no barriers.
    Lane,
    /// One query, invocations spread over the keys.
    Row,
}

impl Variant {
    fn choose(caps: &Caps, shape: &Shape, elem: DType, plain: bool) -> Self {
        if caps.software() {
            Self::Lane
        } else if plain && shape.queries == 1 {
            Self::Row
        } else {
            let (tx, ty) = tiles(caps.workgroup_bytes, shape.head_dim, elem);
            Self::Tiles { tx, ty }
        }
    }
}

/// The largest workgroup of the tiled kernel whose memory fits.
///
/// More than 32 KiB would leave too few workgroups on a multiprocessor to hide latency.
fn tiles(workgroup_bytes: u32, head_dim: usize, elem: DType) -> (u32, u32) {
    let budget = workgroup_bytes.min(32 * 1024) as usize;
    let fits = |&(tx, ty): &(u32, u32)| {
        let (tx, ty) = (tx as usize, ty as usize);
        let stride = (head_dim / 4 | 1) * 4 * elem.size();
        4 * (tx + ty) * stride + 4 * ty * (tx + 1) * 16 + 4 * ty * tx * 4 <= budget
    };
    [(8, 16), (8, 8), (4, 8), (4, 4)]
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

#[repr(C)]
#[derive(Clone, Copy, bytemuck::Pod, bytemuck::Zeroable)]
struct RowParams {
    q: [u32; 3],
    k: [u32; 3],
    v: [u32; 3],
    keys: u32,
    heads: u32,
    scale: f32,
}

/// Softmax(q kᵀ / √head_dim) v per head: (B, queries, heads·head_dim) of q's element type.
/// Softmax is online and in `f32`; no score leaves the kernel. Errors: out of memory.
pub fn attention(
    pass: &mut Pass,
    q: Rows,
    k: Rows,
    v: Rows,
    shape: Shape,
    mask: Mask,
) -> Result<Tensor> {
    let elem = q.tensor.dtype();
    let out = pass.tensor(
        &[shape.batch, shape.queries, shape.heads * shape.head_dim],
        elem,
    )?;
    // One query at the end of the keys sees all of them.
    let plain = !matches!(mask, Mask::CausalCls(_));
    let variant = Variant::choose(pass.gpu().caps(), &shape, elem, plain);
    if variant == Variant::Row {
        attend_row(pass, [q, k, v], &shape, &out);
    } else {
        // The outputs of a state are bound and not written.
        let unused = pass.tensor(&[4], DType::F32)?;
        let outputs = [&out, &unused, &unused, &unused];
        attend(pass, variant, [q, k, v], &shape, mask, false, outputs);
    }
    Ok(out)
}

/// A state of the online softmax of pooling: states over disjoint keys merge exactly.
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

/// [`attention`] over every key, left as a state per batch. Errors: out of memory.
pub fn attention_state(
    pass: &mut Pass,
    q: Rows,
    k: Rows,
    v: Rows,
    shape: Shape,
) -> Result<PoolState> {
    let elem = q.tensor.dtype();
    let state = PoolState::allocate(
        pass,
        shape.batch,
        shape.queries,
        shape.heads,
        shape.head_dim,
    )?;
    let unused = pass.tensor(&[4], elem)?;
    let variant = Variant::choose(pass.gpu().caps(), &shape, elem, false);
    let outputs = [&unused, &state.value, &state.sum, &state.max];
    attend(pass, variant, [q, k, v], &shape, Mask::None, true, outputs);
    Ok(state)
}

/// Asserts what every variant needs of its operands; gives their strides in vec4.
fn check([q, k, v]: [Rows; 3], shape: &Shape) -> [[u32; 3]; 3] {
    assert!(
        shape.head_dim % 4 == 0 && (4..=128).contains(&shape.head_dim),
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

fn attend(
    pass: &mut Pass,
    variant: Variant,
    operands: [Rows; 3],
    shape: &Shape,
    mask: Mask,
    state: bool,
    outputs: [&Tensor; 4],
) {
    let [q, k, v] = check(operands, shape);
    let tensors = operands.map(|rows| rows.tensor);
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
    let mut constants: Vec<(&str, Constant)> = vec![
        ("HEAD", (shape.head_dim as u32).into()),
        ("MASK", number.into()),
        ("STATE", state.into()),
    ];
    let (source, grid) = match variant {
        Variant::Tiles { tx, ty } => {
            constants.extend([("TX", tx.into()), ("TY", ty.into())]);
            let tiles = shape.queries.div_ceil(4 * ty as usize) as u32;
            let grid = [tiles, shape.heads as u32, shape.batch as u32];
            (shaders::ATTENTION, grid)
        }
        Variant::Lane => {
            constants.push(("LANES", LANES.into()));
            let groups = (shape.heads * shape.queries).div_ceil(LANES as usize) as u32;
            (shaders::ATTENTION_LANE, [groups, 1, shape.batch as u32])
        }
        Variant::Row => unreachable!("has bindings of its own"),
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
    let kernel = pass.gpu().kernel(source, tensors[0].dtype(), &constants);
    let [out, value, sum, max] = outputs;
    let [q, k, v] = tensors;
    pass.dispatch(
        &kernel,
        &[q, k, v, ids, out, value, sum, max],
        &params,
        grid,
    );
}

/// Invocations a workgroup of the kernel without barriers: one SIMD register of a software adapter.
const LANES: u32 = 8;

fn attend_row(pass: &mut Pass, operands: [Rows; 3], shape: &Shape, out: &Tensor) {
    let [q, k, v] = check(operands, shape);
    let constants = [
        ("HEAD", (shape.head_dim as u32).into()),
        ("LANES", 64.into()),
    ];
    let params = RowParams {
        q,
        k,
        v,
        keys: shape.keys as u32,
        heads: shape.heads as u32,
        scale: scale(shape),
    };
    let [q, k, v] = operands.map(|rows| rows.tensor);
    let kernel = pass
        .gpu()
        .kernel(shaders::ATTENTION_ROW, q.dtype(), &constants);
    let grid = [shape.heads as u32, shape.batch as u32, 1];
    pass.dispatch(&kernel, &[q, k, v, out], &params, grid);
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
    let kernel = (pass.gpu()).kernel(shaders::POOL_MERGE, DType::F32, &constants);
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
    let kernel = pass.gpu().kernel(shaders::POOL_FINISH, out, &[]);
    let grid = folded(y.len() / 4, 64);
    pass.dispatch(&kernel, &[&state.sum, &state.value, &y], &params, grid);
    Ok(y)
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
    let kernel = pass.gpu().kernel(shaders::KV_APPEND, qkv.dtype(), &[]);
    let grid = folded(params.items as usize, 64);
    pass.dispatch(&kernel, &[qkv, cache], &params, grid);
    Ok(())
}
