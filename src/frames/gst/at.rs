//! One frame at one time.

use std::path::Path;

use gstreamer as gst;

use super::player::{Gate, Player, Shot, TOLERANCE};
use super::{BACK, init, seconds};
use crate::frames::{Frame, Seconds};
use crate::{Error, Result};

/// The frame shown at `time`, or the last.
pub(in crate::frames) fn at(path: &Path, time: Seconds) -> Result<Frame> {
    init()?;
    let time = nanoseconds(time);
    let mut player = Player::open(path, Gate::All)?;
    let begun = |shot: &Shot| {
        shot.time
            .is_none_or(|begins| begins <= time.saturating_add(TOLERANCE))
    };
    let mut shown = None;
    // A seek can land behind the frame that is shown, or behind the end: then from earlier on.
    let mut sought = time > 0;
    for from in [time, time - BACK] {
        // Where the file cannot seek, it goes on from where it is.
        sought = sought && player.seek(from.max(0), gst::SeekFlags::ACCURATE, Gate::All)?;
        shown = reach(&player, time)?.or(shown);
        // There is nothing before the beginning, and no way back without seeking.
        if !sought || shown.as_ref().is_some_and(begun) {
            break;
        }
    }
    if sought && !shown.as_ref().is_some_and(begun) {
        // Opened again rather than sought: a demuxer ends what follows a seek at the stated duration,
        // which can be that of a shorter sound.
        player = Player::open(path, Gate::All)?;
        shown = reach(&player, time)?.or(shown);
    }
    let shot = shown.ok_or_else(|| Error::media(path, "has a video stream without frames"))?;
    Ok(Frame {
        // A seek's first frame is reported as if it began there.
        pts: seconds(player.span(shot.time.unwrap_or(0)).0),
        picture: player.picture(&shot)?,
    })
}

/// The last frame that begins at or before `time`; if there is none, the next.
fn reach(player: &Player, time: i64) -> Result<Option<Shot>> {
    let reached = time.saturating_add(TOLERANCE);
    let mut shown: Option<Shot> = None;
    loop {
        let shot = match player.pull() {
            Ok(Some(shot)) => shot,
            Ok(None) => return Ok(shown),
            Err(error) if shown.is_none() => return Err(error),
            Err(error) => {
                log::warn!("damaged, going on with its good frames: {error}");
                return Ok(shown);
            }
        };
        // Of a stream without times the first frame is taken.
        let begins = shot.time.unwrap_or(i64::MAX);
        if begins > reached {
            return Ok(shown.or(Some(shot)));
        }
        let last = shot.end.is_some_and(|end| end > reached);
        shown = Some(shot);
        if last {
            return Ok(shown);
        }
    }
}

/// The whole nanoseconds of a time.
pub(super) fn nanoseconds(time: Seconds) -> i64 {
    let (numer, denom) = (i128::from(*time.numer()), i128::from(*time.denom()));
    i64::try_from(numer * 1_000_000_000 / denom)
        .unwrap_or(i64::MAX)
        .max(0)
}
