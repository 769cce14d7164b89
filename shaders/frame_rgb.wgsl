// Stored pictures of one layout become upright RGB of 8 bits.
//
// Samples are read through offsets and strides; chroma is brought up bilinearly from where it is
// sited; rgb = ky (Y - luma_zero) + matrix (UV - chroma_zero) in fixed point, 21 bits below one
// level, so that every adapter gives the same picture; rounding is half up. PQ and HLG go on in
// f32: linear light relative to a white of 203 nits (BT.2408), BT.2020 to BT.709 primaries, a
// roll-off of the largest component that maps 1000 nits to 1, the sRGB curve.
//
// data    (frames, words)       bytes as the decoder stored them, one layout for all frames
// picture (frames, rows, cols)  r | g << 8 | b << 16: an area of the upright picture
// grid    one invocation four stored pixels side by side, which share their loads; workgroups of
//         64 folded into x and y
// consts  KIND 0 gray, 1 interleaved RGB, 2 luma and chroma; INTERLEAVED: u and v in one plane;
//         WIDE: samples of 16 bits; TRANSFER 0 SDR, 1 PQ, 2 HLG

struct Params {
    x: u32, // the area's first column, as stored
    y: u32, // the area's first row, as stored
    cols: u32, // of the area, as stored
    rows: u32,
    quads: u32, // invocations to a row: those that touch the area
    total: u32, // frames * rows * quads
    words: u32,
    width: u32, // of the stored picture
    height: u32,
    origin: i32, // where the area's first stored pixel goes, and the way from one to the next
    across: i32,
    down: i32,
    luma: u32, // byte offsets and strides of the planes; RGB is the luma plane
    luma_stride: u32,
    u: u32,
    u_stride: u32,
    v: u32,
    v_stride: u32,
    step: u32, // bytes from one chroma sample (or RGB pixel) to the next
    sub_x: u32, // log2 of the luma samples for one of chroma
    sub_y: u32,
    site_x: i32, // quarters of a chroma sample from the first luma sample to the first of chroma
    site_y: i32,
    shift: u32, // bits below a sample of 10 bits
    luma_zero: i32,
    chroma_zero: i32,
    ky: i32,
    rv: i32,
    gu: i32,
    gv: i32,
    bu: i32,
}

var<immediate> p: Params;
@group(0) @binding(0) var<storage, read> data: array<u32>; // (frames, words)
@group(0) @binding(1) var<storage, read_write> picture: array<u32>; // (frames, rows, cols)

// The sample at byte i, which is even where samples are WIDE.
fn sample(i: u32) -> i32 {
    let word = data[i >> 2u] >> ((i & 3u) << 3u);
    if WIDE {
        return i32((word >> p.shift) & 1023u);
    }
    return i32(word & 255u);
}

// Samples first..first + 4 of a row that starts at byte `row` and repeats its ends beyond 0..=last.
fn four(row: u32, first: i32, last: u32, step: u32, bytes: bool) -> vec4<i32> {
    let columns = vec4<u32>(clamp(vec4(first) + vec4(0, 1, 2, 3), vec4(0), vec4(i32(last))));
    let at = vec4(row) + columns * step;
    if bytes {
        // They lie within two words, and the second may be past the end if none is in it.
        let word = at.x >> 2u;
        let low = vec4(data[word]);
        let high = vec4(data[min(word + 1u, arrayLength(&data) - 1u)]);
        let words = select(low, high, (at >> vec4(2u)) > vec4(word));
        return vec4<i32>((words >> ((at & vec4(3u)) << vec4(3u))) & vec4(255u));
    }
    return vec4(sample(at.x), sample(at.y), sample(at.z), sample(at.w));
}

// 16 times the chroma at luma samples x..x + 4 (x a multiple of 4) of row y: the quarters of both
// axes make 16 shares.
fn chroma(base: u32, stride: u32, x: u32, y: u32) -> vec4<i32> {
    let packed = !WIDE && !INTERLEAVED;
    let last = vec2(p.width - 1u, p.height - 1u) >> vec2(p.sub_x, p.sub_y);
    let first = i32(x >> p.sub_x) - i32(p.sub_x);
    let at = i32((4u * y) >> p.sub_y) - p.site_y;
    let low = base + u32(clamp(at >> 2u, 0, i32(last.y))) * stride;
    let high = base + u32(clamp((at >> 2u) + 1, 0, i32(last.y))) * stride;
    let above = four(low, first, last.x, p.step, packed);
    let below = four(high, first, last.x, p.step, packed);
    let column = (4 - (at & 3)) * above + (at & 3) * below;
    if p.sub_x == 0u {
        return 4 * column;
    }
    // Chroma between luma samples 0 and 1 (then on 1/4 and 3/4), or on sample 0.
    let between = p.site_x == 1;
    let left = select(column.yyzz, column.xyyz, between);
    let share = select(vec4(0, 2, 0, 2), vec4(3, 1, 3, 1), between);
    return (4 - share) * left + share * column.yzzw;
}

