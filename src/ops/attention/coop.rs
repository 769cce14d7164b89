//! Attention by cooperative matrices: where it can be, and by which workgroups.

use super::Shape;
use crate::gpu::{Caps, Constant, DType};
use crate::ops::tiling::largest_subgroup;

/// Keys that a workgroup takes together.
const KEYS: u32 = 32;

/// What a workgroup is made of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Workgroup {
    side: u32,
    /// Subgroups, each with `side` queries.
    parts: u32,
    lanes: u32,
}

impl Workgroup {
    /// The largest that fits an adapter, up to four subgroups. `None` without cooperative matrices, with
    /// heads that they do not divide, and where one subgroup is too much already.
    pub fn pick(caps: &Caps, head_dim: usize, elem: DType) -> Option<Self> {
        let side = caps.coop_matrix?;
        let subgroup = largest_subgroup(caps);
        // Invocations share queries, and not the other way round.
        if elem != DType::F16
            || !head_dim.is_multiple_of(side as usize)
            || !subgroup.is_multiple_of(side)
        {
            return None;
        }
        // Where the adapter is the CPU, barriers between subgroups cost too much.
        let sizes: &[u32] = if caps.software() { &[1] } else { &[4, 2, 1] };
        let budget = caps.workgroup_bytes.min(super::WORKGROUP_BYTES);
        let of = |&parts: &u32| Self {
            side,
            parts,
            lanes: parts * subgroup,
        };
        sizes.iter().map(of).find(|group| {
            group.lanes <= caps.workgroup_invocations && group.bytes(head_dim as u32) <= budget
        })
    }

    /// Workgroup memory: the tile, the weights, and in f32 the sums and totals.
    fn bytes(&self, head_dim: u32) -> u32 {
        let queries = self.queries();
        let tile = queries.max(KEYS) * (head_dim + 8);
        let weights = queries * (KEYS + 8);
        let sums = queries * (head_dim.max(KEYS) + 4);
        2 * (tile + weights) + 4 * (sums + self.lanes)
    }

    pub fn queries(&self) -> u32 {
        self.parts * self.side
    }

    /// Keys that it takes together, and rounds of its inner loops meanwhile, generously.
    pub fn rounds(&self, shape: &Shape) -> (usize, usize) {
        let (keys, side) = (KEYS as usize, self.side as usize);
        let share = (self.lanes / self.queries()) as usize;
        let loads = 2 * keys * shape.head_dim / (4 * self.lanes as usize);
        let products = 2 * (keys / side + 1) * (shape.head_dim / side + 1);
        let weights = keys + keys / share;
        (keys, loads + products + weights + shape.head_dim / 4 + 16)
    }

    pub fn constants(&self) -> [(&'static str, Constant); 4] {
        [
            ("SIDE", Constant::Coop(self.side)),
            ("PARTS", self.parts.into()),
            ("LANES", self.lanes.into()),
            ("KEYS", KEYS.into()),
        ]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn picked(side: u32, subgroup: u32, kib: u32, head_dim: usize) -> Option<u32> {
        let gpu = crate::Gpu::new().unwrap().with_caps(|caps| {
            caps.kind = "discrete";
            caps.coop_matrix = Some(side);
            caps.subgroup = Some((subgroup, subgroup));
            caps.workgroup_bytes = kib << 10;
        });
        Workgroup::pick(gpu.caps(), head_dim, DType::F16).map(|group| group.parts)
    }

    #[test]
    fn a_workgroup_is_as_large_as_memory_allows() {
        assert_eq!(picked(16, 32, 48, 64), Some(4));
        assert_eq!(picked(16, 32, 48, 96), Some(2));
        assert_eq!(picked(16, 32, 48, 128), Some(2));
        assert_eq!(picked(16, 32, 16, 64), Some(2));
        assert_eq!(picked(16, 32, 16, 128), None);
        assert_eq!(picked(8, 32, 16, 128), Some(1));
    }

    #[test]
    fn heads_and_subgroups_have_to_suit_the_matrices() {
        assert_eq!(picked(16, 32, 48, 72), None);
        assert_eq!(picked(8, 32, 48, 72), Some(4));
        assert_eq!(picked(16, 8, 48, 64), None);
    }
}
