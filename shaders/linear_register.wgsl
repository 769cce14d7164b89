// Matrix product from registers alone, for any N: the fallback where neither subgroups nor fast
// workgroup memory can be counted on, and for rows of y that vec4 stores cannot reach.
//
//   y = f(x · weight + bias),  f: nothing, GELU, or adding to what y holds
//
// An invocation makes ROWS × 8 outputs; the LANES of a workgroup lie side by side along N and read
// the same rows of x. Rows past M are read from the last row and never stored, columns likewise.
//
// grid: (⌈M/ROWS⌉, ⌈N/(8·LANES)⌉). Needs K % 4 = 0.
// constants: LANES, ROWS, BIAS, GELU, ADD, result.

struct Params {
    m: u32,
    n: u32,
    k4: u32, // K/4
    p4: u32, // columns of weight as stored, /4; a multiple of 4
}

var<immediate> p: Params;
@group(0) @binding(0) var<storage, read> x: array<elem4>; // (M, K/4)
@group(0) @binding(1) var<storage, read> weight: array<elem4>; // (K, P/4)
@group(0) @binding(2) var<storage, read> bias: array<vec4<f32>>; // (P/4), unread without BIAS
@group(0) @binding(3) var<storage, read_write> y: array<result>; // (M, N)

@compute @workgroup_size(LANES)
fn main(@builtin(workgroup_id) tile: vec3<u32>, @builtin(local_invocation_index) lane: u32) {
    let row0 = tile.x * ROWS;
    let col0 = (tile.y * LANES + lane) * 2u;
    let w_col = min(col0, p.p4 - 2u);

    var acc: array<array<vec4<f32>, 2>, ROWS>;
    for (var k = 0u; k < p.k4; k++) {
        var at = 4u * k * p.p4 + w_col;
        let w0 = vec4<f32>(weight[at]);
        let v0 = vec4<f32>(weight[at + 1u]);
        at += p.p4;
        let w1 = vec4<f32>(weight[at]);
        let v1 = vec4<f32>(weight[at + 1u]);
        at += p.p4;
        let w2 = vec4<f32>(weight[at]);
        let v2 = vec4<f32>(weight[at + 1u]);
        at += p.p4;
        let w3 = vec4<f32>(weight[at]);
        let v3 = vec4<f32>(weight[at + 1u]);
        let left = mat4x4<f32>(w0, w1, w2, w3);
        let right = mat4x4<f32>(v0, v1, v2, v3);
        for (var r = 0u; r < ROWS; r++) {
            let a = vec4<f32>(x[min(row0 + r, p.m - 1u) * p.k4 + k]);
            acc[r][0] += left * a;
            acc[r][1] += right * a;
        }
    }

    for (var r = 0u; r < ROWS; r++) {
        if (row0 + r < p.m && col0 < p.p4) {
            store(row0 + r, col0, acc[r][0]);
            store(row0 + r, col0 + 1u, acc[r][1]);
        }
    }
}

/// Columns 4·col4 .. of one row, as many as there are.
fn store(row: u32, col4: u32, sum: vec4<f32>) {
    var v = sum;
    if (BIAS) {
        v += bias[col4];
    }
    if (GELU) {
        v = gelu(v);
    }
    for (var c = 0u; c < 4u; c++) {
        let col = 4u * col4 + c;
        if (col < p.n) {
            let i = row * p.n + col;
            if (ADD) {
                v[c] += f32(y[i]);
            }
            y[i] = result(v[c]);
        }
    }
}
