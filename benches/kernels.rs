//! Criterion over the cases that tests and `vcoca-gpu bench` share, for comparing kernels from one change
//! to the next: each is held against its CPU twin, then timed by the GPU's own clock where it has one.
//!
//!     cargo bench --bench kernels -- --save-baseline before attention
//!     cargo bench --bench kernels -- --baseline before attention
//!
//! Under `cargo test --benches`, or with `--test`, only the small cases are checked, and run once.

use std::cell::LazyCell;
use std::time::Duration;

use criterion::{Criterion, criterion_group, criterion_main};
use vcoca_gpu::bench::QUICK_FLOPS;
use vcoca_gpu::cases;
use vcoca_gpu::gpu::{DType, Gpu};

fn kernels(criterion: &mut Criterion) {
    let gpu = Gpu::new().expect("an adapter");
    let caps = gpu.caps();
    println!("{} ({}, {})", caps.name, caps.driver, caps.backend);
    if caps.software() {
        println!("a software adapter: these are figures of the CPU, not of any GPU");
    }
    let args: Vec<_> = std::env::args().collect();
    let has = |flag: &str| args.iter().any(|arg| arg == flag);
    // Cargo says `--bench` when it benches, and nothing when it tests.
    let quick = has("--test") || !has("--bench");
    let dtypes = [DType::F32, DType::F16];
    for case in cases::all(caps).iter().filter(|case| case.bench) {
        for dtype in dtypes.into_iter().filter(|&dtype| case.runs_in(dtype)) {
            if dtype == DType::F16 && !caps.f16 {
                continue;
            }
            let name = format!("{} {}, {dtype}", case.op, case.shape);
            // Not made for what the command line leaves out.
            let prepared = LazyCell::new(|| {
                let prepared = (case.prepare)(&gpu, dtype).expect("operands");
                let checked = prepared.check(&gpu).expect("the kernel runs");
                checked.unwrap_or_else(|wrong| panic!("{name}: {wrong}"));
                prepared
            });
            if quick && prepared.flops > QUICK_FLOPS {
                continue;
            }
            let once = || prepared.time(&gpu, 1).expect("the kernel runs");
            criterion.bench_function(&name, |bencher| {
                bencher.iter_custom(|count| {
                    let ms: f64 = (0..count).map(|_| once()).sum();
                    Duration::from_secs_f64(ms * 1e-3)
                });
            });
        }
    }
}

criterion_group! {
    name = benches;
    config = Criterion::default()
        .sample_size(10)
        .warm_up_time(Duration::from_millis(300))
        .measurement_time(Duration::from_secs(1));
    targets = kernels
}
criterion_main!(benches);
