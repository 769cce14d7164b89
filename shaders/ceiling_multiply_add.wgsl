// The most multiply-adds that an adapter does: eight chains an invocation, all in registers.
//
//   x ← x · a + b,  16 · rounds times;  y[i] = the sum of the chains that begin with seeds[i mod S]
//
// Every invocation of the same seed makes the same number, so that a twin is quick.
//
// Grid: (invocations / LANES, 1, 1).
// Constants: LANES.

struct Params {
    seeds: u32, // S
    rounds: u32,
    a: f32,
    b: f32,
}

@group(0) @binding(0) var<storage, read> seeds: array<vec4<f32>>;     // (S, 4)
@group(0) @binding(1) var<storage, read_write> y: array<f32>;         // (invocations)
var<immediate> p: Params;

@compute @workgroup_size(LANES)
fn main(@builtin(global_invocation_id) id: vec3<u32>) {
    var left = seeds[id.x % p.seeds];
    var right = left + 0.5;
    let a = vec4(p.a);
    let b = vec4(p.b);
    for (var round = 0u; round < p.rounds; round++) {
        for (var i = 0u; i < 16u; i++) {
            left = left * a + b;
            right = right * a + b;
        }
    }
    y[id.x] = dot(left + right, vec4(1.0));
}
