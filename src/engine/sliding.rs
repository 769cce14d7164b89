//! Windows of equal length at a steady stride.

use std::collections::VecDeque;

use super::cells::{Cell, Cells};
use super::windows::Window;
use crate::frames::{MAX_COUNT, Seconds};
use crate::windows::Span;
use crate::{Error, Result};

/// A window costs the encoding of the frames that are new in it, and one pooling.
pub(super) struct Sliding<'e> {
    cells: Cells<'e>,
    length: Seconds,
    stride: Seconds,
    /// Cells of this window and one behind it, which tells whether the video goes on.
    held: VecDeque<Cell>,
    /// The number of the first of them.
    first: usize,
    /// How many windows there have been.
    count: i64,
    done: bool,
}

impl<'e> Sliding<'e> {
    /// Seconds from one frame to the next of windows with `frames` frames.
    pub fn step(length: Seconds, frames: usize) -> Result<Seconds> {
        if !(1..=MAX_COUNT).contains(&frames) {
            return Err(Error::Argument {
                what: "number of frames",
                expected: format!("1 to {MAX_COUNT}"),
                found: frames.to_string(),
            });
        }
        Ok(length / frames as i64)
    }

    pub fn new(cells: Cells<'e>, length: Seconds, stride: Seconds) -> Self {
        Self {
            cells,
            length,
            stride,
            held: VecDeque::new(),
            first: 0,
            count: 0,
            done: false,
        }
    }

    pub fn next(&mut self) -> Option<Result<Window>> {
        if self.done {
            return None;
        }
        let window = self.advance().transpose();
        self.done |= !matches!(window, Some(Ok(_)));
        window
    }

    fn advance(&mut self) -> Result<Option<Window>> {
        let start = self.stride * self.count;
        let end = start + self.length;
        let (from, to) = (self.cell_from(start), self.cell_from(end));
        let past = (from - self.first).min(self.held.len());
        self.held.drain(..past);
        self.first += past;
        let missing = (to + 1).saturating_sub(self.first + self.held.len());
        self.held.extend(self.cells.take(missing)?);

        let video_end = self.cells.end()?;
        let shown = (to - self.first).min(self.held.len());
        let mut cells: Vec<Cell> = self.held.iter().take(shown).cloned().collect();
        if cells.is_empty() {
            // A stride without the middle of a step, or a video shorter than that.
            match self.held.front() {
                Some(cell) if self.count == 0 || video_end.is_none() => cells.push(cell.clone()),
                _ => return Ok(None),
            }
        }
        self.count += 1;
        // What is left behind the last window may be too short for a step: then it belongs to that.
        let next = self.cell_from(self.stride * self.count);
        let none_left = self.first + self.held.len() <= next;
        let span = match video_end {
            Some(video_end) if video_end <= end || none_left => {
                self.done = true;
                let end = video_end.max(start);
                Span { start, end }
            }
            _ => Span { start, end },
        };
        let mut frames: Vec<Seconds> = cells.iter().map(|cell| cell.pts).collect();
        frames.dedup();
        let state = self.cells.merge(None, &cells)?;
        let clip = self.cells.finish(&state)?;
        self.cells.engine.window(span, frames, clip).map(Some)
    }

    /// The first cell whose middle is at or behind `time`.
    fn cell_from(&self, time: Seconds) -> usize {
        let part = |ratio: Seconds| (i128::from(*ratio.numer()), i128::from(*ratio.denom()));
        let ((n, d), (step_n, step_d)) = (part(time), part(self.cells.step));
        // ⌈time / step - 1/2⌉, in integers that no length of window makes overflow.
        let (over, under) = (2 * n * step_d - step_n * d, 2 * d * step_n);
        let cell = over.div_euclid(under) + i128::from(over.rem_euclid(under) > 0);
        usize::try_from(cell.max(0)).unwrap_or(usize::MAX)
    }
}
