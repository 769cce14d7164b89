//! What a device's products of cooperative matrices were found to be. Until somebody has looked they are
//! not used.

use super::Known;
use crate::gpu::Gpu;

/// What was found, by `look` if nobody has looked at this device before.
///
/// Errors: those of `look`, after which nothing is known still.
pub(crate) fn prove<E>(gpu: &Gpu, look: impl FnOnce() -> Result<bool, E>) -> Result<bool, E> {
    let coop = &gpu.known(Known::default).coop;
    match coop.get() {
        Some(&right) => Ok(right),
        None => {
            let right = look()?;
            Ok(*coop.get_or_init(|| right))
        }
    }
}

/// Whether they were found right.
pub(super) fn proven(gpu: &Gpu) -> bool {
    gpu.known(Known::default).coop.get() == Some(&true)
}
