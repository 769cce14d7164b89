//! The tile sizes that the kernels of a matrix product can take.

use std::fmt;

use super::grid::MAX_GROUPS;
use super::select::{Extents, FEW_ROWS, Variant};
use super::shaders;
use crate::gpu::{Caps, Constant, DType, Source};

/// A kernel of a matrix product with the sizes of its tile.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tiling {
    /// `bm` × `bn` outputs a workgroup, `tm` × `tn` an invocation.
    Tile { bm: u32, bn: u32, tm: u32, tn: u32 },
    /// Groups of 8 rows.
    Broadcast { groups: u32 },
    /// Invocations side by side, and rows that each makes.
    Register { lanes: u32, rows: u32 },
    /// Times 8 columns that each of 8 invocations makes.
    Row { wide: u32 },
    /// Invocations side by side, and parts that K is split into.
    SplitRow { lanes: u32, split: u32 },
    /// `parts` × `parts` subgroups, each of which makes `down` × `across` cooperative matrices of
    /// `side` × `side` outputs.
    Coop {
        side: u32,
        parts: u32,
        down: u32,
        across: u32,
    },
}

/// Every tiling that a product may be given: tests hold each against the CPU twin, and no table can
/// ask for another.
pub const TILINGS: &[Tiling] = &[
    tile(32, 64, 2, 4),
    tile(64, 64, 4, 4),
    tile(128, 64, 8, 4),
    tile(128, 128, 8, 8),
    Tiling::Broadcast { groups: 1 },
    Tiling::Broadcast { groups: 2 },
    Tiling::Broadcast { groups: 3 },
    Tiling::Broadcast { groups: 4 },
    register(8, 8),
    register(8, 16),
    register(32, 4),
    register(32, 8),
    Tiling::Row { wide: 1 },
    Tiling::Row { wide: 2 },
    Tiling::Row { wide: 4 },
    Tiling::Row { wide: 8 },
    split_row(4, 32),
    split_row(4, 64),
    split_row(8, 16),
    split_row(8, 32),
    coop(8, 1, 2, 2),
    coop(8, 1, 4, 4),
    coop(8, 2, 2, 4),
    coop(8, 2, 4, 4),
    coop(16, 1, 2, 2),
    coop(16, 2, 1, 2),
    coop(16, 2, 2, 2),
    coop(16, 2, 4, 2),
    coop(16, 2, 4, 4),
];

/// Depth of a step of [`Tiling::Tile`] along K.
const BK: u32 = 16;

/// Depth of a step of [`Tiling::Coop`] along K.
const COOP_BK: u32 = 32;

/// Invocations of [`Tiling::Row`] side by side.
const ROW_LANES: u32 = 8;

/// Workgroup memory that a split row may take: what every adapter has.
const SPLIT_BYTES: u32 = 16 << 10;

const fn tile(bm: u32, bn: u32, tm: u32, tn: u32) -> Tiling {
    Tiling::Tile { bm, bn, tm, tn }
}

const fn register(lanes: u32, rows: u32) -> Tiling {
    Tiling::Register { lanes, rows }
}

const fn coop(side: u32, parts: u32, down: u32, across: u32) -> Tiling {
    Tiling::Coop {
        side,
        parts,
        down,
        across,
    }
}

const fn split_row(lanes: u32, split: u32) -> Tiling {
    Tiling::SplitRow { lanes, split }
}

/// A kernel with its constants, and how many rows and columns a workgroup makes.
pub struct Choice {
    pub source: Source,
    pub constants: Vec<(&'static str, Constant)>,
    rows: usize,
    cols: usize,
}

impl Tiling {
    /// The tiling of this name, if there is one.
    pub fn named(name: &str) -> Option<Self> {
        TILINGS.iter().copied().find(|t| t.to_string() == name)
    }

    pub fn variant(self) -> Variant {
        match self {
            Self::Tile { .. } => Variant::Tile,
            Self::Broadcast { .. } => Variant::Broadcast,
            Self::Register { .. } => Variant::Register,
            Self::Row { .. } => Variant::Row,
            Self::SplitRow { .. } => Variant::SplitRow,
            Self::Coop { .. } => Variant::Coop,
        }
    }

    /// Whether it gives right results for a product in `elem` on an adapter: its variant does, and
    /// it keeps to the adapter's limits.
    pub fn fits(self, caps: &Caps, at: Extents, elem: DType) -> bool {
        if let Self::Coop { side, .. } = self
            && (caps.coop_matrix != Some(side) || elem != DType::F16)
        {
            return false;
        }
        let (invocations, bytes) = self.takes(caps, elem);
        let grid = self.choice(caps, at).groups(at);
        self.variant().runs(caps, at)
            && invocations <= caps.workgroup_invocations
            && bytes <= caps.workgroup_bytes
            && grid.iter().all(|&groups| groups <= MAX_GROUPS)
    }

    /// Whether it is worth trying: the rows of a tile are not mostly beyond M, and what is made for
    /// few rows gets few.
    pub fn suits(self, caps: &Caps, at: Extents) -> bool {
        let made_for_it = at.m <= FEW_ROWS || !self.variant().few_rows();
        made_for_it && self.choice(caps, at).rows <= at.m.next_multiple_of(8)
    }

