// One pass of Pillow's two-pass resampling, in its integer arithmetic:
// out = clip8((2^21 + Σ_k weight_k * in_{first + k}) >> 22) per channel.
//
// taps    (SIZE, stride)        per output column (or row): first input, number of inputs,
//                               weights in 22-bit fixed point
// source  (frames, rows, cols)  r | g << 8 | b << 16
// resized (.., rows, SIZE) if HORIZONTAL, else (.., SIZE, cols); written from pixel `start` on
// grid    one invocation an output pixel, workgroups of 64 folded into x and y
// consts  HORIZONTAL: which pass; SIZE: the side of the final result

struct Params {
    rows: u32, // of a source picture
    cols: u32,
    stride: u32,
    start: u32,
    pixels: u32, // output pixels of this dispatch
}

var<immediate> p: Params;
@group(0) @binding(0) var<storage, read> taps: array<i32>; // (SIZE, stride)
@group(0) @binding(1) var<storage, read> source: array<u32>; // (frames, rows, cols)
@group(0) @binding(2) var<storage, read_write> resized: array<u32>; // (frames, rows, SIZE) or (frames, SIZE, cols)

@compute @workgroup_size(64)
fn main(
    @builtin(workgroup_id) group: vec3<u32>,
    @builtin(num_workgroups) groups: vec3<u32>,
    @builtin(local_invocation_index) lane: u32,
) {
    let i = (group.y * groups.x + group.x) * 64u + lane;
    if i >= p.pixels {
        return;
    }
    let width = select(p.cols, SIZE, HORIZONTAL);
    let column = i % width;
    let row = i / width; // of all frames
    let tap = select(row % SIZE, column, HORIZONTAL) * p.stride;
    let first = u32(taps[tap]);
    let count = u32(taps[tap + 1u]);
    var at: u32;
    if HORIZONTAL {
        at = row * p.cols + first;
    } else {
        at = (row / SIZE * p.rows + first) * p.cols + column;
    }
    let step = select(p.cols, 1u, HORIZONTAL);
    var sum = vec3<i32>(1 << 21u);
    for (var k = 0u; k < count; k++) {
        let pixel = source[at];
        let rgb = vec3(pixel & 255u, (pixel >> 8u) & 255u, (pixel >> 16u) & 255u);
        sum += taps[tap + 2u + k] * vec3<i32>(rgb);
        at += step;
    }
    let rgb = vec3<u32>(clamp(sum >> vec3(22u), vec3(0), vec3(255)));
    resized[p.start + i] = rgb.r | (rgb.g << 8u) | (rgb.b << 16u);
}
