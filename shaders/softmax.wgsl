// Softmax of every row.
//
//   y = exp(x - max(x)) / Σ exp(x - max(x))
//
// LANES invocations share a row and one row is one workgroup.
//
// Grid: one workgroup a row, folded into x and y.
// Constants: LANES (a power of two).

struct Params {
    rows: u32,
    width: u32, // V
}

@group(0) @binding(0) var<storage, read> x: array<f32>;       // (rows, V)
@group(0) @binding(1) var<storage, read_write> y: array<f32>; // (rows, V)
var<immediate> p: Params;

// Below every score, and a finite number: drivers may assume that there is no infinity.
const LOWEST: f32 = -1e30;

// Largest score and sum of exponentials, by lane.
var<workgroup> best: array<f32, LANES>;
var<workgroup> total: array<f32, LANES>;

@compute @workgroup_size(LANES)
fn main(
    @builtin(workgroup_id) group: vec3<u32>,
    @builtin(num_workgroups) groups: vec3<u32>,
    @builtin(local_invocation_id) local: vec3<u32>,
) {
    let lane = local.x;
    let row = group.y * groups.x + group.x;
    // A row past the end repeats the last one, so that all invocations meet at the barriers.
    let start = min(row, p.rows - 1u) * p.width;

    // One pass finds maximum and sum together: the sum shrinks when the maximum grows.
    var most = LOWEST;
    var sum = 0.0;
    for (var c = lane; c < p.width; c += LANES) {
        let value = max(x[start + c], LOWEST);
        if value > most {
            sum *= exp(most - value);
            most = value;
        }
        sum += exp(value - most);
    }
    best[lane] = most;
    total[lane] = sum;
    workgroupBarrier();
    for (var half = LANES / 2u; half > 0u; half /= 2u) {
        if lane < half {
            let other = lane + half;
            let joint = max(best[lane], best[other]);
            total[lane] = total[lane] * exp(best[lane] - joint) + total[other] * exp(best[other] - joint);
            best[lane] = joint;
        }
        workgroupBarrier();
    }
    most = best[0];
    let scale = 1.0 / total[0];
    if row < p.rows {
        for (var c = lane; c < p.width; c += LANES) {
            y[start + c] = exp(max(x[start + c], LOWEST) - most) * scale;
        }
    }
}