    /// Invocations and bytes of memory of a workgroup, at most.
    fn takes(self, caps: &Caps, elem: DType) -> (u32, u32) {
        match self {
            Self::Tile { bm, bn, tm, tn } => {
                let elements = bm * (BK + 4) + BK * bn;
                ((bm / tm) * (bn / tn), elements * elem.size() as u32)
            }
            Self::Broadcast { .. } => (8, 0),
            Self::Register { lanes, .. } => (lanes, 0),
            // Compiled without a barrier, but the array is declared.
            Self::Row { .. } => (ROW_LANES, 32 * ROW_LANES),
            Self::SplitRow { lanes, split } => (lanes * split, SPLIT_BYTES),
            Self::Coop {
                side,
                parts,
                down,
                across,
            } => {
                let (bm, bn) = (parts * down * side, parts * across * side);
                // Rows are 8 operands longer, against conflicts of banks.
                let operands = bm * (COOP_BK + 8) + COOP_BK * (bn + 8);
                let sums = parts * parts * side * across * side;
                (
                    parts * parts * largest_subgroup(caps),
                    2 * operands + 4 * sums,
                )
            }
        }
    }

    /// Its kernel for a product.
    pub fn choice(self, caps: &Caps, at: Extents) -> Choice {
        match self {
            Self::Tile { bm, bn, tm, tn } => Choice::new(
                shaders::LINEAR_TILE,
                [bm, bn],
                &[("BM", bm), ("BN", bn), ("BK", BK), ("TM", tm), ("TN", tn)],
            ),
            Self::Broadcast { groups } => Choice::new(
                shaders::LINEAR_BROADCAST,
                [8 * groups, 64],
                &[("GROUPS", groups)],
            ),
            Self::Register { lanes, rows } => Choice::new(
                shaders::LINEAR_REGISTER,
                [rows, 8 * lanes],
                &[("LANES", lanes), ("ROWS", rows)],
            ),
            Self::Row { wide } => Self::rows(at, ROW_LANES, wide, 1),
            Self::SplitRow { lanes, split } => Self::rows(at, lanes, 1, split),
            Self::Coop {
                side,
                parts,
                down,
                across,
            } => {
                let mut choice = Choice::new(
                    shaders::LINEAR_COOP,
                    [parts * down * side, parts * across * side],
                    &[
                        ("PARTS", parts),
                        ("DOWN", down),
                        ("ACROSS", across),
                        ("LANES", parts * parts * largest_subgroup(caps)),
                        ("BK", COOP_BK),
                    ],
                );
                choice.constants.push(("SIDE", Constant::Coop(side)));
                choice
            }
        }
    }

    fn rows(at: Extents, lanes: u32, wide: u32, split: u32) -> Choice {
        let rows = at.m.min(FEW_ROWS) as u32;
        // 32 bytes an invocation and row.
        let fits = |chunk: &u32| {
            rows.is_multiple_of(*chunk) && chunk * 32 * lanes * split <= SPLIT_BYTES && split > 1
        };
        let chunk = [4, 2].into_iter().find(fits).unwrap_or(1);
        Choice::new(
            shaders::LINEAR_ROW,
            [rows, 8 * lanes * wide],
            &[
                ("LANES", lanes),
                ("WIDE", wide),
                ("SPLIT", split),
                ("ROWS", rows),
                ("CHUNK", chunk),
            ],
        )
    }
}

/// Invocations that one subgroup has at most, so that a workgroup of several times as many holds at
/// least as many subgroups. Whatever multiplies cooperative matrices has subgroups.
pub(super) fn largest_subgroup(caps: &Caps) -> u32 {
    caps.subgroup.map_or(1, |(_, most)| most)
}

/// The name in tables of tuning: the variant and its sizes.
impl fmt::Display for Tiling {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Tile { bm, bn, tm, tn } => write!(f, "tile-{bm}x{bn}-{tm}x{tn}"),
            Self::Broadcast { groups } => write!(f, "broadcast-{groups}"),
            Self::Register { lanes, rows } => write!(f, "register-{lanes}x{rows}"),
            Self::Row { wide } => write!(f, "row-{wide}"),
            Self::SplitRow { lanes, split } => write!(f, "split-row-{lanes}x{split}"),
            Self::Coop {
                side,
                parts,
                down,
                across,
            } => write!(f, "coop{side}-{parts}x{parts}-{down}x{across}"),
        }
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

    fn groups(&self, at: Extents) -> [usize; 2] {
        [at.m.div_ceil(self.rows), at.n.div_ceil(self.cols)]
    }

    /// Workgroups along M and N.
    pub fn grid(&self, at: Extents) -> [u32; 3] {
        let [x, y] = self.groups(at);
        assert!(
            x.max(y) <= MAX_GROUPS,
            "a grid of {x} × {y} workgroups for {at:?}"
        );
        [x as u32, y as u32, 1]
    }
}
