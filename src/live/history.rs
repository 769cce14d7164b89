//! What is remembered of a live source: frames of the last seconds one by one, older ones merged into
//! moments, and an embedding of each.

use std::collections::VecDeque;
use std::sync::Arc;

use super::{Moment, Thumbnail};
use crate::Result;
use crate::engine::{Clip, Engine};
use crate::frames::Seconds;
use crate::labels::dot;
use crate::ops::attention::PoolState;
use crate::windows::Span;

/// A moment has an eightieth part of what is remembered, if no scene ends before.
const PARTS: i64 = 80;

/// Moments last a second at least and no longer than this: until then each frame has a state of its own.
const LONGEST: Seconds = Seconds::new_raw(15, 1);

/// Moments that are kept; where short scenes make more, the shortest neighbours become one.
const MOMENTS: usize = 160;

/// A ring of pooler states on the GPU, bounded by time.
pub(super) struct History {
    /// Seconds of a clip.
    window: Seconds,
    /// Seconds that are remembered.
    keep: Seconds,
    /// The frames of the last `window` seconds, and those that no moment has yet.
    recent: VecDeque<Recent>,
    /// How many of the recent frames a moment has, too.
    settled: usize,
    moments: VecDeque<Kept>,
    frames: VecDeque<(Seconds, Arc<[f32]>)>,
    /// Where the scene begins: a clip shows nothing of the one before.
    scene: Seconds,
    /// Of frames that no moment has yet: of the first, and of one near the middle.
    thumbnails: Vec<(Seconds, Arc<Thumbnail>)>,
}

/// A moment that is complete.
#[derive(Clone, Debug, PartialEq)]
pub struct Settled {
    pub span: Span,
    /// (E), l2-normalised: of all its frames together.
    pub embedding: Vec<f32>,
}

struct Recent {
    time: Seconds,
    state: PoolState,
}

struct Kept {
    moment: Moment,
    state: PoolState,
}

impl History {
    pub fn new(window: Seconds, keep: Seconds) -> Self {
        Self {
            window,
            keep: keep.max(window),
            recent: VecDeque::new(),
            settled: 0,
            moments: VecDeque::new(),
            frames: VecDeque::new(),
            scene: Seconds::ZERO,
            thumbnails: Vec::new(),
        }
    }

    /// Seconds of a moment.
    fn length(&self) -> Seconds {
        (self.keep / PARTS).clamp(Seconds::ONE, LONGEST)
    }

    /// Before this nothing is remembered.
    pub fn oldest(&self, now: Seconds) -> Seconds {
        now - self.keep
    }

    /// A frame was read; of each moment two thumbnails are asked for, of which the later is kept. Gives the
    /// moment that has ended with it, if one has.
    pub fn see(
        &mut self,
        engine: &Engine,
        time: Seconds,
        state: PoolState,
        embedding: Arc<[f32]>,
        thumbnail: impl FnOnce() -> Thumbnail,
    ) -> Result<Option<Settled>> {
        let begun = |history: &Self| {
            let first = history.recent.get(history.settled);
            first.map_or(time, |first| first.time)
        };
        let start = begun(self);
        let settled = match time - start >= self.length() {
            true => self.settle(engine, self.recent.len(), time)?,
            false => None,
        };
        let middle = begun(self) + self.length() / 2;
        let latest = self.thumbnails.last().map(|(taken, _)| *taken);
        if latest.is_none_or(|taken| taken < middle && time >= middle) {
            self.thumbnails.push((time, Arc::new(thumbnail())));
        }
        self.recent.push_back(Recent { time, state });
        self.frames.push_back((time, embedding));
        self.forget(time);
        Ok(settled)
    }

    /// Makes a moment of the frames before number `to` that have none yet; it ends at `end`, or soon
    /// after the last of them.
    fn settle(&mut self, engine: &Engine, to: usize, end: Seconds) -> Result<Option<Settled>> {
        let fresh = self.recent.range(self.settled..to);
        let (Some(first), Some(last)) = (fresh.clone().next(), fresh.clone().last()) else {
            return Ok(None);
        };
        // What was taken of later frames shows the next scene.
        let taken = |(time, _): &&(Seconds, _)| *time <= last.time;
        let thumbnail = self.thumbnails.iter().rev().find(taken);
        let Some((_, thumbnail)) = thumbnail.or(self.thumbnails.first()) else {
            return Ok(None);
        };
        let (thumbnail, last) = (thumbnail.clone(), last.time);
        let span = Span {
            start: first.time,
            // After a loss the next frame is far.
            end: end.min(last + Seconds::ONE),
        };
        let state = engine.merge(fresh.map(|recent| &recent.state))?;
        let embedding = engine.read_embedding(&engine.pool(&state)?)?;
        self.moments.push_back(Kept {
            moment: Moment { span, thumbnail },
            state,
        });
        self.settled = to;
        self.thumbnails.retain(|(time, _)| *time > last);
        if self.moments.len() > MOMENTS {
            self.join(engine)?;
        }
        Ok(Some(Settled { span, embedding }))
    }

