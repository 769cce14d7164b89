//! Whether kernels are right that drivers are known to get wrong: looked at once a device, before they
//! are used.

use crate::cases::{Prepared, attention, linear};
use crate::gpu::coop::attention_wanted;
use crate::gpu::{DType, Gpu};
use crate::ops::coop::{self, Proven};
use crate::ops::linear::{Op, Variant};
use crate::{Error, Result};

/// (M, K, N) of a product that ends inside a tile along each axis.
const AWKWARD: [usize; 3] = [35, 52, 63];

/// Whether products of cooperative matrices are right on a device that has them; and attention, too,
/// where it was asked for. If not, a warning says why, and they are not used.
///
/// Submits work and waits for it, the first time; no pass may be open. Errors: the device's, but for a
/// kernel that it refuses.
pub fn cooperative_matrices(gpu: &Gpu) -> Result<bool> {
    if gpu.caps().coop_matrix.is_none() {
        return Ok(false);
    }
    let look = || {
        let products = right(gpu, "products", || product(gpu))?;
        let attention = match attention::awkward(gpu.caps()) {
            Some(case) if products && attention_wanted() => {
                right(gpu, "attention", || (case.prepare)(gpu, DType::F16))?
            }
            _ => false,
        };
        Ok(Proven {
            products,
            attention,
        })
    };
    Ok(coop::prove(gpu, look)?.products)
}

/// Whether what was prepared agrees with its twin.
fn right(gpu: &Gpu, what: &str, prepare: impl Fn() -> Result<Prepared>) -> Result<bool> {
    let wrong = match prepare().and_then(|prepared| prepared.check(gpu)) {
        Ok(Ok(_)) => return Ok(true),
        Ok(Err(wrong)) => wrong,
        Err(Error::Gpu(refused)) => refused,
        Err(other) => return Err(other),
    };
    let name = &gpu.caps().name;
    log::warn!("cooperative matrices of {name} are not used for {what}: {wrong}");
    Ok(false)
}

fn product(gpu: &Gpu) -> Result<Prepared> {
    let operands = linear::Operands::new(gpu, DType::F16, Op::Add, AWKWARD)?;
    Ok(operands.product(linear::By::Variant(Variant::Coop)))
}
