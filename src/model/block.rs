//! Transformer blocks: pre-norm self attention and cross attention, each with its MLP.

use super::Tower;
use super::cache::Seen;
use super::loader::{Loader, Part};
use crate::Result;
use crate::gpu::{Pass, Tensor};
use crate::ops::attention::{Mask, Rows, Shape, attention, attention_history};
use crate::ops::linear::{
    Linear, linear_add, linear_normed, linear_normed_append, linear_normed_gelu,
};
use crate::ops::norm::LayerNorm;

/// `x += attn(ln_1(x)); x += c_proj(gelu(c_fc(ln_2(x))))` (OpenCLIP's `ResidualAttentionBlock`).
pub(crate) struct Block {
    pub ln_1: LayerNorm,
    pub attn: SelfAttention,
    pub ln_2: LayerNorm,
    pub mlp: Mlp,
}

pub(crate) struct SelfAttention {
    /// (D, 3D): queries, keys and values side by side.
    pub in_proj: Linear,
    pub out_proj: Linear,
    pub heads: usize,
}

pub(crate) struct Mlp {
    pub c_fc: Linear,
    pub c_proj: Linear,
}

impl Block {
    pub(super) fn load(l: &Loader, name: &str, tower: Tower) -> Result<Self> {
        let width = tower.width;
        let (weight, bias) = (
            format!("{name}.attn.in_proj_weight"),
            format!("{name}.attn.in_proj_bias"),
        );
        Ok(Self {
            ln_1: l.layer_norm(&format!("{name}.ln_1"), width)?,
            attn: SelfAttention {
                in_proj: l.stacked(
                    &[Part::whole(&weight, 3 * width)],
                    width,
                    Some(Part::whole(&bias, 3 * width)),
                )?,
                out_proj: l.linear(&format!("{name}.attn.out_proj"), width, width)?,
                heads: tower.heads,
            },
            ln_2: l.layer_norm(&format!("{name}.ln_2"), width)?,
            mlp: Mlp::load(l, name, tower)?,
        })
    }

    /// Runs the block on `x` (B, L, D) f32, in place.
    pub fn forward(&self, pass: &mut Pass, x: &Tensor, mask: Mask) -> Result<()> {
        let packed = &self.attn.in_proj;
        let qkv = linear_normed(pass, x, &self.ln_1, packed, packed.weight.dtype())?;
        let shape = self.shape(x, x.dim(1));
        let part = |i| Rows::part(&qkv, i, 3);
        let mixed = attention(pass, part(0), part(1), part(2), shape, mask)?;
        self.finish(pass, x, &mixed)
    }

    /// The same for ids behind those of a text that have been `seen`; appends their keys and values.
    pub(super) fn forward_cached(&self, pass: &mut Pass, x: &Tensor, seen: Seen) -> Result<()> {
        let Seen {
            keys_values,
            at,
            history,
        } = seen;
        let packed = &self.attn.in_proj;
        let qkv = linear_normed_append(pass, x, &self.ln_1, packed, keys_values, at)?;
        let shape = self.shape(x, at + x.dim(1));
        let rows = [
            Rows::part(&qkv, 0, 3),
            Rows::part(keys_values, 0, 2),
            Rows::part(keys_values, 1, 2),
        ];
        let mixed = match (history, rows) {
            (Some(history), rows) if shape.queries == 1 => {
                attention_history(pass, rows, shape, history)?
            }
            (_, [q, k, v]) => attention(pass, q, k, v, shape, Mask::Causal)?,
        };
        self.finish(pass, x, &mixed)
    }

    fn shape(&self, x: &Tensor, keys: usize) -> Shape {
        Shape {
            batch: x.dim(0),
            heads: self.attn.heads,
            head_dim: x.cols() / self.attn.heads,
            queries: x.dim(1),
            keys,
        }
    }

    fn finish(&self, pass: &mut Pass, x: &Tensor, mixed: &Tensor) -> Result<()> {
        linear_add(pass, mixed, &self.attn.out_proj, x)?;
        self.mlp.forward(pass, x, &self.ln_2)
    }
}

impl Mlp {
    fn load(l: &Loader, name: &str, tower: Tower) -> Result<Self> {
        Ok(Self {
            c_fc: l.linear(&format!("{name}.mlp.c_fc"), tower.width, tower.mlp)?,
            c_proj: l.linear(&format!("{name}.mlp.c_proj"), tower.mlp, tower.width)?,
        })
    }

    fn forward(&self, pass: &mut Pass, x: &Tensor, norm: &LayerNorm) -> Result<()> {
        let hidden = linear_normed_gelu(pass, x, norm, &self.c_fc)?;
        linear_add(pass, &hidden, &self.c_proj, x)
    }
}

/// `x += attn(ln_1(x), ln_1_kv(context)); x += mlp(ln_2(x))`: the decoder's view of the clip.
pub(super) struct CrossBlock {
    ln_1: LayerNorm,
    ln_1_kv: LayerNorm,
    query: Linear,
    /// (D, 2D): keys and values side by side.
    keys_values: Linear,
    out_proj: Linear,
    heads: usize,
    ln_2: LayerNorm,
    mlp: Mlp,
}

impl CrossBlock {
    pub fn load(l: &Loader, name: &str, tower: Tower) -> Result<Self> {
        let width = tower.width;
        let (weight, bias) = (
            format!("{name}.attn.in_proj_weight"),
            format!("{name}.attn.in_proj_bias"),
        );
        let rows = |name, rows| Part {
            name,
            of: 3 * width,
            rows,
        };
        let (q, kv) = (0..width, width..3 * width);
        Ok(Self {
            ln_1: l.layer_norm(&format!("{name}.ln_1"), width)?,
            ln_1_kv: l.layer_norm(&format!("{name}.ln_1_kv"), width)?,
            query: l.stacked(&[rows(&weight, q.clone())], width, Some(rows(&bias, q)))?,
            keys_values: l.stacked(&[rows(&weight, kv.clone())], width, Some(rows(&bias, kv)))?,
            out_proj: l.linear(&format!("{name}.attn.out_proj"), width, width)?,
            heads: tower.heads,
            ln_2: l.layer_norm(&format!("{name}.ln_2"), width)?,
            mlp: Mlp::load(l, name, tower)?,
        })
    }

    /// Keys and values (B, Q-1, 2E) of a clip's context (B, Q-1, E) f32: once per clip.
    pub fn keys_values(&self, pass: &mut Pass, context: &Tensor) -> Result<Tensor> {
        let elem = self.keys_values.weight.dtype();
        linear_normed(pass, context, &self.ln_1_kv, &self.keys_values, elem)
    }

    /// Runs the block on `x` (B, L, D) f32, in place.
    pub fn forward(&self, pass: &mut Pass, x: &Tensor, keys_values: &Tensor) -> Result<()> {
        let elem = self.query.weight.dtype();
        let query = linear_normed(pass, x, &self.ln_1, &self.query, elem)?;
        let shape = Shape {
            batch: x.dim(0),
            heads: self.heads,
            head_dim: x.cols() / self.heads,
            queries: x.dim(1),
            keys: keys_values.dim(1),
        };
        let mixed = attention(
            pass,
            Rows::all(&query),
            Rows::part(keys_values, 0, 2),
            Rows::part(keys_values, 1, 2),
            shape,
            Mask::None,
        )?;
        linear_add(pass, &mixed, &self.out_proj, x)?;
        self.mlp.forward(pass, x, &self.ln_2)
    }
}
