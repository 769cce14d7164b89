//! Times burn on Vulkan at the shapes of `vcoca-gpu bench --suite kernels`, in its JSON.
//!
//! Each result is verified against loops in f64 first. burn tunes itself in the runs before the timed
//! ones, and keeps nothing of it.

mod block;
mod cases;
mod operands;
mod twin;

use std::process::ExitCode;

use burn::tensor::wgpu::WgpuBackend;
use burn::tensor::{DType, Device, ProfileOptions, TimingMethod};
use clap::Parser;
use serde::Serialize;

use cases::{Case, Prepared};

/// Runs before the timed ones.
const WARM_UP: usize = 3;

#[derive(Parser)]
struct Args {
    /// Timed runs of each thing
    #[arg(long, default_value_t = 9, value_parser = clap::value_parser!(u16).range(1..=1000))]
    runs: u16,

    /// Only what has this in its name or shape
    #[arg(long)]
    filter: Option<String>,
}

#[derive(Serialize)]
struct Report {
    adapter: String,
    driver: String,
    backend: String,
    versions: Versions,
    results: Vec<Measured>,
}

#[derive(Serialize)]
struct Versions {
    burn: String,
    wgpu: String,
}

#[derive(Serialize)]
struct Measured {
    suite: &'static str,
    name: &'static str,
    shape: String,
    dtype: &'static str,
    verified: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    problem: Option<String>,
    #[serde(flatten)]
    times: Option<Times>,
}

#[derive(Serialize)]
struct Times {
    ms_median: f64,
    /// The range of the runs over their median.
    ms_spread: f64,
    /// "device" or "wall".
    clock: &'static str,
}

fn main() -> Result<ExitCode, String> {
    let args = Args::parse();
    let (device, setup) = Device::wgpu_options()
        .graphics_api(WgpuBackend::Vulkan)
        .init_with_setup()
        .map_err(|error| error.to_string())?;
    let wanted = |case: &Case| {
        (args.filter.as_ref())
            .is_none_or(|part| case.name.contains(part) || case.shape.contains(part))
    };
    let mut results = Vec::new();
    for case in cases::all().into_iter().filter(wanted) {
        for dtype in [DType::F32, DType::F16] {
            if device.supports_dtype(dtype) {
                results.push(measure(&device, &case, dtype, args.runs.into())?);
            }
        }
    }
    let right = results.iter().all(|row| row.verified);
    let info = setup.adapter.get_info();
    let report = Report {
        adapter: info.name,
        driver: format!("{} {}", info.driver, info.driver_info),
        backend: compiled_for(&device, info.backend.to_str()),
        versions: Versions {
            burn: locked("burn"),
            wgpu: locked("wgpu"),
        },
        results,
    };
    let text = serde_json::to_string(&report).map_err(|error| error.to_string())?;
    println!("{text}");
    Ok(ExitCode::from(u8::from(!right)))
}

fn measure(device: &Device, case: &Case, dtype: DType, runs: usize) -> Result<Measured, String> {
    let prepared = (case.prepare)(device, dtype);
    let problem = prepared.check(dtype).err();
    let times = match problem {
        None => Some(time(device, &prepared, runs)?),
        Some(_) => None,
    };
    Ok(Measured {
        suite: "kernels",
        name: case.name,
        shape: case.shape.clone(),
        dtype: match dtype {
            DType::F16 => "f16",
            _ => "f32",
        },
        verified: problem.is_none(),
        problem,
        times,
    })
}

/// By the device's clock where it has one, as our own kernels.
fn time(device: &Device, prepared: &Prepared, runs: usize) -> Result<Times, String> {
    let (mut ms, mut clock) = (Vec::new(), "device");
    let once = &prepared.run;
    for run in 0..WARM_UP + runs {
        // Fusion leaves out the storing of what nobody holds: the result lives until all is done.
        let (_result, duration) = device
            .profile_with(ProfileOptions::default().flush(), once)
            .map_err(|error| error.to_string())?;
        if duration.timing_method() == TimingMethod::System {
            clock = "wall";
        }
        let ticks = pollster::block_on(duration.resolve()).ok_or("nothing ran")?;
        if run >= WARM_UP {
            ms.push(ticks.duration().as_secs_f64() * 1e3);
        }
    }
    ms.sort_by(f64::total_cmp);
    let ms_median = ms[ms.len() / 2];
    Ok(Times {
        ms_median,
        ms_spread: (ms[ms.len() - 1] - ms[0]) / ms_median,
        clock,
    })
}

/// The interface, and what burn compiles its kernels to there.
fn compiled_for(device: &Device, api: &str) -> String {
    match device.identity() {
        Some(identity) => format!("{api}, {}", identity.fingerprint),
        None => api.to_owned(),
    }
}

/// The version of a package that this program is built with.
fn locked(package: &str) -> String {
    let lines = include_str!("../Cargo.lock").lines();
    let name = format!("name = \"{package}\"");
    let version = lines.skip_while(|line| **line != name).nth(1);
    let version = version.and_then(|line| line.split('"').nth(1));
    version.unwrap_or("unknown").to_owned()
}
