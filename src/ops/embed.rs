//! From ids and patches to rows of the residual stream.

use super::grid::folded;
use super::shaders;
use crate::Result;
use crate::gpu::{DType, Pass, Tensor};

/// Invocations a workgroup of the kernels here.
const GROUP: usize = 64;

/// A token embedding (V, E), split by rows where it exceeds what one binding can show.
pub struct TokenTable {
    /// (rows, E) `elem` each; all but the last have equal rows.
    pub parts: Vec<Tensor>,
    /// E, a multiple of 4.
    pub width: usize,
}

#[repr(C)]
#[derive(Clone, Copy, bytemuck::Pod, bytemuck::Zeroable)]
struct TokenParams {
    items: u32,
    width4: u32,
    length: u32,
    count: u32,
    first: u32,
    id_row: u32,
    part_first: u32,
    part_rows: u32,
    vocabulary: u32,
}

/// Embeds columns `first..first + count` of `ids` (R, cap) `u32`: table row plus `positions`
/// (P, E) `f32` at the same column; `cls` (E) `f32` becomes one more row at the end. Gives
/// (R, count, E) or (R, count + 1, E) `f32`.
///
/// An id outside the vocabulary reads row 0. Errors: out of memory.
pub fn embed_tokens(
    pass: &mut Pass,
    ids: &Tensor,
    first: usize,
    count: usize,
    table: &TokenTable,
    positions: &Tensor,
    cls: Option<&Tensor>,
) -> Result<Tensor> {
    let length = count + usize::from(cls.is_some());
    assert_eq!(ids.dtype(), DType::U32, "ids are u32");
    assert!(
        first + count <= ids.cols() && first + length <= positions.dim(0),
        "embedding columns {first}..{} of {ids:?} at positions {positions:?}",
        first + length
    );
    assert_eq!(positions.cols(), table.width, "positions {positions:?}");
    assert_eq!(table.width % 4, 0, "widths come in fours");
    if let Some(cls) = cls {
        assert_eq!(cls.dims(), [table.width], "class token");
    }
    let out = pass.tensor(&[ids.rows(), length, table.width], DType::F32)?;
    let items = out.len() / 4;
    let mut params = TokenParams {
        items: items as u32,
        width4: (table.width / 4) as u32,
        length: length as u32,
        count: count as u32,
        first: first as u32,
        id_row: ids.cols() as u32,
        part_first: 0,
        part_rows: 0,
        vocabulary: table.parts.iter().map(|part| part.dim(0) as u32).sum(),
    };
    for part in &table.parts {
        assert_eq!(part.cols(), table.width, "token table");
        params.part_rows = part.dim(0) as u32;
        let kernel = (pass.gpu()).kernel(shaders::EMBED_TOKENS, part.dtype(), &[])?;
        pass.dispatch(
            &kernel,
            // Without a class token its binding is not read.
            &[ids, part, positions, cls.unwrap_or(positions), &out],
            &params,
            folded(items, GROUP),
        );
        params.part_first += params.part_rows;
    }
    Ok(out)
}

#[repr(C)]
#[derive(Clone, Copy, bytemuck::Pod, bytemuck::Zeroable)]
struct PatchParams {
    items: u32,
    width4: u32,
    tokens: u32,
}

/// Puts `class` (D) before the `patches` (T, N-1, D) of every frame and adds `positions` (N, D),
/// all `f32`: (T, N, D). D is a multiple of 4. Errors: out of memory.
pub fn embed_patches(
    pass: &mut Pass,
    patches: &Tensor,
    class: &Tensor,
    positions: &Tensor,
) -> Result<Tensor> {
    let &[frames, count, width] = patches.dims() else {
        panic!("patches are (T, N-1, D), not {patches:?}");
    };
    assert_eq!(positions.dims(), [count + 1, width], "positions");
    assert_eq!(class.dims(), [width], "class token");
    assert_eq!(width % 4, 0, "widths come in fours");
    let out = pass.tensor(&[frames, count + 1, width], DType::F32)?;
    let params = PatchParams {
        items: (out.len() / 4) as u32,
        width4: (width / 4) as u32,
        tokens: (count + 1) as u32,
    };
    let kernel = (pass.gpu()).kernel(shaders::EMBED_PATCHES, DType::F32, &[])?;
    let grid = folded(out.len() / 4, GROUP);
    pass.dispatch(&kernel, &[patches, class, positions, &out], &params, grid);
    Ok(out)
}

#[repr(C)]
#[derive(Clone, Copy, bytemuck::Pod, bytemuck::Zeroable)]
struct SliceParams {
    items: u32,
    width4: u32,
    rows: u32,
    first: u32,
    count: u32,
}

/// Rows `first..first + count` of every batch of `x` (B, N, D) `f32`: (B, count, D) `out`. D is a
/// multiple of 4. Errors: out of memory.
pub fn slice_rows(
    pass: &mut Pass,
    x: &Tensor,
    first: usize,
    count: usize,
    out: DType,
) -> Result<Tensor> {
    let &[batch, rows, width] = x.dims() else {
        panic!("rows are sliced of (B, N, D), not {x:?}");
    };
    assert_eq!(x.dtype(), DType::F32, "rows are sliced of f32");
    assert!(
        count > 0 && first + count <= rows,
        "rows {first}..{} of {x:?}",
        first + count
    );
    assert_eq!(width % 4, 0, "widths come in fours");
    let y = pass.tensor(&[batch, count, width], out)?;
    let params = SliceParams {
        items: (y.len() / 4) as u32,
        width4: (width / 4) as u32,
        rows: rows as u32,
        first: first as u32,
        count: count as u32,
    };
    let kernel = pass.gpu().kernel(shaders::SLICE_ROWS, out, &[])?;
    pass.dispatch(&kernel, &[x, &y], &params, folded(y.len() / 4, GROUP));
    Ok(y)
}
