//! Knows wgpu and nothing of models: devices, buffers, kernels and the recording of dispatches.

pub mod adapters;
#[cfg(feature = "gstreamer")]
mod aside;
mod busy;
mod caps;
mod context;
pub(crate) mod coop;
mod host;
mod kernel;
mod once;
mod pass;
mod pool;
mod recording;
mod submission;
mod tensor;
mod timestamps;

pub use busy::BusyClock;
pub use caps::Caps;
pub use context::{Gpu, Origin};
pub use kernel::{Constant, Kernel, Source, assemble};
pub use pass::{Pass, Work};
pub use pool::PoolStats;
pub use submission::{ScopeTime, Submission};
pub use tensor::{DType, Tensor};
