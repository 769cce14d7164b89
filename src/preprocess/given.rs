//! Pixels that somebody else has resized and normalised.

use super::patch_shape;
use crate::gpu::{DType, Pass, Tensor};
use crate::{Error, Result};

/// Normalised pixels (T, 3, S, S) as the rows that [`patches`](super::patches) makes of frames.
///
/// Errors: a patch larger than `size`, a number of values other than `frames * 3 * size²`.
pub fn patches_from_pixels(
    pass: &mut Pass,
    pixels: &[f32],
    frames: usize,
    size: u32,
    patch: u32,
    elem: DType,
) -> Result<Tensor> {
    let [grid, columns] = patch_shape(size, patch)?;
    let (side, patch) = (size as usize, patch as usize);
    if frames == 0 || pixels.len() != frames * 3 * side * side {
        return Err(Error::Argument {
            what: "normalised pixels",
            expected: format!("at least one frame of 3 x {size} x {size} values"),
            found: format!("{} values for {frames} frames", pixels.len()),
        });
    }
    let mut rows = vec![0.0; frames * grid * grid * columns];
    for (row, values) in rows.chunks_exact_mut(columns).enumerate() {
        let (frame, gy, gx) = (row / (grid * grid), row / grid % grid, row % grid);
        for channel in 0..3 {
            for y in 0..patch {
                let line = ((frame * 3 + channel) * side + gy * patch + y) * side + gx * patch;
                values[(channel * patch + y) * patch..][..patch]
                    .copy_from_slice(&pixels[line..line + patch]);
            }
        }
    }
    pass.upload_f32(&[frames, grid * grid, columns], elem, &rows)
}
