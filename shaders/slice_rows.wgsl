// Some rows of every batch, in `elem`.
//
//   out[b, i] = x[b, first + i]     i < count
//
// Grid: B·count·D/4 invocations in workgroups of 64, folded into x and y.

struct Params {
    items: u32, // B·count·D/4
    width4: u32, // D / 4
    rows: u32, // N
    first: u32,
    count: u32,
}

@group(0) @binding(0) var<storage, read> x: array<vec4<f32>>;     // (B, N, D)
@group(0) @binding(1) var<storage, read_write> out: array<elem4>; // (B, count, D)
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
    let source = row / p.count * p.rows + p.first + row % p.count;
    out[item] = elem4(x[source * p.width4 + c]);
}
