//! One function per kernel: asserts shapes, picks the variant, sets the grid.
//!
//! Weights and the activations between matmuls are `elem` (f16 where the model runs in f16, else
//! f32); the residual stream, norms, softmax and every accumulator are f32.

pub mod attention;
pub mod ceiling;
pub mod choose;
pub(crate) mod coop;
pub mod embed;
pub(crate) mod grid;
pub mod linear;
pub mod next;
pub mod norm;
pub mod score;
mod select;
pub mod shaders;
mod tiling;
pub mod tuning;

use std::sync::OnceLock;

/// What is found out once on each device.
#[derive(Default)]
struct Known {
    /// What was tuned, if anything.
    table: OnceLock<Option<tuning::Table>>,
    /// Which kernels of cooperative matrices are right; unset if nobody looked.
    coop: OnceLock<coop::Proven>,
}
