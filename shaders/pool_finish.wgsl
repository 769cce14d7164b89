// The pooled values of an online-softmax state.
//
//   out = value / sum,   0 where the state is empty
//
// Grid: B·Q·H·HEAD/4 invocations in workgroups of 64, folded into x and y.

struct Params {
    items: u32, // B·Q·H·HEAD/4
    head4: u32, // HEAD / 4
}

@group(0) @binding(0) var<storage, read> sum: array<f32>;         // (B, Q, H)
@group(0) @binding(1) var<storage, read> value: array<vec4<f32>>; // (B, Q, H, HEAD)
@group(0) @binding(2) var<storage, read_write> out: array<elem4>; // (B, Q, H, HEAD)
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
    let total = sum[item / p.head4];
    if total > 0.0 {
        out[item] = elem4(value[item] / total);
    } else {
        out[item] = elem4();
    }
}
