//! Which adapters there are, what each can do, and which one is used and why.

use wgpu::{Backend, Backends, DeviceType, PowerPreference};

use super::Caps;
use crate::{Error, Result};

/// One adapter as `devices` shows it.
#[derive(Clone, Debug)]
pub struct AdapterReport {
    pub caps: Caps,
    /// Why it cannot run the kernels at all, if so.
    pub unusable: Option<String>,
    /// Whether [`Gpu::new`](super::Gpu::new) would take it.
    pub chosen: bool,
}

/// Lists every adapter, best first, and marks the one that would be used.
///
/// Honours `WGPU_BACKEND`, `WGPU_ADAPTER_NAME` (a part of the name, any case) and
/// `WGPU_POWER_PREF` (`low` or `high`).
pub fn adapters() -> Vec<AdapterReport> {
    let ranked = ranked(&instance());
    let chosen = choose(&ranked).ok();
    ranked
        .iter()
        .enumerate()
        .map(|(i, adapter)| AdapterReport {
            caps: Caps::of_adapter(adapter),
            unusable: Caps::of_adapter(adapter).unusable(),
            chosen: chosen == Some(i),
        })
        .collect()
}

/// In words, the rule that ranks adapters under the present environment.
pub fn rule() -> String {
    let order = match PowerPreference::from_env() {
        Some(PowerPreference::LowPower) => {
            "integrated before discrete GPUs (WGPU_POWER_PREF), software last"
        }
        _ => "discrete before integrated GPUs, software last",
    };
    match name_filter() {
        Some(name) => format!("{order}; only names that contain \"{name}\" (WGPU_ADAPTER_NAME)"),
        None => order.to_owned(),
    }
}

pub(super) fn instance() -> wgpu::Instance {
    let mut desc = wgpu::InstanceDescriptor::new_without_display_handle_from_env();
    // Validating indirect dispatches costs a pass each and none of ours is indirect.
    desc.flags
        .remove(wgpu::InstanceFlags::VALIDATION_INDIRECT_CALL);
    wgpu::Instance::new(desc)
}

/// The adapter that [`Gpu::new`](super::Gpu::new) opens.
pub(super) fn best(instance: &wgpu::Instance) -> Result<wgpu::Adapter> {
    let mut ranked = ranked(instance);
    let i = choose(&ranked)?;
    Ok(ranked.swap_remove(i))
}

fn ranked(instance: &wgpu::Instance) -> Vec<wgpu::Adapter> {
    let backends = Backends::from_env().unwrap_or(Backends::all());
    let mut found = pollster::block_on(instance.enumerate_adapters(backends));
    let low_power = PowerPreference::from_env() == Some(PowerPreference::LowPower);
    found.sort_by_key(|adapter| {
        let info = adapter.get_info();
        let device = match info.device_type {
            DeviceType::DiscreteGpu => u8::from(low_power),
            DeviceType::IntegratedGpu => u8::from(!low_power),
            DeviceType::VirtualGpu => 2,
            DeviceType::Other => 3,
            DeviceType::Cpu => 4,
        };
        let backend = match info.backend {
            Backend::Vulkan | Backend::Metal => 0,
            Backend::Dx12 => 1,
            _ => 2,
        };
        (device, backend)
    });
    found
}

fn choose(ranked: &[wgpu::Adapter]) -> Result<usize> {
    let ours = Backends::VULKAN | Backends::METAL | Backends::DX12;
    if Backends::from_env().is_some_and(|named| !named.intersects(ours)) {
        return Err(Error::NoAdapter(
            "WGPU_BACKEND: expected vulkan, metal or dx12".into(),
        ));
    }
    if ranked.is_empty() {
        return Err(Error::NoAdapter(
            "no Vulkan, Metal or DX12 driver found; install a GPU driver, or Mesa's software \
             adapter (Debian: mesa-vulkan-drivers)"
                .into(),
        ));
    }
    let filter = name_filter();
    let named = |adapter: &wgpu::Adapter| {
        filter
            .as_ref()
            .is_none_or(|name| adapter.get_info().name.to_lowercase().contains(name))
    };
    let candidates: Vec<usize> = (0..ranked.len()).filter(|&i| named(&ranked[i])).collect();
    if let Some(name) = filter.filter(|_| candidates.is_empty()) {
        let names: Vec<_> = ranked.iter().map(|a| a.get_info().name).collect();
        return Err(Error::NoAdapter(format!(
            "WGPU_ADAPTER_NAME={name} matches none of: {}",
            names.join(", ")
        )));
    }
    candidates
        .iter()
        .copied()
        .find(|&i| Caps::of_adapter(&ranked[i]).unusable().is_none())
        .ok_or_else(|| {
            let reasons: Vec<_> = candidates
                .iter()
                .filter_map(|&i| Caps::of_adapter(&ranked[i]).unusable())
                .collect();
            Error::NoAdapter(reasons.join("; "))
        })
}

fn name_filter() -> Option<String> {
    std::env::var("WGPU_ADAPTER_NAME")
        .ok()
        .filter(|name| !name.is_empty())
        .map(|name| name.to_lowercase())
}
