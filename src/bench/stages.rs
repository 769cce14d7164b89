//! From frames to a clip, verified by encoding the frames alone and merging them.

use super::{Ceilings, Measured, Settings};
use crate::frames::{
    ChromaSiting, Colorimetry, Frame, Matrix, Orientation, Picture, PixelFormat, Plane, Range,
    Seconds, Transfer,
};
use crate::gpu::{DType, Gpu, Pass, Tensor};
use crate::model::{Clips, CoCa, Config, FrameTokens, Taps};
use crate::preprocess::patches;
use crate::{Error, Result};

/// Times preprocessing, the image encoder and the pooler over `frames` frames, one clip and four from
/// end to end, and one window more of a video whose frames are kept; tells of each.
///
/// Frames are of a formula, 640 × 360 I420. Times are wall times from recording to the end.
///
/// Errors: no frames, the device's. A wrong result is told, not an error.
pub fn stages(
    model: &CoCa,
    frames: usize,
    settings: &Settings,
    ceilings: Option<&Ceilings>,
    tell: &mut dyn FnMut(Measured),
) -> Result<()> {
    needs_frames(frames)?;
    let stages = Stages {
        model,
        settings,
        ceilings,
    };
    stages.run(frames, tell)
}

/// Errors: no frames.
pub(super) fn needs_frames(frames: usize) -> Result<()> {
    match frames {
        0 => Err(Error::Argument {
            what: "number of frames",
            expected: "at least 1".into(),
            found: "0".into(),
        }),
        _ => Ok(()),
    }
}

struct Stages<'a> {
    model: &'a CoCa,
    settings: &'a Settings,
    ceilings: Option<&'a Ceilings>,
}

/// What is told of a stage before it is timed.
struct Row {
    name: &'static str,
    shape: String,
    /// How its results differ from those of another way.
    wrong: Option<String>,
    flops: f64,
}

impl Stages<'_> {
    fn run(&self, count: usize, tell: &mut dyn FnMut(Measured)) -> Result<()> {
        let (model, gpu) = (self.model, self.model.gpu());
        let config = model.config();
        let clips = if self.settings.quick { 2 } else { 4 };
        let frames: Vec<Frame> = (0..clips * count).map(frame).collect();
        let one = &frames[..count];
        let encode_flops = count as f64 * frame_flops(config);
        let pool_flops = pool_flops(config, count);
        let mut tell = |row: Option<Measured>| row.into_iter().for_each(&mut *tell);

        let cut = self.patches(one)?;
        let encode = || {
            done(gpu, |pass| {
                model.encode_frames(pass, &cut, &mut Taps::none())
            })
        };
        let tokens = encode()?;
        let pool = || done(gpu, |pass| model.pool(pass, &tokens, 1, &mut Taps::none()));
        let pooled = pool()?;
        // Frames one by one through the mergeable states, against all at once.
        let wrong = self.differ(&self.merged(one)?, &pooled)?;
        let row = |name, flops| Row {
            name,
            shape: format!("1 x {count} frames"),
            wrong: wrong.clone(),
            flops,
        };
        tell(self.time(row("preprocess", 0.0), || self.patches(one).map(drop))?);
        tell(self.time(row("encode_frames", encode_flops), || encode().map(drop))?);
        tell(self.time(row("pool", pool_flops), || pool().map(drop))?);
        let whole = row("clip", encode_flops + pool_flops);
        tell(self.time(whole, || self.clips(one, 1).map(drop))?);

        let together = self.clips(&frames, clips)?;
        let row = Row {
            name: "clips",
            shape: format!("{clips} x {count} frames"),
            wrong: self.differ(&together, &self.clips(&frames[frames.len() - count..], 1)?)?,
            flops: clips as f64 * (encode_flops + pool_flops),
        };
        tell(self.time(row, || self.clips(&frames, clips).map(drop))?);

        let states = done(gpu, |pass| model.frame_states(pass, &tokens, false))?;
        let slid = done(gpu, |pass| model.pool_states(pass, &states, 0, count))?;
        let next = self.patches(&frames[..1])?;
        let row = Row {
            name: "window",
            shape: format!("1 frame more, {count} pooled"),
            wrong: self.differ(&slid, &pooled)?,
            flops: 0.0,
        };
        tell(self.time(row, || {
            done(gpu, |pass| {
                let tokens = model.encode_frames(pass, &next, &mut Taps::none())?;
                model.frame_states(pass, &tokens, false)?;
                model.pool_states(pass, &states, 0, count).map(drop)
            })
        })?);
        Ok(())
    }

    /// Times one row, if it is wanted and right.
    fn time(&self, row: Row, once: impl FnMut() -> Result<()>) -> Result<Option<Measured>> {
        if !self.settings.wants(row.name, &row.shape) {
            return Ok(None);
        }
        let measured = Measured::new("model", row.name, row.shape, self.model.dtype());
        if let Some(problem) = row.wrong {
            return Ok(Some(measured.wrong(problem)));
        }
        let times = self.settings.time_wall(once)?;
        let ceilings = self.ceilings.filter(|_| row.flops > 0.0);
        // Whatever kernels a stage is made of.
        let least = ceilings.map(|most| most.ms(row.flops, 0.0, false));
        let measured = measured.right();
        Ok(Some(measured.timed(&times, row.flops, 0.0, least)))
    }

    fn patches(&self, frames: &[Frame]) -> Result<Tensor> {
        let config = self.model.config();
        done(self.model.gpu(), |pass| {
            let (patch, elem) = (config.patch as u32, self.model.dtype());
            patches(pass, frames, &config.preprocess, patch, elem)
        })
    }

    /// Clips of equally many frames that follow each other, from their pixels on.
    fn clips(&self, frames: &[Frame], clips: usize) -> Result<Clips> {
        let (model, gpu) = (self.model, self.model.gpu());
        let mut parts = Vec::new();
        for some in frames.chunks(model.frames_at_once()) {
            let cut = self.patches(some)?;
            parts.push(done(gpu, |pass| {
                model.encode_frames(pass, &cut, &mut Taps::none())
            })?);
        }
        done(gpu, |pass| {
            let tokens = FrameTokens::concatenate(pass, parts)?;
            model.pool(pass, &tokens, clips, &mut Taps::none())
        })
    }

    fn merged(&self, frames: &[Frame]) -> Result<Clips> {
        let (model, gpu) = (self.model, self.model.gpu());
        let state = done(gpu, |pass| model.empty_state(pass))?;
        for frame in frames {
            let cut = self.patches(std::slice::from_ref(frame))?;
            done(gpu, |pass| {
                let tokens = model.encode_frames(pass, &cut, &mut Taps::none())?;
                model.merge_frames(pass, &state, &tokens)
            })?;
        }
        done(gpu, |pass| model.pool_state(pass, &state))
    }

    /// How the last of some clips differs from one that it should equal, if it does.
    fn differ(&self, got: &Clips, want: &Clips) -> Result<Option<String>> {
        let gpu = self.model.gpu();
        for (what, got, want) in [
            ("embedding", &got.embedding, &want.embedding),
            ("context", &got.context, &want.context),
        ] {
            let (got, want) = (gpu.read_f32(got)?, gpu.read_f32(want)?);
            let last = &got[got.len() - want.len()..];
            if let Some(problem) = apart(self.model.dtype(), what, last, &want) {
                return Ok(Some(problem));
            }
        }
        Ok(None)
    }
}

