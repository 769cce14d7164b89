//! What is timed: products, attention and a block of the image encoders, each called as in `vcoca-gpu bench`.

use std::any::Any;
use std::sync::Arc;

use burn::tensor::activation::gelu;
use burn::tensor::module::attention;
use burn::tensor::{DType, Device, Tensor};

use crate::block::Block;
use crate::operands::{Layer, add, operands, widened};
use crate::twin;

/// (name, operation, M, K, N) of ViT-B/32 over 8 frames and of ViT-L/14 over 2.
const PRODUCTS: [(&str, Op, usize, usize, usize); 8] = [
    ("vit_b32_qkv", Op::Plain, 400, 768, 2304),
    ("vit_b32_proj", Op::Add, 400, 768, 768),
    ("vit_b32_mlp_up", Op::Gelu, 400, 768, 3072),
    ("vit_b32_mlp_down", Op::Add, 400, 3072, 768),
    ("vit_l14_qkv", Op::Plain, 514, 1024, 3072),
    ("vit_l14_proj", Op::Add, 514, 1024, 1024),
    ("vit_l14_mlp_up", Op::Gelu, 514, 1024, 4096),
    ("vit_l14_mlp_down", Op::Add, 514, 4096, 1024),
];

/// Self-attention over frames.
#[derive(Clone, Copy)]
pub struct Shape {
    pub frames: usize,
    pub tokens: usize,
    pub heads: usize,
    pub head_dim: usize,
}

impl Shape {
    const fn of(frames: usize, tokens: usize, heads: usize, head_dim: usize) -> Self {
        Self {
            frames,
            tokens,
            heads,
            head_dim,
        }
    }

    pub fn width(&self) -> usize {
        self.heads * self.head_dim
    }
}

/// What follows a product.
#[derive(Clone, Copy)]
enum Op {
    Plain,
    Gelu,
    /// The residual.
    Add,
}

pub struct Case {
    pub name: &'static str,
    pub shape: String,
    pub prepare: Box<dyn Fn(&Device, DType) -> Prepared>,
}

pub struct Prepared {
    /// Runs it once; what comes is the result.
    pub run: Box<dyn Fn() -> Box<dyn Any + Send> + Send + Sync>,
    values: Box<dyn Fn() -> Vec<f32>>,
    /// Some rows of the result: where they begin, and what they are.
    want: Vec<(usize, Vec<f64>)>,
}

impl Prepared {
    fn new<const D: usize>(
        op: impl Fn() -> Tensor<D> + Clone + Send + Sync + 'static,
        want: Vec<(usize, Vec<f64>)>,
    ) -> Self {
        let again = op.clone();
        Self {
            run: Box::new(move || Box::new(op())),
            values: Box::new(move || {
                let data = again().into_data_as::<f32>();
                data.try_to_vec().expect("it was just converted to f32")
            }),
            want,
        }
    }

    /// Holds it against the twin: the squared error over that of zeros, as `vcoca-gpu parity` bounds it.
    pub fn check(&self, dtype: DType) -> Result<(), String> {
        let most = match dtype {
            DType::F16 => 1e-5,
            _ => 1e-9,
        };
        let got = (self.values)();
        if let Some(at) = got.iter().position(|value| !value.is_finite()) {
            return Err(format!("value {at} is {}", got[at]));
        }
        let (mut error, mut whole) = (0.0, 0.0);
        for (at, want) in &self.want {
            for (got, want) in got[*at..].iter().zip(want) {
                error += (f64::from(*got) - want).powi(2);
                whole += want.powi(2);
            }
        }
        let nmse = error / whole;
        (nmse <= most)
            .then_some(())
            .ok_or_else(|| format!("a normalised squared error of {nmse:.1e}, not {most:.0e}"))
    }
}

