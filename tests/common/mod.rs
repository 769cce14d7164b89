//! What the GPU tests share: one device a process, because devices are slow to open and leak.
#![allow(dead_code)] // each test program uses a part

pub mod alloc;
pub mod checkpoint;
pub mod torch;

use std::path::Path;
use std::sync::LazyLock;

use vcoca_gpu::gpu::{DType, Gpu, Tensor};
use vcoca_gpu::model::{CoCa, ModelSource};
use vcoca_gpu::wgpu;

static GPU: LazyLock<Gpu> = LazyLock::new(|| {
    Gpu::new().expect("tests need an adapter; Debian: apt-get install mesa-vulkan-drivers")
});

/// The shared device.
pub fn gpu() -> &'static Gpu {
    &GPU
}

/// The tiny reference model on the shared device.
pub fn tiny(dtype: DType) -> CoCa {
    tiny_on(gpu(), dtype)
}

/// The tiny reference model on a device of one's own.
pub fn tiny_on(gpu: &Gpu, dtype: DType) -> CoCa {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/tiny");
    CoCa::load(gpu, &ModelSource::Directory(folder), dtype).expect("the tiny model loads")
}

/// A device of one's own whose bindings are at most `bytes` large.
pub fn gpu_with_bindings(bytes: u64) -> Gpu {
    gpu_of_host(|limits| limits.max_storage_buffer_binding_size = bytes)
}

/// A device of one's own, as a host would open it that wants nothing experimental.
pub fn gpu_of_host(change: impl FnOnce(&mut wgpu::Limits)) -> Gpu {
    let instance =
        wgpu::Instance::new(wgpu::InstanceDescriptor::new_without_display_handle_from_env());
    let adapter = pollster::block_on(instance.enumerate_adapters(wgpu::Backends::all()))
        .into_iter()
        .find(|adapter| adapter.get_info().name == gpu().caps().name)
        .expect("the shared device's adapter");
    let mut limits = Gpu::required_limits(&adapter);
    change(&mut limits);
    let desc = wgpu::DeviceDescriptor {
        required_features: Gpu::required_features(&adapter)
            - wgpu::Features::EXPERIMENTAL_COOPERATIVE_MATRIX,
        required_limits: limits,
        ..Default::default()
    };
    let (device, queue) =
        pollster::block_on(adapter.request_device(&desc)).expect("the adapter's own limits");
    Gpu::from_wgpu(&adapter, device, queue).expect("opened as required")
}

/// What a text is about where no clip is needed: `tools/generate_reference.py` has the same formula.
pub fn wave(seed: u64, count: usize) -> impl Iterator<Item = f32> {
    (0..count).map(move |i| {
        let (i, seed) = (i as f64, seed as f64);
        (0.37 * i + 0.11 * seed + 0.003 * i * seed).sin() as f32
    })
}

/// The context that `tools/generate_reference.py` computes by the same formula, behind each other for
/// several seeds.
pub fn contexts(model: &CoCa, seeds: &[u64]) -> Tensor {
    let config = model.config();
    let dims = [seeds.len(), config.queries - 1, config.embed_dim];
    let values: Vec<f32> = (seeds.iter())
        .flat_map(|&seed| wave(seed, dims[1] * dims[2]))
        .collect();
    let mut pass = model.gpu().pass();
    let context = pass.upload_f32(&dims, DType::F32, &values).unwrap();
    pass.submit().unwrap();
    context
}

/// The lines of what OpenCLIP's `generate` made of the tiny model.
pub fn openclip_texts() -> impl Iterator<Item = serde_json::Value> {
    include_str!("../data/tiny/generate.jsonl")
        .lines()
        .map(|line| serde_json::from_str(line).expect("a line of JSON"))
}
