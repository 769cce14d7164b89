//! VideoCoCa on any GPU.
pub mod error;
pub mod frames;

pub use error::{Error, Result};
pub use wgpu;
