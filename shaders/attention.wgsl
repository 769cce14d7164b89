// Attention with online softmax, on tiles in workgroup memory: for adapters with fast barriers.
//
//   out[b, i, h] = Σ_j softmax_j(q[b, i, h] · k[b, j, h] / √HEAD) v[b, j, h]
//
// MASK 0: every key; 1: key j for query i if j <= i + keys - queries; 2: the same, and in the last
// row key j only if j = 0 or ids[b, j - 1] != 0. With STATE, out is not divided by the sum of
// exponentials; that sum and the maximum are written beside it.
//
// A workgroup of TX × TY invocations owns 4·TY queries of one head and walks over the keys, 4·TX
// at a time. An invocation holds 4 × 4 scores of a tile (queries y, y + TY, ..; keys x, x + TX, ..:
// neighbours then read neighbouring rows) and, for its 4 queries, COLS vec4 columns of the output.
//
// Grid: (ceil(queries / 4·TY), heads, batch).
// Constants: HEAD, MASK, STATE, result (element type of out), TX, TY.

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

@group(0) @binding(0) var<storage, read> q: array<elem4>;               // (B, queries, heads, HEAD) in rows
@group(0) @binding(1) var<storage, read> k: array<elem4>;               // (B, keys, heads, HEAD) in rows
@group(0) @binding(2) var<storage, read> v: array<elem4>;               // (B, keys, heads, HEAD) in rows
@group(0) @binding(3) var<storage, read> ids: array<u32>;               // (B, id_row), MASK 2
@group(0) @binding(4) var<storage, read_write> out: array<vec4<result>>; // (B, queries, heads, HEAD)
@group(0) @binding(5) var<storage, read_write> total: array<f32>;       // (B, queries, heads), STATE
@group(0) @binding(6) var<storage, read_write> most: array<f32>;        // (B, queries, heads), STATE
var<immediate> p: Params;

const HEAD4: u32 = HEAD / 4u;
const COLS: u32 = (HEAD4 + TX - 1u) / TX;
const INVOCATIONS: u32 = TX * TY;
const QUERIES: u32 = 4u * TY;
const KEYS: u32 = 4u * TX;
// An odd number of words a row, so that rows read side by side lie in different banks.
const STRIDE: u32 = HEAD4 | 1u;
const WEIGHT_STRIDE: u32 = TX + 1u;

// Below every score, and a finite number: drivers may assume that there is no infinity.
const LOWEST: f32 = -1e30;

var<workgroup> query_tile: array<elem4, QUERIES * STRIDE>;
var<workgroup> tile: array<elem4, KEYS * STRIDE>; // keys, then values
// Entry (i, x) holds the weights of keys x, x + TX, x + 2·TX, x + 3·TX for query i.
var<workgroup> weights: array<vec4<f32>, QUERIES * WEIGHT_STRIDE>;
var<workgroup> maxima: array<f32, QUERIES * TX>;

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

