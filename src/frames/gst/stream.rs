//! Frames at a steady step, from one run through the file.

use std::path::Path;

use super::player::{Gate, Player, Shot, TOLERANCE};
use super::{init, seconds};
use crate::frames::{Frame, Seconds};
use crate::{Error, Result};

/// The longest that a frame is shown, in nanoseconds: a clock that jumps further is damaged, and would give
/// steps without end.
const LONGEST: i64 = 24 * 60 * 60 * 1_000_000_000;

/// What is shown in the middle of each step, for step after step to the end of the video.
pub(in crate::frames) struct Steps {
    player: Player,
    step: Seconds,
    /// Which step comes next.
    number: i64,
    shown: Option<Taken>,
    /// The frame behind `shown`, not yet due.
    ahead: Option<Taken>,
    /// The frame given last: slow videos show one over many steps.
    given: Option<Frame>,
    ended: bool,
    /// End of the last frame that came, in nanoseconds.
    end: i64,
}

struct Taken {
    time: i64,
    shot: Shot,
}

impl Steps {
    pub fn open(path: &Path, step: Seconds) -> Result<Self> {
        init()?;
        Ok(Self {
            player: Player::open(path, Gate::All)?,
            step,
            number: 0,
            shown: None,
            ahead: None,
            given: None,
            ended: false,
            end: 0,
        })
    }

    /// The end of the video: as the file states it, until all frames have been seen.
    pub fn duration(&self) -> Result<Option<Seconds>> {
        if self.ended {
            return Ok((self.end > 0).then(|| seconds(self.end)));
        }
        Ok(self.player.duration()?.map(seconds))
    }

    /// The next step's frame; none behind the end. After an error, none comes.
    pub fn next(&mut self) -> Result<Option<Frame>> {
        let due = self.middle();
        match self.advance(due) {
            Ok(()) => {}
            // What came before the damage is the video.
            Err(error) if self.given.is_some() && !matches!(error, Error::Stalled { .. }) => {
                log::warn!("damaged, going on with its good frames: {error}");
                (self.ended, self.ahead) = (true, None);
            }
            Err(error) => {
                self.ended = true;
                return Err(error);
            }
        }
        let over = self.ended && self.ahead.is_none() && due >= self.end;
        // A video shorter than half a step has one frame, too.
        if over && self.given.is_some() {
            return Ok(None);
        }
        // What is shown before the first frame is due is the first frame.
        let Some(taken) = self.shown.as_ref().or(self.ahead.as_ref()) else {
            return Ok(None);
        };
        let time = seconds(taken.time);
        let frame = match self.given.take() {
            Some(same) if same.pts == time => same,
            _ => Frame {
                pts: time,
                picture: self.player.picture(&taken.shot)?,
            },
        };
        self.given = Some(frame.clone());
        self.number += 1;
        Ok(Some(frame))
    }

    /// The middle of the next step, in nanoseconds.
    fn middle(&self) -> i64 {
        let (n, d) = (
            i128::from(*self.step.numer()),
            i128::from(*self.step.denom()),
        );
        let twice = (2 * i128::from(self.number) + 1) * n * 1_000_000_000;
        i64::try_from(twice / (2 * d)).unwrap_or(i64::MAX)
    }

    /// Decodes until what is shown at `due` is known.
    fn advance(&mut self, due: i64) -> Result<()> {
        let reached = due.saturating_add(TOLERANCE);
        loop {
            if self.ahead.as_ref().is_some_and(|next| next.time <= reached) {
                self.shown = self.ahead.take();
            }
            if self.ahead.is_some() || self.ended {
                return Ok(());
            }
            match self.player.pull()? {
                Some(shot) => {
                    let Some(time) = shot.time else {
                        let problem = "its frames have no times, which windows need";
                        return Err(Error::media(self.player.path(), problem));
                    };
                    let before = self.shown.as_ref().map_or(0, |shown| shown.time);
                    if time.saturating_sub(before) > LONGEST {
                        let problem =
                            "its clock jumps by more than a day from one frame to the next";
                        return Err(Error::media(self.player.path(), problem));
                    }
                    let longest = time.saturating_add(LONGEST);
                    let end = shot.end.unwrap_or(time).clamp(time, longest);
                    self.end = self.end.max(end);
                    self.ahead = Some(Taken { time, shot });
                }
                None => self.ended = true,
            }
        }
    }
}
