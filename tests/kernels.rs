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
    for case in cases::all(gpu.caps()) {
        for dtype in [DType::F32, DType::F16] {
            if (dtype == DType::F16 && !gpu.caps().f16) || !case.runs_in(dtype) {
                continue;
            }
            let prepared = (case.prepare)(gpu, dtype).expect("operands");
            // At a model's size the variants for the other kind of adapter would take minutes.
            let devices: &[_] = if case.bench {
                &[gpu]
            } else {
                &[&software, &hardware]
            };
            for gpu in devices {
                let name = format!(
                    "{} ({}) in {dtype}, {} variant",
                    case.op,
                    case.shape,
                    gpu.caps().kind
                );
                match prepared.check(gpu).expect("the kernel runs") {
                    Ok(worst) => println!("{worst:4.2} of the bound: {name}"),
                    Err(problem) => failures.push(format!("{name}: {problem}")),
                }
            }
        }
    }
    assert!(failures.is_empty(), "\n{}", failures.join("\n"));
}
