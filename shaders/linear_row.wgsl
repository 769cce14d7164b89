// Matrix product for few rows (decoding): parallel over N, and over K inside the workgroup.
//
//   y = f(x · weight + bias),  f: nothing, GELU, or adding to what y holds
//
// Bound by reading the weights once. A workgroup makes ROWS × 4·LANES outputs: its LANES · SPLIT
// invocations each sum every SPLIT-th vec4 of K for 4 columns, then the sums meet in workgroup
// memory. SPLIT = 1 compiles to a kernel without barriers.
// Rows past M are read from the last row and never stored, columns likewise.
//
// grid: (⌈M/ROWS⌉, ⌈N/(4·LANES)⌉). Needs K % 4 = 0.
// constants: LANES, SPLIT, ROWS (a multiple of CHUNK), CHUNK (rows summed at a time), BIAS, GELU,
// ADD, result.

struct Params {
    m: u32,
    n: u32,
    k4: u32, // K/4
    p4: u32, // columns of weight as stored, /4
}

var<immediate> p: Params;
@group(0) @binding(0) var<storage, read> x: array<elem4>; // (M, K/4)
@group(0) @binding(1) var<storage, read> weight: array<elem4>; // (K, P/4)
@group(0) @binding(2) var<storage, read> bias: array<vec4<f32>>; // (P/4), unread without BIAS
@group(0) @binding(3) var<storage, read_write> y: array<result>; // (M, N)

var<workgroup> sums: array<vec4<f32>, CHUNK * SPLIT * LANES>;

@compute @workgroup_size(LANES, SPLIT)
fn main(@builtin(workgroup_id) tile: vec3<u32>, @builtin(local_invocation_id) id: vec3<u32>) {
    let row0 = tile.x * ROWS;
    let col0 = tile.y * LANES;
    let w_col = min(col0 + id.x, p.p4 - 1u);

    var acc: array<vec4<f32>, ROWS>;
    for (var k = id.y; k < p.k4; k += SPLIT) {
        let at = 4u * k * p.p4 + w_col;
        let w = mat4x4<f32>(
            vec4<f32>(weight[at]),
            vec4<f32>(weight[at + p.p4]),
            vec4<f32>(weight[at + 2u * p.p4]),
            vec4<f32>(weight[at + 3u * p.p4]),
        );
        for (var r = 0u; r < ROWS; r++) {
            acc[r] += w * vec4<f32>(x[min(row0 + r, p.m - 1u) * p.k4 + k]);
        }
    }

    if (SPLIT == 1u) {
        for (var r = 0u; r < ROWS; r++) {
            store(row0 + r, col0 + id.x, acc[r]);
        }
        return;
    }
    let thread = id.y * LANES + id.x;
    for (var first = 0u; first < ROWS; first += CHUNK) {
        for (var r = 0u; r < CHUNK; r++) {
            sums[r * SPLIT * LANES + thread] = acc[first + r];
        }
        workgroupBarrier();
        if (thread < CHUNK * LANES) {
            let r = thread / LANES;
            var sum = vec4<f32>();
            for (var s = 0u; s < SPLIT; s++) {
                sum += sums[(r * SPLIT + s) * LANES + id.x];
            }
            store(row0 + first + r, col0 + id.x, sum);
        }
        workgroupBarrier();
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
