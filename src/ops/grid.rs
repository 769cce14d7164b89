//! How work is laid over workgroups.

use crate::gpu::Caps;

/// The most workgroups along one axis that every adapter takes.
const MAX_GROUPS: usize = 65535;

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

/// Loop iterations one invocation may take. lavapipe silently leaves every loop of an invocation
/// after 65535 iterations in total.
const MAX_ITERATIONS: usize = 60_000;

/// Invocations for a row as long as a vocabulary that is read `passes` times: such rows are few, so
/// each gets a large workgroup.
pub(super) fn wide(caps: &Caps, width: usize, passes: usize) -> u32 {
    let lanes = if caps.software() {
        // One SIMD register, unless that would take too many iterations.
        ((passes * width).div_ceil(MAX_ITERATIONS) as u32)
            .next_power_of_two()
            .max(8)
    } else {
        1024
    };
    lanes.min(1 << caps.workgroup_invocations.ilog2())
}