pub fn all() -> Vec<Case> {
    let mut cases: Vec<Case> = PRODUCTS
        .into_iter()
        .map(|(model, op, m, k, n)| product(model, op, [m, k, n]))
        .collect();
    let (b32, l14) = (Shape::of(8, 50, 12, 64), Shape::of(2, 257, 16, 64));
    cases.push(attend("vit_b32", b32));
    cases.push(attend("vit_l14", Shape { frames: 8, ..l14 }));
    cases.push(block("vit_b32", b32));
    cases.push(block("vit_l14", l14));
    cases
}

fn product(model: &str, op: Op, [m, k, n]: [usize; 3]) -> Case {
    Case {
        name: match op {
            Op::Plain => "linear",
            Op::Gelu => "linear_gelu",
            Op::Add => "linear_add",
        },
        shape: format!("{model} ({m}, {k}) x ({k}, {n})"),
        prepare: Box::new(move |device, dtype| {
            let operands = &mut operands(device, dtype);
            let x = operands.values(m * k, 0.0, 1.0);
            let residual = operands.values(m * n, 0.0, 1.0);
            let layer = Layer::new(operands, [k, n], 1.0);
            let want = [0, m / 3, m - 1].map(|row| {
                let mut y = layer.twin(&widened(&x[row * k..][..k]));
                match op {
                    Op::Plain => {}
                    Op::Gelu => y.iter_mut().for_each(|y| *y = twin::gelu(*y)),
                    Op::Add => add(&mut y, widened(&residual[row * n..][..n])),
                }
                (row * n, y)
            });
            let x = operands.tensor(&x, [m, k]);
            let residual = operands.tensor(&residual, [m, n]);
            let layer = Arc::new(layer);
            let run = move || {
                let y = layer.on(x.clone());
                match op {
                    Op::Plain => y,
                    Op::Gelu => gelu(y),
                    Op::Add => residual.clone() + y,
                }
            };
            Prepared::new(run, want.into())
        }),
    }
}

fn attend(name: &str, shape: Shape) -> Case {
    let Shape {
        frames,
        tokens,
        heads,
        head_dim,
    } = shape;
    Case {
        name: "attention",
        shape: format!(
            "{name} {frames} × {heads} heads of {head_dim}, {tokens} queries, {tokens} keys"
        ),
        prepare: Box::new(move |device, dtype| {
            let operands = &mut operands(device, dtype);
            let head = tokens * head_dim;
            let qkv: [Vec<f32>; 3] =
                std::array::from_fn(|_| operands.values(frames * heads * head, 0.1, 1.5));
            let want = [0, frames * heads - 1].map(|at| {
                let [q, k, v] = qkv
                    .each_ref()
                    .map(|part| widened(&part[at * head..][..head]));
                (at * head, twin::attention(&q, &k, &v, head_dim))
            });
            let dims = [frames, heads, tokens, head_dim];
            let [q, k, v] = qkv.each_ref().map(|part| operands.tensor(part, dims));
            let run = move || attended(q.clone(), k.clone(), v.clone());
            Prepared::new(run, want.into())
        }),
    }
}

/// burn's own attention, which chooses between a fused kernel and separate ones.
pub fn attended(q: Tensor<4>, k: Tensor<4>, v: Tensor<4>) -> Tensor<4> {
    attention(q, k, v, None, None, Default::default())
}

fn block(model: &str, shape: Shape) -> Case {
    let Shape {
        frames,
        tokens,
        heads,
        ..
    } = shape;
    let width = shape.width();
    Case {
        name: "vit_block",
        shape: format!("{model} {frames} frames, {tokens} tokens of {width}, {heads} heads"),
        prepare: Box::new(move |device, dtype| {
            let operands = &mut operands(device, dtype);
            let x = operands.values(frames * tokens * width, 0.1, 1.0);
            let block = Block::new(operands, shape);
            // The last frame tells frames apart.
            let first = (frames - 1) * tokens;
            let want = block.twin(&widened(&x[first * width..]));
            let want = want
                .into_iter()
                .map(|(row, y)| ((first + row) * width, y))
                .collect();
            let x = operands.tensor(&x, [frames, tokens, width]);
            let block = Arc::new(block);
            Prepared::new(move || block.on(x.clone()), want)
        }),
    }
}
