//! `vcoca-gpu devices`.

use std::process::ExitCode;

use serde::Serialize;
use vcoca_gpu::gpu::adapters::{AdapterReport, adapters, rule};
use vcoca_gpu::gpu::{Caps, Gpu};

use super::{Stop, output};

#[derive(clap::Args)]
pub struct Args {
    /// One JSON object a line, for each adapter
    #[arg(long)]
    json: bool,
}

#[derive(Serialize)]
struct Line<'a> {
    #[serde(flatten)]
    caps: &'a Caps,
    used: bool,
    why: String,
}

pub fn run(args: &Args) -> Result<ExitCode, Stop> {
    let found = adapters();
    let used = found.iter().any(|adapter| adapter.chosen);
    for (i, adapter) in found.iter().enumerate() {
        if args.json {
            output::json(&Line {
                caps: &adapter.caps,
                used: adapter.chosen,
                why: why(adapter, used),
            })?;
        } else {
            output::line(describe(i, adapter, used))?;
        }
    }
    if !used {
        // Only opening one tells why none can be.
        Gpu::new().map_err(Stop::unusable)?;
    } else if !args.json {
        output::line(format_args!("\nOrder: {}", rule()))?;
    }
    Ok(ExitCode::SUCCESS)
}

fn why(adapter: &AdapterReport, any_used: bool) -> String {
    match &adapter.unusable {
        _ if adapter.chosen => "used: the first in order that can run the kernels".into(),
        Some(reason) => format!("cannot be used: {reason}"),
        None if any_used => "could be used".into(),
        None => "not used: WGPU_ADAPTER_NAME asks for another".into(),
    }
}

fn describe(index: usize, adapter: &AdapterReport, any_used: bool) -> String {
    let caps = &adapter.caps;
    let subgroups = match caps.subgroup {
        None => "no".into(),
        Some((min, max)) if min == max => min.to_string(),
        Some((min, max)) => format!("{min}-{max}"),
    };
    let coop = match caps.coop_matrix {
        None => "no".into(),
        Some(side) => format!("{side} × {side}"),
    };
    let rows = [
        (
            "adapter",
            format!("{} ({}, {})", caps.name, caps.backend, caps.kind),
        ),
        ("driver", caps.driver.clone()),
        (
            "can",
            format!(
                "f16 {}, subgroups {subgroups}, cooperative matrices {coop}, timestamps {}, pipeline cache {}",
                yes(caps.f16),
                yes(caps.timestamps),
                yes(caps.pipeline_cache),
            ),
        ),
        (
            "limits",
            format!(
                "workgroup {} and {} invocations, buffer {}, binding {}",
                size(caps.workgroup_bytes.into()),
                caps.workgroup_invocations,
                size(caps.buffer_bytes),
                size(caps.binding_bytes),
            ),
        ),
        ("", why(adapter, any_used)),
    ];
    rows.iter()
        .enumerate()
        .map(|(row, (label, text))| {
            let number = if row == 0 {
                index.to_string()
            } else {
                String::new()
            };
            format!("{number:>2} {label:8} {text}")
        })
        .collect::<Vec<_>>()
        .join("\n")
}

fn yes(can: bool) -> &'static str {
    if can { "yes" } else { "no" }
}

/// Bytes in the largest unit that leaves a number of at least 1.
fn size(bytes: u64) -> String {
    let units = [(1 << 30, "GiB"), (1 << 20, "MiB"), (1 << 10, "KiB")];
    match units.iter().find(|(unit, _)| bytes >= *unit) {
        Some((unit, name)) if bytes.is_multiple_of(*unit) => format!("{} {name}", bytes / unit),
        Some((unit, name)) => format!("{:.1} {name}", bytes as f64 / *unit as f64),
        None => format!("{bytes} B"),
    }
}
