//! One frame after the other through the model: the part of a watcher that knows no clock and no thread.

use std::sync::Arc;

use super::bars::Bars;
use super::history::{History, Settled};
use super::scenes::Scenes;
use super::{Bar, Moment, Thumbnail};
use crate::engine::{Clip, Engine};
use crate::frames::Seconds;
use crate::preprocess::TextureColor;
use crate::windows::Span;
use crate::{Error, Result};

/// Reads frames, each once, and remembers them.
pub struct Reader {
    engine: Arc<Engine>,
    history: History,
    scenes: Scenes,
    bars: Option<Bars>,
}

/// What a frame gave.
#[derive(Debug)]
pub struct Read {
    /// (E), l2-normalised: the frame's alone.
    pub embedding: Arc<[f32]>,
    /// When a new scene began, if that is certain with this frame.
    pub cut: Option<Seconds>,
    /// The labels, then "none of these".
    pub bars: Vec<Bar>,
    /// The moments that have ended with it.
    pub settled: Vec<Settled>,
}

impl Reader {
    /// A reader whose clips are `window` seconds long, and that remembers `keep` seconds.
    pub fn new(engine: Arc<Engine>, window: Seconds, keep: Seconds) -> Self {
        Self {
            engine,
            history: History::new(window, keep),
            scenes: Scenes::default(),
            bars: None,
        }
    }

    /// The labels to score from now on. Blocks until they are read.
    ///
    /// Errors: a label without words, or that stands there twice; the device's.
    pub fn set_labels(&mut self, names: Vec<String>) -> Result<()> {
        check_labels(&names)?;
        self.bars = match names.is_empty() {
            true => None,
            false => Some(Bars::new(&self.engine, names)?),
        };
        Ok(())
    }

    /// Reads the picture in a texture, which was shown at `time`: later than all before, in whole
    /// nanoseconds. `caption` is the latest text about the scene, `thumbnail` makes a small picture if one
    /// is needed. Blocks until the embedding is there.
    ///
    /// Errors: as [`Engine::encode_texture`]; a time of other parts; values that are not numbers.
    pub fn read(
        &mut self,
        view: &wgpu::TextureView,
        time: Seconds,
        caption: Option<&str>,
        thumbnail: impl FnOnce() -> Thumbnail,
    ) -> Result<Read> {
        check_time(time)?;
        let (engine, gpu) = (&*self.engine, self.engine.model().gpu());
        let mut encoder =
            (gpu.device()).create_command_encoder(&wgpu::CommandEncoderDescriptor::default());
        let frame = engine.encode_texture(&mut encoder, view, TextureColor::Srgb)?;
        gpu.queue().submit([encoder.finish()]);
        // Where the GPU is a CPU the next submission would wait with the queue locked, and with it every
        // picture on its way to the screen.
        gpu.wait_aside()?;
        let embedding: Arc<[f32]> = gpu.read_f32(&frame.embedding)?.into();
        if !embedding.iter().all(|value| value.is_finite()) {
            return Err(Error::Overflow(engine.model().dtype()));
        }
        let cut = self.scenes.see(time, &embedding);
        let mut settled = Vec::new();
        if let Some(start) = cut {
            settled.extend(self.history.cut(engine, start)?);
        }
        let history = &mut self.history;
        settled.extend(history.see(engine, time, frame.state, embedding.clone(), thumbnail)?);
        let bars = match &mut self.bars {
            Some(bars) => bars.see(engine, time, &embedding, caption)?,
            None => Vec::new(),
        };
        Ok(Read {
            embedding,
            cut,
            bars,
            settled,
        })
    }

    /// The clip of the last seconds of the scene: what pooling the tokens of its frames together makes.
    /// None before the first frame.
    pub fn clip(&self) -> Result<Option<Clip>> {
        self.history.clip(&self.engine)
    }

    /// The clip of a stretch that is remembered, to the length of a moment; none where nothing is.
    pub fn clip_of(&self, span: Span) -> Result<Option<Clip>> {
        self.history.clip_of(&self.engine, span)
    }

    /// Nothing more will come: the moment that is under way ends.
    pub fn end(&mut self) -> Result<Option<Settled>> {
        self.history.end(&self.engine)
    }

    /// What is remembered.
    pub fn moments(&self) -> Arc<[Moment]> {
        self.history.moments()
    }

    /// Before this nothing is remembered any more.
    pub fn oldest(&self, now: Seconds) -> Seconds {
        self.history.oldest(now)
    }

    /// When each frame that is remembered was shown, and how near it is to a text: the cosine. Blocks until
    /// the text is read.
    ///
    /// Errors: those of [`Engine::embed_texts`].
    pub fn relevance(&self, text: &str) -> Result<Arc<[(Seconds, f32)]>> {
        let embedding = self.engine.embed_texts(&[text])?.remove(0);
        Ok(self.history.relevance(&embedding))
    }
}

/// Refuses labels without words, and those that stand there twice.
pub(super) fn check_labels(names: &[String]) -> Result<()> {
    let refuse = |expected: &str, found: String| {
        Err(Error::Argument {
            what: "labels",
            expected: expected.into(),
            found,
        })
    };
    for (i, name) in names.iter().enumerate() {
        if name.trim().is_empty() {
            return refuse("words", format!("{name:?}"));
        } else if names[..i].contains(name) {
            return refuse("each once", format!("{name:?} twice"));
        }
    }
    Ok(())
}

/// Refuses times that are no whole nanoseconds: sums of other fractions can overflow.
pub(super) fn check_time(time: Seconds) -> Result<()> {
    match 1_000_000_000 % time.denom() {
        0 => Ok(()),
        _ => Err(Error::Argument {
            what: "time",
            expected: "whole nanoseconds".into(),
            found: format!("{time} s"),
        }),
    }
}
