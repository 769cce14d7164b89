// Attention of one query a batch, parallel over the keys: decoding with a key-value cache.
//
//   out[b, h] = Σ_j softmax_j(q[b, h] · k[b, j, h] / √HEAD) v[b, j, h]
//
// A workgroup of LANES invocations owns one head and takes CHUNK keys at a time: first each
// invocation scores keys of its own, then each sums one vec4 column of the values over every
// SHARES-th key.
//
// Where texts share their beginnings (beams), `history` tells for each batch and key in which batch's
// rows the key lies (HISTORY).
//
// Grid: (heads, batch).
// Constants: HEAD, LANES (a power of two, HEAD/4 or more), HISTORY.

struct Rows {
    offset: u32, // all in vec4
    batch: u32,
    row: u32,
}

struct Params {
    q: Rows,
    k: Rows,
    v: Rows,
    keys: u32,
    heads: u32,
    scale: f32,
    capacity: u32, // columns of `history`
}

@group(0) @binding(0) var<storage, read> q: array<elem4>;         // (B, 1, heads, HEAD) in rows
@group(0) @binding(1) var<storage, read> k: array<elem4>;         // (B, keys, heads, HEAD) in rows
@group(0) @binding(2) var<storage, read> v: array<elem4>;         // (B, keys, heads, HEAD) in rows
@group(0) @binding(3) var<storage, read> history: array<u32>;     // (B, capacity)
@group(0) @binding(4) var<storage, read_write> out: array<elem4>; // (B, 1, heads, HEAD)
var<immediate> p: Params;

const HEAD4: u32 = HEAD / 4u;
const CHUNK: u32 = 4u * LANES;
const SHARES: u32 = LANES / HEAD4;

// Below every score, and a finite number: drivers may assume that there is no infinity.
const LOWEST: f32 = -1e30;

var<workgroup> weights: array<f32, CHUNK>;
var<workgroup> partial: array<f32, LANES>;
var<workgroup> results: array<vec4<f32>, LANES>;

// Whose rows hold key j of batch b.
fn owner(b: u32, j: u32) -> u32 {
    if HISTORY {
        return history[b * p.capacity + j];
    }
    return b;
}

@compute @workgroup_size(LANES)
fn main(
    @builtin(workgroup_id) group: vec3<u32>,
    @builtin(local_invocation_id) local: vec3<u32>,
) {
    let lane = local.x;
    let h = group.x;
    let b = group.y;
    let q_start = p.q.offset + b * p.q.batch + h * HEAD4;
    let k_start = p.k.offset + h * HEAD4;
    let v_start = p.v.offset + h * HEAD4;
    let column = lane % HEAD4;
    let share = lane / HEAD4; // SHARES and above: no share

    var best = LOWEST;
    var sum = 0.0; // of this lane's keys
    var result = vec4<f32>(); // of this lane's column and share
    for (var start = 0u; start < p.keys; start += CHUNK) {
        let count = min(CHUNK, p.keys - start);
        var most = LOWEST;
        for (var j = lane; j < count; j += LANES) {
            let k_at = k_start + owner(b, start + j) * p.k.batch + (start + j) * p.k.row;
            var score = 0.0;
            for (var c = 0u; c < HEAD4; c++) {
                score += dot(vec4<f32>(q[q_start + c]), vec4<f32>(k[k_at + c]));
            }
            weights[j] = score * p.scale;
            most = max(most, score * p.scale);
        }
        partial[lane] = most;
        workgroupBarrier();
        for (var half = LANES / 2u; half > 0u; half /= 2u) {
            if lane < half {
                partial[lane] = max(partial[lane], partial[lane + half]);
            }
            workgroupBarrier();
        }
        let joint = max(best, partial[0]);
        let shrink = exp(best - joint);
        best = joint;
        sum *= shrink;
        for (var j = lane; j < count; j += LANES) {
            let weight = exp(weights[j] - joint);
            weights[j] = weight;
            sum += weight;
        }
        workgroupBarrier();
        result *= shrink;
        if share < SHARES {
            for (var j = share; j < count; j += SHARES) {
                let v_at = v_start + owner(b, start + j) * p.v.batch + (start + j) * p.v.row;
                result += weights[j] * vec4<f32>(v[v_at + column]);
            }
        }
        workgroupBarrier(); // all weights have been used
    }

    partial[lane] = sum;
    results[lane] = result;
    workgroupBarrier();
    for (var half = LANES / 2u; half > 0u; half /= 2u) {
        if lane < half {
            partial[lane] += partial[lane + half];
        }
        workgroupBarrier();
    }
    if lane < HEAD4 {
        for (var n = 1u; n < SHARES; n++) {
            result += results[n * HEAD4 + lane];
        }
        out[(b * p.heads + h) * HEAD4 + lane] = elem4(result / partial[0]);
    }
}
