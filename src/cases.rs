//! The table of kernel cases that tests and benches share.

pub mod linear;
pub mod preprocess;

use crate::Result;
use crate::gpu::{DType, Gpu, Pass, Tensor};

/// One op at one shape.
pub struct Case {
    pub op: &'static str,
    /// The shader files this case runs (on some adapter).
    pub shaders: &'static [&'static str],
    pub shape: String,
    /// Whether the shape is one of a published model's and worth timing.
    pub bench: bool,
    #[expect(clippy::type_complexity)]
    pub prepare: Box<dyn Fn(&Gpu, DType) -> Result<Prepared>>,
}

/// Operands on the GPU, and what the op has to make of them.
pub struct Prepared {
    /// Records the op once and returns its outputs.
    #[expect(clippy::type_complexity)]
    pub record: Box<dyn Fn(&mut Pass) -> Result<Vec<Tensor>>>,
    /// The CPU twin's outputs.
    pub want: Vec<Vec<f32>>,
    /// The error allowed for each element: c·√K·ε·(|A||B|).
    pub bound: Vec<Vec<f32>>,
    pub flops: f64,
    /// Bytes read and written at least once.
    pub bytes: f64,
}

impl Prepared {
    /// Runs the op over poisoned buffers and holds its outputs against the twin's: the largest
    /// error as a part of what is allowed, or what is wrong.
    pub fn check(&self, gpu: &Gpu) -> Result<std::result::Result<f32, String>> {
        let run = || {
            let mut pass = gpu.pass();
            let outputs = (self.record)(&mut pass)?;
            pass.submit()?;
            Ok::<_, crate::Error>(outputs)
        };
        // The pool hands a freed buffer out again, so outputs of the second run land in buffers
        // full of NaN: a value that was never stored shows.
        let poisoned: Vec<_> = run()?
            .into_iter()
            .map(|t| {
                let bytes = vec![0xFF; t.len() * t.dtype().size()];
                let mut pass = gpu.pass();
                pass.write(&t, 0, &bytes);
                pass.submit()?;
                Ok::<_, crate::Error>(t)
            })
            .collect::<Result<_>>()?;
        drop(poisoned);
        let mut worst = 0f32;
        for (o, tensor) in run()?.iter().enumerate() {
            let got = gpu.read_f32(tensor)?;
            let (want, bound) = (&self.want[o], &self.bound[o]);
            if got.len() != want.len() {
                let lens = (got.len(), want.len());
                return Ok(Err(format!(
                    "output {o}: {} values, not {}",
                    lens.0, lens.1
                )));
            }
            for (i, &got) in got.iter().enumerate() {
                let error = (got - want[i]).abs() / bound[i];
                if error.is_nan() || error > 1.0 {
                    let (row, col) = (i / tensor.cols(), i % tensor.cols());
                    return Ok(Err(format!(
                        "output {o} row {row} column {col}: {got}, not {} ± {}",
                        want[i], bound[i]
                    )));
                }
                worst = worst.max(error);
            }
        }
        Ok(Ok(worst))
    }
}

/// Every case.
pub fn all() -> Vec<Case> {
    let mut cases = linear::cases();
    cases.extend(preprocess::cases());
    cases
}
