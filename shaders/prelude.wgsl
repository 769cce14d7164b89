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
