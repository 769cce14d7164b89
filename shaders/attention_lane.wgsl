// Attention with online softmax, without barriers: for software adapters.
//
//   out[b, i, h] = Σ_j softmax_j(q[b, i, h] · k[b, j, h] / √HEAD) v[b, j, h]
//
// Masks, STATE and bindings are those of attention.wgsl. Each invocation owns one query of one
// head, its result in registers, and walks over the keys, 4 at a time.
//
// Grid: (ceil(heads·queries / LANES), 1, batch).

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
@group(0) @binding(4) var<storage, read_write> out: array<elem4>;       // (B, queries, heads, HEAD), not STATE
@group(0) @binding(5) var<storage, read_write> value: array<vec4<f32>>; // (B, queries, heads, HEAD), STATE
@group(0) @binding(6) var<storage, read_write> total: array<f32>;       // (B, queries, heads), STATE
@group(0) @binding(7) var<storage, read_write> most: array<f32>;        // (B, queries, heads), STATE
var<immediate> p: Params;

const HEAD4: u32 = HEAD / 4u;

// Below every score, and a finite number: drivers may assume that there is no infinity.
const LOWEST: f32 = -1e30;

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
    @builtin(local_invocation_id) local: vec3<u32>,
) {
    let i = (group.x * LANES + local.x) % p.queries;
    let h = (group.x * LANES + local.x) / p.queries;
    let b = group.z;
    if h >= p.heads {
        return;
    }
    let k_start = p.k.offset + b * p.k.batch + h * HEAD4;
    let v_start = p.v.offset + b * p.v.batch + h * HEAD4;

    var query: array<vec4<f32>, HEAD4>;
    var result: array<vec4<f32>, HEAD4>;
    let q_start = p.q.offset + b * p.q.batch + i * p.q.row + h * HEAD4;
    for (var c = 0u; c < HEAD4; c++) {
        query[c] = vec4<f32>(q[q_start + c]) * p.scale;
    }

    var best = LOWEST;
    var sum = 0.0;
    var end = p.keys;
    if MASK != 0u {
        end = min(end, i + 1u + p.keys - p.queries);
    }
    for (var start = 0u; start < end; start += 4u) {
        // Keys past the end repeat the last one and get no weight.
        let rows = min(start + vec4(0u, 1u, 2u, 3u), vec4(p.keys - 1u));
        var score = vec4<f32>();
        for (var c = 0u; c < HEAD4; c++) {
            let k_at = k_start + rows * p.k.row + c;
            score += vec4(
                dot(query[c], vec4<f32>(k[k_at.x])),
                dot(query[c], vec4<f32>(k[k_at.y])),
                dot(query[c], vec4<f32>(k[k_at.z])),
                dot(query[c], vec4<f32>(k[k_at.w])),
            );
        }
        let shown = vec4(
            visible(b, i, start),
            visible(b, i, start + 1u),
            visible(b, i, start + 2u),
            visible(b, i, start + 3u),
        );
        score = select(vec4(LOWEST), score, shown);
        let joint = max(best, max(max(score.x, score.y), max(score.z, score.w)));
        let shrink = exp(best - joint);
        let weight = select(vec4<f32>(), exp(score - joint), shown);
        best = joint;
        sum = sum * shrink + dot(weight, vec4(1.0));
        for (var c = 0u; c < HEAD4; c++) {
            let v_at = v_start + rows * p.v.row + c;
            result[c] = result[c] * shrink
                + weight.x * vec4<f32>(v[v_at.x])
                + weight.y * vec4<f32>(v[v_at.y])
                + weight.z * vec4<f32>(v[v_at.z])
                + weight.w * vec4<f32>(v[v_at.w]);
        }
    }

    let to = (b * p.queries + i) * p.heads + h;
    if STATE {
        total[to] = sum;
        most[to] = best;
    }
    for (var c = 0u; c < HEAD4; c++) {
        if STATE {
            value[to * HEAD4 + c] = result[c];
        } else {
            out[to * HEAD4 + c] = elem4(result[c] / sum);
        }
    }
}
