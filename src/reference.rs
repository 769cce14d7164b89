//! Naive CPU twins of every op, under the same names: plain loops, f64 accumulation.

mod attention;
mod choose;
mod embed;
mod linear;
mod norm;

pub use attention::*;
pub use choose::*;
pub use embed::*;
#[allow(unused_imports)]
pub use linear::*;
pub use norm::*;
