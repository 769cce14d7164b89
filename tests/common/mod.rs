//! What the GPU tests share: one device a process, because devices are slow to open and leak.

use std::sync::LazyLock;

use vcoca_gpu::gpu::Gpu;

static GPU: LazyLock<Gpu> = LazyLock::new(|| {
    Gpu::new().expect("tests need an adapter; Debian: apt-get install mesa-vulkan-drivers")
});

/// The shared device.
pub fn gpu() -> &'static Gpu {
    &GPU
}
