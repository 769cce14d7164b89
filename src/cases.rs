//! The table of kernel cases that tests and benches share.

pub(crate) mod attention;
mod beams;
mod block;
mod cached;
pub mod ceiling;
mod choose;
mod data;
mod embed;
pub mod linear;
mod next;
mod norm;
mod normed;
mod pool;
pub mod preprocess;
mod score;
mod texture;

use std::time::Instant;

use crate::Result;
use crate::gpu::{Caps, DType, Gpu, Pass, Tensor};
use crate::ops::shaders;

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

impl Case {
    /// Whether it is one of cooperative matrices whatever is tuned.
    pub fn cooperative(&self) -> bool {
        let coop = |name: &&str| shaders::COOPERATIVE.iter().any(|s| s.name == *name);
        self.shaders.iter().all(coop)
    }

    /// Whether there is such a thing in an element type.
    pub fn runs_in(&self, elem: DType) -> bool {
        elem == DType::F16 || !self.cooperative()
    }
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
        let mut worst = 0f32;
        for (o, tensor) in self.run_over_nan(gpu)?.iter().enumerate() {
            let got = match tensor.dtype() {
                DType::U32 => gpu.read_u32(tensor)?.iter().map(|&v| v as f32).collect(),
                _ => gpu.read_f32(tensor)?,
            };
            let (want, bound) = (&self.want[o], &self.bound[o]);
            if got.len() != want.len() {
                return Ok(Err(format!(
                    "output {o}: {} values, not {}",
                    got.len(),
                    want.len()
                )));
            }
            for (i, &got) in got.iter().enumerate() {
                if got == want[i] || (got.is_nan() && want[i].is_nan()) {
                    continue;
                }
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

    /// Milliseconds that the op takes, `repeats` in a row divided by their number: of the GPU where it
    /// has timestamps, else of the wall, with submission.
    pub fn time(&self, gpu: &Gpu, repeats: usize) -> Result<f64> {
        let mut pass = gpu.timed_pass();
        pass.scope("op");
        for _ in 0..repeats {
            (self.record)(&mut pass)?;
        }
        let begin = Instant::now();
        let scopes = pass.submit()?.scope_times()?;
        let wall = begin.elapsed().as_secs_f64() * 1e3;
        let on_gpu: f64 = scopes.iter().map(|scope| scope.ms).sum();
        Ok(if scopes.is_empty() { wall } else { on_gpu } / repeats as f64)
    }

    /// Runs the op once; a value that it does not store reads as NaN.
    fn run_over_nan(&self, gpu: &Gpu) -> Result<Vec<Tensor>> {
        // A recording that is never submitted tells the outputs' shapes.
        let outputs = (self.record)(&mut gpu.pass())?;
        let mut pass = gpu.pass();
        let poisoned = (outputs.iter())
            .map(|output| pass.tensor(output.dims(), output.dtype()))
            .collect::<Result<Vec<_>>>()?;
        for tensor in outputs.iter().chain(&poisoned) {
            pass.write(tensor, 0, &vec![0xff; tensor.len() * tensor.dtype().size()]);
        }
        // The pool hands these buffers out again, and dispatches run in recording order.
        drop((outputs, poisoned));
        let outputs = (self.record)(&mut pass)?;
        pass.submit()?;
        Ok(outputs)
    }
}

/// The case as one worth timing: its shape is a published model's, which `name` tells.
fn named(name: &str, case: Case) -> Case {
    Case {
        shape: format!("{name} {}", case.shape),
        bench: true,
        ..case
    }
}

/// Every case that an adapter of these capabilities can run.
pub fn all(caps: &Caps) -> Vec<Case> {
    let mut cases = ceiling::cases(caps);
    cases.extend(linear::cases(caps));
    cases.extend(norm::cases());
    cases.extend(normed::cases());
    cases.extend(attention::cases(caps));
    cases.extend(pool::cases());
    cases.extend(cached::cases());
    cases.extend(block::cases());
    cases.extend(embed::cases());
    cases.extend(choose::cases());
    cases.extend(next::cases());
    cases.extend(beams::cases());
    cases.extend(preprocess::cases());
    cases.extend(score::cases());
    cases.extend(texture::cases());
    cases
}
