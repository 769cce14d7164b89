// Appends to every text an id drawn from the model's distribution, and that id's log-probability.
//
//   kept    = the top_k best scores, and of these the fewest that hold all but `rest` of the probability
//   token   ~ softmax(score / temperature) over the kept; EOS where this is the text's last column
//   logprob = logits[token] - log Σ exp(logits)
//
// The draw is a race: every id runs for a time E / exp(score / temperature), E exponentially
// distributed, and the first one wins; this needs no sums, so it does not depend on the number of
// invocations. E comes from a hash of key, candidate and id. Without noise the best score wins.
//
// Both limits are found bit by bit as the rank of the least score that is kept. A text that is done
// gets the pad 0 and log-probability 0; it is done after EOS or token 0.
//
// Grid: one workgroup of LANES invocations a text.
// Constants: LANES (a power of two).

struct Params {
    vocabulary: u32, // V
    capacity: u32,
    column: u32,
    eos: u32,
    force_eos: u32, // 1: EOS must be chosen
    top_k: u32,
    rest: f32,
    sharpness: f32, // 1 / temperature
    noise: u32,
    key: u32,
    candidates: u32, // texts of one clip, which draw differently
}

@group(0) @binding(0) var<storage, read> logits: array<f32>;         // (R, V)
@group(0) @binding(1) var<storage, read> scores: array<f32>;         // (R, V)
@group(0) @binding(2) var<storage, read_write> tokens: array<u32>;   // (R, capacity)
@group(0) @binding(3) var<storage, read_write> logprobs: array<f32>; // (R, capacity)
@group(0) @binding(4) var<storage, read_write> done: array<u32>;     // (R)
var<immediate> p: Params;

// Below every logit, and a finite number: drivers may assume that there is no infinity.
const LOWEST: f32 = -1e30;
const NOBODY: u32 = 0xffffffffu;

var<workgroup> slots: array<f32, LANES>;
var<workgroup> racers: array<u32, LANES>;

// The sum of every invocation's value.
fn sum_of(lane: u32, value: f32) -> f32 {
    slots[lane] = value;
    workgroupBarrier();
    for (var half = LANES / 2u; half > 0u; half /= 2u) {
        if lane < half {
            slots[lane] += slots[lane + half];
        }
        workgroupBarrier();
    }
    let sum = slots[0];
    workgroupBarrier();
    return sum;
}

fn max_of(lane: u32, value: f32) -> f32 {
    slots[lane] = value;
    workgroupBarrier();
    for (var half = LANES / 2u; half > 0u; half /= 2u) {
        if lane < half {
            slots[lane] = max(slots[lane], slots[lane + half]);
        }
        workgroupBarrier();
    }
    let most = slots[0];
    workgroupBarrier();
    return most;
}

// Exponentially distributed; exact where it is small, for there the race is decided.
fn exponential(hash: u32) -> f32 {
    let u = (f32(hash >> 9u) + 0.5) * 1.1920929e-7; // in (0, 1)
    if u < 0.03125 {
        return u * (1.0 + u * (0.5 + u * (0.33333333 + u * 0.25)));
    }
    return -log(1.0 - u);
}

@compute @workgroup_size(LANES)
fn main(
    @builtin(workgroup_id) group: vec3<u32>,
    @builtin(local_invocation_id) local: vec3<u32>,
) {
    let lane = local.x;
    let row = group.x;
    let start = row * p.vocabulary;

    var own_logit = LOWEST;
    var own_score = LOWEST;
    for (var c = lane; c < p.vocabulary; c += LANES) {
        own_logit = max(own_logit, logits[start + c]);
        own_score = max(own_score, scores[start + c]);
    }
    let most_logit = max_of(lane, own_logit);
    let most_score = max_of(lane, own_score);
    var own_sum = 0.0;
    for (var c = lane; c < p.vocabulary; c += LANES) {
        own_sum += exp(max(logits[start + c], LOWEST) - most_logit);
    }
    let log_sum = most_logit + log(sum_of(lane, own_sum));

    // Scores of rank `cut` and above are kept.
    var cut = 0u;
    if p.top_k < p.vocabulary {
        for (var bit = 0x80000000u; bit != 0u; bit >>= 1u) {
            var count = 0.0;
            for (var c = lane; c < p.vocabulary; c += LANES) {
                count += f32(rank(scores[start + c]) >= (cut | bit));
            }
            cut = select(cut, cut | bit, sum_of(lane, count) >= f32(p.top_k));
        }
    }
    if p.rest > 0.0 {
        let least = cut;
        var own_mass = 0.0;
        for (var c = lane; c < p.vocabulary; c += LANES) {
            let score = scores[start + c];
            own_mass += select(0.0, exp(score - most_score), rank(score) >= least);
        }
        let allowed = p.rest * sum_of(lane, own_mass);
        cut = 0u;
        for (var bit = 0x80000000u; bit != 0u; bit >>= 1u) {
            var below = 0.0;
            for (var c = lane; c < p.vocabulary; c += LANES) {
                let score = scores[start + c];
                let r = rank(score);
                below += select(0.0, exp(score - most_score), r >= least && r < (cut | bit));
            }
            cut = select(cut, cut | bit, sum_of(lane, below) <= allowed);
        }
        cut = min(cut, rank(most_score)); // whatever the rounding of the sums, the best stay
    }

    // Scrambled once more: what is symmetric in candidate and id would tie their draws together.
    let key = scramble(p.key ^ scramble(row % p.candidates));
    var best = 0.0;
    var racer = NOBODY;
    for (var c = lane; c < p.vocabulary; c += LANES) {
        let score = max(scores[start + c], LOWEST);
        if rank(score) >= cut {
            var lead = score * p.sharpness;
            if p.noise == 1u {
                lead -= log(exponential(scramble(key ^ scramble(c))));
            }
            if racer == NOBODY || lead > best {
                best = lead;
                racer = c;
            }
        }
    }
    slots[lane] = best;
    racers[lane] = racer;
    workgroupBarrier();
    for (var half = LANES / 2u; half > 0u; half /= 2u) {
        if lane < half {
            let other = lane + half;
            let behind = slots[other] < slots[lane]
                || (slots[other] == slots[lane] && racers[other] > racers[lane]);
            if racers[other] != NOBODY && (racers[lane] == NOBODY || !behind) {
                slots[lane] = slots[other];
                racers[lane] = racers[other];
            }
        }
        workgroupBarrier();
    }

    if lane == 0u {
        let place = row * p.capacity + p.column;
        let id = select(racers[0], p.eos, p.force_eos == 1u);
        if done[row] != 0u {
            tokens[place] = 0u;
            logprobs[place] = 0.0;
        } else {
            tokens[place] = id;
            logprobs[place] = logits[start + id] - log_sum;
            done[row] = u32(id == p.eos || id == 0u);
        }
    }
}
