//! Frames of a part of a video.

use std::ops::Range;
use std::path::Path;

use super::player::{Gate, Player};
use super::{init, keyframes, seconds, seeks, spread};
use crate::frames::{Method, Sampled, Sampling, Seconds};
use crate::{Error, Result};

/// Takes frames of a part of a video, by seeks where the file allows it.
pub(in crate::frames) fn sample_part(
    path: &Path,
    part: Range<Seconds>,
    count: usize,
    sampling: Sampling,
) -> Result<Sampled> {
    init()?;
    let open = || Player::open(path, Gate::All);
    let mut player = open()?;
    let length = player.duration()?;
    let (start, end) = (nanoseconds(part.start), nanoseconds(part.end));
    if length.is_some_and(|length| length <= start) {
        let problem = format!(
            "ends after {} s: there is no part from {} s to {} s",
            shown(player.duration()?.map_or(part.start, seconds)),
            shown(part.start),
            shown(part.end)
        );
        return Err(Error::media(path, problem));
    }
    // Annotations are often a bit longer than their videos.
    let end = length.map_or(end, |length| end.min(length));
    let times: Vec<i64> = (spread(end - start, count).iter())
        .map(|time| start + time)
        .collect();
    if let Some(length) = length {
        let sampled = match sampling {
            Sampling::Keyframes => keyframes(&player, &times, length)?,
            Sampling::Uniform => seeks(&player, &times, length, true)?,
        };
        if let Some(sampled) = sampled {
            return Ok(sampled);
        }
        player = open()?;
    }
    let read = seeks(&player, &times, length.unwrap_or_default(), false)?;
    let sampled = read.map(|sampled| Sampled {
        method: Method::Decode,
        ..sampled
    });
    sampled.ok_or_else(|| Error::media(path, "has frames without times, or none in that part"))
}

/// Nanoseconds from the start, as far as they can be counted.
fn nanoseconds(time: Seconds) -> i64 {
    let whole = i128::from(*time.numer()) * 1_000_000_000 / i128::from(*time.denom());
    i64::try_from(whole).unwrap_or(i64::MAX)
}

/// A time in a message.
fn shown(time: Seconds) -> f64 {
    *time.numer() as f64 / *time.denom() as f64
}
