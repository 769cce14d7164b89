//! CoCa's attentional pooler over the flattened tokens of all frames (OpenCLIP's `AttentionalPooler`).

use std::ops::Range;

use super::loader::{Loader, Part};
use super::{Config, Taps};
use crate::Result;
use crate::gpu::{DType, Pass, Tensor};
use crate::ops::attention::{
    Mask, PoolState, Rows, Shape, attention, attention_state, pool_empty, pool_finish, pool_merge,
};
use crate::ops::embed::slice_rows;
use crate::ops::linear::{Linear, linear};
use crate::ops::norm::{LayerNorm, l2_normalize, layernorm};

pub(super) struct Pooler {
    ln_k: LayerNorm,
    /// (D, 2E): keys and values side by side.
    keys_values: Linear,
    query: Tensor,
    ln_q: LayerNorm,
    q_proj: Linear,
    out_proj: Linear,
    heads: usize,
    ln_post: LayerNorm,
    proj: Linear,
}

/// Keys that one dispatch attends to: every query walks all of them, so more would take long, and
/// few workgroups would share the work.
const FLAT_KEYS: usize = 4096;

/// What the pooler makes of a clip.
pub struct Clips {
    /// (B, E) f32, l2-normalised: for labels and search.
    pub embedding: Tensor,
    /// (B, Q-1, E) f32: for the decoder.
    pub context: Tensor,
}

impl Pooler {
    pub fn load(l: &Loader, config: &Config) -> Result<Self> {
        let (e, d) = (config.embed_dim, config.vision.width);
        let attn = "visual.attn_pool.attn";
        let bias = format!("{attn}.in_proj_bias");
        let bias = |rows| {
            Some(Part {
                name: &bias,
                of: 3 * e,
                rows,
            })
        };
        // PyTorch packs the three projections into one where keys are as wide as queries.
        let packed = format!("{attn}.in_proj_weight");
        let names = ["q", "k", "v"].map(|p| format!("{attn}.{p}_proj_weight"));
        let projection = |i: usize| {
            if l.has(&packed) {
                Part {
                    name: &packed,
                    of: 3 * e,
                    rows: i * e..(i + 1) * e,
                }
            } else {
                Part::whole(&names[i], e)
            }
        };
        Ok(Self {
            ln_k: l.layer_norm("visual.attn_pool.ln_k", d)?,
            keys_values: l.stacked(&[projection(1), projection(2)], d, bias(e..3 * e))?,
            query: l.plain("visual.attn_pool.query", &[config.queries, e])?,
            ln_q: l.layer_norm("visual.attn_pool.ln_q", e)?,
            q_proj: l.stacked(&[projection(0)], e, bias(0..e))?,
            out_proj: l.linear(&format!("{attn}.out_proj"), e, e)?,
            heads: config.pooler_heads,
            ln_post: l.layer_norm("visual.ln_post", e)?,
            proj: l.projection("visual.proj", e, e)?,
        })
    }

    /// Keys and values (T, N, 2E) `elem` of frames (T, N, D) f32: each frame's depend on it alone.
    pub fn keys_values(&self, pass: &mut Pass, x: &Tensor, taps: &mut Taps) -> Result<Tensor> {
        let elem = self.keys_values.weight.dtype();
        let normed = layernorm(pass, x, &self.ln_k, elem)?;
        taps.see(pass, "pool.ln_k", &normed)?;
        linear(pass, &normed, &self.keys_values, elem)
    }

    /// Projected queries (1, Q, E): constants of the checkpoint.
    fn queries(&self, pass: &mut Pass, taps: &mut Taps) -> Result<Tensor> {
        let elem = self.q_proj.weight.dtype();
        let normed = layernorm(pass, &self.query, &self.ln_q, elem)?;
        taps.see(pass, "pool.q", &normed)?;
        let projected = linear(pass, &normed, &self.q_proj, elem)?;
        Ok(projected.reshape(&[1, projected.rows(), projected.cols()]))
    }

