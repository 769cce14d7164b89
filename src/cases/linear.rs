//! Cases of the linear ops: every variant at sizes that end inside its tiles, then the published
//! models' shapes as the ops themselves choose.

use std::rc::Rc;

use super::{Case, Prepared};
use crate::gpu::{Caps, DType, Gpu, Pass, Tensor};
use crate::ops::linear::{Extents, Linear, Op, TILINGS, Tiling, Variant, linear_by, padded};
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

/// Of those, the ones that every tiling is held against: each ends inside its tiles.
const FOR_ALL: [[usize; 3]; 3] = [[7, 64, 63], [65, 128, 36], [257, 100, 132]];
const FOR_FEW_ROWS: [[usize; 3]; 4] = [[1, 132, 260], [3, 28, 7], [8, 260, 96], [50, 36, 257]];

const OPS: [Op; 3] = [Op::Plain, Op::Gelu, Op::Add];

const VARIANTS: [Variant; 6] = [
    Variant::Tile,
    Variant::Broadcast,
    Variant::Register,
    Variant::Row,
    Variant::SplitRow,
    Variant::Coop,
];

/// Who chooses the tiling of a product.
#[derive(Clone, Copy)]
pub enum By {
    /// The op itself.
    Choice,
    /// This variant.
    Variant(Variant),
    Tiling(Tiling),
}

/// Every tiling that a table of tuning can name.
fn tilings(caps: &Caps) -> Vec<Case> {
    let mut cases = Vec::new();
    for tiling in TILINGS {
        let sizes: &[_] = match tiling.variant().few_rows() {
            true => &FOR_FEW_ROWS,
            false => &FOR_ALL,
        };
        for (&mkn, op) in sizes.iter().zip(OPS.into_iter().cycle()) {
            let elem = match tiling.variant() {
                Variant::Coop => DType::F16,
                _ => DType::F32,
            };
            if tiling.fits(caps, extents(mkn), elem) {
                cases.push(case(By::Tiling(*tiling), op, mkn, ""));
            }
        }
    }
    cases
}

pub fn cases(caps: &Caps) -> Vec<Case> {
    let mut cases = tilings(caps);
    for variant in VARIANTS {
        for (i, mkn) in AWKWARD.into_iter().enumerate() {
            // A row never has more than a few companions; the other variants take any M.
            if variant.few_rows() && mkn[0] > 65 {
                continue;
            }
            if variant.runs(caps, extents(mkn)) {
                cases.push(case(By::Variant(variant), OPS[i % 3], mkn, ""));
            }
        }
    }
    for (model, op, m, k, n) in MODELS {
        let mut add = |by| {
            cases.push(Case {
                bench: true,
                ..case(by, op, [m, k, n], model)
            });
        };
        add(By::Choice);
        // One shape of each kind by every variant, so that the choice can be held against them.
        if let "vit_b32_proj" | "decode_row" = model {
            for variant in VARIANTS {
                if variant.few_rows() == (m == 1) && variant.runs(caps, extents([m, k, n])) {
                    add(By::Variant(variant));
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

fn case(by: By, op: Op, [m, k, n]: [usize; 3], model: &str) -> Case {
    let shaders: &[_] = match by {
        By::Choice => &["linear_tile", "linear_broadcast", "linear_row"],
        By::Variant(variant) => shaders(variant),
        By::Tiling(tiling) => shaders(tiling.variant()),
    };
    let by_whom = match by {
        By::Choice => String::new(),
        By::Variant(variant) => format!(" by {variant:?}"),
        By::Tiling(tiling) => format!(" by {tiling}"),
    };
    Case {
        op: name(op),
        shaders,
        shape: format!("{model} ({m}, {k}) x ({k}, {n}){by_whom}")
            .trim_start()
            .to_owned(),
        bench: false,
        prepare: Box::new(
            move |gpu, elem| Ok(Operands::new(gpu, elem, op, [m, k, n])?.product(by)),
        ),
    }
}

fn shaders(variant: Variant) -> &'static [&'static str] {
    match variant {
        Variant::Tile => &["linear_tile"],
        Variant::Broadcast => &["linear_broadcast"],
        Variant::Register => &["linear_register"],
        Variant::Row | Variant::SplitRow => &["linear_row"],
        Variant::Coop => &["linear_coop"],
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
    let last = [1, 2, 9].map(|from_end| m.saturating_sub(from_end));
    let mut rows = vec![0, 1, 7, 8, 63, 64, m / 2, m / 3];
    rows.extend(last);
    rows.retain(|&row| row < m);
    rows.sort_unstable();
    rows.dedup();
    rows
}

/// What a product is made of, and what it has to give.
pub struct Operands {
    op: Op,
    x: Tensor,
    layer: Linear,
    residual: Rc<[f32]>,
    out: DType,
    want: Vec<f32>,
    bound: Vec<f32>,
}

impl Operands {
    /// Random ones for a product (M, K) · (K, N).
    pub fn new(gpu: &Gpu, elem: DType, op: Op, [m, k, n]: [usize; 3]) -> Result<Self> {
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
                bound[row * n + col] = 2.0 * (k as f32).sqrt() * f32::EPSILON * magnitude
                    + rounding * value.abs()
                    + 1e-6;
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
        Ok(Self {
            op,
            x,
            layer,
            residual: residual.into(),
            out,
            want,
            bound,
        })
    }

    /// The product by whom one likes.
    pub fn product(&self, by: By) -> Prepared {
        let (op, out) = (self.op, self.out);
        let (x, layer) = (self.x.clone(), self.layer.clone());
        let residual = Rc::clone(&self.residual);
        let at @ Extents { m, n, k } = extents([x.rows(), x.cols(), layer.n]);
        let moved = (m * k + k * padded(n)) * x.dtype().size() + m * n * out.size();
        let record = move |pass: &mut Pass| {
            let y = match op {
                Op::Add => pass.upload_f32(&[m, n], DType::F32, &residual)?,
                _ => pass.tensor(&[m, n], out)?,
            };
            let tiling = match by {
                By::Variant(variant) => Some(variant.tiling(pass.gpu().caps(), at)),
                By::Tiling(tiling) => Some(tiling),
                By::Choice => None,
            };
            match (tiling, op) {
                (Some(tiling), _) => linear_by(pass, tiling, op, &x, &layer, &y)?,
                (None, Op::Plain) => return Ok(vec![ops::linear::linear(pass, &x, &layer, out)?]),
                (None, Op::Gelu) => return Ok(vec![ops::linear::linear_gelu(pass, &x, &layer)?]),
                (None, Op::Add) => ops::linear::linear_add(pass, &x, &layer, &y)?,
            }
            Ok(vec![y])
        };
        Prepared {
            record: Box::new(record),
            want: vec![self.want.clone()],
            bound: vec![self.bound.clone()],
            flops: 2.0 * (m * k * n) as f64,
            bytes: moved as f64,
        }
    }
}
