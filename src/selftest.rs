//! Whether kernels are right that drivers are known to get wrong: looked at once a device, before they
//! are used.

use crate::cases::linear::{By, Operands};
use crate::gpu::{DType, Gpu};
use crate::ops::coop;
use crate::ops::linear::{Op, Variant};
use crate::{Error, Result};

/// (M, K, N) of a product that ends inside a tile along each axis.
const AWKWARD: [usize; 3] = [35, 52, 63];

/// Whether products of cooperative matrices are right on a device that has them. If not, a warning
/// says why, and they are not used.
///
/// Submits work and waits for it, the first time; no pass may be open. Errors: the device's, but for a
/// kernel that it refuses.
pub fn cooperative_matrices(gpu: &Gpu) -> Result<bool> {
    if gpu.caps().coop_matrix.is_none() {
        return Ok(false);
    }
    coop::prove(gpu, || {
        let wrong = match product(gpu) {
            Ok(Ok(_)) => return Ok(true),
            Ok(Err(wrong)) => wrong,
            Err(Error::Gpu(refused)) => refused,
            Err(other) => return Err(other),
        };
        let name = &gpu.caps().name;
        log::warn!("cooperative matrices of {name} are not used: {wrong}");
        Ok(false)
    })
}

/// One product against its twin.
fn product(gpu: &Gpu) -> Result<std::result::Result<f32, String>> {
    let operands = Operands::new(gpu, DType::F16, Op::Add, AWKWARD)?;
    (operands.product(By::Variant(Variant::Coop))).check(gpu)
}
