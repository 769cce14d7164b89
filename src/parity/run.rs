//! The model's own results on a dump's inputs.

use std::collections::HashMap;

use super::stages::{Inputs, Spec, Texts, Tokens, Video};
use crate::Result;
use crate::generate::generate;
use crate::gpu::{DType, Pass, Tensor};
use crate::model::{Clips, CoCa, FrameTokens, Taps, Texts as ReadTexts};
use crate::ops::embed::slice_rows;
use crate::preprocess::patches_from_pixels;

/// What the model makes of the inputs.
pub(super) struct Ours {
    values: HashMap<String, Vec<f32>>,
    /// As many as were asked for, in their order.
    pub tokens: Vec<Vec<u32>>,
}

impl Ours {
    pub fn run(model: &CoCa, inputs: &Inputs, specs: &[Spec], tokens: &[Tokens]) -> Result<Self> {
        let run = Run { model, specs };
        let mut ours = Self {
            values: HashMap::new(),
            tokens: Vec::new(),
        };
        let clips = match &inputs.video {
            Some(video) => Some(run.video(video, &mut ours.values)?),
            None => None,
        };
        if let Some(texts) = &inputs.texts {
            run.texts(texts, &mut ours.values)?;
            if let (Some(clips), true) = (&clips, run.wanted("dec.")) {
                run.decoder(texts, clips, &mut ours.values)?;
            }
        }
        if let (Some(clips), Some(texts), true) = (&clips, &inputs.texts, run.wanted("zs.")) {
            run.labels(clips, texts, &mut ours.values)?;
        }
        for text in tokens {
            let clips = clips.as_ref().expect("tokens are only read beside a video");
            let mut pass = model.gpu().pass();
            let context = context_of(&mut pass, clips, 0)?;
            pass.submit()?;
            let mut written = generate(model, &context, &text.options)?.remove(0);
            ours.tokens.push(written.remove(0).tokens);
        }
        Ok(ours)
    }

    /// The values of a stage, in the shape the dump has it in.
    pub fn take(&mut self, spec: &Spec) -> Vec<f32> {
        let values = (self.values.remove(&spec.name))
            .unwrap_or_else(|| panic!("the model shows no stage {}", spec.name));
        let wanted: usize = spec.dims.iter().product();
        if values.len() == wanted {
            return values;
        }
        // The dump holds the first positions of each clip.
        let (clips, kept) = (spec.dims[0], wanted / spec.dims[0]);
        (values.chunks(values.len() / clips))
            .flat_map(|clip| &clip[..kept])
            .copied()
            .collect()
    }
}

struct Run<'a> {
    model: &'a CoCa,
    specs: &'a [Spec],
}

type Values = HashMap<String, Vec<f32>>;

