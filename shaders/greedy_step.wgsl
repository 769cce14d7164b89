// Appends to every caption its most likely next token, and that token's log-probability.
//
//   token   = arg max logits, of equals the first; EOS is left out while the caption is shorter than
//             min_len, and forced where this is its last column
//   logprob = logits[token] - log Σ exp(logits)
//
// A caption that is done gets the pad 0 and log-probability 0; it is done after EOS or token 0.
// Logits are read once: maximum, its place and the sum of exponentials are found together.
//
// Grid: one workgroup of LANES invocations a caption.
// Constants: LANES (a power of two).

struct Params {
    vocabulary: u32, // V
    capacity: u32,
    column: u32,
    eos: u32,
    bar_eos: u32, // 1: EOS may not be chosen yet
    force_eos: u32, // 1: EOS must be chosen
}

@group(0) @binding(0) var<storage, read> logits: array<f32>;         // (B, V)
@group(0) @binding(1) var<storage, read_write> tokens: array<u32>;   // (B, capacity)
@group(0) @binding(2) var<storage, read_write> logprobs: array<f32>; // (B, capacity)
@group(0) @binding(3) var<storage, read_write> done: array<u32>;     // (B)
var<immediate> p: Params;

// Below every logit, and a finite number: drivers may assume that there is no infinity.
const LOWEST: f32 = -1e30;

// By lane: largest logit and sum of exponentials over all tokens, best logit and its token over
// those that may be chosen.
var<workgroup> most: array<f32, LANES>;
var<workgroup> total: array<f32, LANES>;
var<workgroup> best: array<f32, LANES>;
var<workgroup> token: array<u32, LANES>;

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
    var choice = LOWEST;
    var chosen = 0xffffffffu;
    for (var c = lane; c < p.vocabulary; c += LANES) {
        let value = max(logits[start + c], LOWEST);
        if value > m {
            sum *= exp(m - value);
            m = value;
        }
        sum += exp(value - m);
        let allowed = p.bar_eos == 0u || c != p.eos;
        if allowed && (chosen == 0xffffffffu || value > choice) {
            choice = value;
            chosen = c;
        }
    }
    most[lane] = m;
    total[lane] = sum;
    best[lane] = choice;
    token[lane] = chosen;
    workgroupBarrier();
    for (var half = LANES / 2u; half > 0u; half /= 2u) {
        if lane < half {
            let other = lane + half;
            let joint = max(most[lane], most[other]);
            total[lane] = total[lane] * exp(most[lane] - joint) + total[other] * exp(most[other] - joint);
            most[lane] = joint;
            if best[other] > best[lane] || (best[other] == best[lane] && token[other] < token[lane]) {
                best[lane] = best[other];
                token[lane] = token[other];
            }
        }
        workgroupBarrier();
    }

    if lane == 0u {
        let place = row * p.capacity + p.column;
        let id = select(token[0], p.eos, p.force_eos == 1u);
        if done[row] != 0u {
            tokens[place] = 0u;
            logprobs[place] = 0.0;
        } else {
            tokens[place] = id;
            logprobs[place] = logits[start + id] - most[0] - log(total[0]);
            done[row] = u32(id == p.eos || id == 0u);
        }
    }
}
