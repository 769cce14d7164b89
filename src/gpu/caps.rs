//! What adapters can do.

use wgpu::{DeviceType, Features, Limits};

use super::coop;
use super::kernel::IMMEDIATE_BYTES;

/// What an adapter can do, as far as any kernel cares.
#[derive(Clone, Debug, PartialEq, serde::Serialize)]
pub struct Caps {
    pub name: String,
    /// Driver name and version.
    pub driver: String,
    pub backend: String,
    /// "discrete", "integrated", "virtual", "software" or "other".
    pub kind: &'static str,
    pub f16: bool,
    /// Smallest and largest subgroup, if subgroup operations exist.
    pub subgroup: Option<(u32, u32)>,
    /// Rows and columns of the cooperative matrices of f16 operands and f32 sums, if there are any.
    pub coop_matrix: Option<u32>,
    pub timestamps: bool,
    pub pipeline_cache: bool,
    /// Bytes of immediates a kernel can take.
    pub immediate_bytes: u32,
    /// Bytes of workgroup memory.
    pub workgroup_bytes: u32,
    pub workgroup_invocations: u32,
    /// Largest buffer and largest part of it that one binding can show, in bytes.
    pub buffer_bytes: u64,
    pub binding_bytes: u64,
}

impl Caps {
    pub(super) fn of_adapter(adapter: &wgpu::Adapter) -> Self {
        Self::new(adapter, adapter.features(), &adapter.limits())
    }

    /// What a device of `adapter` with these features and limits can do.
    pub(super) fn new(adapter: &wgpu::Adapter, features: Features, limits: &Limits) -> Self {
        let info = adapter.get_info();
        Self {
            name: info.name.clone(),
            driver: format!("{} {}", info.driver, info.driver_info)
                .trim()
                .to_owned(),
            backend: info.backend.to_string(),
            kind: match info.device_type {
                DeviceType::DiscreteGpu => "discrete",
                DeviceType::IntegratedGpu => "integrated",
                DeviceType::VirtualGpu => "virtual",
                DeviceType::Cpu => "software",
                DeviceType::Other => "other",
            },
            f16: features.contains(Features::SHADER_F16),
            subgroup: features
                .contains(Features::SUBGROUP)
                .then_some((info.subgroup_min_size, info.subgroup_max_size)),
            coop_matrix: coop::side(adapter, features),
            timestamps: features.contains(Features::TIMESTAMP_QUERY),
            pipeline_cache: features.contains(Features::PIPELINE_CACHE),
            immediate_bytes: match features.contains(Features::IMMEDIATES) {
                true => limits.max_immediate_size,
                false => 0,
            },
            workgroup_bytes: limits.max_compute_workgroup_storage_size,
            workgroup_invocations: limits.max_compute_invocations_per_workgroup,
            buffer_bytes: limits.max_buffer_size,
            binding_bytes: limits.max_storage_buffer_binding_size,
        }
    }

    /// Why the kernels cannot run, or `None` if they can.
    pub(super) fn unusable(&self) -> Option<String> {
        let name = &self.name;
        if self.immediate_bytes < IMMEDIATE_BYTES {
            Some(format!(
                "{name} has {} bytes of immediates (push constants), {IMMEDIATE_BYTES} are needed",
                self.immediate_bytes
            ))
        } else if self.workgroup_bytes < 16 * 1024 || self.workgroup_invocations < 256 {
            Some(format!(
                "{name} has workgroups of {} bytes and {} invocations, 16384 and 256 are needed",
                self.workgroup_bytes, self.workgroup_invocations
            ))
        } else {
            None
        }
    }

    /// Whether the "GPU" is the CPU.
    pub fn software(&self) -> bool {
        self.kind == "software"
    }
}
