//! The surface of a window on a device that other threads work with, too.
//!
//! To configure a surface wgpu waits until its queue is empty, and where another thread has submitted
//! meanwhile it gives up with a validation error, which ends the process if nobody takes it. The model's
//! threads submit all the time. So the error is taken, the frame is dropped, and the surface is configured
//! again with the next one.

use std::sync::Arc;

use eframe::egui_wgpu::{SurfaceErrorAction, WgpuConfiguration, WgpuSetup};

/// Where wgpu says that an error comes from.
const CONFIGURING: &str = "In Surface::configure";

/// How eframe presents on a device that is busy.
pub fn configuration(setup: WgpuSetup) -> WgpuConfiguration {
    let usual = WgpuConfiguration::default();
    let act = usual.on_surface_status.clone();
    WgpuConfiguration {
        wgpu_setup: setup,
        on_surface_status: Arc::new(move |status| match status {
            // It was never configured, or not to the size of the window.
            wgpu::CurrentSurfaceTexture::Validation => SurfaceErrorAction::Reconfigure,
            other => act(other),
        }),
        ..usual
    }
}

/// Takes the errors of surfaces on this device; all others end the process, as they do by default.
pub fn take_errors(device: &wgpu::Device) {
    device.on_uncaptured_error(Arc::new(|error: wgpu::Error| {
        let problem = error.to_string();
        let surface = matches!(error, wgpu::Error::Validation { .. })
            && (problem.contains(CONFIGURING) || problem.contains("Surface::get_current_texture"));
        match surface {
            true => log::debug!("the window waits for the device: {problem}"),
            false => panic!("wgpu error: {problem}"),
        }
    }));
}
