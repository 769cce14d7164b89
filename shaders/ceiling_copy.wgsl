// The most bytes that an adapter moves: a copy with nothing else to do.
//
//   y[i] = x[i]
//
// Grid: ⌈N / (LANES · EACH)⌉ workgroups, folded into x and y. Neighbours read side by side.
// Constants: LANES, EACH (vec4s an invocation).

struct Params {
    n: u32, // in vec4s
}

@group(0) @binding(0) var<storage, read> x: array<vec4<u32>>;         // (N)
@group(0) @binding(1) var<storage, read_write> y: array<vec4<u32>>;   // (N)
var<immediate> p: Params;

@compute @workgroup_size(LANES)
fn main(
    @builtin(workgroup_id) group: vec3<u32>,
    @builtin(num_workgroups) groups: vec3<u32>,
    @builtin(local_invocation_id) local: vec3<u32>,
) {
    let first = (group.y * groups.x + group.x) * LANES * EACH + local.x;
    for (var i = 0u; i < EACH; i++) {
        let at = first + i * LANES;
        if at < p.n {
            y[at] = x[at];
        }
    }
}
