// Token embeddings plus positions, from one part of a table that may be split by rows.
//
//   out[r, i] = table[ids[r, first + i]] + positions[first + i]     i < count
//   out[r, count] = cls + positions[first + count]                  if there is a CLS
//
// Each part writes the rows whose ids it holds; part 0 also writes the CLS, and takes ids outside
// the vocabulary for id 0.
//
// Grid: R·L·E/4 invocations, L = count + CLS, in workgroups of 64 folded into x and y.

struct Params {
    items: u32, // R·L·E/4
    width4: u32, // E / 4
    length: u32, // L
    count: u32,
    first: u32,
    id_row: u32, // ids a row
    part_first: u32, // the id of this part's first row
    part_rows: u32,
    vocabulary: u32,
}

@group(0) @binding(0) var<storage, read> ids: array<u32>;             // (R, id_row)
@group(0) @binding(1) var<storage, read> table: array<elem4>;         // (part_rows, E)
@group(0) @binding(2) var<storage, read> positions: array<vec4<f32>>; // (P, E)
@group(0) @binding(3) var<storage, read> cls: array<vec4<f32>>;       // (E)
@group(0) @binding(4) var<storage, read_write> out: array<vec4<f32>>; // (R, L, E)
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
    let i = row % p.length;
    let position = positions[(p.first + i) * p.width4 + c];
    if i == p.count {
        if p.part_first == 0u {
            out[item] = cls[c] + position;
        }
        return;
    }
    var id = ids[row / p.length * p.id_row + p.first + i];
    id = select(0u, id, id < p.vocabulary);
    if id >= p.part_first && id - p.part_first < p.part_rows {
        out[item] = vec4<f32>(table[(id - p.part_first) * p.width4 + c]) + position;
    }
}
