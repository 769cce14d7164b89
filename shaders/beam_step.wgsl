// Takes the beams of every clip one id further (transformers' BeamSearchScorer, in place).
//
// Of all beams' candidates the best 2·BEAMS are taken in falling order of beam score + candidate
// score. EOS among the first BEAMS of them finishes a text, scored sum / (column + 1), which stays if
// it is among the clip's BEAMS best; EOS further down is passed over; the others become the new beams
// until there are BEAMS. A clip is done when it has BEAMS finished texts and no open beam could beat
// the worst of them; nothing of it changes after that.
//
// The keys and values of a beam stay where they were computed: `history` tells of every column of
// every beam in which row of the caches it lies.
//
// Grid: one workgroup of LANES invocations a clip.
// Constants: LANES, BEAMS.

struct Params {
    capacity: u32,
    column: u32,
    eos: u32,
}

struct Candidate {
    id: f32,
    score: f32,
    logprob: f32,
}

struct Finished {
    score: f32,
    logprob: f32,
    length: f32, // ids without EOS; 0: none
    age: f32, // grows from one that was finished to the next
}

@group(0) @binding(0) var<storage, read> candidates: array<f32>;       // (B, BEAMS, 2·BEAMS, 3)
@group(0) @binding(1) var<storage, read_write> tokens: array<u32>;     // (B·BEAMS, capacity)
@group(0) @binding(2) var<storage, read_write> history: array<u32>;    // (B·BEAMS, capacity)
@group(0) @binding(3) var<storage, read_write> sums: array<vec2<f32>>; // (B·BEAMS) score, log-probability
@group(0) @binding(4) var<storage, read_write> texts: array<u32>;      // (B·BEAMS, capacity) finished
@group(0) @binding(5) var<storage, read_write> finished: array<vec4<f32>>; // (B·BEAMS) as Finished
@group(0) @binding(6) var<storage, read_write> done: array<u32>;       // (B)
var<immediate> p: Params;

const COUNT: u32 = 2u * BEAMS;
const NONE: u32 = 0xffffffffu;

// Of each new beam, the old one it goes on from; of each finished text, the beam it was, or NONE.
var<workgroup> parents: array<u32, BEAMS>;
var<workgroup> sources: array<u32, BEAMS>;
var<workgroup> chosen: array<u32, BEAMS>;

fn candidate(beam: u32, n: u32) -> Candidate {
    let at = (beam * COUNT + n) * 3u;
    return Candidate(candidates[at], candidates[at + 1u], candidates[at + 2u]);
}

// Chooses for the clip whose first beam is `first`.
fn choose(clip: u32, first: u32) {
    var kept: array<Finished, BEAMS>;
    var old: array<vec2<f32>, BEAMS>;
    var taken: array<u32, BEAMS>; // candidates of each beam
    for (var i = 0u; i < BEAMS; i++) {
        let f = finished[first + i];
        kept[i] = Finished(f.x, f.y, f.z, f.w);
        old[i] = sums[first + i];
        taken[i] = 0u;
        sources[i] = NONE;
    }
    let length = f32(p.column + 1u);
    var best_sum = 0.0;
    var beams = 0u;
    for (var n = 0u; n < COUNT; n++) {
        if beams == BEAMS {
            break;
        }
        var beam = 0u;
        var top: Candidate;
        var sum = 0.0;
        for (var i = 0u; i < BEAMS; i++) {
            // Together all give COUNT, so one gives COUNT only as the last.
            let next = candidate(first + i, min(taken[i], COUNT - 1u));
            if i == 0u || old[i].x + next.score > sum {
                beam = i;
                top = next;
                sum = old[i].x + next.score;
            }
        }
        taken[beam] += 1u;
        if n == 0u {
            best_sum = sum;
        }
        let logprob = old[beam].y + top.logprob;
        if u32(top.id) != p.eos {
            parents[beams] = beam;
            chosen[beams] = u32(top.id);
            sums[first + beams] = vec2(sum, logprob);
            beams += 1u;
        } else if n < BEAMS {
            // Into an empty place, or that of the worst, of equals the oldest.
            var place = 0u;
            for (var i = 1u; i < BEAMS; i++) {
                let lower = kept[i].score < kept[place].score
                    || (kept[i].score == kept[place].score && kept[i].age < kept[place].age);
                let empty = kept[i].length == 0.0;
                if kept[place].length > 0.0 && (empty || lower) {
                    place = i;
                }
            }
            if kept[place].length == 0.0 || sum / length > kept[place].score {
                let age = f32(p.column * COUNT + n);
                kept[place] = Finished(sum / length, logprob, f32(p.column), age);
                sources[place] = beam;
            }
        }
    }
    var closed = true;
    for (var i = 0u; i < BEAMS; i++) {
        let f = kept[i];
        finished[first + i] = vec4(f.score, f.logprob, f.length, f.age);
        closed = closed && f.length > 0.0 && f.score >= best_sum / length;
    }
    done[clip] = u32(closed);
}

@compute @workgroup_size(LANES)
fn main(
    @builtin(workgroup_id) group: vec3<u32>,
    @builtin(local_invocation_id) local: vec3<u32>,
) {
    let lane = local.x;
    let first = group.x * BEAMS;
    let was_done = done[group.x] != 0u;
    workgroupBarrier(); // all have read the flag
    if lane == 0u && !was_done {
        choose(group.x, first);
    }
    workgroupBarrier();
    if was_done {
        return;
    }
    for (var t = lane; t < p.column; t += LANES) {
        var ids: array<u32, BEAMS>;
        var rows: array<u32, BEAMS>;
        for (var i = 0u; i < BEAMS; i++) {
            ids[i] = tokens[(first + i) * p.capacity + t];
            rows[i] = history[(first + i) * p.capacity + t];
        }
        for (var i = 0u; i < BEAMS; i++) {
            let at = (first + i) * p.capacity + t;
            tokens[at] = ids[parents[i]];
            history[at] = rows[parents[i]];
            if sources[i] != NONE {
                texts[at] = ids[sources[i]];
            }
        }
    }
    if lane < BEAMS {
        let at = (first + lane) * p.capacity + p.column;
        tokens[at] = chosen[lane];
        history[at] = first + lane;
    }
}
