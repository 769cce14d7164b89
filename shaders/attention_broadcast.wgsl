// Attention with online softmax, for software adapters with subgroups of 8: no workgroup memory.
//
//   out[b, i, h] = Σ_j softmax_j(q[b, i, h] · k[b, j, h] / √HEAD) v[b, j, h]
//
// Masks, STATE and bindings are those of attention.wgsl. A workgroup is one subgroup; it owns ROWS
// queries of one head and walks over the keys, 8·WIDE at a time. Lane l scores keys l, l + 8, … and
// gathers columns 4l, 4l + 32, … of the values; queries and weights reach the other lanes by
// broadcasts from a constant lane, which cost a register shuffle where a load costs eight.
//
// Grid: (ceil(queries / ROWS), heads, batch).
// Constants: HEAD, MASK, STATE, result, WIDE.

struct Rows {
    offset: u32, // all in vec4
    batch: u32,
    row: u32,
}

struct Params {
    q: Rows,
    k: Rows,
    v: Rows,
    queries: u32,
    keys: u32,
    heads: u32,
    id_row: u32, // ids a row
    scale: f32,
}

@group(0) @binding(0) var<storage, read> q: array<elem4>;              // (B, queries, heads, HEAD) in rows
@group(0) @binding(1) var<storage, read> k: array<elem4>;              // (B, keys, heads, HEAD) in rows
@group(0) @binding(2) var<storage, read> v: array<elem4>;              // (B, keys, heads, HEAD) in rows
@group(0) @binding(3) var<storage, read> ids: array<u32>;              // (B, id_row), MASK 2
@group(0) @binding(4) var<storage, read_write> out: array<vec4<result>>; // (B, queries, heads, HEAD)
@group(0) @binding(5) var<storage, read_write> total: array<f32>;      // (B, queries, heads), STATE
@group(0) @binding(6) var<storage, read_write> most: array<f32>;       // (B, queries, heads), STATE
var<immediate> p: Params;

const LANES: u32 = 8u;
const ROWS: u32 = 16u;
const HEAD4: u32 = HEAD / 4u;
const COLS: u32 = (HEAD4 + LANES - 1u) / LANES;
const BLOCK: u32 = LANES * WIDE;

// Below every score, and a finite number: drivers may assume that there is no infinity.
const LOWEST: f32 = -1e30;

// One number for each of the 16 queries.
alias PerRow = array<vec4<f32>, 4>;
alias Sums = array<array<vec4<f32>, COLS>, ROWS>;

fn visible(b: u32, i: u32, j: u32) -> bool {
    if j >= p.keys {
        return false;
    }
    if MASK == 0u {
        return true;
    }
    if j + p.queries > i + p.keys {
        return false;
    }
    if MASK == 2u && i + 1u == p.queries && j > 0u {
        return ids[b * p.id_row + j - 1u] != 0u;
    }
    return true;
}

