// Attention with online softmax by cooperative matrices: a subgroup multiplies matrices of SIDE × SIDE
// together.
//
//   out[b, i, h] = Σ_j softmax_j(q[b, i, h] · k[b, j, h] / √HEAD) v[b, j, h]
//
// MASK and STATE are as in attention.wgsl. Weights are rounded to f16, and so added up rounded, too:
// those of a query make one.
//
// A workgroup owns PARTS · SIDE queries of one head, each subgroup SIDE of them, and walks over the
// keys, KEYS at a time. Rows beyond the last query or key are zero. The elements of a matrix cannot be
// reached but through workgroup memory: there the scores become weights, and what a block of keys adds
// is fetched. LANES / (PARTS · SIDE) invocations share a query: they hold its columns of the output,
// which are rescaled with each block, in registers.
//
// Where subgroups are smaller than the adapter's largest, there are more of them than parts: the
// others make the same products once more and store the same values.
//
// Grid: (ceil(queries / (PARTS · SIDE)), heads, batch). Needs HEAD % SIDE = 0, elem = f16.
// Constants: HEAD, MASK, STATE, result (element type of out), SIDE with the types coop_a, coop_b, coop_c;
// PARTS, LANES (PARTS subgroups of the largest size, which SIDE divides), KEYS (a multiple of SIDE).

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
const QUERIES: u32 = PARTS * SIDE;
const SHARE: u32 = LANES / QUERIES;
const COLS: u32 = (HEAD4 + SHARE - 1u) / SHARE;
// 16 bytes more a row, as alignment wants them, so that rows start in different banks.
const STRIDE: u32 = HEAD + 8u;
const WEIGHT_STRIDE: u32 = KEYS + 8u;
const SUM_STRIDE: u32 = max(HEAD, KEYS) + 4u;

// Below every score, and a finite number: drivers may assume that there is no infinity.
const LOWEST: f32 = -1e30;

// Scalars: Metal loads matrices from pointers to nothing else.
var<workgroup> tile: array<elem, max(QUERIES, KEYS) * STRIDE>; // queries, then keys and values in turn
var<workgroup> weights: array<elem, QUERIES * WEIGHT_STRIDE>;
var<workgroup> sums: array<f32, QUERIES * SUM_STRIDE>; // scores, then sums of weighted values
var<workgroup> totals: array<f32, LANES>;

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

/// The n-th vec4 of a tile.
fn put(n: u32, value: elem4) {
    let at = n / HEAD4 * STRIDE + 4u * (n % HEAD4);
    tile[at] = value.x;
    tile[at + 1u] = value.y;
    tile[at + 2u] = value.z;
    tile[at + 3u] = value.w;
}

