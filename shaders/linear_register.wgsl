// Matrix product from registers alone, for any N: the fallback where neither subgroups nor fast
// workgroup memory can be counted on, and for rows of y that vec4 stores cannot reach.
//
//   y = f(x · weight + bias),  f: nothing, GELU, or adding to what y holds
//
// An invocation makes ROWS × 8 outputs; the LANES of a workgroup lie side by side along N and read
// the same rows of x. Rows past M are read from the last row and never stored, columns likewise.
//
// grid: (⌈M/ROWS⌉, ⌈N/(8·LANES)⌉). Needs K % 4 = 0.
// constants: LANES, ROWS, HALF (elem is f16), BIAS, GELU, ADD, result.

struct Params {
    m: u32,
    n: u32,
    k4: u32, // K/4
    p4: u32, // columns of weight as stored, /4; a multiple of 4
}

var<immediate> p: Params;
@group(0) @binding(0) var<storage, read> x: array<elem4>; // (M, K/4)
@group(0) @binding(1) var<storage, read> weight: array<vec4<u32>>; // (K, P) elem
@group(0) @binding(2) var<storage, read> bias: array<vec4<f32>>; // (P/4), unread without BIAS
@group(0) @binding(3) var<storage, read_write> y: array<result>; // (M, N)

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
fn main(@builtin(workgroup_id) tile: vec3<u32>, @builtin(local_invocation_index) lane: u32) {
    let row0 = tile.x * ROWS;
    let col = tile.y * LANES + lane;
    let p8 = p.p4 / 2u;
    let w_col = min(col, p8 - 1u);

    var left: array<vec4<f32>, ROWS>;
    var right: array<vec4<f32>, ROWS>;
    for (var k = 0u; k < p.k4; k++) {
        let at = 4u * k * p8 + w_col;
        let w0 = eight(at);
        let w1 = eight(at + p8);
        let w2 = eight(at + 2u * p8);
        let w3 = eight(at + 3u * p8);
        let l = mat4x4(w0.left, w1.left, w2.left, w3.left);
        let r = mat4x4(w0.right, w1.right, w2.right, w3.right);
        for (var i = 0u; i < ROWS; i++) {
            let a = vec4<f32>(x[min(row0 + i, p.m - 1u) * p.k4 + k]);
            left[i] += l * a;
            right[i] += r * a;
        }
    }

    for (var i = 0u; i < ROWS; i++) {
        if (row0 + i < p.m && col < p8) {
            store(row0 + i, 2u * col, left[i]);
            store(row0 + i, 2u * col + 1u, right[i]);
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
