//! What an adapter does at most: the loops that every other kernel's speed is held against.

use super::grid::folded;
use super::shaders;
use super::tiling::largest_subgroup;
use crate::Result;
use crate::gpu::{Caps, Constant, DType, Pass, Tensor};

/// Multiply-adds of each chain in one round, and chains of an invocation.
const UNROLLED: u32 = 16;
const CHAINS: u32 = 8;

/// Chains x ← x · a + b, every invocation eight of them.
#[repr(C)]
#[derive(Clone, Copy, Debug, bytemuck::Pod, bytemuck::Zeroable)]
pub struct Chains {
    seeds: u32,
    rounds: u32,
    a: f32,
    b: f32,
}

impl Chains {
    /// `rounds` of 16 multiply-adds each: below 60,000, as lavapipe ends longer loops.
    pub fn new(seeds: usize, rounds: u32, a: f32, b: f32) -> Self {
        assert!(
            (rounds as usize) < super::grid::MAX_ROUNDS,
            "{rounds} rounds"
        );
        Self {
            seeds: seeds as u32,
            rounds,
            a,
            b,
        }
    }

    /// Multiply-adds of each chain.
    pub fn steps(&self) -> u32 {
        self.rounds * UNROLLED
    }

    /// x ← x · a + b: (a, b).
    pub fn step(&self) -> (f32, f32) {
        (self.a, self.b)
    }

    /// Floating-point operations of one invocation.
    pub fn flops(&self) -> f64 {
        2.0 * f64::from(self.steps()) * f64::from(CHAINS)
    }
}

/// Invocations to a workgroup.
fn lanes(caps: &Caps) -> u32 {
    if caps.software() { 8 } else { 256 }
}

/// Runs the chains that begin with `seeds` (S, 4) F32 and 0.5 above, `count` times in turn: the sum of
/// each eight, (count) F32. `count` is a multiple of 256.
pub fn ceiling_multiply_add(
    pass: &mut Pass,
    seeds: &Tensor,
    chains: Chains,
    count: usize,
) -> Result<Tensor> {
    assert_eq!(
        seeds.dims(),
        [chains.seeds as usize, 4],
        "seeds of {chains:?}"
    );
    assert_eq!(seeds.dtype(), DType::F32, "chains are f32");
    assert!(count.is_multiple_of(256), "{count} is no multiple of 256");
    let y = pass.tensor(&[count], DType::F32)?;
    let lanes = lanes(pass.gpu().caps());
    let constants = [("LANES", lanes.into())];
    let kernel = (pass.gpu()).kernel(shaders::CEILING_MULTIPLY_ADD, DType::F32, &constants)?;
    let groups = count as u32 / lanes;
    pass.dispatch(&kernel, &[seeds, &y], &chains, [groups, 1, 1]);
    Ok(y)
}

/// Multiply-adds of each cooperative matrix in one round.
const COOP_UNROLLED: u32 = 8;

/// Times that [`ceiling_coop`] adds each product in `rounds`.
pub fn coop_steps(rounds: u32) -> u32 {
    rounds * COOP_UNROLLED
}

/// The kernel's constants on an adapter that has cooperative matrices.
#[doc(hidden)]
pub fn coop_constants(caps: &Caps) -> [(&'static str, Constant); 2] {
    let side = caps.coop_matrix.expect("cooperative matrices");
    [
        ("SIDE", Constant::Coop(side)),
        ("LANES", largest_subgroup(caps).into()),
    ]
}

/// The product of `a` (2S, S) F16 and `b` (S, 2S) F16 added up 8 · `rounds` times by each of `groups`
/// subgroups: (groups, 2S, 2S) F32, with S the side of the adapter's cooperative matrices.
pub fn ceiling_coop(
    pass: &mut Pass,
    a: &Tensor,
    b: &Tensor,
    rounds: u32,
    groups: usize,
) -> Result<Tensor> {
    let caps = pass.gpu().caps();
    let side = caps.coop_matrix.expect("cooperative matrices") as usize;
    assert_eq!((a.dims(), a.dtype()), (&[2 * side, side][..], DType::F16));
    assert_eq!((b.dims(), b.dtype()), (&[side, 2 * side][..], DType::F16));
    assert!(
        coop_steps(rounds) < super::grid::MAX_ROUNDS as u32 && groups <= super::grid::MAX_GROUPS,
        "{rounds} rounds of {groups} groups"
    );
    let y = pass.tensor(&[groups, 2 * side, 2 * side], DType::F32)?;
    let constants = coop_constants(caps);
    let kernel = (pass.gpu()).kernel(shaders::CEILING_COOP, DType::F16, &constants)?;
    pass.dispatch(&kernel, &[a, b, &y], &rounds, [groups as u32, 1, 1]);
    Ok(y)
}

/// A copy of `x`, whose elements are whole 16 bytes together.
pub fn ceiling_copy(pass: &mut Pass, x: &Tensor) -> Result<Tensor> {
    let bytes = x.len() * x.dtype().size();
    assert!(bytes.is_multiple_of(16), "{x:?} is no multiple of 16 bytes");
    let y = pass.tensor(x.dims(), x.dtype())?;
    let (lanes, each) = (lanes(pass.gpu().caps()), 4);
    let constants = [("LANES", lanes.into()), ("EACH", each.into())];
    let kernel = (pass.gpu()).kernel(shaders::CEILING_COPY, DType::F32, &constants)?;
    let n = (bytes / 16) as u32;
    let grid = folded(n as usize, (lanes * each) as usize);
    pass.dispatch(&kernel, &[x, &y], &n, grid);
    Ok(y)
}
