//! Naive CPU twins of every op, under the same names: plain loops, f64 accumulation.

mod linear;
mod preprocess;

pub use linear::*;
pub use preprocess::{patches, pixels, upright};
