//! Every variant of the matrix product against the CPU twin.

use vcoca_gpu::cases;
use vcoca_gpu::gpu::{DType, Gpu};

#[test]
fn every_variant_matches_its_twin() {
    let gpu = Gpu::new().expect("an adapter");
    let mut problems = Vec::new();
    for case in cases::linear::cases().iter().filter(|c| !c.bench) {
        for dtype in [DType::F32, DType::F16] {
            let prepared = (case.prepare)(&gpu, dtype).expect("preparing");
            match prepared.check(&gpu).expect("running") {
                Ok(worst) => println!("{worst:.3} {} {dtype}", case.shape),
                Err(problem) => problems.push(format!("{} {dtype}: {problem}", case.shape)),
            }
        }
    }
    assert!(problems.is_empty(), "{}", problems.join("\n"));
}
