//! What a device's kernels of cooperative matrices were found to be. Until somebody has looked they are not
//! used.

use super::Known;
use crate::gpu::Gpu;

/// Which of them may be used.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Proven {
    /// Found right.
    pub products: bool,
    /// Found right, and asked for.
    pub attention: bool,
}

/// What was found, by `look` if nobody has looked at this device before.
///
/// Errors: those of `look`, after which nothing is known still.
pub(crate) fn prove<E>(gpu: &Gpu, look: impl FnOnce() -> Result<Proven, E>) -> Result<Proven, E> {
    let coop = &gpu.known(Known::default).coop;
    match coop.get() {
        Some(&proven) => Ok(proven),
        None => {
            let proven = look()?;
            Ok(*coop.get_or_init(|| proven))
        }
    }
}

/// What was found so far.
pub(super) fn proven(gpu: &Gpu) -> Proven {
    let coop = &gpu.known(Known::default).coop;
    coop.get().copied().unwrap_or_default()
}
