// The log-probabilities that logits give to the ids of texts that stand already.
//
//   y[r, i] = x[r, i, id] - log Σ exp(x[r, i, :])    with id = ids[r, first + i]
//
// LANES invocations share a row of logits and one row is one workgroup. Logits are read once: the sum
// shrinks when the maximum grows.
//
// Grid: one workgroup a row, folded into x and y.
// Constants: LANES (a power of two).

struct Params {
    rows: u32, // R · count
    vocabulary: u32, // V
    count: u32, // rows of logits for each text
    length: u32, // L
    first: u32,
}

@group(0) @binding(0) var<storage, read> x: array<f32>;       // (R, count, V)
@group(0) @binding(1) var<storage, read> ids: array<u32>;     // (R, L)
@group(0) @binding(2) var<storage, read_write> y: array<f32>; // (R, count)
var<immediate> p: Params;

// Below every logit, and a finite number: drivers may assume that there is no infinity.
const LOWEST: f32 = -1e30;

// Largest logit and sum of exponentials, by lane.
var<workgroup> most: array<f32, LANES>;
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
    let start = min(row, p.rows - 1u) * p.vocabulary;

    var m = LOWEST;
    var sum = 0.0;
    for (var c = lane; c < p.vocabulary; c += LANES) {
        let value = max(x[start + c], LOWEST);
        if value > m {
            sum *= exp(m - value);
            m = value;
        }
        sum += exp(value - m);
    }
    most[lane] = m;
    total[lane] = sum;
    workgroupBarrier();
    for (var half = LANES / 2u; half > 0u; half /= 2u) {
        if lane < half {
            let other = lane + half;
            let joint = max(most[lane], most[other]);
            total[lane] = total[lane] * exp(most[lane] - joint) + total[other] * exp(most[other] - joint);
            most[lane] = joint;
        }
        workgroupBarrier();
    }

    if lane == 0u && row < p.rows {
        let id = ids[row / p.count * p.length + p.first + row % p.count];
        y[row] = x[start + id] - most[0] - log(total[0]);
    }
}
