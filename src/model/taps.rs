//! Copies of intermediate results, taken while a model runs.

use crate::Result;
use crate::gpu::{Pass, Tensor};

/// Collects copies of stages under the names of the reference dump (`vis.block.00`, `pool.attn`,
/// `dec.block.00.self`, …). Buffers are reused and the residual stream is updated in place, so a
/// stage can only be seen by copying it where it stands.
#[derive(Default)]
pub struct Taps {
    seen: Option<Vec<(String, Tensor)>>,
}

impl Taps {
    /// Copies nothing.
    pub fn none() -> Self {
        Self { seen: None }
    }

    /// Copies every stage.
    pub fn every_stage() -> Self {
        Self {
            seen: Some(Vec::new()),
        }
    }

    /// Whether stages are copied.
    pub fn open(&self) -> bool {
        self.seen.is_some()
    }

    /// Copies `tensor` under `name`.
    pub(super) fn see(
        &mut self,
        pass: &mut Pass,
        name: impl Into<String>,
        tensor: &Tensor,
    ) -> Result<()> {
        if let Some(seen) = &mut self.seen {
            seen.push((name.into(), pass.copy_of(tensor)?));
        }
        Ok(())
    }

    /// What was seen, in order.
    pub fn take(self) -> Vec<(String, Tensor)> {
        self.seen.unwrap_or_default()
    }
}
