// Copies the keys and values of packed q|k|v rows into a cache.
//
//   cache[b, at + l] = qkv[b, l, E..3E]
//
// Grid: B·L·2E/4 invocations in workgroups of 64, folded into x and y.

struct Params {
    items: u32, // B·L·2E/4
    width4: u32, // E / 4
    length: u32, // L
    capacity: u32,
    at: u32,
}

@group(0) @binding(0) var<storage, read> qkv: array<elem4>;         // (B, L, 3E)
@group(0) @binding(1) var<storage, read_write> cache: array<elem4>; // (B, capacity, 2E)
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
    let c = item % (2u * p.width4);
    let row = item / (2u * p.width4);
    let to = row / p.length * p.capacity + p.at + row % p.length;
    cache[to * 2u * p.width4 + c] = qkv[(row * 3u + 1u) * p.width4 + c];
}
