//! Video files and live sources through GStreamer: the only place that names it.

mod at;
mod color;
mod cut;
mod encoding;
mod fault;
mod flow;
mod graph;
mod live;
mod part;
mod picture;
mod plan;
mod player;
mod playlist;
mod stream;
mod write;

use std::path::Path;
use std::sync::OnceLock;

use gstreamer as gst;
use gstreamer::glib::{self, LogLevels};

pub(super) use self::at::at;
pub(super) use self::cut::cut;
pub(super) use self::live::{Capture, Recipe, cameras};
use self::plan::Plan;
use self::player::{Gate, Player, Shot, TOLERANCE};
use super::{Frame, Method, Picture, Sampled, Sampling, Seconds, uniform};
use crate::{Error, Result};

pub(super) use self::part::sample_part;
pub(super) use self::stream::Steps;
pub use self::write::VideoWriter;

/// Files below this size, or this duration in nanoseconds, are planned from their packets; others
/// are reached by seeks.
const PLAN_BYTES: u64 = 64 << 20;
const PLAN_LENGTH: i64 = 60_000_000_000;

/// A frame this far from its planned time, in nanoseconds, is another frame.
const NEAR: u64 = 1_000_000;

/// How far, in nanoseconds, to go back where a seek landed too late.
const BACK: i64 = 2_000_000_000;

/// A frame with its time in nanoseconds.
type Taken = (i64, Picture);

/// Takes frames of a video file of `bytes` bytes by the way that is quickest and exact, falling
/// back to decoding everything.
pub(super) fn sample(path: &Path, bytes: u64, count: usize, sampling: Sampling) -> Result<Sampled> {
    init()?;
    if sampling == Sampling::Keyframes || bytes > PLAN_BYTES {
        let player = Player::open(path, Gate::All)?;
        if let Some(length) = player.duration()? {
            let sampled = match sampling {
                Sampling::Keyframes => keyframes(&player, &spread(length, count), length)?,
                Sampling::Uniform if length > PLAN_LENGTH => {
                    seeks(&player, &spread(length, count), length, true)?
                }
                Sampling::Uniform => None,
            };
            if let Some(sampled) = sampled {
                return Ok(sampled);
            }
        }
    }
    let planned = match plan::scan(path) {
        Some(plan) => planned(path, &plan, count)?,
        None => None,
    };
    match planned {
        Some(sampled) => Ok(sampled),
        None => decoded(path, count),
    }
}

/// Takes frames by one way only.
pub(super) fn sample_by(path: &Path, count: usize, method: Method) -> Result<Sampled> {
    init()?;
    let sampled = match method {
        Method::Plan => match plan::scan(path) {
            Some(plan) => planned(path, &plan, count)?,
            None => None,
        },
        Method::Seek | Method::Keyframes => {
            let player = Player::open(path, Gate::All)?;
            match player.duration()? {
                Some(length) if method == Method::Seek => {
                    seeks(&player, &spread(length, count), length, true)?
                }
                Some(length) => keyframes(&player, &spread(length, count), length)?,
                None => None,
            }
        }
        Method::Decode | Method::Still => Some(decoded(path, count)?),
    };
    sampled.ok_or_else(|| Error::media(path, format!("{method:?} does not reach its frames")))
}

/// Starts GStreamer, once. What it and GLib have to say goes to `log`: broken files make them
/// complain on stderr.
fn init() -> Result<()> {
    static DONE: OnceLock<Result<(), String>> = OnceLock::new();
    DONE.get_or_init(|| {
        gst::init().map_err(|error| error.to_string())?;
        for domain in ["GStreamer", "GLib-GObject"] {
            let levels = LogLevels::LEVEL_CRITICAL | LogLevels::LEVEL_WARNING;
            glib::log_set_handler(Some(domain), levels, false, false, |domain, _, message| {
                log::debug!("{}: {message}", domain.unwrap_or_default());
            });
        }
        Ok(())
    })
    .clone()
    .map_err(|error| Error::media(Path::new("GStreamer"), format!("cannot start: {error}")))
}