@compute @workgroup_size(LANES)
fn main(
    @builtin(workgroup_id) group: vec3<u32>,
    @builtin(subgroup_invocation_id) lane: u32,
) {
    let first = group.x * ROWS;
    let b = group.z;
    let q_start = p.q.offset + b * p.q.batch + group.y * HEAD4;
    let k_start = p.k.offset + b * p.k.batch + group.y * HEAD4;
    let v_start = p.v.offset + b * p.v.batch + group.y * HEAD4;
    // Rows past the end repeat the last one: they are computed and not stored.
    let q_low = q_start + min(first + lane, p.queries - 1u) * p.q.row;
    let q_high = q_start + min(first + LANES + lane, p.queries - 1u) * p.q.row;

    var best = PerRow(vec4(LOWEST), vec4(LOWEST), vec4(LOWEST), vec4(LOWEST));
    var sum: PerRow; // over this lane's keys
    var sums: Sums;
    var end = p.keys;
    if MASK != 0u {
        end = min(end, first + ROWS + p.keys - p.queries);
    }
    for (var start = 0u; start < end; start += BLOCK) {
        var k_at: array<u32, WIDE>;
        for (var n = 0u; n < WIDE; n++) {
            k_at[n] = k_start + min(start + n * LANES + lane, p.keys - 1u) * p.k.row;
        }
        var scores: array<PerRow, WIDE>;
        for (var c = 0u; c < HEAD4; c++) {
            var key: array<vec4<f32>, WIDE>;
            for (var n = 0u; n < WIDE; n++) {
                key[n] = vec4<f32>(k[k_at[n] + c]);
            }
            for (var g = 0u; g < 2u; g++) {
                let a = vec4<f32>(q[select(q_low, q_high, g == 1u) + c]);
                let a0 = subgroupBroadcast(a, 0u);
                let a1 = subgroupBroadcast(a, 1u);
                let a2 = subgroupBroadcast(a, 2u);
                let a3 = subgroupBroadcast(a, 3u);
                let a4 = subgroupBroadcast(a, 4u);
                let a5 = subgroupBroadcast(a, 5u);
                let a6 = subgroupBroadcast(a, 6u);
                let a7 = subgroupBroadcast(a, 7u);
                for (var n = 0u; n < WIDE; n++) {
                    let t = key[n];
                    scores[n][2u * g] += vec4(dot(a0, t), dot(a1, t), dot(a2, t), dot(a3, t));
                    scores[n][2u * g + 1u] += vec4(dot(a4, t), dot(a5, t), dot(a6, t), dot(a7, t));
                }
            }
        }

        for (var r = 0u; r < 4u; r++) {
            let i = first + 4u * r;
            var joint = best[r];
            for (var n = 0u; n < WIDE; n++) {
                let j = start + n * LANES + lane;
                let shown = vec4(
                    visible(b, i, j),
                    visible(b, i + 1u, j),
                    visible(b, i + 2u, j),
                    visible(b, i + 3u, j),
                );
                scores[n][r] = select(vec4(LOWEST), scores[n][r] * p.scale, shown);
                joint = max(joint, scores[n][r]);
            }
            joint = subgroupMax(joint);
            let shrink = exp(best[r] - joint);
            best[r] = joint;
            sum[r] *= shrink;
            for (var n = 0u; n < WIDE; n++) {
                let s = scores[n][r];
                scores[n][r] = select(exp(s - joint), vec4<f32>(), s == vec4(LOWEST));
                sum[r] += scores[n][r];
            }
            for (var m = 0u; m < COLS; m++) {
                sums[4u * r][m] *= shrink.x;
                sums[4u * r + 1u][m] *= shrink.y;
                sums[4u * r + 2u][m] *= shrink.z;
                sums[4u * r + 3u][m] *= shrink.w;
            }
        }

        for (var n = 0u; n < WIDE; n++) {
            var low: array<mat4x4<f32>, COLS>; // this lane's columns of keys 0 to 3 of the eight
            var high: array<mat4x4<f32>, COLS>; // and of keys 4 to 7
            for (var l = 0u; l < 4u; l++) {
                let j = start + n * LANES + l;
                let low_at = v_start + min(j, p.keys - 1u) * p.v.row;
                let high_at = v_start + min(j + 4u, p.keys - 1u) * p.v.row;
                for (var m = 0u; m < COLS; m++) {
                    let c = min(lane + m * LANES, HEAD4 - 1u);
                    low[m][l] = vec4<f32>(v[low_at + c]);
                    high[m][l] = vec4<f32>(v[high_at + c]);
                }
            }
            for (var r = 0u; r < 4u; r++) {
                let w = scores[n][r];
                let w0 = subgroupBroadcast(w, 0u);
                let w1 = subgroupBroadcast(w, 1u);
                let w2 = subgroupBroadcast(w, 2u);
                let w3 = subgroupBroadcast(w, 3u);
                let w4 = subgroupBroadcast(w, 4u);
                let w5 = subgroupBroadcast(w, 5u);
                let w6 = subgroupBroadcast(w, 6u);
                let w7 = subgroupBroadcast(w, 7u);
                for (var x = 0u; x < 4u; x++) {
                    let low_weights = vec4(w0[x], w1[x], w2[x], w3[x]);
                    let high_weights = vec4(w4[x], w5[x], w6[x], w7[x]);
                    for (var m = 0u; m < COLS; m++) {
                        sums[4u * r + x][m] += low[m] * low_weights + high[m] * high_weights;
                    }
                }
            }
        }
    }

    for (var r = 0u; r < ROWS; r++) {
        // Every lane sums its own keys; all of them take part in the reduction.
        let whole = subgroupAdd(sum[r / 4u][r % 4u]);
        let i = first + r;
        if i < p.queries {
            let item = (b * p.queries + i) * p.heads + group.y;
            for (var m = 0u; m < COLS; m++) {
                let c = lane + m * LANES;
                if c < HEAD4 {
                    if STATE {
                        out[item * HEAD4 + c] = vec4<result>(sums[r][m]);
                    } else {
                        out[item * HEAD4 + c] = vec4<result>(sums[r][m] / whole);
                    }
                }
            }
            if STATE && lane == 0u {
                total[item] = whole;
                most[item] = best[r / 4u][r % 4u];
            }
        }
    }
}
