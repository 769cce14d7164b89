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
// grid    one invocation a pixel, workgroups of 64 folded into x and y
// consts  KIND 0 gray, 1 interleaved RGB, 2 luma and chroma; WIDE: samples of 16 bits;
//         TRANSFER 0 SDR, 1 PQ, 2 HLG

struct Params {
    x: u32, // the area's first column, in the upright picture
    y: u32, // the area's first row
    cols: u32,
    rows: u32,
    pixels: u32, // frames * rows * cols
    words: u32,
    width: u32, // as stored
    height: u32,
    turn: u32, // upright to stored: 1 swaps x and y, then 2 mirrors x, then 4 mirrors y
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

fn byte(i: u32) -> u32 {
    return (data[i >> 2u] >> ((i & 3u) << 3u)) & 255u;
}

// The sample at byte i; 10 bits of two bytes where WIDE, which need not be aligned.
fn sample(i: u32) -> i32 {
    if WIDE {
        return i32(((byte(i) | (byte(i + 1u) << 8u)) >> p.shift) & 1023u);
    }
    return i32(byte(i));
}

// 16 times the chroma at luma sample (x, y): the quarters of both axes make 16 shares.
fn chroma(base: u32, stride: u32, x: u32, y: u32) -> i32 {
    let at = vec2(i32((4u * x) >> p.sub_x) - p.site_x, i32((4u * y) >> p.sub_y) - p.site_y);
    let last = vec2(i32((p.width - 1u) >> p.sub_x), i32((p.height - 1u) >> p.sub_y));
    let low = vec2<u32>(clamp(at >> vec2(2u), vec2(0), last));
    let high = vec2<u32>(clamp((at >> vec2(2u)) + 1, vec2(0), last));
    let share = at & vec2(3);
    let top = base + low.y * stride;
    let bottom = base + high.y * stride;
    let left = low.x * p.step;
    let right = high.x * p.step;
    let above = (4 - share.x) * sample(top + left) + share.x * sample(top + right);
    let below = (4 - share.x) * sample(bottom + left) + share.x * sample(bottom + right);
    return (4 - share.y) * above + share.y * below;
}

// The stored pixel as RGB, 21 bits below one level of 255.
fn stored(frame: u32, x: u32, y: u32) -> vec3<i32> {
    if KIND == 1u {
        let at = frame + p.luma + y * p.luma_stride + x * p.step;
        return vec3(sample(at), sample(at + 1u), sample(at + 2u)) << vec3(21u);
    }
    let bytes = select(1u, 2u, WIDE);
    let luma = sample(frame + p.luma + y * p.luma_stride + x * bytes);
    let gray = p.ky * 16 * (luma - p.luma_zero);
    if KIND == 0u {
        return vec3(gray);
    }
    let u = chroma(frame + p.u, p.u_stride, x, y) - 16 * p.chroma_zero;
    let v = chroma(frame + p.v, p.v_stride, x, y) - 16 * p.chroma_zero;
    return vec3(gray + p.rv * v, gray + p.gu * u + p.gv * v, gray + p.bu * u);
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
    let x = p.x + i % p.cols;
    let y = p.y + i / p.cols % p.rows;
    let frame = i / p.cols / p.rows * p.words * 4u;
    let swapped = select(vec2(x, y), vec2(y, x), (p.turn & 1u) != 0u);
    let sx = select(swapped.x, p.width - 1u - swapped.x, (p.turn & 2u) != 0u);
    let sy = select(swapped.y, p.height - 1u - swapped.y, (p.turn & 4u) != 0u);
    let fixed = stored(frame, sx, sy);
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
    picture[i] = rgb.r | (rgb.g << 8u) | (rgb.b << 16u);
}
