//! The frames of a stream behind the image encoder, each as a state that pools with any others.

use std::sync::Arc;
use std::time::Instant;

use super::{Clip, Engine, Timings, UPLOAD_BYTES, lap};
use crate::Result;
use crate::frames::{Frame, Seconds, Stream};
use crate::model::Taps;
use crate::ops::attention::{PoolState, pool_merge};

/// What is shown in one step of a stream.
#[derive(Clone)]
pub(super) struct Cell {
    /// States of frames that were encoded together, and which of them is this one's.
    states: Arc<PoolState>,
    at: usize,
    /// When the frame begins.
    pub pts: Seconds,
    /// (E): the frame's alone, if [`Cells::embedded`] asks for it.
    pub embedding: Arc<[f32]>,
}

/// Reads a stream cell by cell.
pub(super) struct Cells<'e> {
    pub engine: &'e Engine,
    stream: Stream,
    pub step: Seconds,
    last: Option<Cell>,
    embed: bool,
    ended: bool,
    /// Time spent since it was last asked for.
    timings: Timings,
}

impl<'e> Cells<'e> {
    pub fn new(engine: &'e Engine, stream: Stream, step: Seconds) -> Self {
        Self {
            engine,
            stream,
            step,
            last: None,
            embed: false,
            ended: false,
            timings: Timings::default(),
        }
    }

    /// The same with the embedding of each frame alone.
    pub fn embedded(mut self) -> Self {
        self.embed = true;
        self
    }

    /// The length of the video, once all cells have been taken.
    pub fn end(&self) -> Result<Option<Seconds>> {
        if !self.ended {
            return Ok(None);
        }
        // Where frames have no length, the last lasts to the end of its step.
        let shown = self.last.as_ref().map(|last| last.pts + self.step);
        Ok(self.stream.duration()?.or(shown))
    }

    /// The next `count` cells; fewer at the end of the stream.
    pub fn take(&mut self, count: usize) -> Result<Vec<Cell>> {
        let mut cells = Vec::with_capacity(count);
        while cells.len() < count && !self.ended {
            let fresh = self.pull(count - cells.len())?;
            cells.extend(self.encode(fresh)?);
        }
        Ok(cells)
    }

    /// At most `count` frames, no more than are encoded together.
    fn pull(&mut self, count: usize) -> Result<Vec<Frame>> {
        let most = count.min(self.engine.model.frames_at_once());
        let (mut frames, mut bytes) = (Vec::new(), 0);
        let clock = Instant::now();
        while frames.len() < most && bytes < UPLOAD_BYTES {
            let Some(frame) = self.stream.next().transpose()? else {
                self.ended = true;
                break;
            };
            bytes += frame.picture.data.len();
            frames.push(frame);
        }
        self.timings.decode += lap(clock);
        Ok(frames)
    }

    /// Encodes frames, those that come again only once.
    fn encode(&mut self, frames: Vec<Frame>) -> Result<Vec<Cell>> {
        let times: Vec<Seconds> = frames.iter().map(|frame| frame.pts).collect();
        let mut fresh = frames;
        fresh.dedup_by_key(|frame| frame.pts);
        if let (Some(last), Some(first)) = (&self.last, fresh.first())
            && last.pts == first.pts
        {
            fresh.remove(0);
        }
        let mut encoded = self.states(&fresh)?.into_iter();
        let mut cells = Vec::with_capacity(times.len());
        for pts in times {
            if self.last.as_ref().is_none_or(|last| last.pts != pts) {
                self.last = Some(encoded.next().expect("a state for every other frame"));
            }
            cells.extend(self.last.clone());
        }
        Ok(cells)
    }

    fn states(&mut self, frames: &[Frame]) -> Result<Vec<Cell>> {
        if frames.is_empty() {
            return Ok(Vec::new());
        }
        let (engine, timings) = (self.engine, &mut self.timings);
        let tokens = engine.encode_portion(frames, timings)?;
        let (states, alone) = engine.timed(&mut timings.pool, |pass| {
            let states = engine.model.frame_states(pass, &tokens, false)?;
            let alone = match self.embed {
                true => Some(
                    engine
                        .model
                        .pool(pass, &tokens, frames.len(), &mut Taps::none())?,
                ),
                false => None,
            };
            Ok((states, alone))
        })?;
        let embeddings = match alone {
            Some(clips) => engine.model.gpu().read_f32(&clips.embedding)?,
            None => Vec::new(),
        };
        let width = embeddings.len() / frames.len();
        let states = Arc::new(states);
        Ok((frames.iter().enumerate())
            .map(|(at, frame)| Cell {
                states: states.clone(),
                at,
                pts: frame.pts,
                embedding: embeddings[at * width..(at + 1) * width].into(),
            })
            .collect())
    }

    /// Merges cells into a state, or into that of no frames.
    pub fn merge(&mut self, into: Option<PoolState>, cells: &[Cell]) -> Result<PoolState> {
        let model = &self.engine.model;
        self.engine.timed(&mut self.timings.pool, |pass| {
            let merged = into.map_or_else(|| model.empty_state(pass), Ok)?;
            for run in cells.chunk_by(|a, b| Arc::ptr_eq(&a.states, &b.states) && a.at + 1 == b.at)
            {
                pool_merge(pass, &merged, &run[0].states, run[0].at, run.len())?;
            }
            Ok(merged)
        })
    }

    /// The clip of a state: exactly what pooling its frames together makes.
    pub fn finish(&mut self, state: &PoolState) -> Result<Clip> {
        let model = &self.engine.model;
        let clips =
            (self.engine).timed(&mut self.timings.pool, |pass| model.pool_state(pass, state))?;
        Ok(Clip {
            embedding: clips.embedding,
            context: clips.context,
            timings: std::mem::take(&mut self.timings),
        })
    }
}
