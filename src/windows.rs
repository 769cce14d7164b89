//! Stretches of a video, and how a video is cut into them; knows no GPU.

use std::fmt;
use std::str::FromStr;

use num_rational::Ratio;

use crate::frames::Seconds;
use crate::{Error, Result};

/// A stretch of a video, from `start` to just before `end`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Span {
    pub start: Seconds,
    pub end: Seconds,
}

/// How a video is cut.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Windows {
    /// Not at all.
    #[default]
    Whole,
    /// Windows of `length`, one every `stride`; the last ends with the video.
    Sliding { length: Seconds, stride: Seconds },
    /// Where the picture changes. Two frames a second are looked at, each alone; the change from one
    /// to the next is 1 minus the cosine of their embeddings. A frame begins a shot if its change is
    /// at least 0.1 and three times what is usual around it, the median of the two changes before
    /// and the two behind: a camera that moves all the time makes no cut, nor does a slow fade.
    /// (Both numbers were tried on rendered clips alone.)
    Shots,
}

/// Times on the command line are exact to this.
const NANOSECONDS: i64 = 1_000_000_000;

/// The longest window: so that no sum of times overflows.
const MOST: u64 = 24 * 60 * 60;

impl FromStr for Windows {
    type Err = Error;

    /// `whole`, `shots`, a length (`4s`), or a length and a stride (`4s/2s`), with the units of
    /// `humantime`: `500ms`, `1m`, `1h 30m`.
    fn from_str(text: &str) -> Result<Self> {
        match text {
            "whole" => return Ok(Self::Whole),
            "shots" => return Ok(Self::Shots),
            _ => {}
        }
        let (length, stride) = text.split_once('/').unwrap_or((text, text));
        let time = |part: &str| {
            let time = humantime::parse_duration(part.trim()).ok()?;
            let in_range = !time.is_zero() && time.as_secs() <= MOST;
            in_range.then(|| i64::try_from(time.as_nanos()).ok())?
        };
        let sliding = |(length, stride)| Self::Sliding {
            length: Ratio::new(length, NANOSECONDS),
            stride: Ratio::new(stride, NANOSECONDS),
        };
        let windows = time(length).zip(time(stride)).map(sliding);
        windows
            .filter(|windows| windows.check().is_ok())
            .ok_or_else(|| refused(text))
    }
}

impl Windows {
    /// Whether a video can be cut so.
    ///
    /// Errors: [`Error::Argument`] for windows that are empty, longer than a day, further apart than
    /// they are long, or of lengths that are no whole nanoseconds.
    pub fn check(&self) -> Result<()> {
        let Self::Sliding { length, stride } = self else {
            return Ok(());
        };
        let most = Seconds::from_integer(MOST as i64);
        let whole = |time: &Seconds| NANOSECONDS % time.denom() == 0;
        let fits = *stride > Seconds::ZERO && stride <= length && *length <= most;
        match fits && whole(length) && whole(stride) {
            true => Ok(()),
            false => Err(refused(&format!("{length} s every {stride} s"))),
        }
    }
}

fn refused(found: &str) -> Error {
    Error::Argument {
        what: "windows",
        expected:
            "whole, shots, a length like 4s, or a length and a stride not above it like 4s/2s, \
                   above 0 and up to a day"
                .into(),
        found: found.into(),
    }
}

impl fmt::Display for Windows {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Whole => out.pad("whole"),
            Self::Shots => out.pad("shots"),
            Self::Sliding { length, stride } => {
                let time = |time: &Seconds| {
                    let time = (*time * NANOSECONDS).to_integer().unsigned_abs();
                    humantime::format_duration(std::time::Duration::from_nanos(time)).to_string()
                };
                out.pad(&match (time(length), time(stride)) {
                    (length, stride) if length == stride => length,
                    (length, stride) => format!("{length}/{stride}"),
                })
            }
        }
    }
}

/// Seconds as a floating-point number, for people and JSON.
pub fn to_f64(time: Seconds) -> f64 {
    *time.numer() as f64 / *time.denom() as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cuts_are_written_as_they_are_read() {
        for text in ["whole", "shots", "4s", "4s/2s", "500ms", "1m 30s/1m"] {
            assert_eq!(text.parse::<Windows>().unwrap().to_string(), text);
        }
        let spelled = "4s/4s".parse::<Windows>().unwrap();
        assert_eq!(
            spelled.to_string(),
            "4s",
            "a stride like the length goes without saying"
        );
    }

    #[test]
    fn what_is_no_cut_is_refused() {
        for text in [
            "", "4", "0s", "2s/4s", "4s/0s", "4s/2s/1s", "-4s", "2d", "Shots",
        ] {
            let error = text.parse::<Windows>().unwrap_err().to_string();
            assert!(error.contains("4s/2s") && error.ends_with(text), "{error}");
        }
        let third = Windows::Sliding {
            length: Ratio::new(1, 3),
            stride: Ratio::new(1, 3),
        };
        assert!(third.check().is_err(), "1/3 s is not so many nanoseconds");
    }
}