    /// Pools `clips` clips of equally many frames, whose `keys_values` (B·T, N, 2E) follow each
    /// other: one softmax over all T·N keys of a clip.
    pub fn pool(
        &self,
        pass: &mut Pass,
        keys_values: &Tensor,
        clips: usize,
        taps: &mut Taps,
    ) -> Result<Clips> {
        let keys = keys_values.rows() / clips;
        let query = self.queries(pass, taps)?;
        if clips == 1 && keys > FLAT_KEYS {
            let state = self.empty_state(pass)?;
            self.merge(pass, &state, keys_values, 0)?;
            return self.pool_state(pass, &state, taps);
        }
        let flat = keys_values.reshape(&[clips, keys, keys_values.cols()]);
        let mixed = attention(
            pass,
            Rows::all(&query).shared(),
            Rows::part(&flat, 0, 2),
            Rows::part(&flat, 1, 2),
            self.shape(clips, keys),
            Mask::None,
        )?;
        self.finish(pass, &mixed, taps)
    }

    /// Merges all frames of `keys_values` (T, N, 2E) into the state of one clip, a few at a time; the
    /// first `skip` tokens of every frame are left out.
    pub fn merge(
        &self,
        pass: &mut Pass,
        state: &PoolState,
        keys_values: &Tensor,
        skip: usize,
    ) -> Result<()> {
        let (frames, step) = (keys_values.dim(0), (FLAT_KEYS / keys_values.dim(1)).max(1));
        for first in (0..frames).step_by(step) {
            let count = step.min(frames - first);
            let states = self.states(pass, keys_values, first..first + count, skip)?;
            pool_merge(pass, state, &states, 0, count)?;
        }
        Ok(())
    }

    /// The mergeable state of each of `frames` of `keys_values` (T, N, 2E); the first `skip` tokens of
    /// every frame are left out.
    pub fn states(
        &self,
        pass: &mut Pass,
        keys_values: &Tensor,
        frames: Range<usize>,
        skip: usize,
    ) -> Result<PoolState> {
        let query = self.queries(pass, &mut Taps::none())?;
        let part = |i| {
            Rows::part(keys_values, i, 2)
                .skip_batches(frames.start)
                .skip_rows(skip)
        };
        attention_state(
            pass,
            Rows::all(&query).shared(),
            part(0),
            part(1),
            self.shape(frames.len(), keys_values.dim(1) - skip),
        )
    }

    /// A clip from a merged state.
    pub fn pool_state(&self, pass: &mut Pass, state: &PoolState, taps: &mut Taps) -> Result<Clips> {
        let mixed = pool_finish(pass, state, self.out_proj.weight.dtype())?;
        self.finish(pass, &mixed, taps)
    }

    fn shape(&self, batch: usize, keys: usize) -> Shape {
        let (queries, width) = (self.query.rows(), self.query.cols());
        Shape {
            batch,
            heads: self.heads,
            head_dim: width / self.heads,
            queries,
            keys,
        }
    }

    /// The state of no frames, for one clip: frames are merged into it.
    pub fn empty_state(&self, pass: &mut Pass) -> Result<PoolState> {
        let shape = self.shape(1, 1);
        pool_empty(pass, shape.queries, shape.heads, shape.head_dim)
    }

    /// From attended values (B, Q, E): output projection, ln_post; row 0 becomes the embedding, the
    /// others, neither projected nor normalised, the context.
    fn finish(&self, pass: &mut Pass, mixed: &Tensor, taps: &mut Taps) -> Result<Clips> {
        let elem = self.proj.weight.dtype();
        let out = linear(pass, mixed, &self.out_proj, DType::F32)?;
        taps.see(pass, "pool.attn", &out)?;
        let y = layernorm(pass, &out, &self.ln_post, DType::F32)?;
        taps.see(pass, "pool.ln_post", &y)?;
        let (clips, queries, width) = (y.dim(0), y.dim(1), y.dim(2));
        let contrastive = slice_rows(pass, &y, 0, 1, elem)?.reshape(&[clips, width]);
        taps.see(pass, "video.contrastive_pre_proj", &contrastive)?;
        let context = slice_rows(pass, &y, 1, queries - 1, DType::F32)?;
        taps.see(pass, "video.tokens", &context)?;
        let raw = linear(pass, &contrastive, &self.proj, DType::F32)?;
        taps.see(pass, "video.emb_raw", &raw)?;
        let embedding = l2_normalize(pass, &raw)?;
        taps.see(pass, "video.emb", &embedding)?;
        Ok(Clips { embedding, context })
    }
}