    /// Makes one moment of the two neighbours that are the shortest together.
    fn join(&mut self, engine: &Engine) -> Result<()> {
        let length = |i: &usize| {
            let (first, second) = (&self.moments[*i].moment, &self.moments[i + 1].moment);
            second.span.end - first.span.start
        };
        let Some(at) = (0..self.moments.len() - 1).min_by_key(length) else {
            return Ok(());
        };
        let (first, second) = (&self.moments[at], &self.moments[at + 1]);
        let state = engine.merge([&first.state, &second.state])?;
        let end = second.moment.span.end;
        self.moments.remove(at + 1);
        let joined = &mut self.moments[at];
        joined.state = state;
        joined.moment.span.end = end;
        Ok(())
    }

    fn forget(&mut self, now: Seconds) {
        while self.settled > 0 && self.recent[0].time < now - self.window {
            self.recent.pop_front();
            self.settled -= 1;
        }
        let oldest = self.oldest(now);
        while self
            .moments
            .front()
            .is_some_and(|kept| kept.moment.span.end < oldest)
        {
            self.moments.pop_front();
        }
        while self.frames.front().is_some_and(|(time, _)| *time < oldest) {
            self.frames.pop_front();
        }
    }

    /// A scene begins, and with it a moment; gives the one that ends.
    pub fn cut(&mut self, engine: &Engine, start: Seconds) -> Result<Option<Settled>> {
        self.scene = start;
        let before = self.recent.partition_point(|recent| recent.time < start);
        match before > self.settled {
            true => self.settle(engine, before, start),
            false => Ok(None),
        }
    }

    /// All frames that no moment has yet become one: nothing more will come.
    pub fn end(&mut self, engine: &Engine) -> Result<Option<Settled>> {
        let end = self.recent.back().map_or(Seconds::ZERO, |last| last.time);
        self.settle(engine, self.recent.len(), end)
    }

    /// The clip of the last seconds, as far as the scene goes back; none before the first frame.
    pub fn clip(&self, engine: &Engine) -> Result<Option<Clip>> {
        let Some(last) = self.recent.back() else {
            return Ok(None);
        };
        let from = (last.time - self.window).max(self.scene.min(last.time));
        let shown = self.recent.iter().filter(|recent| recent.time >= from);
        let merged = engine.merge(shown.map(|recent| &recent.state))?;
        engine.pool(&merged).map(Some)
    }

    /// The clip of all moments, and of frames that are in none yet, that a stretch touches; none where
    /// nothing is remembered.
    pub fn clip_of(&self, engine: &Engine, span: Span) -> Result<Option<Clip>> {
        let touched =
            |kept: &&Kept| kept.moment.span.start < span.end && kept.moment.span.end > span.start;
        let moments = self.moments.iter().filter(touched).map(|kept| &kept.state);
        let fresh = (self.recent.range(self.settled..))
            .filter(|recent| (span.start..=span.end).contains(&recent.time))
            .map(|recent| &recent.state);
        let states: Vec<&PoolState> = moments.chain(fresh).collect();
        if states.is_empty() {
            return Ok(None);
        }
        let merged = engine.merge(states)?;
        engine.pool(&merged).map(Some)
    }

    /// All moments, the last one as far as it has come.
    pub fn moments(&self) -> Arc<[Moment]> {
        let fresh = self.recent.get(self.settled).zip(self.recent.back());
        let under_way = fresh.zip(self.thumbnails.last());
        let under_way = under_way.map(|((first, last), (_, thumbnail))| Moment {
            span: Span {
                start: first.time,
                end: last.time,
            },
            thumbnail: thumbnail.clone(),
        });
        let kept = self.moments.iter().map(|kept| kept.moment.clone());
        kept.chain(under_way).collect()
    }

    /// The cosine of every frame that is remembered with an embedding (E), l2-normalised.
    pub fn relevance(&self, embedding: &[f32]) -> Arc<[(Seconds, f32)]> {
        (self.frames.iter())
            .map(|(time, frame)| (*time, dot(frame, embedding)))
            .collect()
    }
}
