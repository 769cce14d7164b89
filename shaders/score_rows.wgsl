// The product of every row with one vector: what a search compares.
//
//   y[r] = Σ x[r][k] · query[k], in f32
//
// Rows are stored in f16 whether the adapter computes in it or not.//
// Bound by reading the rows once. LANES invocations share a row, ROWS rows are one workgroup; with
// LANES = 1 there is no barrier, which software adapters need to be fast, and an invocation makes
// EACH rows, so that a value of the query is loaded once for all of them.
// Rows past the end are read from the last one and never stored.
//
// Grid: ⌈M / (ROWS · EACH)⌉ workgroups, folded into x and y.
// Constants: LANES (a power of two), ROWS, EACH.

struct Params {
    rows: u32, // M
    width8: u32, // K / 8
}

@group(0) @binding(0) var<storage, read> x: array<vec4<u32>>;       // (M, K) f16
@group(0) @binding(1) var<storage, read> query: array<vec4<f32>>;   // (K)
@group(0) @binding(2) var<storage, read_write> y: array<f32>;       // (M)
var<immediate> p: Params;

var<workgroup> partial: array<f32, ROWS * LANES>;

// The sum of `value` over the lanes of a row.
fn across(value: f32, lane: u32, slot: u32) -> f32 {
    if LANES == 1u {
        return value;
    }
    workgroupBarrier(); // the last sum has been read by all
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
    let row0 = ((group.y * groups.x + group.x) * ROWS + local.y) * EACH;

    var start: array<u32, EACH>;
    for (var r = 0u; r < EACH; r++) {
        start[r] = min(row0 + r, p.rows - 1u) * p.width8;
    }
    var sums: array<vec4<f32>, EACH>;
    for (var k = lane; k < p.width8; k += LANES) {
        let left = query[2u * k];
        let right = query[2u * k + 1u];
        for (var r = 0u; r < EACH; r++) {
            let eight = x[start[r] + k];
            sums[r] += halves(eight.xy) * left + halves(eight.zw) * right;
        }
    }
    for (var r = 0u; r < EACH; r++) {
        let sum = across(dot(sums[r], vec4(1.0)), lane, slot);
        if lane == 0u && row0 + r < p.rows {
            y[row0 + r] = sum;
        }
    }
}
