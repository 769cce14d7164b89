// Matrix product for software adapters with subgroups of LANES = 8: no workgroup memory.
//
//   y = f(x · weight + bias),  f: nothing, GELU, or adding to what y holds
//
// A workgroup is one subgroup and makes 8·GROUPS rows × 64 columns. Lane l loads rows l, l + 8, …
// of x and columns 8l .. 8l + 7 of weight; a value of x reaches the other lanes by a broadcast from
// a constant lane. Such an adapter runs a subgroup as one vector and loads lane by lane, some forty
// instructions for each vec4: loads are what costs, so the tile is as large as the code may
// grow before it leaves the instruction cache, and f16 weights come two to a word.
// Rows past M are read from the last row and never stored, columns likewise.
//
// grid: (⌈M/(8·GROUPS)⌉, ⌈N/64⌉). Needs K % 4 = 0, N % 4 = 0, subgroups of exactly 8.
// constants: GROUPS, HALF (elem is f16), BIAS, GELU, ADD, result.

struct Params {
    m: u32,
    n4: u32, // N/4
    k4: u32, // K/4
    p4: u32, // columns of weight as stored, /4
}

var<immediate> p: Params;
@group(0) @binding(0) var<storage, read> x: array<vec2<u32>>; // (M, K) elem
@group(0) @binding(1) var<storage, read> weight: array<vec4<u32>>; // (K, P) elem
@group(0) @binding(2) var<storage, read> bias: array<vec4<f32>>; // (P/4), unread without BIAS
@group(0) @binding(3) var<storage, read_write> y: array<vec4<result>>; // (M, N/4)

const LANES = 8u;
const ROWS = LANES * GROUPS;

/// 4 columns of one row of x.
fn four(at: u32) -> vec4<f32> {
    if (HALF) {
        return halves(x[at]);
    }
    return bitcast<vec4<f32>>(vec4(x[2u * at], x[2u * at + 1u]));
}

/// 8 columns of one row of weight.
struct Eight {
    left: vec4<f32>,
    right: vec4<f32>,
}

fn eight(at: u32) -> Eight {
    if (HALF) {
        let w = weight[at];
        return Eight(halves(w.xy), halves(w.zw));
    }
    return Eight(
        bitcast<vec4<f32>>(weight[2u * at]),
        bitcast<vec4<f32>>(weight[2u * at + 1u]),
    );
}

@compute @workgroup_size(LANES)
fn main(@builtin(workgroup_id) tile: vec3<u32>, @builtin(subgroup_invocation_id) lane: u32) {
    let row0 = tile.x * ROWS;
    let col0 = tile.y * LANES + lane;

    var x_at: array<u32, GROUPS>;
    for (var g = 0u; g < GROUPS; g++) {
        x_at[g] = min(row0 + g * LANES + lane, p.m - 1u) * p.k4;
    }
    let p8 = p.p4 / 2u;
    let w_at = min(col0, p8 - 1u);

    var left: array<vec4<f32>, ROWS>;
    var right: array<vec4<f32>, ROWS>;
    for (var k = 0u; k < p.k4; k++) {
        let at = w_at + 4u * k * p8;
        let w0 = eight(at);
        let w1 = eight(at + p8);
        let w2 = eight(at + 2u * p8);
        let w3 = eight(at + 3u * p8);
        let l = mat4x4(w0.left, w1.left, w2.left, w3.left);
        let r = mat4x4(w0.right, w1.right, w2.right, w3.right);
        var a: array<vec4<f32>, GROUPS>;
        for (var g = 0u; g < GROUPS; g++) {
            a[g] = four(x_at[g] + k);
        }
        // All of the left before the right: 16 vectors of weight stay in registers, 32 would not.
        for (var g = 0u; g < GROUPS; g++) {
            let i = g * LANES;
            left[i] += l * subgroupBroadcast(a[g], 0u);
            left[i + 1u] += l * subgroupBroadcast(a[g], 1u);
            left[i + 2u] += l * subgroupBroadcast(a[g], 2u);
            left[i + 3u] += l * subgroupBroadcast(a[g], 3u);
            left[i + 4u] += l * subgroupBroadcast(a[g], 4u);
            left[i + 5u] += l * subgroupBroadcast(a[g], 5u);
            left[i + 6u] += l * subgroupBroadcast(a[g], 6u);
            left[i + 7u] += l * subgroupBroadcast(a[g], 7u);
        }
        for (var g = 0u; g < GROUPS; g++) {
            let i = g * LANES;
            right[i] += r * subgroupBroadcast(a[g], 0u);
            right[i + 1u] += r * subgroupBroadcast(a[g], 1u);
            right[i + 2u] += r * subgroupBroadcast(a[g], 2u);
            right[i + 3u] += r * subgroupBroadcast(a[g], 3u);
            right[i + 4u] += r * subgroupBroadcast(a[g], 4u);
            right[i + 5u] += r * subgroupBroadcast(a[g], 5u);
            right[i + 6u] += r * subgroupBroadcast(a[g], 6u);
            right[i + 7u] += r * subgroupBroadcast(a[g], 7u);
        }
    }

    for (var i = 0u; i < ROWS; i++) {
        if (row0 + i < p.m) {
            store(row0 + i, 2u * col0, left[i]);
            store(row0 + i, 2u * col0 + 1u, right[i]);
        }
    }
}

fn store(row: u32, col: u32, sum: vec4<f32>) {
    if (col >= p.n4) {
        return;
    }
    let i = row * p.n4 + col;
    var v = sum;
    if (BIAS) {
        v += bias[col];
    }
    if (GELU) {
        v = gelu(v);
    }
    if (ADD) {
        v += vec4<f32>(y[i]);
    }
    y[i] = vec4<result>(v);
}
