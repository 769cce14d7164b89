//! Naive CPU twins of every op, under the same names: plain loops, f64 accumulation.

mod attention;
mod ceiling;
mod choose;
mod embed;
mod linear;
mod next;
mod norm;
mod preprocess;
mod score;

pub use attention::*;
pub use ceiling::*;
pub use choose::*;
pub use embed::*;
pub use linear::*;
pub use next::*;
pub use norm::*;
pub use preprocess::{patches, pixels, upright};
pub use score::*;
