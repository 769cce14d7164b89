// What ids would score next in every text: the logits, but for ids that stand in the text already, and
// for EOS where it may not come yet.
//
//   seen    s · penalty where s = logit − shift is below 0, s / penalty above; + shift
//   shift   log Σ exp(logits) where PROBABILITIES are penalised, else 0
//
// Grid: one workgroup of LANES invocations a text.
// Constants: LANES (a power of two), PROBABILITIES.

struct Params {
    vocabulary: u32, // V
    capacity: u32,
    length: u32, // ids that stand in each text
    eos: u32,
    bar_eos: u32, // 1: EOS may not be chosen yet
    penalty: f32,
}

@group(0) @binding(0) var<storage, read> logits: array<f32>;       // (R, V)
@group(0) @binding(1) var<storage, read> tokens: array<u32>;       // (R, capacity)
@group(0) @binding(2) var<storage, read_write> scores: array<f32>; // (R, V)
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
        scores[start + c] = select(value, LOWEST, p.bar_eos == 1u && c == p.eos);
        if PROBABILITIES {
            if value > m {
                sum *= exp(m - value);
                m = value;
            }
            sum += exp(value - m);
        }
    }
    var shift = 0.0;
    if PROBABILITIES {
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
        shift = most[0] + log(total[0]);
    }
    storageBarrier(); // the plain scores stand before those of seen ids replace them

    for (var t = lane; t < p.length; t += LANES) {
        let c = tokens[group.x * p.capacity + t];
        if p.bar_eos == 0u || c != p.eos {
            let score = max(logits[start + c], LOWEST) - shift;
            scores[start + c] = select(score / p.penalty, score * p.penalty, score < 0.0) + shift;
        }
    }
}
