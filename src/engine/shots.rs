//! Shots: a video cut where the picture changes.

use std::collections::VecDeque;

use super::cells::{Cell, Cells};
use super::windows::{Window, dot};
use crate::Result;
use crate::frames::Seconds;
use crate::ops::attention::PoolState;
use crate::windows::Span;

/// Finds the cuts of [`Windows::Shots`](crate::windows::Windows::Shots).
pub(super) struct Shots<'e> {
    cells: Cells<'e>,
    /// The shot so far, without what is held.
    shot: Shot,
    /// The last frames of the shot, then those of which it is not known yet.
    held: VecDeque<Seen>,
    /// How many of them belong to the shot.
    decided: usize,
    done: bool,
}

/// What is known of a shot whose end is not.
struct Shot {
    start: Seconds,
    frames: Vec<Seconds>,
    state: Option<PoolState>,
}

struct Seen {
    cell: Cell,
    /// From the frame before it in the shot.
    change: Option<f32>,
}

/// The least change of a cut.
const LEAST: f32 = 0.1;

/// A cut changes this many times more than what is around it.
const FACTOR: f32 = 3.0;

/// Changes before and behind that a cut is compared with, each.
const AROUND: usize = 2;

/// Frames to read at a time.
const AT_ONCE: usize = 8;

impl<'e> Shots<'e> {
    /// Seconds from one frame to the next.
    pub const STEP: Seconds = Seconds::new_raw(1, 2);

    pub fn new(cells: Cells<'e>) -> Self {
        Self {
            cells: cells.embedded(),
            shot: Shot::at(Seconds::ZERO),
            held: VecDeque::new(),
            decided: 0,
            done: false,
        }
    }

    pub fn next(&mut self) -> Option<Result<Window>> {
        if self.done {
            return None;
        }
        let shot = self.advance().transpose();
        self.done |= !matches!(shot, Some(Ok(_)));
        shot
    }

    fn advance(&mut self) -> Result<Option<Window>> {
        loop {
            let end = self.cells.end()?;
            while self.decided < self.held.len()
                && (end.is_some() || self.decided + AROUND < self.held.len())
            {
                if is_cut(&self.held, self.decided) {
                    self.held[self.decided].change = None;
                    let next = self.held[self.decided].cell.pts;
                    return self.finish(next).map(Some);
                }
                self.decided += 1;
            }
            match end {
                Some(_) if self.held.is_empty() => return Ok(None),
                Some(end) => {
                    self.done = true;
                    return self.finish(end.max(self.shot.start)).map(Some);
                }
                None => self.read()?,
            }
        }
    }

    /// Takes more frames; a long shot keeps no more than it needs.
    fn read(&mut self) -> Result<()> {
        self.settle(self.decided.saturating_sub(AROUND))?;
        for cell in self.cells.take(AT_ONCE)? {
            let last = self.held.back();
            let change = last.map(|last| 1.0 - dot(&last.cell.embedding, &cell.embedding));
            self.held.push_back(Seen { cell, change });
        }
        Ok(())
    }

    /// Merges the first `count` of the frames held into the shot.
    fn settle(&mut self, count: usize) -> Result<()> {
        let cells: Vec<Cell> = self.held.drain(..count).map(|seen| seen.cell).collect();
        self.decided -= count;
        self.shot.frames.extend(cells.iter().map(|cell| cell.pts));
        let state = self.cells.merge(self.shot.state.take(), &cells)?;
        self.shot.state = Some(state);
        Ok(())
    }

    /// The decided frames as one shot, which ends at `end`.
    fn finish(&mut self, end: Seconds) -> Result<Window> {
        self.settle(self.decided)?;
        let shot = std::mem::replace(&mut self.shot, Shot::at(end));
        let state = shot.state.expect("frames were settled");
        let clip = self.cells.finish(&state)?;
        let span = Span {
            start: shot.start,
            end,
        };
        let mut frames = shot.frames;
        frames.dedup();
        self.cells.engine.window(span, frames, clip)
    }
}

impl Shot {
    fn at(start: Seconds) -> Self {
        Self {
            start,
            frames: Vec::new(),
            state: None,
        }
    }
}

/// Whether frame `at` begins a shot.
fn is_cut(held: &VecDeque<Seen>, at: usize) -> bool {
    let Some(change) = held[at].change else {
        return false;
    };
    let behind = (at + 1 + AROUND).min(held.len());
    let mut around: Vec<f32> = (at.saturating_sub(AROUND)..behind)
        .filter(|&k| k != at)
        .filter_map(|k| held[k].change)
        .collect();
    around.sort_unstable_by(f32::total_cmp);
    // Of an even number the lower: another cut nearby does not hide this one.
    let usual = around.get(around.len().saturating_sub(1) / 2);
    change >= LEAST && change >= FACTOR * usual.copied().unwrap_or(0.0)
}
