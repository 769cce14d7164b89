//! Which variant of a kernel runs on which adapter.

use super::shaders;
use crate::gpu::{Caps, Constant, Source};

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
}

/// The extents of a product (M, K) · (K, N).
#[derive(Clone, Copy, Debug)]
pub struct Extents {
    pub m: usize,
    pub n: usize,
    pub k: usize,
}

/// A kernel with its constants, and how many rows and columns a workgroup makes.
pub struct Choice {
    pub source: Source,
    pub constants: Vec<(&'static str, Constant)>,
    pub rows: usize,
    pub cols: usize,
}

/// Rows up to which a product is bound by reading the weights.
const FEW_ROWS: usize = 8;

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

    /// Whether this variant gives right results for a product on an adapter.
    pub fn runs(self, caps: &Caps, at: Extents) -> bool {
        match self {
            Self::Tile => at.n.is_multiple_of(4),
            // Elsewhere a workgroup of 8 need not be one whole subgroup.
            Self::Broadcast => {
                at.n.is_multiple_of(4) && caps.software() && caps.subgroup == Some((8, 8))
            }
            Self::Register | Self::Row | Self::SplitRow => true,
        }
    }

    /// Its constants for a product.
    pub fn choice(self, caps: &Caps, at: Extents) -> Choice {
        match self {
            Self::Tile => {
                let (bm, tm) = if at.m >= 512 { (128, 8) } else { (64, 4) };
                Choice::new(
                    shaders::LINEAR_TILE,
                    [bm, 64],
                    &[("BM", bm), ("BN", 64), ("BK", 16), ("TM", tm), ("TN", 4)],
                )
            }
            Self::Broadcast => {
                let groups = at.m.div_ceil(8).min(4) as u32;
                let tile = [8 * groups, 64];
                Choice::new(shaders::LINEAR_BROADCAST, tile, &[("GROUPS", groups)])
            }
            Self::Register => {
                let (lanes, rows) = if caps.software() { (8, 16) } else { (32, 8) };
                Choice::new(
                    shaders::LINEAR_REGISTER,
                    [rows, 8 * lanes],
                    &[("LANES", lanes), ("ROWS", rows)],
                )
            }
            Self::Row => {
                // As wide as leaves work for every core.
                let wide = match at.n {
                    0..512 => 1,
                    512..2048 => 2,
                    2048..16384 => 4,
                    _ => 8,
                };
                Self::rows(at, 8, wide, 1)
            }
            Self::SplitRow => Self::rows(at, 4, 1, 32),
        }
    }

    fn rows(at: Extents, lanes: u32, wide: u32, split: u32) -> Choice {
        let rows = at.m.min(FEW_ROWS) as u32;
        // 32 bytes an invocation and row: at most 16 KiB.
        let chunk = [4, 2].into_iter().find(|c| rows.is_multiple_of(*c));
        Choice::new(
            shaders::LINEAR_ROW,
            [rows, 8 * lanes * wide],
            &[
                ("LANES", lanes),
                ("WIDE", wide),
                ("SPLIT", split),
                ("ROWS", rows),
                ("CHUNK", if split == 1 { 1 } else { chunk.unwrap_or(1) }),
            ],
        )
    }
}

impl Choice {
    fn new(source: Source, tile: [u32; 2], constants: &[(&'static str, u32)]) -> Self {
        Self {
            source,
            constants: constants.iter().map(|&(n, v)| (n, v.into())).collect(),
            rows: tile[0] as usize,
            cols: tile[1] as usize,
        }
    }

    /// Workgroups along M and N.
    pub fn grid(&self, at: Extents) -> [u32; 3] {
        let grid = [at.m.div_ceil(self.rows), at.n.div_ceil(self.cols), 1];
        assert!(
            grid.iter().all(|&g| g <= 65_535),
            "a grid of {grid:?} for {at:?}"
        );
        grid.map(|g| g as u32)
    }
}
