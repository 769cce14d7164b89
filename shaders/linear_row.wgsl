// Matrix product for few rows (decoding): parallel over N, and over K inside the workgroup.
//
//   y = f(n(x) · weight + bias),  f: nothing, GELU, or adding to what y holds
//                                 n: nothing, or layer norm (see layernorm.wgsl)
//
// Bound by reading the weights once. A workgroup makes ROWS × 8·LANES·WIDE outputs: its
// LANES · SPLIT invocations each sum every SPLIT-th vec4 of K for WIDE times 8 columns, then the
// sums meet in workgroup memory. SPLIT = 1 compiles to a kernel without barriers. WIDE reads longer
// stretches of a row of weight, and each value of x less often, where invocations run in few lanes.
// Rows past M are read from the last row and never stored, columns likewise.
//
// With NORM every workgroup finds mean and spread of its rows anew: x lies in caches, and decoding
// is bound by the number of dispatches. With APPEND the columns behind the queries, keys and values,
// go to row `at` of the caches, too.
//
// grid: (⌈M/ROWS⌉, ⌈N/(8·LANES·WIDE)⌉). Needs K % 4 = 0.
// constants: LANES, WIDE, SPLIT (at least 2·CHUNK, or 1), ROWS (a multiple of CHUNK, at most 8),
// CHUNK (rows whose sums meet at a time), HALF (elem is f16), BIAS, GELU, ADD, NORM (needs SPLIT > 1
// and LANES · SPLIT a power of two), APPEND, operand (f32 with NORM, else elem), result.

struct Params {
    m: u32,
    n: u32,
    k4: u32, // K/4
    p4: u32, // columns of weight as stored, /4; a multiple of 4
    own: u32, // columns of queries: not for the caches
    at: u32,
    capacity: u32, // rows of a text in the caches
}

var<immediate> p: Params;
@group(0) @binding(0) var<storage, read> x: array<vec4<operand>>; // (M, K/4)
@group(0) @binding(1) var<storage, read> weight: array<vec4<u32>>; // (K, P) elem
@group(0) @binding(2) var<storage, read> bias: array<vec4<f32>>; // (P/4), unread without BIAS
@group(0) @binding(3) var<storage, read_write> y: array<result>; // (M, N)
@group(0) @binding(4) var<storage, read> norm_weight: array<vec4<f32>>; // (K/4), unread without NORM
@group(0) @binding(5) var<storage, read> norm_bias: array<vec4<f32>>; // (K/4), unread without NORM
@group(0) @binding(6) var<storage, read_write> caches: array<elem>; // (M, capacity, N - own), unwritten without APPEND

const THREADS: u32 = LANES * SPLIT;

/// 8 columns of one row, or one number of each of 8 rows.
struct Eight {
    left: vec4<f32>,
    right: vec4<f32>,
}

var<workgroup> sums: array<Eight, CHUNK * THREADS>;

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

fn lane(eight: Eight, r: u32) -> f32 {
    if (r < 4u) {
        return eight.left[r];
    }
    return eight.right[r - 4u];
}

/// The sum of all invocations' numbers, for each row.
fn total(mine: array<f32, 8>, thread: u32) -> Eight {
    sums[thread] = Eight(
        vec4(mine[0], mine[1], mine[2], mine[3]),
        vec4(mine[4], mine[5], mine[6], mine[7]),
    );
    workgroupBarrier();
    for (var half = THREADS / 2u; half > 0u; half /= 2u) {
        if (thread < half) {
            sums[thread].left += sums[thread + half].left;
            sums[thread].right += sums[thread + half].right;
        }
        workgroupBarrier();
    }
    let all = sums[0];
    workgroupBarrier(); // all have read it
    return all;
}

/// One vec4 of x; rows past the end repeat the last one.
fn load(row: u32, k: u32) -> vec4<f32> {
    return vec4<f32>(x[min(row, p.m - 1u) * p.k4 + k]);
}

@compute @workgroup_size(LANES, SPLIT)
fn main(@builtin(workgroup_id) tile: vec3<u32>, @builtin(local_invocation_id) id: vec3<u32>) {
    let row0 = tile.x * ROWS;
    let thread = id.y * LANES + id.x;
    let col0 = tile.y * LANES * WIDE + id.x;
    let p8 = p.p4 / 2u;

    var mean: array<f32, ROWS>;
    var scale: array<f32, ROWS>;
    if (NORM) {
        let width = f32(4u * p.k4);
        var part: array<f32, 8>;
        for (var k = thread; k < p.k4; k += THREADS) {
            for (var r = 0u; r < ROWS; r++) {
                part[r] += dot(load(row0 + r, k), vec4(1.0));
            }
        }
        let sum = total(part, thread);
        part = array<f32, 8>();
        for (var r = 0u; r < ROWS; r++) {
            mean[r] = lane(sum, r) / width;
        }
        for (var k = thread; k < p.k4; k += THREADS) {
            for (var r = 0u; r < ROWS; r++) {
                let d = load(row0 + r, k) - mean[r];
                part[r] += dot(d, d);
            }
        }
        let squares = total(part, thread);
        for (var r = 0u; r < ROWS; r++) {
            scale[r] = 1.0 / sqrt(lane(squares, r) / width + 1e-5);
        }
    }

    var acc: array<array<Eight, ROWS>, WIDE>;
    for (var k = id.y; k < p.k4; k += SPLIT) {
        var a: array<vec4<f32>, ROWS>;
        for (var r = 0u; r < ROWS; r++) {
            a[r] = load(row0 + r, k);
            if (NORM) {
                a[r] = (a[r] - mean[r]) * scale[r] * norm_weight[k] + norm_bias[k];
            }
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
    for (var c = 0u; c < WIDE; c++) {
        let col = 2u * (col0 + c * LANES);
        for (var first = 0u; first < ROWS; first += CHUNK) {
            for (var r = 0u; r < CHUNK; r++) {
                sums[r * THREADS + thread] = acc[c][first + r];
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
        if (col >= p.n) {
            break;
        }
        if (APPEND && col >= p.own) {
            caches[(row * p.capacity + p.at) * (p.n - p.own) + col - p.own] = elem(v[c]);
        }
        let i = row * p.n + col;
        if (ADD) {
            v[c] += f32(y[i]);
        }
        y[i] = result(v[c]);
    }
}
