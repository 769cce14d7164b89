//! Work on its way to the GPU.

use super::{Gpu, Tensor, timestamps};
use crate::Result;

/// GPU time of one named scope.
#[derive(Clone, Debug, PartialEq, serde::Serialize)]
pub struct ScopeTime {
    pub name: String,
    pub ms: f64,
}

/// The timestamps of a pass, on the GPU.
pub(super) struct Resolved {
    pub names: Vec<String>,
    /// Of every scope.
    pub ticks: Tensor,
}

/// Work on its way.
pub struct Submission {
    pub(super) gpu: Gpu,
    pub(super) timing: Option<Resolved>,
}

impl Submission {
    /// Waits, then tells the GPU time of each scope of a timed pass (empty if it was not timed).
    pub fn scope_times(self) -> Result<Vec<ScopeTime>> {
        let Some(timing) = self.timing else {
            self.gpu.wait()?;
            return Ok(Vec::new());
        };
        let ticks = timestamps::read(&self.gpu, &timing.ticks)?;
        let scopes = timing.names.into_iter().zip(ticks);
        Ok(scopes
            .map(|(name, [begin, end])| ScopeTime {
                name,
                ms: timestamps::ms(&self.gpu, end.saturating_sub(begin)),
            })
            .collect())
    }

    /// Waits until everything submitted so far has run.
    pub fn wait(self) -> Result<()> {
        self.gpu.wait()
    }
}