@compute @workgroup_size(TX, TY)
fn main(
    @builtin(workgroup_id) group: vec3<u32>,
    @builtin(local_invocation_id) local: vec3<u32>,
    @builtin(local_invocation_index) invocation: u32,
) {
    let x = local.x;
    let y = local.y;
    let first = group.x * QUERIES;
    let head = group.y * HEAD4;
    let b = group.z;
    let q_start = p.q.offset + b * p.q.batch + head;
    let k_start = p.k.offset + b * p.k.batch + head;
    let v_start = p.v.offset + b * p.v.batch + head;

    // Rows past the end repeat the last one: they are computed and not stored.
    for (var n = invocation; n < QUERIES * HEAD4; n += INVOCATIONS) {
        let i = min(first + n / HEAD4, p.queries - 1u);
        query_tile[n / HEAD4 * STRIDE + n % HEAD4] = q[q_start + i * p.q.row + n % HEAD4];
    }

    var best = vec4(LOWEST); // of queries y, y + TY, ..
    var sum = vec4<f32>();
    var sums: array<array<vec4<f32>, COLS>, 4>;

    var end = p.keys;
    if MASK != 0u {
        end = min(end, first + QUERIES + p.keys - p.queries);
    }
    for (var start = 0u; start < end; start += KEYS) {
        workgroupBarrier(); // the last tile's values have been used
        for (var n = invocation; n < KEYS * HEAD4; n += INVOCATIONS) {
            let j = min(start + n / HEAD4, p.keys - 1u);
            tile[n / HEAD4 * STRIDE + n % HEAD4] = k[k_start + j * p.k.row + n % HEAD4];
        }
        workgroupBarrier();

        var scores: array<vec4<f32>, 4>;
        for (var c = 0u; c < HEAD4; c++) {
            let k0 = vec4<f32>(tile[x * STRIDE + c]);
            let k1 = vec4<f32>(tile[(x + TX) * STRIDE + c]);
            let k2 = vec4<f32>(tile[(x + 2u * TX) * STRIDE + c]);
            let k3 = vec4<f32>(tile[(x + 3u * TX) * STRIDE + c]);
            for (var r = 0u; r < 4u; r++) {
                let row = vec4<f32>(query_tile[(y + r * TY) * STRIDE + c]);
                scores[r] += vec4(dot(row, k0), dot(row, k1), dot(row, k2), dot(row, k3));
            }
        }
        for (var r = 0u; r < 4u; r++) {
            let i = min(first + y + r * TY, p.queries - 1u);
            let j = start + x;
            let shown = vec4(
                visible(b, i, j),
                visible(b, i, j + TX),
                visible(b, i, j + 2u * TX),
                visible(b, i, j + 3u * TX),
            );
            let s = select(vec4(LOWEST), scores[r] * p.scale, shown);
            scores[r] = s;
            maxima[(y + r * TY) * TX + x] = max(max(s.x, s.y), max(s.z, s.w));
        }
        workgroupBarrier();

        for (var r = 0u; r < 4u; r++) {
            var joint = best[r];
            for (var n = 0u; n < TX; n++) {
                joint = max(joint, maxima[(y + r * TY) * TX + n]);
            }
            let shrink = exp(best[r] - joint);
            best[r] = joint;
            sum[r] *= shrink;
            for (var n = 0u; n < COLS; n++) {
                sums[r][n] *= shrink;
            }
            let weight = select(exp(scores[r] - joint), vec4<f32>(), scores[r] == vec4(LOWEST));
            weights[(y + r * TY) * WEIGHT_STRIDE + x] = weight;
        }
        for (var n = invocation; n < KEYS * HEAD4; n += INVOCATIONS) {
            let j = min(start + n / HEAD4, p.keys - 1u);
            tile[n / HEAD4 * STRIDE + n % HEAD4] = v[v_start + j * p.v.row + n % HEAD4];
        }
        workgroupBarrier();

        for (var n = 0u; n < TX; n++) {
            var weight: array<vec4<f32>, 4>;
            for (var r = 0u; r < 4u; r++) {
                weight[r] = weights[(y + r * TY) * WEIGHT_STRIDE + n];
                sum[r] += dot(weight[r], vec4(1.0));
            }
            for (var m = 0u; m < COLS; m++) {
                let c = x + m * TX;
                if c < HEAD4 {
                    let v0 = vec4<f32>(tile[n * STRIDE + c]);
                    let v1 = vec4<f32>(tile[(n + TX) * STRIDE + c]);
                    let v2 = vec4<f32>(tile[(n + 2u * TX) * STRIDE + c]);
                    let v3 = vec4<f32>(tile[(n + 3u * TX) * STRIDE + c]);
                    for (var r = 0u; r < 4u; r++) {
                        let w = weight[r];
                        sums[r][m] += w.x * v0 + w.y * v1 + w.z * v2 + w.w * v3;
                    }
                }
            }
        }
    }

    for (var r = 0u; r < 4u; r++) {
        let i = first + y + r * TY;
        if i < p.queries {
            let item = (b * p.queries + i) * p.heads + group.y;
            for (var m = 0u; m < COLS; m++) {
                let c = x + m * TX;
                if c < HEAD4 {
                    if STATE {
                        out[item * HEAD4 + c] = vec4<result>(sums[r][m]);
                    } else {
                        out[item * HEAD4 + c] = vec4<result>(sums[r][m] / sum[r]);
                    }
                }
            }
            if STATE && x == 0u {
                total[item] = sum[r];
                most[item] = best[r];
            }
        }
    }
}
