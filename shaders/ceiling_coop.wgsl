// The most multiply-adds that an adapter does by cooperative matrices: four matrices of sums a
// subgroup, all in registers.
//
//   C ← a · b + C,  8 · rounds times from C = 0;  y[group] = C
//
// a holds two matrices below each other, b two side by side, so that each is used twice. Where
// subgroups are smaller than the workgroup, all of them make and store the same.
//
// Grid: (groups, 1, 1).
// Constants: SIDE with the types coop_a, coop_b, coop_c; LANES, the largest subgroup.

@group(0) @binding(0) var<storage, read> a: array<f16>;             // (2·SIDE, SIDE)
@group(0) @binding(1) var<storage, read> b: array<f16>;             // (SIDE, 2·SIDE)
@group(0) @binding(2) var<storage, read_write> y: array<f32>;       // (groups, 2·SIDE, 2·SIDE)
var<immediate> rounds: u32;

const WIDE = 2u * SIDE;

@compute @workgroup_size(LANES)
fn main(@builtin(workgroup_id) group: vec3<u32>) {
    let a0 = coopLoadT<coop_a>(&a[0], SIDE);
    let a1 = coopLoadT<coop_a>(&a[SIDE * SIDE], SIDE);
    let b0 = coopLoadT<coop_b>(&b[0], WIDE);
    let b1 = coopLoadT<coop_b>(&b[SIDE], WIDE);
    var c00: coop_c;
    var c01: coop_c;
    var c10: coop_c;
    var c11: coop_c;
    for (var round = 0u; round < rounds; round++) {
        for (var i = 0u; i < 8u; i++) {
            c00 = coopMultiplyAdd(a0, b0, c00);
            c01 = coopMultiplyAdd(a0, b1, c01);
            c10 = coopMultiplyAdd(a1, b0, c10);
            c11 = coopMultiplyAdd(a1, b1, c11);
        }
    }
    let at = group.x * WIDE * WIDE;
    coopStoreT(c00, &y[at], WIDE);
    coopStoreT(c01, &y[at + SIDE], WIDE);
    coopStoreT(c10, &y[at + SIDE * WIDE], WIDE);
    coopStoreT(c11, &y[at + SIDE * WIDE + SIDE], WIDE);
}
