//! Every kernel at the published models' shapes, and the adapter's ceilings.

use std::time::Instant;

use super::{Measured, Settings};
use crate::Result;
use crate::cases::{self, Case, Prepared, ceiling};
use crate::gpu::{DType, Gpu};

/// What an adapter does at most, by loops that do nothing else.
#[derive(Clone, Copy, Debug, serde::Serialize)]
pub struct Ceilings {
    /// Multiply-adds in f32, two operations each: sums are f32 in every kernel.
    pub gflops: f64,
    /// Bytes of a copy, read and written.
    pub gbps: f64,
}

impl Ceilings {
    /// The least milliseconds for so many operations and bytes.
    pub fn ms(&self, flops: f64, bytes: f64) -> f64 {
        (flops / self.gflops).max(bytes / self.gbps) * 1e-6
    }

    /// Measures both, whatever the settings filter, and tells each.
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
        let mut rates = Vec::new();
        for case in ceiling::cases(gpu.caps()).iter().filter(|case| case.bench) {
            let measured = measure(gpu, case, DType::F32, settings, None)?;
            // The copy has no operations, and the other loop hardly any bytes.
            rates.extend(measured.gflops.or(measured.gbps));
            tell(measured);
        }
        Ok(match rates[..] {
            [gflops, gbps] => Some(Self { gflops, gbps }),
            _ => None,
        })
    }
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
    for case in cases::all(gpu.caps()).iter().filter(|case| wanted(case)) {
        for &dtype in dtypes {
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
    let times = settings.time(|| once(gpu, prepared))?;
    let measured = measured.right();
    Ok(measured.timed(&times, prepared.flops, prepared.bytes, ceilings))
}

/// Milliseconds of an op's dispatches.
fn once(gpu: &Gpu, prepared: &Prepared) -> Result<f64> {
    let mut pass = gpu.timed_pass();
    pass.scope("op");
    let outputs = (prepared.record)(&mut pass)?;
    let begin = Instant::now();
    let scopes = pass.submit()?.scope_times()?;
    let wall = begin.elapsed().as_secs_f64() * 1e3;
    drop(outputs);
    Ok(match scopes.is_empty() {
        true => wall,
        false => scopes.iter().map(|scope| scope.ms).sum(),
    })
}
