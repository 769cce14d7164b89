//! Cases of the linear ops: every variant at sizes that end inside its tiles, then the published
//! models' shapes as the ops themselves choose.

use super::{Case, Prepared};
use crate::gpu::{Caps, DType, Gpu, Pass};
use crate::ops::linear::{Extents, Linear, Op, Variant, linear_by, padded};
use crate::{Result, ops, reference};

/// (M, K, N): every size that matters to a tile, at or off its edge.
const AWKWARD: [[usize; 3]; 12] = [
    [1, 4, 1],
    [3, 28, 7],
    [7, 64, 63],
    [8, 260, 96],
    [63, 12, 65],
    [65, 128, 36],
    [1, 132, 260],
    [50, 36, 257],
    [257, 100, 132],
    [1757, 8, 20],
    [515, 68, 36],
    [63, 52, 68],
];

/// (name, op, M, K, N) of ViT-B/32 and ViT-L/14 over 8 frames, of decoding, and of the built-in
/// model over 8 frames of 65 tokens.
const MODELS: [(&str, Op, usize, usize, usize); 14] = [
    ("vit_b32_qkv", Op::Plain, 400, 768, 2304),
    ("vit_b32_proj", Op::Add, 400, 768, 768),
    ("vit_b32_mlp_up", Op::Gelu, 400, 768, 3072),
    ("vit_b32_mlp_down", Op::Add, 400, 3072, 768),
    ("vit_l14_qkv", Op::Plain, 514, 1024, 3072),
    ("vit_l14_proj", Op::Add, 514, 1024, 1024),
    ("vit_l14_mlp_up", Op::Gelu, 514, 1024, 4096),
    ("vit_l14_mlp_down", Op::Add, 514, 4096, 1024),
    ("decode_row", Op::Plain, 1, 768, 2304),
    ("decode_rows", Op::Plain, 6, 768, 2304),
    ("vocabulary", Op::Plain, 1, 512, 49408),
    ("shapes_qkv", Op::Plain, 520, 128, 384),
    ("shapes_mlp_up", Op::Gelu, 520, 128, 512),
    ("shapes_mlp_down", Op::Add, 520, 512, 128),
];

pub fn cases(caps: &Caps) -> Vec<Case> {
    let variants: [(_, &[&str]); 5] = [
        (Variant::Tile, &["linear_tile"]),
        (Variant::Broadcast, &["linear_broadcast"]),
        (Variant::Register, &["linear_register"]),
        (Variant::Row, &["linear_row"]),
        (Variant::SplitRow, &["linear_row"]),
    ];
    let mut cases = Vec::new();
    for (variant, shaders) in variants {
        for (i, mkn) in AWKWARD.into_iter().enumerate() {
            let op = [Op::Plain, Op::Gelu, Op::Add][i % 3];
            // A row never has more than a few companions; the other variants take any M.
            if shaders[0] == "linear_row" && mkn[0] > 65 {
                continue;
            }
            if variant.runs(caps, extents(mkn)) {
                cases.push(case(Some(variant), shaders, op, mkn, ""));
            }
        }
    }
    for (model, op, m, k, n) in MODELS {
        let mut add = |variant, shaders| {
            cases.push(Case {
                bench: true,
                ..case(variant, shaders, op, [m, k, n], model)
            });
        };
        add(None, &["linear_tile", "linear_broadcast", "linear_row"]);
        // One shape of each kind by every variant, so that the choice can be held against them.
        if let "vit_b32_proj" | "decode_row" = model {
            let few = m == 1;
            for (variant, shaders) in variants {
                let fits = few == (shaders[0] == "linear_row");
                if fits && variant.runs(caps, extents([m, k, n])) {
                    add(Some(variant), shaders);
                }
            }
        }
    }
    cases
}

fn extents([m, k, n]: [usize; 3]) -> Extents {
    Extents { m, n, k }
}

fn name(op: Op) -> &'static str {
    match op {
        Op::Plain => "linear",
        Op::Gelu => "linear_gelu",
        Op::Add => "linear_add",
    }
}

fn case(
    variant: Option<Variant>,
    shaders: &'static [&'static str],
    op: Op,
    [m, k, n]: [usize; 3],
    model: &str,
) -> Case {
    let by = variant.map(|v| format!(" by {v:?}")).unwrap_or_default();
    Case {
        op: name(op),
        shaders,
        shape: format!("{model} ({m}, {k}) x ({k}, {n}){by}")
            .trim_start()
            .to_owned(),
        bench: false,
        prepare: Box::new(move |gpu, elem| prepare(gpu, elem, variant, op, [m, k, n])),
    }
}

