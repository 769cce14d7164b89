// An area of a texture becomes RGB of 8 bits, as preprocessing goes on with it.
//
// A level is floor(255 v + 1/2) of a value clamped to 0..1; alpha is left out. Of a texture in linear
// light v is first put on sRGB's curve (IEC 61966-2-1).
//
// image   the upright picture
// picture (rows, cols)  r | g << 8 | b << 16: an area of it
// grid    one invocation a pixel, workgroups of 64 folded into x and y
// consts  LINEAR: the texture holds linear light

struct Params {
    x: u32, // the area's first column
    y: u32, // the area's first row
    cols: u32,
    total: u32, // rows * cols
}

var<immediate> p: Params;
@group(0) @binding(0) var image: texture_2d<f32>;
@group(0) @binding(1) var<storage, read_write> picture: array<u32>; // (rows, cols)

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
    let at = vec2(p.x + i % p.cols, p.y + i / p.cols);
    var v = clamp(textureLoad(image, at, 0).rgb, vec3(0.0), vec3(1.0));
    if LINEAR {
        let curve = 1.055 * pow(v, vec3(1.0 / 2.4)) - 0.055;
        v = select(curve, 12.92 * v, v <= vec3(0.0031308));
    }
    let level = vec3<u32>(255.0 * v + 0.5);
    picture[i] = level.r | level.g << 8u | level.b << 16u;
}
