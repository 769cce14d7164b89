// Matrix product for GPUs: tiles of x and weight shared through workgroup memory.
//
//   y = f(x · weight + bias),  f: nothing, GELU, or adding to what y holds
//
// A workgroup makes BM × BN outputs in steps of BK along K; each of its (BM/TM)·(BN/TN)
// invocations keeps TM × TN of them in registers, in f32. Rows past M are read from the last row
// and never stored; columns past N are zero in storage up to a multiple of 16 and skipped beyond.
//
// grid: (⌈M/BM⌉, ⌈N/BN⌉). Needs K % 4 = 0, N % 4 = 0.
// constants: BM, BN, BK, TM, TN (BK, TN multiples of 4), BIAS, GELU, ADD, result.

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

const ACROSS = BN / TN;
const THREADS = (BM / TM) * ACROSS;
const BK4 = BK / 4u;
const BN4 = BN / 4u;
const TN4 = TN / 4u;
// One more word a row, so that rows of the tile start in different banks.
const X_STRIDE = BK4 + 1u;

var<workgroup> x_tile: array<elem4, BM * X_STRIDE>;
var<workgroup> w_tile: array<elem4, BK * BN4>;

@compute @workgroup_size(THREADS)
fn main(@builtin(workgroup_id) tile: vec3<u32>, @builtin(local_invocation_index) thread: u32) {
    let row0 = tile.x * BM;
    let col0 = tile.y * BN4;
    let ty = thread / ACROSS;
    let tx = thread % ACROSS;

    var acc: array<array<vec4<f32>, TN4>, TM>;
    for (var step = 0u; step < p.k4; step += BK4) {
        for (var i = thread; i < BM * BK4; i += THREADS) {
            let k = step + i % BK4;
            let row = min(row0 + i / BK4, p.m - 1u);
            var v = elem4();
            if (k < p.k4) {
                v = x[row * p.k4 + k];
            }
            x_tile[(i / BK4) * X_STRIDE + i % BK4] = v;
        }
        for (var i = thread; i < BK * BN4; i += THREADS) {
            let k = step * 4u + i / BN4;
            let col = col0 + i % BN4;
            var v = elem4();
            if (k < p.k4 * 4u && col < p.p4) {
                v = weight[k * p.p4 + col];
            }
            w_tile[i] = v;
        }
        workgroupBarrier();

        for (var k = 0u; k < BK4; k++) {
            var a: array<vec4<f32>, TM>;
            for (var r = 0u; r < TM; r++) {
                a[r] = vec4<f32>(x_tile[(ty + r * (BM / TM)) * X_STRIDE + k]);
            }
            for (var c = 0u; c < TN4; c++) {
                let at = k * BN + c * ACROSS + tx;
                let w = mat4x4<f32>(
                    vec4<f32>(w_tile[at]),
                    vec4<f32>(w_tile[at + BN4]),
                    vec4<f32>(w_tile[at + 2u * BN4]),
                    vec4<f32>(w_tile[at + 3u * BN4]),
                );
                for (var r = 0u; r < TM; r++) {
                    acc[r][c] += w * a[r];
                }
            }
        }
        workgroupBarrier();
    }

    for (var r = 0u; r < TM; r++) {
        let row = row0 + ty + r * (BM / TM);
        for (var c = 0u; c < TN4; c++) {
            let col = col0 + c * ACROSS + tx;
            if (row < p.m && col < p.n4) {
                store(row, col, acc[r][c]);
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
