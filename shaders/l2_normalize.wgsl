// Scales every row to length one.
//
//   y = x / max(‖x‖₂, 1e-12)
//
// LANES invocations share a row, ROWS rows are one workgroup; with LANES = 1 there is no barrier.
//
// Grid: ceil(rows / ROWS) workgroups, folded into x and y.
// Constants: LANES (a power of two), ROWS.

struct Params {
    rows: u32,
    width4: u32, // E / 4
}

@group(0) @binding(0) var<storage, read> x: array<vec4<f32>>;       // (rows, E)
@group(0) @binding(1) var<storage, read_write> y: array<vec4<f32>>; // (rows, E)
var<immediate> p: Params;

var<workgroup> partial: array<f32, ROWS * LANES>;

// The sum of `value` over the lanes of a row.
fn across(value: f32, lane: u32, slot: u32) -> f32 {
    if LANES == 1u {
        return value;
    }
    partial[slot] = value;
    workgroupBarrier();
    for (var half = LANES / 2u; half > 0u; half /= 2u) {
        if lane < half {
            partial[slot] += partial[slot + half];
        }
        workgroupBarrier();
    }
    return partial[slot - lane];
}

@compute @workgroup_size(LANES, ROWS)
fn main(
    @builtin(workgroup_id) group: vec3<u32>,
    @builtin(num_workgroups) groups: vec3<u32>,
    @builtin(local_invocation_id) local: vec3<u32>,
) {
    let lane = local.x;
    let slot = local.y * LANES + lane;
    let row = (group.y * groups.x + group.x) * ROWS + local.y;
    // Rows past the end repeat the last one, so that all invocations meet at the barriers.
    let start = min(row, p.rows - 1u) * p.width4;

    var squares = 0.0;
    for (var c = lane; c < p.width4; c += LANES) {
        squares += dot(x[start + c], x[start + c]);
    }
    let scale = 1.0 / max(sqrt(across(squares, lane, slot)), 1e-12);
    if row < p.rows {
        for (var c = lane; c < p.width4; c += LANES) {
            y[start + c] = x[start + c] * scale;
        }
    }
}
