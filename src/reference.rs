//! Naive CPU twins of every op, under the same names: plain loops, f64 accumulation.

mod linear;

pub use linear::*;
