//! Every kernel against its CPU twin, at every case, in f32 and f16, with the variants that
//! hardware and software adapters get.

mod common;

use vcoca_gpu::cases::{self, Case};
use vcoca_gpu::gpu::{DType, Gpu, Tensor};
use vcoca_gpu::{Error, Result};

#[test]
fn kernels_match_their_twins() {
    let gpu = common::gpu();
    let software = gpu.with_caps(|caps| caps.kind = "software");
    let hardware = gpu.with_caps(|caps| caps.kind = "discrete");
    let mut failures = Vec::new();
    let only = std::env::var("ONLY").unwrap_or_default();
    for case in cases::all() {
        if !case.op.contains(&only) {
            continue;
        }
        for dtype in [DType::F32, DType::F16] {
            if dtype == DType::F16 && !gpu.caps().f16 {
                continue;
            }
            for (gpu, path) in [(&software, "software"), (&hardware, "hardware")] {
                let start = std::time::Instant::now();
                if let Err(problem) = check(gpu, &case, dtype) {
                    failures.push(format!(
                        "{} ({}), {dtype}, {path} variant: {problem}",
                        case.op, case.shape
                    ));
                }
                eprintln!(
                    "{:8.1} ms {} ({}) {dtype} {path}",
                    start.elapsed().as_secs_f64() * 1e3,
                    case.op,
                    case.shape
                );
            }
        }
    }
    assert!(failures.is_empty(), "\n{}", failures.join("\n"));
}

fn check(gpu: &Gpu, case: &Case, dtype: DType) -> Result<(), String> {
    let prepared = (case.prepare)(gpu, dtype).map_err(|e| e.to_string())?;
    let outputs = run(gpu, &prepared).map_err(|e| e.to_string())?;
    assert_eq!(outputs.len(), prepared.want.len(), "outputs of {}", case.op);
    for (n, (got, want)) in outputs.iter().zip(&prepared.want).enumerate() {
        if got.len() != want.len() {
            return Err(format!(
                "output {n}: {} values, want {}",
                got.len(),
                want.len()
            ));
        }
        for (i, (&got, &want)) in got.iter().zip(want).enumerate() {
            let bound = prepared.bound[n][i];
            let same = got == want || (got.is_nan() && want.is_nan());
            // Not `>`: a NaN must fail.
            if !same && !((got - want).abs() <= bound) {
                return Err(format!(
                    "output {n}, index {i}: got {got}, want {want} ± {bound:e}"
                ));
            }
        }
    }
    Ok(())
}

/// Runs the op once, on output buffers filled with NaN.
fn run(gpu: &Gpu, prepared: &cases::Prepared) -> Result<Vec<Vec<f32>>> {
    // A first recording, never submitted, tells the outputs' shapes.
    let outputs = (prepared.record)(&mut gpu.pass())?;
    let shapes: Vec<_> = outputs
        .iter()
        .map(|t| (t.dims().to_vec(), t.dtype()))
        .collect();
    drop(outputs);
    let mut pass = gpu.pass();
    let poisoned: Vec<Tensor> = shapes
        .iter()
        .map(|(dims, dtype)| pass.tensor(dims, *dtype))
        .collect::<Result<_>>()?;
    for tensor in &poisoned {
        // All ones is NaN in both float types.
        pass.write(tensor, 0, &vec![0xff; tensor.len() * tensor.dtype().size()]);
    }
    drop(poisoned); // The pool hands them out again, in recording order.
    let outputs = (prepared.record)(&mut pass)?;
    pass.submit()?;
    outputs
        .iter()
        .map(|t| match t.dtype() {
            DType::U32 => Ok(gpu.read_u32(t)?.into_iter().map(|v| v as f32).collect()),
            _ => gpu.read_f32(t),
        })
        .collect()
}
