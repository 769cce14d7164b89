//! Every kernel against its CPU twin, at every case, in f32 and f16, with the variants that
//! hardware and software adapters get.

mod common;

use vcoca_gpu::cases;
use vcoca_gpu::gpu::DType;

#[test]
fn kernels_match_their_twins() {
    let gpu = common::gpu();
    let software = gpu.with_caps(|caps| caps.kind = "software");
    let hardware = gpu.with_caps(|caps| caps.kind = "discrete");
    let mut failures = Vec::new();
    for case in cases::all() {
        for dtype in [DType::F32, DType::F16] {
            if dtype == DType::F16 && !gpu.caps().f16 {
                continue;
            }
            let prepared = (case.prepare)(gpu, dtype).expect("operands");
            for (gpu, path) in [(&software, "software"), (&hardware, "hardware")] {
                let start = std::time::Instant::now();
                let checked = prepared.check(gpu).expect("the kernel runs");
                let name = format!("{} ({}) {dtype}, {path} variant", case.op, case.shape);
                match checked {
                    Ok(worst) => println!(
                        "{:8.1} ms {worst:4.2} {name}",
                        start.elapsed().as_secs_f64() * 1e3
                    ),
                    Err(problem) => failures.push(format!("{name}: {problem}")),
                }
            }
        }
    }
    assert!(failures.is_empty(), "\n{}", failures.join("\n"));
}
