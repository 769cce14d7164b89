// The residual stream's start: class token, then patches, plus positions.
//
//   out[t, 0] = class + positions[0]        out[t, n] = patches[t, n - 1] + positions[n]
//
// Grid: T·N·D/4 invocations in workgroups of 64, folded into x and y.

struct Params {
    items: u32, // T·N·D/4
    width4: u32, // D / 4
    tokens: u32, // N
}

@group(0) @binding(0) var<storage, read> patches: array<vec4<f32>>;     // (T, N-1, D)
@group(0) @binding(1) var<storage, read> class_token: array<vec4<f32>>; // (D)
@group(0) @binding(2) var<storage, read> positions: array<vec4<f32>>;   // (N, D)
@group(0) @binding(3) var<storage, read_write> out: array<vec4<f32>>;   // (T, N, D)
var<immediate> p: Params;

@compute @workgroup_size(64)
fn main(
    @builtin(workgroup_id) group: vec3<u32>,
    @builtin(num_workgroups) groups: vec3<u32>,
    @builtin(local_invocation_id) local: vec3<u32>,
) {
    let item = (group.y * groups.x + group.x) * 64u + local.x;
    if item >= p.items {
        return;
    }
    let c = item % p.width4;
    let row = item / p.width4;
    let n = row % p.tokens;
    let position = positions[n * p.width4 + c];
    if n == 0u {
        out[item] = class_token[c] + position;
    } else {
        // Every frame before this one, and this one, has one row less here than in `out`.
        out[item] = patches[(row - row / p.tokens - 1u) * p.width4 + c] + position;
    }
}
