// The COUNT best next ids of every beam, in falling order; of equals the lower id comes first.
//
//   id, score (− log Σ exp(logits) where PROBABILITIES are summed), log-probability
//
// Each round scans the row for the best entry behind the last one taken, so nothing is kept but that
// entry.
//
// Grid: one workgroup of LANES invocations a beam.
// Constants: LANES (a power of two), COUNT, PROBABILITIES.

struct Params {
    vocabulary: u32, // V
}

@group(0) @binding(0) var<storage, read> logits: array<f32>;           // (R, V)
@group(0) @binding(1) var<storage, read> scores: array<f32>;           // (R, V)
@group(0) @binding(2) var<storage, read_write> candidates: array<f32>; // (R, COUNT, 3)
var<immediate> p: Params;

// Below every logit, and a finite number: drivers may assume that there is no infinity.
const LOWEST: f32 = -1e30;
const NOWHERE: u32 = 0xffffffffu;

// Largest logit and sum of exponentials, then the rank of the best entry; by lane.
var<workgroup> most: array<f32, LANES>;
var<workgroup> total: array<f32, LANES>;
var<workgroup> ranks: array<u32, LANES>;
var<workgroup> places: array<u32, LANES>;

@compute @workgroup_size(LANES)
fn main(
    @builtin(workgroup_id) group: vec3<u32>,
    @builtin(local_invocation_id) local: vec3<u32>,
) {
    let lane = local.x;
    let row = group.x;
    let start = row * p.vocabulary;

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

    var last_rank = 0xffffffffu;
    var last_place = 0u;
    for (var n = 0u; n < COUNT; n++) {
        var best = 0u;
        var place = NOWHERE;
        // Places grow along the loop, so a later equal never displaces an earlier one.
        for (var c = lane; c < p.vocabulary; c += LANES) {
            let r = rank(scores[start + c]);
            let open = r < last_rank || (r == last_rank && c > last_place);
            if open && (place == NOWHERE || r > best) {
                best = r;
                place = c;
            }
        }
        ranks[lane] = best;
        places[lane] = place;
        workgroupBarrier();
        for (var half = LANES / 2u; half > 0u; half /= 2u) {
            if lane < half {
                let r = ranks[lane + half];
                let c = places[lane + half];
                // NOWHERE ranks 0 and is the largest place: it loses every comparison.
                if r > ranks[lane] || (r == ranks[lane] && c < places[lane]) {
                    ranks[lane] = r;
                    places[lane] = c;
                }
            }
            workgroupBarrier();
        }
        last_rank = ranks[0];
        last_place = places[0];
        if lane == 0u {
            let at = (row * COUNT + n) * 3u;
            candidates[at] = f32(last_place);
            candidates[at + 1u] = scores[start + last_place] - select(0.0, log_sum, PROBABILITIES);
            candidates[at + 2u] = logits[start + last_place] - log_sum;
        }
        workgroupBarrier(); // all have read the winner before the next round writes
    }
}
