//! Which variant of a kernel runs on which adapter.
//!
//! Measured with llvmpipe (Mesa 22.3.6, LLVM 15, 256 bits) on two shared cores of an AMD EPYC, in
//! GFLOP per second of both cores, by CPU time, best of 12, since other work ran beside it (the best
//! wall times agreed: 85 for Broadcast in f16 at 400 × 768 × 768):
//!
//! | M × K × N        | variant   | f32 | f16 |
//! |------------------|-----------|-----|-----|
//! | 400 × 768 × 768  | Broadcast | 65  | 83  |
//! |                  | Register  | 30  | 30  |
//! |                  | Tile      | 7   | 7   |
//! | 400 × 768 × 2304 | Broadcast | 63  | 84  |
//! | 400 × 768 × 3072 | Broadcast | 64  | 81  |
//! | 400 × 3072 × 768 | Broadcast | 57  | 83  |
//! | 520 × 128 × 384  | Broadcast | 47  | 51  |
//! |                  | Register  | 22  | 24  |
//! |                  | Tile      | 8   | 8   |
//! | 520 × 512 × 128  | Broadcast | 60  | 73  |
//! | 6 × 768 × 2304   | Row       | 15  | 21  |
//! |                  | Broadcast | 7   | 13  |
//! | 1 × 512 × 49408  | Row       | 3.6 | 6.5 |
//!
//! One row of 768 × 2304, bound by loads, best wall time: Row 1.0 ms f32 and 0.58 ms f16, SplitRow
//! 2.6 ms and 1.7 ms. The choices for hardware, and the tiles there, are not measured yet.

use super::tiling::Tiling;
use crate::gpu::Caps;

/// The kernels of a matrix product.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Variant {
    /// Tiles in workgroup memory: GPUs, many rows.
    Tile,
    /// Subgroups of 8 that share rows by broadcasts: lavapipe.
    Broadcast,
    /// Registers alone: any adapter, any N.
    Register,
    /// Few rows, without barriers: software adapters.
    Row,
    /// Few rows, split along K inside the workgroup: GPUs.
    SplitRow,
    /// Cooperative matrices, in f16: never the rule, since where they win is not known.
    Coop,
}

/// The extents of a product (M, K) · (K, N).
#[derive(Clone, Copy, Debug)]
pub struct Extents {
    pub m: usize,
    pub n: usize,
    pub k: usize,
}

/// Rows up to which a product is bound by reading the weights.
pub(super) const FEW_ROWS: usize = 8;

impl Variant {
    /// The fastest variant for a product, by what was measured.
    pub fn pick(caps: &Caps, at: Extents) -> Self {
        let few = at.m <= FEW_ROWS;
        let preferred = match (few, caps.software()) {
            (true, true) => Self::Row,
            (true, false) => Self::SplitRow,
            (false, true) => Self::Broadcast,
            (false, false) => Self::Tile,
        };
        if preferred.runs(caps, at) {
            preferred
        } else {
            Self::Register
        }
    }

    /// Whether it is made for few rows.
    pub fn few_rows(self) -> bool {
        matches!(self, Self::Row | Self::SplitRow)
    }

    /// Whether this variant gives right results for a product on an adapter.
    pub fn runs(self, caps: &Caps, at: Extents) -> bool {
        match self {
            Self::Tile => at.n.is_multiple_of(4),
            // Elsewhere a workgroup of 8 need not be one whole subgroup.
            Self::Broadcast => {
                at.n.is_multiple_of(4) && caps.software() && caps.subgroup == Some((8, 8))
            }
            Self::Register | Self::Row | Self::SplitRow => true,
            // In f16, which `Tiling::fits` looks at.
            Self::Coop => caps.coop_matrix.is_some(),
        }
    }

    /// Its tile sizes for a product, where nothing better is known.
    pub fn tiling(self, caps: &Caps, at: Extents) -> Tiling {
        match self {
            Self::Tile => {
                let (bm, tm) = if at.m >= 512 { (128, 8) } else { (64, 4) };
                Tiling::Tile {
                    bm,
                    bn: 64,
                    tm,
                    tn: 4,
                }
            }
            Self::Broadcast => {
                // A step costs a tile some 12 parts for weights and 7 for each group of 8 rows.
                let cost = |groups: &usize| at.m.div_ceil(8 * groups) * (12 + 7 * groups);
                let groups = (1..=4).min_by_key(cost).unwrap_or(4) as u32;
                Tiling::Broadcast { groups }
            }
            Self::Register => {
                let (lanes, rows) = if caps.software() { (8, 16) } else { (32, 8) };
                Tiling::Register { lanes, rows }
            }
            Self::Row => {
                // As wide as leaves work for every core.
                let wide = match at.n {
                    0..512 => 1,
                    512..2048 => 2,
                    2048..16384 => 4,
                    _ => 8,
                };
                Tiling::Row { wide }
            }
            Self::SplitRow => Tiling::SplitRow {
                lanes: 4,
                split: 32,
            },
            Self::Coop => {
                let side = caps.coop_matrix.expect("cooperative matrices");
                let (parts, each) = match (caps.software(), side) {
                    // One subgroup: barriers cost too much.
                    (true, _) => (1, 2),
                    (false, 8) => (2, 4),
                    (false, _) => (2, 2),
                };
                Tiling::Coop {
                    side,
                    parts,
                    down: each,
                    across: each,
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ops::tiling::TILINGS;

    #[test]
    fn what_is_taken_untuned_is_on_the_list_that_tests_cover() {
        let gpu = crate::Gpu::new().unwrap();
        for kind in ["software", "discrete"] {
            let gpu = gpu.with_caps(|caps| caps.kind = kind);
            for (m, n) in [
                (1, 1),
                (1, 600),
                (6, 2304),
                (8, 49408),
                (50, 257),
                (9, 64),
                (600, 512),
            ] {
                let at = Extents { m, n, k: 64 };
                let tiling = Variant::pick(gpu.caps(), at).tiling(gpu.caps(), at);
                assert!(TILINGS.contains(&tiling), "{tiling} for {at:?}");
            }
        }
    }
}
