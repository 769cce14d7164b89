// Matrix product for few rows (decoding): parallel over N, and over K inside the workgroup.
//
//   y = f(x · weight + bias),  f: nothing, GELU, or adding to what y holds
//
// Bound by reading the weights once. A workgroup makes ROWS × 8·LANES·WIDE outputs: its
// LANES · SPLIT invocations each sum every SPLIT-th vec4 of K for WIDE times 8 columns, then the
// sums meet in workgroup memory. SPLIT = 1 compiles to a kernel without barriers. WIDE reads longer
// stretches of a row of weight, and each value of x less often, where invocations run in few lanes.
// Rows past M are read from the last row and never stored, columns likewise.
//
// grid: (⌈M/ROWS⌉, ⌈N/(8·LANES·WIDE)⌉). Needs K % 4 = 0.
// constants: LANES, WIDE, SPLIT (at least 2·CHUNK, or 1), ROWS (a multiple of CHUNK), CHUNK (rows
// whose sums meet at a time), HALF (elem is f16), BIAS, GELU, ADD, result.

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

/// 8 columns of one row.
struct Eight {
    left: vec4<f32>,
    right: vec4<f32>,
}

var<workgroup> sums: array<Eight, CHUNK * SPLIT * LANES>;

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

@compute @workgroup_size(LANES, SPLIT)
fn main(@builtin(workgroup_id) tile: vec3<u32>, @builtin(local_invocation_id) id: vec3<u32>) {
    let row0 = tile.x * ROWS;
    let col0 = tile.y * LANES * WIDE + id.x;
    let p8 = p.p4 / 2u;

    var acc: array<array<Eight, ROWS>, WIDE>;
    for (var k = id.y; k < p.k4; k += SPLIT) {
        var a: array<vec4<f32>, ROWS>;
        for (var r = 0u; r < ROWS; r++) {
            a[r] = vec4<f32>(x[min(row0 + r, p.m - 1u) * p.k4 + k]);
        }
        for (var c = 0u; c < WIDE; c++) {
            let at = 4u * k * p8 + min(col0 + c * LANES, p8 - 1u);
            let w0 = eight(at);
            let w1 = eight(at + p8);
            let w2 = eight(at + 2u * p8);
            let w3 = eight(at + 3u * p8);
            let left = mat4x4(w0.left, w1.left, w2.left, w3.left);
            let right = mat4x4(w0.right, w1.right, w2.right, w3.right);
            for (var r = 0u; r < ROWS; r++) {
                acc[c][r].left += left * a[r];
                acc[c][r].right += right * a[r];
            }
        }
    }

    if (SPLIT == 1u) {
        for (var c = 0u; c < WIDE; c++) {
            let col = 2u * (col0 + c * LANES);
            for (var r = 0u; r < ROWS; r++) {
                store(row0 + r, col, acc[c][r].left);
                store(row0 + r, col + 1u, acc[c][r].right);
            }
        }
        return;
    }
    let thread = id.y * LANES + id.x;
    for (var c = 0u; c < WIDE; c++) {
        let col = 2u * (col0 + c * LANES);
        for (var first = 0u; first < ROWS; first += CHUNK) {
            for (var r = 0u; r < CHUNK; r++) {
                sums[r * SPLIT * LANES + thread] = acc[c][first + r];
            }
            workgroupBarrier();
            // Half of a row's 8 columns each: 2 · CHUNK · LANES invocations.
            if (id.y < 2u * CHUNK) {
                let right = id.y % 2u;
                var sum = vec4<f32>();
                for (var s = 0u; s < SPLIT; s++) {
                    let part = sums[(id.y / 2u * SPLIT + s) * LANES + id.x];
                    sum += select(part.left, part.right, right == 1u);
                }
                store(row0 + first + id.y / 2u, col + right, sum);
            }
            workgroupBarrier();
        }
    }
}

/// Columns 4·col4 .. of one row, as many as there are.
fn store(row: u32, col4: u32, sum: vec4<f32>) {
    if (row >= p.m || col4 >= p.p4) {
        return;
    }
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
