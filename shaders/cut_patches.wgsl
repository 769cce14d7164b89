// Pictures of 8 bits become normalised patch rows, in the order of conv1's flattened weight:
// patches[t, gy * G + gx, c * P * P + y * P + x] = table[c, pixels[t, gy * P + y, gx * P + x].c].
//
// The table holds (level / 255 - mean) / std as the host computed and rounded it: divisions and
// conversions to f16 may round differently from one adapter to the next.
//
// table   (3, 256)         elem
// pixels  (T, SIZE, SIZE)  r | g << 8 | b << 16
// patches (T, G*G, 4*QUADS) elem, columns from 3 * P * P on are zero
// grid    one invocation four columns, workgroups of 64 folded into x and y
// consts  SIZE, PATCH = P, GRID = G, QUADS = columns / 4

struct Params {
    quads: u32, // T * G * G * QUADS
}

var<immediate> p: Params;
@group(0) @binding(0) var<storage, read> table: array<elem>; // (3, 256)
@group(0) @binding(1) var<storage, read> pixels: array<u32>; // (T, SIZE, SIZE)
@group(0) @binding(2) var<storage, read_write> patches: array<elem4>; // (T, G*G, QUADS)

@compute @workgroup_size(64)
fn main(
    @builtin(workgroup_id) group: vec3<u32>,
    @builtin(num_workgroups) groups: vec3<u32>,
    @builtin(local_invocation_index) lane: u32,
) {
    let i = (group.y * groups.x + group.x) * 64u + lane;
    if i >= p.quads {
        return;
    }
    let row = i / QUADS;
    let frame = row / (GRID * GRID);
    let gy = row / GRID % GRID;
    let gx = row % GRID;
    var values = elem4();
    for (var j = 0u; j < 4u; j++) {
        let column = i % QUADS * 4u + j;
        if column < 3u * PATCH * PATCH {
            let channel = column / (PATCH * PATCH);
            let y = gy * PATCH + column / PATCH % PATCH;
            let x = gx * PATCH + column % PATCH;
            let pixel = pixels[(frame * SIZE + y) * SIZE + x];
            values[j] = table[channel * 256u + ((pixel >> (8u * channel)) & 255u)];
        }
    }
    patches[i] = values;
}
