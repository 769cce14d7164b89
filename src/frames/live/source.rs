//! The names of live sources.

use std::fmt;
use std::path::PathBuf;
use std::str::FromStr;

use crate::{Error, Result};

/// Where live pictures come from.
///
/// As text: `camera`, `camera:1`, `rtsp://…` or `rtsps://…`, `screen`, `test`,
/// `pipeline:DESCRIPTION`; anything else names a file (`./camera` if need be). Text made from a
/// source hides the password in the address of a stream.
#[derive(Clone, PartialEq, Eq)]
pub enum Source {
    /// A camera by its number in [`cameras`](super::cameras), from 0.
    Camera(usize),
    /// A stream by its address, which may hold a user name and a password.
    Rtsp(String),
    /// The whole screen.
    Screen,
    /// A local video, played in real time.
    File(PathBuf),
    /// [Drawn shapes](crate::frames::shapes) that move, for a try without a camera.
    Test,
    /// A description in GStreamer's language that ends in raw or encoded video, such as
    /// `videotestsrc is-live=true ! identity`. It can read whatever this process can.
    Pipeline(String),
}

impl FromStr for Source {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        let refused = || Error::Argument {
            what: "source",
            expected: "camera, camera:N, rtsp://HOST/…, screen, test, pipeline:DESCRIPTION or a \
                       file"
                .into(),
            found: format!("'{}'", hide_password(text)),
        };
        let scheme = text.split_once("://").map(|(scheme, _)| scheme);
        if scheme.is_some_and(|name| ["rtsp", "rtsps"].contains(&&*name.to_ascii_lowercase())) {
            return Ok(Self::Rtsp(text.into()));
        }
        match text.split_once(':') {
            Some(("camera", number)) => number.parse().map(Self::Camera).map_err(|_| refused()),
            Some(("pipeline", description)) if description.trim().is_empty() => Err(refused()),
            Some(("pipeline", description)) => Ok(Self::Pipeline(description.into())),
            _ if text.is_empty() => Err(refused()),
            _ => Ok(match text {
                "camera" => Self::Camera(0),
                "screen" => Self::Screen,
                "test" => Self::Test,
                file => Self::File(file.into()),
            }),
        }
    }
}

impl fmt::Display for Source {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Camera(number) => write!(out, "camera:{number}"),
            Self::Rtsp(address) => out.write_str(&hide_password(address)),
            Self::Screen => out.write_str("screen"),
            Self::File(path) => write!(out, "{}", path.display()),
            Self::Test => out.write_str("test"),
            Self::Pipeline(description) => {
                write!(out, "pipeline:")?;
                let words = description.split_inclusive(char::is_whitespace);
                words
                    .map(hide_password)
                    .try_for_each(|word| out.write_str(&word))
            }
        }
    }
}

/// As `Display`: the password must not reach a log by this way either.
impl fmt::Debug for Source {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "Source({self})")
    }
}

/// An address with `***` for its password; other text as it is.
fn hide_password(address: &str) -> String {
    let hidden = || {
        let (scheme, rest) = address.split_once("://")?;
        // Too much rather than too little: a password may have any character.
        let (login, host) = rest.rfind('@').map(|at| rest.split_at(at))?;
        let (user, _) = login.split_once(':')?;
        Some(format!("{scheme}://{user}:***{host}"))
    };
    hidden().unwrap_or_else(|| address.to_owned())
}
