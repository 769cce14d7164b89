//! Ways of making one clip of many frames: the paper's, and what it is compared with.

use std::fmt;
use std::str::FromStr;

use super::{Clip, Engine, Timings, nothing, portions};
use crate::frames::Frame;
use crate::gpu::{DType, Pass, Tensor};
use crate::model::{Clips, FrameTokens, Taps};
use crate::ops::attention::PoolState;
use crate::{Error, Result};

/// How the tokens of many frames become one clip.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, serde::Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Pooling {
    /// The pooler looks at all tokens of all frames together: VideoCoCa.
    #[default]
    Flatten,
    /// The pooler looks at each frame alone; embeddings and contexts are averaged, which is what
    /// CoCa itself did with videos.
    Mean,
    /// As [`Flatten`](Self::Flatten), without the class token of each frame.
    PatchesOnly,
}

impl Pooling {
    pub const ALL: [Self; 3] = [Self::Flatten, Self::Mean, Self::PatchesOnly];

    fn name(self) -> &'static str {
        match self {
            Self::Flatten => "flatten",
            Self::Mean => "mean",
            Self::PatchesOnly => "patches-only",
        }
    }
}

impl fmt::Display for Pooling {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.pad(self.name())
    }
}

impl FromStr for Pooling {
    type Err = Error;

    fn from_str(name: &str) -> Result<Self> {
        (Self::ALL.into_iter().find(|way| way.name() == name)).ok_or_else(|| Error::Argument {
            what: "pooling",
            expected: "flatten, mean or patches-only".into(),
            found: name.into(),
        })
    }
}

/// What pooling has gathered of a clip so far.
enum Gathered {
    State(PoolState),
    /// Embeddings (T·E) and contexts (T·(Q-1)·E), summed over frames on the host: a baseline, not the
    /// way that has to be fast.
    Sums {
        embedding: Vec<f64>,
        context: Vec<f64>,
        /// (1, Q-1, E).
        dims: Vec<usize>,
        frames: usize,
    },
}

impl Engine {
    /// Reads the frames of one clip once and pools them in each of `ways`. Blocks until done.
    ///
    /// Errors: no frames, frames the GPU cannot hold, the device's.
    pub fn encode_by(&self, frames: &[Frame], ways: &[Pooling]) -> Result<Vec<Clip>> {
        if frames.is_empty() {
            return Err(nothing("frames"));
        }
        let mut timings = Timings::default();
        let mut gathered = (ways.iter())
            .map(|way| self.start(*way, &mut timings))
            .collect::<Result<Vec<_>>>()?;
        for some in portions(frames, self.model.frames_at_once()) {
            let tokens = self.encode_portion(some, &mut timings)?;
            for (way, gathered) in ways.iter().zip(&mut gathered) {
                self.gather(*way, gathered, &tokens, &mut timings)?;
            }
        }
        (gathered.into_iter())
            .map(|gathered| {
                let clips = self.finish(gathered, &mut timings)?;
                Ok(Clip {
                    embedding: clips.embedding,
                    context: clips.context,
                    timings,
                })
            })
            .collect()
    }

    fn start(&self, way: Pooling, timings: &mut Timings) -> Result<Gathered> {
        match way {
            Pooling::Flatten | Pooling::PatchesOnly => {
                let state = self.timed(&mut timings.pool, |pass| self.model.empty_state(pass));
                state.map(Gathered::State)
            }
            Pooling::Mean => Ok(Gathered::Sums {
                embedding: Vec::new(),
                context: Vec::new(),
                dims: Vec::new(),
                frames: 0,
            }),
        }
    }

    fn gather(
        &self,
        way: Pooling,
        gathered: &mut Gathered,
        tokens: &FrameTokens,
        timings: &mut Timings,
    ) -> Result<()> {
        let model = &self.model;
        match gathered {
            Gathered::State(state) => self.timed(&mut timings.pool, |pass| match way {
                Pooling::PatchesOnly => model.merge_patches(pass, state, tokens),
                _ => model.merge_frames(pass, state, tokens),
            }),
            Gathered::Sums {
                embedding,
                context,
                dims,
                frames,
            } => {
                let count = tokens.keys_values.dim(0);
                let each = self.timed(&mut timings.pool, |pass| {
                    model.pool(pass, tokens, count, &mut Taps::none())
                })?;
                add(embedding, &model.gpu().read_f32(&each.embedding)?, count);
                add(context, &model.gpu().read_f32(&each.context)?, count);
                *dims = each.context.dims().to_vec();
                dims[0] = 1;
                *frames += count;
                Ok(())
            }
        }
    }

    fn finish(&self, gathered: Gathered, timings: &mut Timings) -> Result<Clips> {
        match gathered {
            Gathered::State(state) => self.timed(&mut timings.pool, |pass| {
                self.model.pool_state(pass, &state)
            }),
            Gathered::Sums {
                embedding,
                context,
                dims,
                frames,
            } => {
                let length = embedding.iter().map(|v| v * v).sum::<f64>().sqrt();
                self.timed(&mut timings.pool, |pass| {
                    Ok(Clips {
                        embedding: upload(pass, &[1, embedding.len()], &embedding, length)?,
                        context: upload(pass, &dims, &context, frames as f64)?,
                    })
                })
            }
        }
    }
}

/// Adds `count` rows of equal length, one after the other in `rows`, to `sums`.
fn add(sums: &mut Vec<f64>, rows: &[f32], count: usize) {
    let width = rows.len() / count;
    sums.resize(width, 0.0);
    for row in rows.chunks(width) {
        for (sum, &value) in sums.iter_mut().zip(row) {
            *sum += f64::from(value);
        }
    }
}

fn upload(pass: &mut Pass, dims: &[usize], sums: &[f64], divisor: f64) -> Result<Tensor> {
    let values: Vec<f32> = (sums.iter())
        .map(|sum| (sum / divisor.max(1e-12)) as f32)
        .collect();
    pass.upload_f32(dims, DType::F32, &values)
}