/// Decodes what a plan asks for. None if other frames come than planned.
fn planned(path: &Path, plan: &Plan, count: usize) -> Result<Option<Sampled>> {
    let times = plan.times(count);
    let mut taken: Vec<Taken> = Vec::new();
    let runs = plan.runs(&times);
    let from_start = runs.first().is_some_and(|run| !run.seek);
    let gate = |times: &[i64]| Gate::Times(times.iter().copied().collect());
    let player = Player::open(
        path,
        if from_start {
            gate(&runs[0].times)
        } else {
            Gate::All
        },
    )?;
    for run in &runs {
        if run.seek && !player.seek(run.times[0], gst::SeekFlags::ACCURATE, gate(&run.times))? {
            return Ok(None);
        }
        let last = run
            .times
            .last()
            .map_or(0, |time| time.saturating_sub(TOLERANCE));
        let pulled = loop {
            match player.pull() {
                Ok(Some(shot)) => {
                    let Some(time) = shot.time else {
                        return Ok(None);
                    };
                    taken.push((time, player.picture(&shot)?));
                    if time >= last {
                        break Ok(());
                    }
                }
                Ok(None) => break Ok(()),
                Err(error) => break Err(error),
            }
        };
        if !good_so_far(pulled, &taken)? {
            break;
        }
    }
    let nearest = |time: &i64| (0..taken.len()).min_by_key(|&at| taken[at].0.abs_diff(*time));
    let picks: Vec<usize> = times.iter().filter_map(nearest).collect();
    let exact = |(&pick, time): (&usize, &i64)| taken[pick].0.abs_diff(*time) <= NEAR;
    if picks.is_empty() || !picks.iter().zip(&times).all(exact) {
        log::debug!(
            "{}: not the frames that its packets promise",
            path.display()
        );
        return Ok(None);
    }
    Ok(assemble(&taken, picks, count, Method::Plan, plan.end()))
}

/// Takes what is shown at `times`, which rise, of a video of `length` nanoseconds; seeks if `may_seek`,
/// else reads from the beginning. None if they cannot all be reached.
fn seeks(player: &Player, times: &[i64], length: i64, may_seek: bool) -> Result<Option<Sampled>> {
    let mut taken: Vec<Taken> = Vec::new();
    let mut picks = Vec::new();
    let mut ahead: Option<(i64, Shot)> = None;
    let mut shown: Option<(i64, Shot)> = None;
    // The farthest that a frame was seen from its keyframe: going on is cheaper than seeking
    // where the way is shorter than half of that.
    let mut group = 0;
    let mut last = None;
    for &time in times {
        let far = last.is_none_or(|last| time.saturating_sub(last) > group / 2);
        let sought = may_seek && far;
        if sought {
            (ahead, shown) = (None, None);
            if !player.seek(time, gst::SeekFlags::ACCURATE, Gate::All)? {
                return Ok(None);
            }
        }
        last = Some(time);
        // Up to here a frame counts as begun.
        let reached = time.saturating_add(TOLERANCE);
        let mut again = sought;
        let pulled = loop {
            if ahead.as_ref().is_some_and(|(next, _)| *next <= reached) {
                shown = ahead.take();
            }
            let end = shown.as_ref().and_then(|(_, shot)| shot.end);
            if ahead.is_some() || end.is_some_and(|end| end > reached) {
                break Ok(());
            }
            match player.pull() {
                Ok(Some(shot)) => match shot.time {
                    // Seeks into an open group of pictures can land on the next one.
                    Some(at) if again && at > reached => {
                        again = false;
                        if !player.seek(
                            time.saturating_sub(BACK),
                            gst::SeekFlags::ACCURATE,
                            Gate::All,
                        )? {
                            return Ok(None);
                        }
                    }
                    Some(at) => (again, ahead) = (false, Some((at, shot))),
                    None => return Ok(None),
                },
                Ok(None) => break Ok(()),
                Err(error) => break Err(error),
            }
        };
        if !good_so_far(pulled, &taken)? {
            break;
        }
        let Some((at, shot)) = shown.as_ref().or(ahead.as_ref()) else {
            // The file ends before its duration.
            return Ok(None);
        };
        let (start, key) = player.span(*at);
        if sought {
            group = group.max(time.saturating_sub(key));
        }
        if taken.last().is_none_or(|(last, _)| *last != start) {
            taken.push((start, player.picture(shot)?));
        }
        picks.push(taken.len() - 1);
    }
    Ok(assemble(&taken, picks, times.len(), Method::Seek, length))
}

