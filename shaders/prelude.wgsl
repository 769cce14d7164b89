// Helpers that every kernel may use; `elem` and the constants of the kernel stand above.

alias elem4 = vec4<elem>;

/// Four f16 from the two words that hold them.
fn halves(words: vec2<u32>) -> vec4<f32> {
    return vec4(unpack2x16float(words.x), unpack2x16float(words.y));
}

/// The error function to 4e-7: a rational minimax fit in z² for |z| < 3.92, beyond which it is ±1
/// in f32.
fn erf(z: vec4<f32>) -> vec4<f32> {
    let c = clamp(z, vec4(-3.92), vec4(3.92));
    let t = c * c;
    var p = vec4(2.0348145e-6);
    p = p * t + 2.8746159e-4;
    p = p * t + 3.8676735e-3;
    p = p * t + 5.3058494e-2;
    p = p * t + 1.9274920e-1;
    p = p * t + 1.1283790;
    var q = vec4(3.8070524e-5);
    q = q * t + 1.1879499e-3;
    q = q * t + 1.5171005e-2;
    q = q * t + 1.1507845e-1;
    q = q * t + 5.0415123e-1;
    q = q * t + 1.0;
    return clamp(c * p / q, vec4(-1.0), vec4(1.0));
}

/// The exact GELU, x Φ(x), not its tanh approximation.
fn gelu(x: vec4<f32>) -> vec4<f32> {
    return 0.5 * x * (1.0 + erf(x * 0.70710678));
}

/// An integer that grows with the float; 0 for NaN only. Comparing these is exact, and no driver can
/// assume NaN away.
fn rank(x: f32) -> u32 {
    let bits = bitcast<u32>(x);
    if (bits & 0x7fffffffu) > 0x7f800000u {
        return 0u;
    }
    if bits == 0x80000000u {
        return 0x80000000u; // -0 equals 0
    }
    return select(bits | 0x80000000u, ~bits, (bits & 0x80000000u) != 0u);
}

/// A permutation of the 32-bit integers that looks random (the finaliser of MurmurHash3).
fn scramble(x: u32) -> u32 {
    var h = x;
    h = (h ^ (h >> 16u)) * 0x85ebca6bu;
    h = (h ^ (h >> 13u)) * 0xc2b2ae35u;
    return h ^ (h >> 16u);
}
