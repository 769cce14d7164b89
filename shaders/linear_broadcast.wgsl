// Matrix product for software adapters with subgroups of LANES = 8: no workgroup memory.
//
//   y = f(x · weight + bias),  f: nothing, GELU, or adding to what y holds
//
// A workgroup is one subgroup and makes 8·GROUPS rows × 32·WIDE columns. Lane l loads rows l, l + 8,
// … of x and columns 4l, 4l + 32, … of weight; a value of x reaches the other lanes by a broadcast
// from a constant lane, which costs a register shuffle where a load costs eight.
// Rows past M are read from the last row and never stored, columns likewise.
//
// grid: (⌈M/(8·GROUPS)⌉, ⌈N/(32·WIDE)⌉). Needs K % 4 = 0, N % 4 = 0, subgroups of exactly 8.
// constants: GROUPS, WIDE, BIAS, GELU, ADD, result.

struct Params {
    m: u32,
    n4: u32, // N/4
    k4: u32, // K/4
    p4: u32, // columns of weight as stored, /4
}

var<immediate> p: Params;
@group(0) @binding(0) var<storage, read> x: array<elem4>; // (M, K/4)
@group(0) @binding(1) var<storage, read> weight: array<elem4>; // (K, P/4)
@group(0) @binding(2) var<storage, read> bias: array<vec4<f32>>; // (P/4), unread without BIAS
@group(0) @binding(3) var<storage, read_write> y: array<vec4<result>>; // (M, N/4)

const LANES = 8u;
const ROWS = LANES * GROUPS;

@compute @workgroup_size(LANES)
fn main(@builtin(workgroup_id) tile: vec3<u32>, @builtin(subgroup_invocation_id) lane: u32) {
    let row0 = tile.x * ROWS;
    let col0 = tile.y * LANES * WIDE + lane;

    var x_at: array<u32, GROUPS>;
    for (var g = 0u; g < GROUPS; g++) {
        x_at[g] = min(row0 + g * LANES + lane, p.m - 1u) * p.k4;
    }
    var w_at: array<u32, WIDE>;
    for (var c = 0u; c < WIDE; c++) {
        w_at[c] = min(col0 + c * LANES, p.p4 - 1u);
    }

    var acc: array<array<vec4<f32>, WIDE>, ROWS>;
    for (var k = 0u; k < p.k4; k++) {
        var w: array<mat4x4<f32>, WIDE>;
        for (var c = 0u; c < WIDE; c++) {
            let at = w_at[c] + 4u * k * p.p4;
            w[c] = mat4x4<f32>(
                vec4<f32>(weight[at]),
                vec4<f32>(weight[at + p.p4]),
                vec4<f32>(weight[at + 2u * p.p4]),
                vec4<f32>(weight[at + 3u * p.p4]),
            );
        }
        for (var g = 0u; g < GROUPS; g++) {
            let a = vec4<f32>(x[x_at[g] + k]);
            let r = g * LANES;
            let a0 = subgroupBroadcast(a, 0u);
            let a1 = subgroupBroadcast(a, 1u);
            let a2 = subgroupBroadcast(a, 2u);
            let a3 = subgroupBroadcast(a, 3u);
            let a4 = subgroupBroadcast(a, 4u);
            let a5 = subgroupBroadcast(a, 5u);
            let a6 = subgroupBroadcast(a, 6u);
            let a7 = subgroupBroadcast(a, 7u);
            for (var c = 0u; c < WIDE; c++) {
                acc[r][c] += w[c] * a0;
                acc[r + 1u][c] += w[c] * a1;
                acc[r + 2u][c] += w[c] * a2;
                acc[r + 3u][c] += w[c] * a3;
                acc[r + 4u][c] += w[c] * a4;
                acc[r + 5u][c] += w[c] * a5;
                acc[r + 6u][c] += w[c] * a6;
                acc[r + 7u][c] += w[c] * a7;
            }
        }
    }

    for (var c = 0u; c < WIDE; c++) {
        let col = col0 + c * LANES;
        if (col < p.n4) {
            for (var r = 0u; r < ROWS; r++) {
                if (row0 + r < p.m) {
                    store(row0 + r, col, acc[r][c]);
                }
            }
        }
    }
}

fn store(row: u32, col: u32, sum: vec4<f32>) {
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
