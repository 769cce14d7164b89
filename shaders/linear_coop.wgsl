// Matrix product by cooperative matrices: a subgroup multiplies matrices of SIDE × SIDE together.
//
//   y = f(x · weight + bias),  f: nothing, GELU, or adding to what y holds
//
// A workgroup makes BM × BN outputs in steps of BK along K; each of its PARTS × PARTS subgroups keeps
// DOWN × ACROSS matrices of sums, in f32. Operands go through workgroup memory, where what is beyond
// M, K or the columns of weight as stored is zero. Sums leave through workgroup memory, too, a row
// of matrices at a time, because their elements cannot be reached otherwise.
//
// Where subgroups are smaller than the adapter's largest, there are more of them than parts: the
// others make the same sums once more and store the same values.
//
// grid: (⌈M/BM⌉, ⌈N/BN⌉). Needs K % 4 = 0, elem = f16.
// constants: SIDE with the types coop_a, coop_b, coop_c; PARTS, DOWN, ACROSS, LANES (PARTS² subgroups of
// the largest size), BK (a multiple of SIDE), BIAS, GELU, ADD, result.

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

const BM = PARTS * DOWN * SIDE;
const BN = PARTS * ACROSS * SIDE;
const BK4 = BK / 4u;
const BN4 = BN / 4u;
// 16 bytes more a row, as alignment wants them, so that rows start in different banks.
const X_STRIDE = BK + 8u;
const W_STRIDE = BN + 8u;
const STRIP = ACROSS * SIDE;
const STRIP4 = STRIP / 4u;

// Scalars: Metal loads matrices from pointers to nothing else.
var<workgroup> x_tile: array<elem, BM * X_STRIDE>;
var<workgroup> w_tile: array<elem, BK * W_STRIDE>;
var<workgroup> sums: array<f32, PARTS * PARTS * SIDE * STRIP>;

@compute @workgroup_size(LANES)
fn main(
    @builtin(workgroup_id) tile: vec3<u32>,
    @builtin(local_invocation_index) lane: u32,
    @builtin(subgroup_id) subgroup: u32,
) {
    let row0 = tile.x * BM;
    let col0 = tile.y * BN;
    let part = subgroup % (PARTS * PARTS);
    let part_row = (part / PARTS) * DOWN * SIDE;
    let part_col = (part % PARTS) * STRIP;

    var acc: array<coop_c, DOWN * ACROSS>;
    for (var step = 0u; step < p.k4; step += BK4) {
        for (var i = lane; i < BM * BK4; i += LANES) {
            let row = row0 + i / BK4;
            let k = step + i % BK4;
            var v = elem4();
            if (row < p.m && k < p.k4) {
                v = x[row * p.k4 + k];
            }
            let at = (i / BK4) * X_STRIDE + 4u * (i % BK4);
            x_tile[at] = v.x;
            x_tile[at + 1u] = v.y;
            x_tile[at + 2u] = v.z;
            x_tile[at + 3u] = v.w;
        }
        for (var i = lane; i < BK * BN4; i += LANES) {
            let k = 4u * step + i / BN4;
            let col = col0 / 4u + i % BN4;
            var v = elem4();
            if (k < 4u * p.k4 && col < p.p4) {
                v = weight[k * p.p4 + col];
            }
            let at = (i / BN4) * W_STRIDE + 4u * (i % BN4);
            w_tile[at] = v.x;
            w_tile[at + 1u] = v.y;
            w_tile[at + 2u] = v.z;
            w_tile[at + 3u] = v.w;
        }
        workgroupBarrier();

        for (var k = 0u; k < BK; k += SIDE) {
            var b: array<coop_b, ACROSS>;
            for (var c = 0u; c < ACROSS; c++) {
                b[c] = coopLoadT<coop_b>(&w_tile[k * W_STRIDE + part_col + c * SIDE], W_STRIDE);
            }
            for (var r = 0u; r < DOWN; r++) {
                let a = coopLoadT<coop_a>(&x_tile[(part_row + r * SIDE) * X_STRIDE + k], X_STRIDE);
                for (var c = 0u; c < ACROSS; c++) {
                    let i = r * ACROSS + c;
                    acc[i] = coopMultiplyAdd(a, b[c], acc[i]);
                }
            }
        }
        workgroupBarrier();
    }

    for (var r = 0u; r < DOWN; r++) {
        for (var c = 0u; c < ACROSS; c++) {
            coopStoreT(acc[r * ACROSS + c], &sums[part * SIDE * STRIP + c * SIDE], STRIP);
        }
        workgroupBarrier();
        for (var i = lane; i < PARTS * PARTS * SIDE * STRIP4; i += LANES) {
            let owner = i / (SIDE * STRIP4);
            let row = row0 + ((owner / PARTS) * DOWN + r) * SIDE + (i / STRIP4) % SIDE;
            let col = col0 + (owner % PARTS) * STRIP + 4u * (i % STRIP4);
            if (row < p.m && col < p.n) {
                let at = 4u * i;
                store(row, col, vec4(sums[at], sums[at + 1u], sums[at + 2u], sums[at + 3u]));
            }
        }
        workgroupBarrier();
    }
}

/// Columns col .. col + 3 of one row, as many as there are.
fn store(row: u32, col: u32, sum: vec4<f32>) {
    var v = sum;
    if (BIAS) {
        v += bias[col / 4u];
    }
    if (GELU) {
        v = gelu(v);
    }
    for (var c = 0u; c < 4u; c++) {
        if (col + c < p.n) {
            let i = row * p.n + col + c;
            if (ADD) {
                v[c] += f32(y[i]);
            }
            y[i] = result(v[c]);
        }
    }
}
