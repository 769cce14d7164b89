//! Copies of intermediate results, taken while a model runs.

use std::collections::HashSet;

use crate::Result;
use crate::gpu::{Pass, Tensor};

/// Collects copies of stages under the names of the reference dump (`vis.block.00`, `pool.attn`,
/// `dec.block.00.self`, …). Buffers are reused and the residual stream is updated in place, so a
/// stage can only be seen by copying it where it stands.
#[derive(Default)]
pub struct Taps {
    wanted: HashSet<String>,
    seen: Vec<(String, Tensor)>,
}

impl Taps {
    /// Copies nothing.
    pub fn none() -> Self {
        Self::default()
    }

    /// Copies the stages of these names.
    pub fn of<S: Into<String>>(names: impl IntoIterator<Item = S>) -> Self {
        Self {
            wanted: names.into_iter().map(Into::into).collect(),
            seen: Vec::new(),
        }
    }

    /// Copies `tensor` if `name` is wanted.
    pub(super) fn see(&mut self, pass: &mut Pass, name: &str, tensor: &Tensor) -> Result<()> {
        if self.wanted.contains(name) {
            self.seen.push((name.to_owned(), pass.copy_of(tensor)?));
        }
        Ok(())
    }

    /// What was seen, in order.
    pub fn take(self) -> Vec<(String, Tensor)> {
        self.seen
    }
}
