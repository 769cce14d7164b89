//! Every kernel at the published models' shapes, and the adapter's ceilings.

use super::{Measured, Settings};
use crate::Result;
use crate::cases::{self, Case, Prepared, ceiling};
use crate::gpu::{DType, Gpu};
use crate::selftest;

/// What an adapter does at most, by loops that do nothing else.
#[derive(Clone, Copy, Debug, serde::Serialize)]
pub struct Ceilings {
    /// Multiply-adds in f32, two operations each: sums are f32 in every kernel.
    pub gflops: f64,
    /// Bytes of a copy, read and written.
    pub gbps: f64,
    /// Multiply-adds of cooperative matrices, f16 operands and f32 sums. `None` where there are none.
    pub coop_gflops: Option<f64>,
}

impl Ceilings {
    /// The least milliseconds for so many operations and bytes, with or without cooperative matrices.
    pub fn ms(&self, flops: f64, bytes: f64, cooperative: bool) -> f64 {
        let coop_gflops = self.coop_gflops.filter(|_| cooperative);
        (flops / coop_gflops.unwrap_or(self.gflops)).max(bytes / self.gbps) * 1e-6
    }

    /// Measures all, whatever the settings filter, and tells each.
    ///
    /// Errors: the device's. `None` where a loop made wrong results.
    pub fn measure(
        gpu: &Gpu,
        settings: &Settings,
        tell: &mut dyn FnMut(Measured),
    ) -> Result<Option<Self>> {
        // One run is enough for a look, but not for what all others are held against.
        let settings = &Settings {
            runs: settings.runs.max(5),
            ..settings.clone()
        };
        let (mut gflops, mut gbps, mut coop_gflops) = (None, None, None);
        for case in right(gpu, ceiling::cases(gpu.caps()))? {
            if !case.bench {
                continue;
            }
            // Cooperative matrices have no other type, and the other loops heed none.
            let elem = match case.cooperative() {
                true => DType::F16,
                false => DType::F32,
            };
            let measured = measure(gpu, &case, elem, settings, None)?;
            match case.op {
                "ceiling_copy" => gbps = measured.gbps,
                "ceiling_coop" => coop_gflops = measured.gflops,
                _ => gflops = measured.gflops,
            }
            tell(measured);
        }
        Ok(gflops.zip(gbps).map(|(gflops, gbps)| Self {
            gflops,
            gbps,
            coop_gflops,
        }))
    }
}

/// Those of the cases that the device can be trusted with.
fn right(gpu: &Gpu, mut cases: Vec<Case>) -> Result<Vec<Case>> {
    let coop = selftest::cooperative_matrices(gpu)?;
    cases.retain(|case| coop || !case.cooperative());
    Ok(cases)
}

/// Work that a quick look still does.
const QUICK_FLOPS: f64 = 1e8;

/// Verifies each kernel against its twin on the CPU, times it, and tells of it.
///
/// Errors: the device's. A wrong result is told, not an error.
pub fn kernels(
    gpu: &Gpu,
    settings: &Settings,
    ceilings: Option<&Ceilings>,
    tell: &mut dyn FnMut(Measured),
) -> Result<()> {
    let dtypes: &[DType] = match gpu.caps().f16 {
        true => &[DType::F32, DType::F16],
        false => &[DType::F32],
    };
    let wanted = |case: &Case| {
        case.bench && !case.op.starts_with(ceiling::NAME) && settings.wants(case.op, &case.shape)
    };
    let cases = right(gpu, cases::all(gpu.caps()))?;
    for case in cases.iter().filter(|case| wanted(case)) {
        for &dtype in dtypes.iter().filter(|&&dtype| case.runs_in(dtype)) {
            let (prepared, measured) = prepare(gpu, case, dtype)?;
            if settings.quick && prepared.flops > QUICK_FLOPS {
                continue;
            }
            tell(check_and_time(
                gpu, &prepared, measured, settings, ceilings,
            )?);
        }
    }
    Ok(())
}

/// Verifies and times one kernel at one shape.
///
/// Errors: the device's. A wrong result is no error.
#[doc(hidden)]
pub fn measure(
    gpu: &Gpu,
    case: &Case,
    dtype: DType,
    settings: &Settings,
    ceilings: Option<&Ceilings>,
) -> Result<Measured> {
    let (prepared, measured) = prepare(gpu, case, dtype)?;
    check_and_time(gpu, &prepared, measured, settings, ceilings)
}

fn prepare(gpu: &Gpu, case: &Case, dtype: DType) -> Result<(Prepared, Measured)> {
    let measured = Measured::new("kernels", case.op, case.shape.clone(), dtype);
    Ok(((case.prepare)(gpu, dtype)?, measured))
}

fn check_and_time(
    gpu: &Gpu,
    prepared: &Prepared,
    measured: Measured,
    settings: &Settings,
    ceilings: Option<&Ceilings>,
) -> Result<Measured> {
    if let Err(problem) = prepared.check(gpu)? {
        return Ok(measured.wrong(problem));
    }
    let before = gpu.work().cooperative;
    let times = settings.time(|| prepared.time(gpu, 1))?;
    let cooperative = gpu.work().cooperative > before;
    let (flops, bytes) = (prepared.flops, prepared.bytes);
    let least = ceilings.map(|most| most.ms(flops, bytes, cooperative));
    Ok(measured.right().timed(&times, flops, bytes, least))
}
