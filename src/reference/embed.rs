//! Twins of the embeddings.

/// Rows of `table` (V, E) at columns `first..first + count` of `ids` (R, cap), plus `positions`
/// (P, E), then `cls` (E) if there is one.
#[expect(clippy::too_many_arguments)]
pub fn embed_tokens(
    ids: &[u32],
    cap: usize,
    first: usize,
    count: usize,
    table: &[f32],
    positions: &[f32],
    cls: Option<&[f32]>,
    width: usize,
) -> Vec<f32> {
    let mut out = Vec::new();
    for row in ids.chunks(cap) {
        for column in first..first + count {
            let id = row[column] as usize * width;
            let id = if id < table.len() { id } else { 0 };
            let position = &positions[column * width..][..width];
            out.extend(add(&table[id..id + width], position));
        }
        if let Some(cls) = cls {
            let position = &positions[(first + count) * width..][..width];
            out.extend(add(cls, position));
        }
    }
    out
}

/// `class` (D), then the patches of every frame (T, N-1, D), plus `positions` (N, D).
pub fn embed_patches(patches: &[f32], class: &[f32], positions: &[f32]) -> Vec<f32> {
    let frame = positions.len() - class.len();
    let mut out = Vec::new();
    for frame in patches.chunks(frame) {
        let tokens: Vec<f32> = class.iter().chain(frame).copied().collect();
        out.extend(add(&tokens, positions));
    }
    out
}

/// Rows `first..first + count` of every batch of `x` (B, `rows`, `width`).
pub fn slice_rows(x: &[f32], rows: usize, width: usize, first: usize, count: usize) -> Vec<f32> {
    (x.chunks(rows * width))
        .flat_map(|batch| &batch[first * width..(first + count) * width])
        .copied()
        .collect()
}

fn add(a: &[f32], b: &[f32]) -> impl Iterator<Item = f32> {
    a.iter().zip(b).map(|(x, y)| x + y)
}