/// Random numbers in -1..1, as `elem` can hold them. Their signs lean to one side a little, so that
/// sums do not vanish and a lost or doubled term shows.
pub(super) fn random(seed: u64, len: usize, elem: DType) -> Vec<f32> {
    let mut state = seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1;
    let mut next = || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        let unit = (state >> 40) as f32 / (1u64 << 24) as f32;
        let value = 2.0 * unit - 0.95;
        match elem {
            DType::F16 => half::f16::from_f32(value).to_f32(),
            _ => value,
        }
    };
    (0..len).map(|_| next()).collect()
}

/// Rows of a large product that the twin checks: the first and last of every tile size, some
/// between. The other rows only have to be finite.
fn checked_rows(m: usize, k: usize, n: usize) -> Vec<usize> {
    if m * k * n < 1 << 25 {
        return (0..m).collect();
    }
    let mut rows = vec![0, 1, 7, 8, 63, 64, m / 2, m / 3, m - 9, m - 2, m - 1];
    rows.retain(|&row| row < m);
    rows.sort_unstable();
    rows.dedup();
    rows
}

fn prepare(
    gpu: &Gpu,
    elem: DType,
    variant: Option<Variant>,
    op: Op,
    [m, k, n]: [usize; 3],
) -> Result<Prepared> {
    let p = padded(n);
    let x = random(1, m * k, elem);
    let mut weight = random(2, k * p, elem);
    for row in weight.chunks_exact_mut(p) {
        row[n..].fill(0.0);
    }
    // The plain product goes without a bias where N is odd, so that both ways are tested.
    let mut bias = (op != Op::Plain || n % 2 == 0).then(|| random(3, p, DType::F32));
    if let Some(bias) = &mut bias {
        bias[n..].fill(0.0);
    }
    let residual = random(4, m * n, DType::F32);
    let out = match op {
        Op::Plain if k % 8 == 0 => DType::F32,
        Op::Plain | Op::Gelu => elem,
        Op::Add => DType::F32,
    };

    let rows = checked_rows(m, k, n);
    let pick = |values: &[f32], width: usize| -> Vec<f32> {
        let row = |&r: &usize| &values[r * width..(r + 1) * width];
        rows.iter().flat_map(row).copied().collect()
    };
    let some_x = pick(&x, k);
    let mut some = pick(&residual, n);
    let magnitude = {
        let abs = |v: &[f32]| v.iter().map(|v| v.abs()).collect::<Vec<_>>();
        let bias = bias.as_deref().map(abs);
        reference::linear(&abs(&some_x), &abs(&weight), bias.as_deref(), k, n)
    };
    let bias_ref = bias.as_deref();
    match op {
        Op::Plain => some = reference::linear(&some_x, &weight, bias_ref, k, n),
        Op::Gelu => some = reference::linear_gelu(&some_x, &weight, bias_ref, k, n),
        Op::Add => reference::linear_add(&some_x, &weight, bias_ref, k, n, &mut some),
    }
    let mut want = vec![0.0; m * n];
    let mut bound = vec![f32::INFINITY; m * n];
    let rounding = match out {
        DType::F16 => 1.0 / 2048.0,
        _ => f32::EPSILON,
    };
    for (i, &row) in rows.iter().enumerate() {
        for col in 0..n {
            let (value, magnitude) = (some[i * n + col], magnitude[i * n + col]);
            want[row * n + col] = value;
            bound[row * n + col] =
                2.0 * (k as f32).sqrt() * f32::EPSILON * magnitude + rounding * value.abs() + 1e-6;
        }
    }

    let mut pass = gpu.pass();
    let x = pass.upload_f32(&[m, k], elem, &x)?;
    let layer = Linear {
        weight: pass.upload_f32(&[k, p], elem, &weight)?,
        bias: bias
            .map(|b| pass.upload_f32(&[p], DType::F32, &b))
            .transpose()?,
        n,
    };
    pass.submit()?;
    let record = move |pass: &mut Pass| {
        let y = match op {
            Op::Add => pass.upload_f32(&[m, n], DType::F32, &residual)?,
            _ => pass.tensor(&[m, n], out)?,
        };
        match (variant, op) {
            (Some(variant), _) => linear_by(pass, variant, op, &x, &layer, &y)?,
            (None, Op::Plain) => return Ok(vec![ops::linear::linear(pass, &x, &layer, out)?]),
            (None, Op::Gelu) => return Ok(vec![ops::linear::linear_gelu(pass, &x, &layer)?]),
            (None, Op::Add) => ops::linear::linear_add(pass, &x, &layer, &y)?,
        }
        Ok(vec![y])
    };
    let moved = m * k * elem.size() + k * p * elem.size() + m * n * out.size();
    Ok(Prepared {
        record: Box::new(record),
        want: vec![want],
        bound: vec![bound],
        flops: 2.0 * (m * k * n) as f64,
        bytes: moved as f64,
    })
}
