// One pass of Pillow's two-pass resampling, in its integer arithmetic:
// out = clip8((2^21 + Σ_k weight_k * in_{first + k}) >> 22) per channel.
//
// taps    (SIZE, stride)        per output column (or row): first input, number of inputs,
//                               weights in 22-bit fixed point
// source  (frames, rows, cols)  r | g << 8 | b << 16
// resized (.., rows, SIZE) if HORIZONTAL, else (.., SIZE, cols); written from pixel `start` on
// grid    one invocation four output pixels in a line across the axis, which share their weights;
//         workgroups of 64 folded into x and y
// consts  HORIZONTAL: which pass; SIZE: the side of the final result

struct Params {
    rows: u32, // of a source picture
    cols: u32,
    lines: u32, // that the axis is resampled along: frames * rows, or cols of each frame
    stride: u32,
    start: u32,
    total: u32, // invocations: outputs * lines / 4 rounded up (* frames)
}

var<immediate> p: Params;
@group(0) @binding(0) var<storage, read> taps: array<i32>; // (SIZE, stride)
@group(0) @binding(1) var<storage, read> source: array<u32>; // (frames, rows, cols)
@group(0) @binding(2) var<storage, read_write> resized: array<u32>; // (.., rows, SIZE) or (.., SIZE, cols)

@compute @workgroup_size(64)
fn main(
    @builtin(workgroup_id) group: vec3<u32>,
    @builtin(num_workgroups) groups: vec3<u32>,
    @builtin(local_invocation_index) lane: u32,
) {
    let i = (group.y * groups.x + group.x) * 64u + lane;
    if i >= p.total {
        return;
    }
    // Which output of the axis and the first of its four lines; there, the pixel to write and the
    // pixel that is input 0.
    let quads = (p.lines + 3u) / 4u;
    let output = select(i / quads % SIZE, i % SIZE, HORIZONTAL);
    let line = 4u * select(i % quads, i / SIZE, HORIZONTAL);
    let frame = select(i / quads / SIZE, 0u, HORIZONTAL);
    let pixel = select((frame * SIZE + output) * p.cols + line, line * SIZE + output, HORIZONTAL);
    let origin = select(frame * p.rows * p.cols + line, line * p.cols, HORIZONTAL);
    let along = select(p.cols, 1u, HORIZONTAL);
    let across = select(vec2(1u), vec2(p.cols, SIZE), HORIZONTAL); // of source and output
    let beside = min(vec4(line) + vec4(0u, 1u, 2u, 3u), vec4(p.lines - 1u)) - line;

    let tap = output * p.stride;
    var at = vec4(origin + u32(taps[tap]) * along) + beside * across.x;
    let end = tap + 2u + u32(taps[tap + 1u]);
    var red = vec4<i32>(1 << 21u);
    var green = red;
    var blue = red;
    for (var k = tap + 2u; k < end; k++) {
        let weight = taps[k];
        let pixels = vec4(source[at.x], source[at.y], source[at.z], source[at.w]);
        red += weight * vec4<i32>(pixels & vec4(255u));
        green += weight * vec4<i32>((pixels >> vec4(8u)) & vec4(255u));
        blue += weight * vec4<i32>((pixels >> vec4(16u)) & vec4(255u));
        at += vec4(along);
    }
    let r = vec4<u32>(clamp(red >> vec4(22u), vec4(0), vec4(255)));
    let g = vec4<u32>(clamp(green >> vec4(22u), vec4(0), vec4(255)));
    let b = vec4<u32>(clamp(blue >> vec4(22u), vec4(0), vec4(255)));
    let packed = r | (g << vec4(8u)) | (b << vec4(16u));
    // Lines past the last repeat it, and store the same value again.
    for (var k = 0u; k < 4u; k++) {
        resized[p.start + pixel + beside[k] * across.y] = packed[k];
    }
}
