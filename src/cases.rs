//! The table of kernel cases that tests and benches share.

mod attention;
mod choose;
mod data;
mod embed;
pub mod linear;
mod norm;

use crate::Result;
use crate::gpu::{DType, Gpu, Pass, Tensor};

/// One op at one shape.
pub struct Case {
    pub op: &'static str,
    /// The shader files this case runs (on some adapter).
    pub shaders: &'static [&'static str],
    pub shape: String,
    /// Whether the shape is one of a published model's and worth timing.
    pub bench: bool,
    #[expect(clippy::type_complexity)]
    pub prepare: Box<dyn Fn(&Gpu, DType) -> Result<Prepared>>,
}

/// Operands on the GPU, and what the op has to make of them.
pub struct Prepared {
    /// Records the op once and returns its outputs.
    #[expect(clippy::type_complexity)]
    pub record: Box<dyn Fn(&mut Pass) -> Result<Vec<Tensor>>>,
    /// The CPU twin's outputs.
    pub want: Vec<Vec<f32>>,
    /// The error allowed for each element: c·√K·ε·(|A||B|).
    pub bound: Vec<Vec<f32>>,
    pub flops: f64,
    /// Bytes read and written at least once.
    pub bytes: f64,
}

/// Every case.
pub fn all() -> Vec<Case> {
    let mut cases = linear::cases();
    cases.extend(norm::cases());
    cases.extend(attention::cases());
    cases.extend(embed::cases());
    cases.extend(choose::cases());
    cases
}
