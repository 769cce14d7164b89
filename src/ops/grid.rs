//! How work is laid over workgroups.

use crate::gpu::Caps;

/// The most workgroups along one axis that every adapter takes.
pub(super) const MAX_GROUPS: usize = 65535;

/// Workgroups for `count` items, `each` a workgroup, folded into x and y: kernels find theirs at
/// `y * num_workgroups.x + x` and skip what is past the end.
pub(crate) fn folded(count: usize, each: usize) -> [u32; 3] {
    let groups = count.div_ceil(each);
    let y = groups.div_ceil(MAX_GROUPS).max(1);
    [groups.div_ceil(y) as u32, y as u32, 1]
}

/// Invocations that share a row in a reduction, and rows to a workgroup.
pub(super) struct Lanes {
    pub lanes: u32,
    pub rows: u32,
}

/// For rows of a model's width.
pub(super) fn narrow(caps: &Caps) -> Lanes {
    if caps.software() {
        // A barrier costs more than the row. Eight rows keep the eight SIMD lanes busy.
        Lanes { lanes: 1, rows: 8 }
    } else {
        Lanes { lanes: 64, rows: 1 }
    }
}

/// Rounds that all loops of one invocation may take together on a software adapter: lavapipe ends
/// them, silently, after 65535.
pub(super) const MAX_ROUNDS: usize = 60_000;

/// Invocations for a row as long as a vocabulary that is read `passes` times: such rows are few, so
/// each gets a large workgroup.
pub(super) fn wide(caps: &Caps, width: usize, passes: usize) -> u32 {
    let most = 1 << caps.workgroup_invocations.min(1024).ilog2();
    if !caps.software() {
        return most;
    }
    let needed = (passes * width).div_ceil(MAX_ROUNDS).next_power_of_two() as u32;
    assert!(needed <= most, "{passes} passes over {width} values");
    // At least one SIMD register; barriers make more than needed slow.
    needed.max(8)
}
