// Merges online-softmax states of pooling exactly: one state swallows those of several batches.
//
//   m' = max over all states of m;   s' = Σ s·exp(m - m');   v' = Σ v·exp(m - m')
//
// A state whose sum is 0 is empty and adds nothing, whatever its maximum says.
//
// Grid: Q·H invocations in workgroups of 64, folded into x and y; each owns one head of one query.
// Constants: HEAD.

struct Params {
    items: u32, // Q·H
    first: u32, // first batch of `from`
    count: u32,
}

@group(0) @binding(0) var<storage, read> from_sum: array<f32>;              // (T, Q, H)
@group(0) @binding(1) var<storage, read> from_max: array<f32>;              // (T, Q, H)
@group(0) @binding(2) var<storage, read> from_value: array<vec4<f32>>;      // (T, Q, H, HEAD)
@group(0) @binding(3) var<storage, read_write> into_sum: array<f32>;        // (1, Q, H)
@group(0) @binding(4) var<storage, read_write> into_max: array<f32>;        // (1, Q, H)
@group(0) @binding(5) var<storage, read_write> into_value: array<vec4<f32>>; // (1, Q, H, HEAD)
var<immediate> p: Params;

const HEAD4: u32 = HEAD / 4u;

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
    var sum = into_sum[item];
    var most = into_max[item];
    var value: array<vec4<f32>, HEAD4>;
    for (var c = 0u; c < HEAD4; c++) {
        value[c] = select(vec4<f32>(), into_value[item * HEAD4 + c], sum > 0.0);
    }
    for (var t = p.first; t < p.first + p.count; t++) {
        let other = t * p.items + item;
        let other_sum = from_sum[other];
        if other_sum > 0.0 {
            let other_max = from_max[other];
            let joint = select(other_max, max(most, other_max), sum > 0.0);
            let keep = select(0.0, exp(most - joint), sum > 0.0);
            let add = exp(other_max - joint);
            most = joint;
            sum = sum * keep + other_sum * add;
            for (var c = 0u; c < HEAD4; c++) {
                value[c] = value[c] * keep + from_value[other * HEAD4 + c] * add;
            }
        }
    }
    into_sum[item] = sum;
    into_max[item] = most;
    for (var c = 0u; c < HEAD4; c++) {
        into_value[item * HEAD4 + c] = value[c];
    }
}