// SMPTE ST 2084: the signal to linear light, 1 = 203 nits.
fn pq(signal: vec3<f32>) -> vec3<f32> {
    let root = pow(signal, vec3(1.0 / 78.84375));
    let ratio = max(root - 0.8359375, vec3(0.0)) / (18.8515625 - 18.6875 * root);
    return pow(max(ratio, vec3(1e-9)), vec3(1.0 / 0.1593017578125)) * (10000.0 / 203.0);
}

// BT.2100 HLG on a display of 1000 nits: inverse OETF, then the system gamma of 1.2.
fn hlg(signal: vec3<f32>) -> vec3<f32> {
    let low = signal * signal / 3.0;
    let high = (exp((signal - 0.55991073) / 0.17883277) + 0.28466892) / 12.0;
    let scene = select(high, low, signal <= vec3(0.5));
    let luminance = dot(scene, vec3(0.2627, 0.678, 0.0593));
    return scene * pow(max(luminance, 1e-6), 0.2) * (1000.0 / 203.0);
}

// Linear BT.2020 light to sRGB levels 0..255.
fn tone_mapped(light: vec3<f32>) -> vec3<f32> {
    let rgb = max(vec3(0.0), vec3(
        dot(light, vec3(1.660491, -0.587641, -0.07285)),
        dot(light, vec3(-0.12455, 1.1329, -0.00835)),
        dot(light, vec3(-0.018151, -0.100579, 1.11873)),
    ));
    let knee = 0.5;
    let white = (1000.0 / 203.0 - knee) / (1.0 - knee);
    let peak = max(max(rgb.r, max(rgb.g, rgb.b)), 1e-6);
    let over = min((peak - knee) / (1.0 - knee), white);
    let rolled = knee + (1.0 - knee) * over * (1.0 + over / (white * white)) / (1.0 + over);
    let mapped = min(rgb * (select(peak, rolled, peak > knee) / peak), vec3(1.0));
    let curved = 1.055 * pow(max(mapped, vec3(1e-6)), vec3(1.0 / 2.4)) - 0.055;
    return 255.0 * select(curved, 12.92 * mapped, mapped <= vec3(0.0031308));
}

// RGB in fixed point, 21 bits below one level of 255, to 8 bits.
fn shown(fixed: vec3<i32>) -> u32 {
    var rgb: vec3<u32>;
    if TRANSFER == 0u {
        rgb = vec3<u32>(clamp((fixed + (1 << 20u)) >> vec3(21u), vec3(0), vec3(255)));
    } else {
        let signal = clamp(vec3<f32>(fixed) / (255.0 * 2097152.0), vec3(0.0), vec3(1.0));
        var light: vec3<f32>;
        if TRANSFER == 1u {
            light = pq(signal);
        } else {
            light = hlg(signal);
        }
        rgb = vec3<u32>(tone_mapped(light) + 0.5);
    }
    return rgb.r | (rgb.g << 8u) | (rgb.b << 16u);
}

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
    let row = i / p.quads % p.rows;
    let frame = i / p.quads / p.rows;
    let x = (p.x / 4u + i % p.quads) * 4u;
    let y = p.y + row;
    let start = frame * p.words * 4u;
    let luma = start + p.luma + y * p.luma_stride;
    var red: vec4<i32>;
    var green: vec4<i32>;
    var blue: vec4<i32>;
    if KIND == 1u {
        let last = p.width - 1u;
        red = four(luma, i32(x), last, p.step, false) << vec4(21u);
        green = four(luma + 1u, i32(x), last, p.step, false) << vec4(21u);
        blue = four(luma + 2u, i32(x), last, p.step, false) << vec4(21u);
    } else {
        let samples = four(luma, i32(x), p.width - 1u, select(1u, 2u, WIDE), !WIDE);
        red = p.ky * 16 * (samples - p.luma_zero);
        green = red;
        blue = red;
    }
    if KIND == 2u {
        let u = chroma(start + p.u, p.u_stride, x, y) - 16 * p.chroma_zero;
        let v = chroma(start + p.v, p.v_stride, x, y) - 16 * p.chroma_zero;
        red += p.rv * v;
        green += p.gu * u + p.gv * v;
        blue += p.bu * u;
    }
    let first = i32(frame * p.rows * p.cols) + p.origin + i32(row) * p.down;
    for (var k = 0u; k < 4u; k++) {
        let column = x + k - p.x; // wraps to far beyond the area on its left
        if column < p.cols {
            picture[first + i32(column) * p.across] = shown(vec3(red[k], green[k], blue[k]));
        }
    }
}