/// Seeks to the keyframes nearest to `times` of a video of `length` nanoseconds. None if the file cannot
/// seek.
fn keyframes(player: &Player, times: &[i64], length: i64) -> Result<Option<Sampled>> {
    let flags = gst::SeekFlags::KEY_UNIT | gst::SeekFlags::SNAP_NEAREST;
    let mut taken: Vec<Taken> = Vec::new();
    let mut picks = Vec::new();
    for &time in times {
        if !player.seek(time, flags, Gate::All)? {
            return Ok(None);
        }
        let pulled = match player.pull() {
            Ok(Some(shot)) => {
                let Some(at) = shot.time else {
                    return Ok(None);
                };
                if taken.last().is_none_or(|(last, _)| *last != at) {
                    taken.push((at, player.picture(&shot)?));
                }
                Ok(())
            }
            Ok(None) => Ok(()),
            Err(error) => Err(error),
        };
        if !good_so_far(pulled, &taken)? {
            break;
        }
        picks.extend(taken.len().checked_sub(1));
    }
    Ok(assemble(
        &taken,
        picks,
        times.len(),
        Method::Keyframes,
        length,
    ))
}

/// Decodes everything, once to count and once to take.
fn decoded(path: &Path, count: usize) -> Result<Sampled> {
    let player = Player::open(path, Gate::Shut)?;
    let ended = player.pull();
    let (total, end) = player.counted();
    drop(player);
    match ended {
        Err(error @ Error::Stalled { .. }) => return Err(error),
        Err(error) if total == 0 => return Err(error),
        _ => {}
    }
    if total == 0 {
        return Err(Error::media(path, "has a video stream without frames"));
    }
    let wanted: Vec<usize> = uniform(total, count).collect();
    let mut numbers = wanted.clone();
    numbers.dedup();
    let player = Player::open(path, Gate::Numbers(numbers.iter().copied().collect()))?;
    let mut taken: Vec<Taken> = Vec::new();
    for &number in &numbers {
        let pulled = match player.pull() {
            Ok(Some(shot)) => {
                let (rate, per) = shot.rate();
                // A stream without times runs at its frame rate.
                let counted = || {
                    let time = number as i128 * 1_000_000_000 * i128::from(per) / i128::from(rate);
                    i64::try_from(time).unwrap_or(i64::MAX)
                };
                taken.push((shot.time.unwrap_or_else(counted), player.picture(&shot)?));
                Ok(())
            }
            Ok(None) => break,
            Err(error) => Err(error),
        };
        if !good_so_far(pulled, &taken)? {
            break;
        }
    }
    let picks = wanted
        .iter()
        .filter_map(|number| numbers.binary_search(number).ok())
        .filter(|&at| at < taken.len())
        .collect();
    assemble(&taken, picks, count, Method::Decode, end)
        .ok_or_else(|| Error::media(path, "decodes to no frame"))
}

/// Whether to go on after `pulled`: an error after the first frames ends the sampling with those,
/// an error before them is the caller's. So is a stall at any time: what comes after it would only
/// stall again.
fn good_so_far(pulled: Result<()>, taken: &[Taken]) -> Result<bool> {
    match pulled {
        Ok(()) => Ok(true),
        Err(error) if taken.is_empty() || matches!(error, Error::Stalled { .. }) => Err(error),
        Err(error) => {
            log::warn!("damaged, going on with its good frames: {error}");
            Ok(false)
        }
    }
}

/// `count` times in the middle of as many equal parts of `length`.
fn spread(length: i64, count: usize) -> Vec<i64> {
    (0..count as i128)
        .map(|i| (i128::from(length) * (2 * i + 1) / (2 * count as i128)) as i64)
        .collect()
}

/// The frames picked from those taken, the last one repeated up to `count`; none if there is none.
fn assemble(
    taken: &[Taken],
    mut picks: Vec<usize>,
    count: usize,
    method: Method,
    end: i64,
) -> Option<Sampled> {
    picks.resize(count, *picks.last()?);
    let frame = |&pick: &usize| {
        let (time, picture) = taken.get(pick)?;
        Some(Frame {
            pts: seconds(*time),
            picture: picture.clone(),
        })
    };
    Some(Sampled {
        frames: picks.iter().map(frame).collect::<Option<_>>()?,
        duration: (end > 0).then(|| seconds(end)),
        method,
    })
}

fn seconds(nanoseconds: i64) -> Seconds {
    Seconds::new(nanoseconds, 1_000_000_000)
}
