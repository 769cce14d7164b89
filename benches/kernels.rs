//! Times every kernel at model shapes, after checking it against its CPU twin.
//!
//! Rates are those of the median run; the error is the largest as a part of what is allowed.
//! `cargo bench -- NAME` runs the cases whose op or shape contains NAME. Under
//! `cargo test --benches`, or with `--test`, only the small cases are checked and nothing is timed.

use std::process::ExitCode;

use vcoca_gpu::Result;
use vcoca_gpu::cases::{self, Case, Prepared};
use vcoca_gpu::gpu::{DType, Gpu};

/// Work that `--test` still checks.
const SMALL_FLOPS: f64 = 1e8;
const RUNS: usize = 9;

fn main() -> Result<ExitCode> {
    let args: Vec<_> = std::env::args().skip(1).collect();
    let has = |flag: &str| args.iter().any(|a| a == flag);
    // Cargo says `--bench` when it benches, and nothing when it tests.
    let test = has("--test") || !has("--bench");
    let filter = args.iter().find(|a| !a.starts_with('-'));
    let wanted = |case: &Case| {
        case.bench && filter.is_none_or(|f| case.op.contains(f) || case.shape.contains(f))
    };

    let gpu = Gpu::new()?;
    let caps = gpu.caps();
    println!("{} ({}, {})", caps.name, caps.driver, caps.backend);
    if caps.software() {
        println!("a software adapter: these are figures of the CPU, not of any GPU");
    }
    if !caps.timestamps {
        println!("no timestamps: times are wall-clock, with submission");
    }
    println!(
        "{:<11} {:<58} {:>4} {:>9} {:>9} {:>7} {:>8} {:>7} {:>6}",
        "op", "shape", "type", "best ms", "median", "spread", "GFLOP/s", "GB/s", "error"
    );
    let dtypes: &[DType] = if caps.f16 {
        &[DType::F32, DType::F16]
    } else {
        &[DType::F32]
    };
    let mut failed = false;
    for case in cases::all(gpu.caps()).iter().filter(|c| wanted(c)) {
        for &dtype in dtypes {
            let prepared = (case.prepare)(&gpu, dtype)?;
            if test && prepared.flops > SMALL_FLOPS {
                continue;
            }
            print!("{:<11} {:<58} {dtype:>4} ", case.op, case.shape);
            match prepared.check(&gpu)? {
                Err(problem) => {
                    failed = true;
                    println!("WRONG: {problem}");
                }
                Ok(_) if test => println!("right"),
                Ok(error) => {
                    let ms = time(&gpu, &prepared)?;
                    let median = ms[ms.len() / 2];
                    let spread = (ms[ms.len() - 1] - ms[0]) / median;
                    println!(
                        "{:>9.3} {median:>9.3} {:>6.0}% {:>8.1} {:>7.1} {error:>6.2}",
                        ms[0],
                        100.0 * spread,
                        prepared.flops / median * 1e-6,
                        prepared.bytes / median * 1e-6,
                    );
                }
            }
        }
    }
    Ok(if failed {
        ExitCode::FAILURE
    } else {
        ExitCode::SUCCESS
    })
}

/// Sorted times of the op's dispatches in milliseconds.
fn time(gpu: &Gpu, prepared: &Prepared) -> Result<Vec<f64>> {
    let mut times = (0..RUNS)
        .map(|_| prepared.time(gpu, 1))
        .collect::<Result<Vec<_>>>()?;
    times.sort_by(f64::total_cmp);
    Ok(times)
}
