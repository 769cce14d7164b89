//! VideoCoCa on any GPU.
pub mod error;
pub mod frames;
pub mod gpu;

pub use error::{Error, Result};
pub use wgpu;
