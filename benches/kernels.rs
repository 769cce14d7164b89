//! Times every kernel at model shapes, after checking it against its CPU twin: what `vcoca-gpu bench
//! --suite kernels` prints, for `cargo bench`.
//!
//! `cargo bench -- NAME` runs the cases whose op or shape contains NAME. Under
//! `cargo test --benches`, or with `--test`, only the small cases are checked, and run once.

use std::process::ExitCode;

use vcoca_gpu::Result;
use vcoca_gpu::bench::{Ceilings, Measured, Settings, kernels};
use vcoca_gpu::gpu::Gpu;

fn main() -> Result<ExitCode> {
    let args: Vec<_> = std::env::args().skip(1).collect();
    let has = |flag: &str| args.iter().any(|a| a == flag);
    // Cargo says `--bench` when it benches, and nothing when it tests.
    let quick = has("--test") || !has("--bench");
    let settings = Settings {
        runs: if quick { 1 } else { 9 },
        quick,
        filter: args.into_iter().find(|a| !a.starts_with('-')),
    };
    let gpu = Gpu::new()?;
    let caps = gpu.caps();
    println!("{} ({}, {})", caps.name, caps.driver, caps.backend);
    if caps.software() {
        println!("a software adapter: these are figures of the CPU, not of any GPU");
    }
    println!("{}", Measured::HEADER);
    let mut wrong = false;
    let mut tell = |row: Measured| {
        wrong |= !row.verified;
        println!("{row}");
    };
    let ceilings = Ceilings::measure(&gpu, &settings, &mut tell)?;
    kernels(&gpu, &settings, ceilings.as_ref(), &mut tell)?;
    Ok(ExitCode::from(u8::from(wrong)))
}
