// What the best next ids of every beam add to it, given where they stand and what they score.
//
//   id, score (− log Σ exp(logits) where PROBABILITIES are summed), log-probability
//
// Grid: one workgroup of LANES invocations a beam.
// Constants: LANES (a power of two), PROBABILITIES.

struct Params {
    vocabulary: u32, // V
    count: u32, // K
}

@group(0) @binding(0) var<storage, read> logits: array<f32>;           // (R, V)
@group(0) @binding(1) var<storage, read> values: array<f32>;           // (R, K) scores
@group(0) @binding(2) var<storage, read> columns: array<u32>;          // (R, K)
@group(0) @binding(3) var<storage, read_write> candidates: array<f32>; // (R, K, 3)
var<immediate> p: Params;

// Below every logit, and a finite number: drivers may assume that there is no infinity.
const LOWEST: f32 = -1e30;

// Largest logit and sum of exponentials, by lane.
var<workgroup> most: array<f32, LANES>;
var<workgroup> total: array<f32, LANES>;

@compute @workgroup_size(LANES)
fn main(
    @builtin(workgroup_id) group: vec3<u32>,
    @builtin(local_invocation_id) local: vec3<u32>,
) {
    let lane = local.x;
    let start = group.x * p.vocabulary;

    var m = LOWEST;
    var sum = 0.0;
    for (var c = lane; c < p.vocabulary; c += LANES) {
        let value = max(logits[start + c], LOWEST);
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
            let joint = max(most[lane], most[lane + half]);
            total[lane] = total[lane] * exp(most[lane] - joint)
                + total[lane + half] * exp(most[lane + half] - joint);
            most[lane] = joint;
        }
        workgroupBarrier();
    }
    let log_sum = most[0] + log(total[0]);

    for (var n = lane; n < p.count; n += LANES) {
        let place = group.x * p.count + n;
        let id = columns[place];
        candidates[3u * place] = f32(id);
        candidates[3u * place + 1u] = values[place] - select(0.0, log_sum, PROBABILITIES);
        candidates[3u * place + 2u] = logits[start + id] - log_sum;
    }
}
