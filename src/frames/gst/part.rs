//! Frames of a part of a video.

use std::ops::Range;
use std::path::Path;

use super::player::{Gate, Player};
use super::{init, keyframes, plan, seconds, seeks, spread};
use crate::frames::{Method, Sampled, Sampling, Seconds};
use crate::windows::to_f64;
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
    let (start, end) = (nanoseconds(part.start), nanoseconds(part.end));
    let length = match player.duration()? {
        Some(length) if end <= length => Some(length),
        // Files may state less than they have; their packets tell.
        stated => plan::scan(path).map(|plan| plan.end()).max(stated),
    };
    if let Some(length) = length.filter(|&length| length <= start) {
        let [length, from, to] = [seconds(length), part.start, part.end].map(to_f64);
        let problem = format!("ends after {length} s: there is no part from {from} s to {to} s");
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
