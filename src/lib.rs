//! VideoCoCa on any GPU.
#[doc(hidden)]
pub mod cases;
pub mod error;
pub mod frames;
pub mod gpu;
pub mod ops;
pub mod preprocess;
#[doc(hidden)]
pub mod reference;
pub mod tokenizer;

pub use error::{Error, Result};
pub use wgpu;
