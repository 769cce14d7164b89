// Layer normalisation of every row.
//
//   y = (x - mean(x)) / sqrt(var(x) + 1e-5) · weight + bias
//
// The variance is taken from the deviations, in f32 whatever `elem` is. LANES invocations share a
// row, ROWS rows are one workgroup; with LANES = 1 there is no barrier, which software adapters
// need to be fast.
//
// Grid: ceil(rows / ROWS) workgroups, folded into x and y.
// Constants: LANES (a power of two), ROWS.

struct Params {
    rows: u32,
    width4: u32, // D / 4
}

@group(0) @binding(0) var<storage, read> x: array<vec4<f32>>;      // (rows, D)
@group(0) @binding(1) var<storage, read> weight: array<vec4<f32>>; // (D)
@group(0) @binding(2) var<storage, read> bias: array<vec4<f32>>;   // (D)
@group(0) @binding(3) var<storage, read_write> y: array<elem4>;    // (rows, D)
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
    let row = (group.y * groups.x + group.x) * ROWS + local.y;
    // Rows past the end repeat the last one, so that all invocations meet at the barriers.
    let start = min(row, p.rows - 1u) * p.width4;
    let width = f32(4u * p.width4);

    var sum = vec4<f32>();
    for (var c = lane; c < p.width4; c += LANES) {
        sum += x[start + c];
    }
    let mean = across(dot(sum, vec4(1.0)), lane, slot) / width;

    var squares = vec4<f32>();
    for (var c = lane; c < p.width4; c += LANES) {
        let d = x[start + c] - mean;
        squares += d * d;
    }
    let variance = across(dot(squares, vec4(1.0)), lane, slot) / width;
    let scale = 1.0 / sqrt(variance + 1e-5);

    if row < p.rows {
        for (var c = lane; c < p.width4; c += LANES) {
            y[start + c] = elem4((x[start + c] - mean) * scale * weight[c] + bias[c]);
        }
    }
}