impl Run<'_> {
    /// Whether the dump has a stage whose name begins so.
    fn wanted(&self, start: &str) -> bool {
        self.specs.iter().any(|spec| spec.name.starts_with(start))
    }

    /// Copies what the dump has, and what its other entries are made of.
    fn taps(&self) -> Taps {
        let flat = self.wanted("pool.flat").then(|| self.last_block());
        let names = self.specs.iter().map(|spec| spec.name.clone());
        Taps::of(names.chain(flat))
    }

    fn last_block(&self) -> String {
        format!("vis.block.{:02}", self.model.config().vision.layers - 1)
    }

    fn video(&self, video: &Video, values: &mut Values) -> Result<Clips> {
        let (gpu, config) = (self.model.gpu(), self.model.config());
        let pixels = 3 * config.image * config.image;
        let mut parts = Vec::new();
        for some in (video.pixels).chunks(self.model.frames_at_once() * pixels) {
            let mut pass = gpu.pass();
            let patches = patches_from_pixels(
                &mut pass,
                some,
                some.len() / pixels,
                config.image as u32,
                config.patch as u32,
                self.model.dtype(),
            )?;
            let mut taps = self.taps();
            parts.push(self.model.encode_frames(&mut pass, &patches, &mut taps)?);
            pass.submit()?;
            self.collect(taps, values)?;
        }
        // The frames of a clip follow each other already.
        if let Some(tokens) = values.get(&self.last_block()) {
            values.insert("pool.flat".into(), tokens.clone());
        }

        let mut pass = gpu.pass();
        let frames = FrameTokens::concatenate(&mut pass, parts)?;
        let mut taps = self.taps();
        let clips = self
            .model
            .pool(&mut pass, &frames, video.clips, &mut taps)?;
        pass.submit()?;
        self.collect(taps, values)?;
        self.baselines(video, &frames, values)?;
        Ok(clips)
    }

    /// Other ways of pooling: each frame alone, their mean, and without class tokens.
    fn baselines(&self, video: &Video, frames: &FrameTokens, values: &mut Values) -> Result<()> {
        let gpu = self.model.gpu();
        let count = video.clips * video.frames;
        let mut pass = gpu.pass();
        let singles = (self.model).pool(&mut pass, frames, count, &mut Taps::none())?;
        let states = self.model.frame_states(&mut pass, frames, true)?;
        let without_class = (0..video.clips)
            .map(|clip| {
                let first = clip * video.frames;
                let clips = (self.model).pool_states(&mut pass, &states, first, video.frames)?;
                Ok(clips.embedding)
            })
            .collect::<Result<Vec<Tensor>>>()?;
        pass.submit()?;

        let singles = gpu.read_f32(&singles.embedding)?;
        let width = singles.len() / count;
        let means = (singles.chunks(video.frames * width)).flat_map(|clip| mean(clip, width));
        values.insert("meanpool.emb".into(), means.collect());
        values.insert("frame.emb".into(), singles);
        let mut embeddings = Vec::new();
        for embedding in &without_class {
            embeddings.extend(gpu.read_f32(embedding)?);
        }
        values.insert("video.emb_no_cls".into(), embeddings);
        Ok(())
    }

    fn texts(&self, texts: &Texts, values: &mut Values) -> Result<()> {
        let mut embeddings = Vec::new();
        for ids in texts.ids.chunks(ReadTexts::AT_ONCE * texts.length) {
            let mut pass = self.model.gpu().pass();
            let dims = [ids.len() / texts.length, texts.length];
            let ids = pass.upload(&dims, DType::U32, ids)?;
            let mut taps = self.taps();
            let read = self.model.encode_text(&mut pass, &ids, &mut taps)?;
            pass.submit()?;
            self.collect(taps, values)?;
            embeddings.extend(self.model.gpu().read_f32(&read.embedding)?);
        }
        values.insert("text.emb".into(), embeddings);
        Ok(())
    }

    /// Teacher-forced: clip b reads the ids of row b. Clip by clip, for the logits of one text are
    /// many already.
    fn decoder(&self, texts: &Texts, clips: &Clips, values: &mut Values) -> Result<()> {
        let count = clips.context.dim(0);
        for (clip, ids) in texts.ids.chunks(texts.length).take(count).enumerate() {
            let mut pass = self.model.gpu().pass();
            let ids = pass.upload(&[1, texts.length], DType::U32, ids)?;
            let tokens = (self.model.encode_text(&mut pass, &ids, &mut Taps::none())?).tokens;
            let context = context_of(&mut pass, clips, clip)?;
            let mut taps = self.taps();
            (self.model).decode(&mut pass, &tokens, &context, &mut taps)?;
            pass.submit()?;
            self.collect(taps, values)?;
        }
        Ok(())
    }

    /// Contrastive logits of every clip with every text, and their softmax.
    fn labels(&self, clips: &Clips, texts: &Texts, values: &mut Values) -> Result<()> {
        let videos = self.model.gpu().read_f32(&clips.embedding)?;
        let sentences = &values["text.emb"];
        let width = sentences.len() / texts.rows;
        let scale = f64::from(self.model.logit_scale());
        let (mut logits, mut probs) = (Vec::new(), Vec::new());
        for video in videos.chunks(width) {
            let row: Vec<f64> = (sentences.chunks(width))
                .map(|text| scale * dot(video, text))
                .collect();
            let most = row.iter().copied().fold(f64::NEG_INFINITY, f64::max);
            let sum: f64 = row.iter().map(|logit| (logit - most).exp()).sum();
            probs.extend((row.iter()).map(|logit| ((logit - most).exp() / sum) as f32));
            logits.extend(row.iter().map(|&logit| logit as f32));
        }
        values.insert("zs.logits".into(), logits);
        values.insert("zs.probs".into(), probs);
        Ok(())
    }

    /// Reads the stages that the dump has; those of a later run of frames go behind the earlier.
    fn collect(&self, taps: Taps, values: &mut Values) -> Result<()> {
        for (name, tensor) in taps.take() {
            let read = self.model.gpu().read_f32(&tensor)?;
            values.entry(name).or_default().extend(read);
        }
        Ok(())
    }
}

/// The context (1, Q-1, E) of one clip.
fn context_of(pass: &mut Pass, clips: &Clips, clip: usize) -> Result<Tensor> {
    let &[count, rows, width] = clips.context.dims() else {
        panic!("a context has three axes: {:?}", clips.context);
    };
    let all = clips.context.reshape(&[1, count * rows, width]);
    slice_rows(pass, &all, clip * rows, rows, DType::F32)
}

fn dot(a: &[f32], b: &[f32]) -> f64 {
    (a.iter().zip(b))
        .map(|(&a, &b)| f64::from(a) * f64::from(b))
        .sum()
}

/// The mean of rows, made one long.
fn mean(rows: &[f32], width: usize) -> Vec<f32> {
    let sum: Vec<f64> = (0..width)
        .map(|i| {
            rows.iter()
                .skip(i)
                .step_by(width)
                .map(|&v| f64::from(v))
                .sum()
        })
        .collect();
    let length = sum.iter().map(|v| v * v).sum::<f64>().sqrt().max(1e-12);
    sum.iter().map(|v| (v / length) as f32).collect()
}