@compute @workgroup_size(LANES)
fn main(
    @builtin(workgroup_id) group: vec3<u32>,
    @builtin(local_invocation_index) lane: u32,
    @builtin(subgroup_id) subgroup: u32,
) {
    let first = group.x * QUERIES;
    let head = group.y * HEAD4;
    let b = group.z;
    let q_start = p.q.offset + b * p.q.batch + head;
    let k_start = p.k.offset + b * p.k.batch + head;
    let v_start = p.v.offset + b * p.v.batch + head;
    let part_row = (subgroup % PARTS) * SIDE;
    // The query that this invocation shares with those beside it.
    let y = lane / SHARE;
    let x = lane % SHARE;
    let i = first + y;

    for (var n = lane; n < QUERIES * HEAD4; n += LANES) {
        let row = first + n / HEAD4;
        var value = elem4();
        if row < p.queries {
            value = q[q_start + row * p.q.row + n % HEAD4];
        }
        put(n, value);
    }
    workgroupBarrier();
    var query: array<coop_a, HEAD / SIDE>;
    for (var c = 0u; c < HEAD / SIDE; c++) {
        query[c] = coopLoadT<coop_a>(&tile[part_row * STRIDE + c * SIDE], STRIDE);
    }

    var best = LOWEST;
    var sum = 0.0; // of this invocation's share of the weights
    var acc: array<vec4<f32>, COLS>;

    var end = p.keys;
    if MASK != 0u {
        end = min(end, first + QUERIES + p.keys - p.queries);
    }
    for (var start = 0u; start < end; start += KEYS) {
        workgroupBarrier(); // the queries or the last block's values have been used
        for (var n = lane; n < KEYS * HEAD4; n += LANES) {
            let j = start + n / HEAD4;
            var value = elem4();
            if j < p.keys {
                value = k[k_start + j * p.k.row + n % HEAD4];
            }
            put(n, value);
        }
        workgroupBarrier();

        for (var j = 0u; j < KEYS; j += SIDE) {
            var scores = coop_c();
            for (var c = 0u; c < HEAD / SIDE; c++) {
                // Read by columns: the transpose of the keys' rows.
                let key = coopLoad<coop_b>(&tile[j * STRIDE + c * SIDE], STRIDE);
                scores = coopMultiplyAdd(query[c], key, scores);
            }
            coopStoreT(scores, &sums[part_row * SUM_STRIDE + j], SUM_STRIDE);
        }
        workgroupBarrier();

        let row = min(i, p.queries - 1u);
        var joint = best;
        for (var j = 0u; j < KEYS; j++) {
            if visible(b, row, start + j) {
                joint = max(joint, sums[y * SUM_STRIDE + j] * p.scale);
            }
        }
        let shrink = exp(best - joint);
        best = joint;
        sum *= shrink;
        for (var j = x; j < KEYS; j += SHARE) {
            var weight = elem();
            if visible(b, row, start + j) {
                weight = elem(exp(sums[y * SUM_STRIDE + j] * p.scale - joint));
            }
            sum += f32(weight);
            weights[y * WEIGHT_STRIDE + j] = weight;
        }
        for (var n = lane; n < KEYS * HEAD4; n += LANES) {
            let j = start + n / HEAD4;
            var value = elem4();
            if j < p.keys {
                value = v[v_start + j * p.v.row + n % HEAD4];
            }
            put(n, value);
        }
        workgroupBarrier();

        var weight: array<coop_a, KEYS / SIDE>;
        for (var j = 0u; j < KEYS / SIDE; j++) {
            weight[j] = coopLoadT<coop_a>(&weights[part_row * WEIGHT_STRIDE + j * SIDE], WEIGHT_STRIDE);
        }
        for (var c = 0u; c < HEAD; c += SIDE) {
            var values = coop_c();
            for (var j = 0u; j < KEYS / SIDE; j++) {
                let value = coopLoadT<coop_b>(&tile[j * SIDE * STRIDE + c], STRIDE);
                values = coopMultiplyAdd(weight[j], value, values);
            }
            coopStoreT(values, &sums[part_row * SUM_STRIDE + c], SUM_STRIDE);
        }
        workgroupBarrier();

        for (var m = 0u; m < COLS; m++) {
            let c = x + m * SHARE;
            if c < HEAD4 {
                let at = y * SUM_STRIDE + 4u * c;
                let value = vec4(sums[at], sums[at + 1u], sums[at + 2u], sums[at + 3u]);
                acc[m] = acc[m] * shrink + value;
            }
        }
    }

    totals[lane] = sum;
    workgroupBarrier();
    sum = 0.0;
    for (var n = 0u; n < SHARE; n++) {
        sum += totals[y * SHARE + n];
    }
    if i < p.queries {
        let item = (b * p.queries + i) * p.heads + group.y;
        for (var m = 0u; m < COLS; m++) {
            let c = x + m * SHARE;
            if c < HEAD4 {
                if STATE {
                    out[item * HEAD4 + c] = vec4<result>(acc[m]);
                } else {
                    out[item * HEAD4 + c] = vec4<result>(acc[m] / sum);
                }
            }
        }
        if STATE && x == 0u {
            total[item] = sum;
            most[item] = best;
        }
    }
}