/// The gates of `parity`: rounding and the order of sums may differ, nothing else.
pub(super) fn apart(dtype: DType, what: &str, got: &[f32], want: &[f32]) -> Option<String> {
    let least = match dtype {
        DType::F16 => 0.9999,
        _ => 0.999_99,
    };
    let dot = |a: &[f32], b: &[f32]| {
        let products = a.iter().zip(b).map(|(a, b)| f64::from(*a) * f64::from(*b));
        products.sum::<f64>()
    };
    let cosine = dot(got, want) / (dot(got, got) * dot(want, want)).sqrt();
    (cosine.is_nan() || cosine < least)
        .then(|| format!("the {what}s of two ways have a cosine of {cosine}, not {least}"))
}

/// Records, submits and waits.
fn done<T>(gpu: &Gpu, record: impl FnOnce(&mut Pass) -> Result<T>) -> Result<T> {
    let mut pass = gpu.pass();
    let recorded = record(&mut pass)?;
    pass.submit()?.wait()?;
    Ok(recorded)
}

/// Operations of matrix products and attention in the image encoder and the pooler's keys and values,
/// for one frame.
fn frame_flops(config: &Config) -> f64 {
    let (n, d) = (config.tokens(), config.vision.width);
    let layer = 2 * n * d * (4 * d + 2 * config.vision.mlp) + 4 * n * n * d;
    let patches = 2 * config.grid().pow(2) * 3 * config.patch.pow(2) * d;
    let keys_values = 2 * n * d * 2 * config.embed_dim;
    (config.vision.layers * layer + patches + keys_values) as f64
}

/// The same for pooling one clip: attention and the output projection of all queries, and `proj`.
fn pool_flops(config: &Config, frames: usize) -> f64 {
    let (q, e) = (config.queries, config.embed_dim);
    (4 * q * frames * config.tokens() * e + 4 * q * e * e) as f64
}

/// A picture that differs from frame to frame, as BT.709 video.
pub(super) fn frame(index: usize) -> Frame {
    const SIZE: [usize; 2] = [640, 360];
    let [width, height] = SIZE;
    let luma = width * height;
    let plane = |offset, stride| Plane { offset, stride };
    Frame {
        pts: Seconds::from_integer(index as i64),
        picture: Picture {
            format: PixelFormat::I420,
            width: width as u32,
            height: height as u32,
            data: (0..luma * 3 / 2)
                .map(|i| ((i + 977 * index) * (i / 640 + index) / 77 % 219 + 16) as u8)
                .collect(),
            planes: vec![
                plane(0, width),
                plane(luma, width / 2),
                plane(luma * 5 / 4, width / 2),
            ],
            color: Colorimetry {
                matrix: Matrix::Bt709,
                range: Range::Limited,
                transfer: Transfer::Sdr,
                siting: ChromaSiting::Left,
            },
            pixel_aspect: num_rational::Ratio::from_integer(1),
            orientation: Orientation::Upright,
        },
    }
}
