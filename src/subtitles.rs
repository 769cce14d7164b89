//! Captions in time, as players read them: WebVTT, SubRip (SRT), and chapters as YouTube takes them.
//! Knows no GPU and no video.
//!
//! A [`Writer`] writes cue by cue, so that a file grows while its video is still being read:
//!
//! ```
//! use vcoca_gpu::frames::Seconds;
//! use vcoca_gpu::subtitles::{Cue, Format, Writer};
//!
//! let mut writer = Writer::begin(Vec::new(), Format::WebVtt)?;
//! writer.cue(&Cue {
//!     start: Seconds::new(1001, 30000),
//!     end: Seconds::from_integer(4),
//!     text: "a <red> star",
//! })?;
//! let written = String::from_utf8(writer.end()?).unwrap();
//! assert_eq!(
//!     written,
//!     "WEBVTT\n\n00:00:00.033 --> 00:00:04.000\na &lt;red&gt; star\n\n"
//! );
//! # Ok::<(), std::io::Error>(())
//! ```

use std::fmt::{self, Write as _};
use std::io::{self, Write};

use crate::frames::Seconds;

/// What is said, and when.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Cue<'a> {
    /// Before 0 counts as 0, which is where the time of these formats begins.
    pub start: Seconds,
    /// A cue lasts for a millisecond at least: without any time players do not show it.
    pub end: Seconds,
    /// Any lines. Blank ones, which would end a cue, are left out; a text that has no others makes
    /// no cue. Control characters become spaces.
    pub text: &'a str,
}

/// What a [`Writer`] writes, in UTF-8 with lines that end with `\n`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// <https://www.w3.org/TR/webvtt1/>. Cues may overlap. `&`, `<` and `>` are written as
    /// references, so that no text is taken for markup, nor for the `-->` of a time.
    WebVtt,
    /// SubRip. Nobody promises how cues show that overlap, so each ends where the next begins, and
    /// those that begin together are one cue of several lines. A cue is written when the next one
    /// comes. Nothing can be escaped: `-->` becomes `→`; players may take `<b>` for markup.
    Srt,
    /// Lines `00:00 Title`, from an hour on `1:00:00 Title`, as descriptions on YouTube have them.
    /// Times are cut to whole seconds and ascend: a cue that begins in the second of the one before
    /// is left out. The first chapter begins at 00:00, when its cue does not, too. (YouTube shows
    /// chapters where there are three, each of 10 seconds or more. What is shorter stays: who wrote
    /// the cues knows best what to join.)
    Chapters,
}

/// Writes cues as they come; [`end`](Self::end) writes what is left.
#[derive(Debug)]
#[must_use = "the last cue may be written by `end` alone"]
pub struct Writer<W> {
    out: W,
    format: Format,
    /// Cues written so far.
    count: u64,
    /// The start of the latest cue that was given, in milliseconds.
    latest: Option<i128>,
    /// The second of the latest chapter.
    second: i128,
    /// SRT's latest cue, which may have to end earlier than it says.
    held: Option<Timed>,
}

/// A cue whose times are in milliseconds, with at least one line.
#[derive(Debug)]
struct Timed {
    start: i128,
    end: i128,
    lines: Vec<String>,
}

impl<W: Write> Writer<W> {
    /// Writes what stands before the first cue.
    pub fn begin(mut out: W, format: Format) -> io::Result<Self> {
        if format == Format::WebVtt {
            out.write_all(b"WEBVTT\n\n")?;
        }
        Ok(Self {
            out,
            format,
            count: 0,
            latest: None,
            second: 0,
            held: None,
        })
    }

    /// Writes a cue, or keeps it until the next one comes; does not flush.
    ///
    /// Errors: those of writing; [`io::ErrorKind::InvalidInput`] if a cue begins before the one that
    /// was given before it.
    pub fn cue(&mut self, cue: &Cue) -> io::Result<()> {
        let start = milliseconds(cue.start);
        if let Some(latest) = self.latest.filter(|latest| start < *latest) {
            let (found, latest) = (Clock(start, '.'), Clock(latest, '.'));
            let problem = format!(
                "cues: expected in the order of their starts, found {found} after {latest}"
            );
            return Err(io::Error::new(io::ErrorKind::InvalidInput, problem));
        }
        self.latest = Some(start);
        let cue = Timed {
            start,
            end: milliseconds(cue.end).max(start + 1),
            lines: lines(cue.text),
        };
        if cue.lines.is_empty() {
            return Ok(());
        }
        match self.format {
            Format::WebVtt => self.write(&cue),
            Format::Srt => self.hold(cue),
            Format::Chapters => self.chapter(&cue),
        }
    }

    /// Writes what is left, flushes, and gives back what was written to.
    pub fn end(mut self) -> io::Result<W> {
        if let Some(last) = self.held.take() {
            self.write(&last)?;
        }
        self.out.flush()?;
        Ok(self.out)
    }

    fn hold(&mut self, mut cue: Timed) -> io::Result<()> {
        match self.held.take() {
            Some(held) if held.start == cue.start => {
                cue.end = cue.end.max(held.end);
                cue.lines.splice(0..0, held.lines);
            }
            Some(mut held) => {
                held.end = held.end.min(cue.start);
                self.write(&held)?;
            }
            None => (),
        }
        self.held = Some(cue);
        Ok(())
    }

    /// A block of SRT or WebVTT, in one call: a reader of a growing file sees whole lines.
    fn write(&mut self, cue: &Timed) -> io::Result<()> {
        self.count += 1;
        let mut block = String::new();
        let point = match self.format {
            Format::Srt => {
                let _ = writeln!(block, "{}", self.count);
                ','
            }
            _ => '.',
        };
        let (start, end) = (Clock(cue.start, point), Clock(cue.end, point));
        let _ = writeln!(block, "{start} --> {end}");
        for line in &cue.lines {
            match self.format {
                Format::Srt => block.push_str(&line.replace("-->", "→")),
                _ => escape(line, &mut block),
            }
            block.push('\n');
        }
        block.push('\n');
        self.out.write_all(block.as_bytes())
    }

    fn chapter(&mut self, cue: &Timed) -> io::Result<()> {
        let second = match self.count {
            0 => 0,
            _ => cue.start / 1000,
        };
        if self.count > 0 && second <= self.second {
            return Ok(());
        }
        self.count += 1;
        self.second = second;
        let (hours, minutes, seconds) = (second / 3600, second / 60 % 60, second % 60);
        let title = cue.lines.join(" ");
        let line = match hours {
            0 => format!("{minutes:02}:{seconds:02} {title}\n"),
            _ => format!("{hours}:{minutes:02}:{seconds:02} {title}\n"),
        };
        self.out.write_all(line.as_bytes())
    }
}

/// `HH:MM:SS.mmm` of milliseconds, with this decimal point; from 100 hours on with more digits.
struct Clock(i128, char);

impl fmt::Display for Clock {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self(ms, point) = *self;
        let (hours, minutes) = (ms / 3_600_000, ms / 60_000 % 60);
        let (seconds, rest) = (ms / 1000 % 60, ms % 1000);
        write!(out, "{hours:02}:{minutes:02}:{seconds:02}{point}{rest:03}")
    }
}

/// The nearest millisecond (halves go up), from 0 on. Exact: nothing passes through a float.
fn milliseconds(time: Seconds) -> i128 {
    let (numer, denom) = (i128::from(*time.numer()), i128::from(*time.denom()));
    ((2000 * numer + denom).div_euclid(2 * denom)).max(0)
}

/// The lines of a text that are not blank, without what could break them for one reader or another.
fn lines(text: &str) -> Vec<String> {
    let plain = |c: char| match c {
        '\u{2028}' | '\u{2029}' => ' ',
        c if c.is_control() => ' ',
        c => c,
    };
    (text.split(['\r', '\n']))
        .map(|line| line.chars().map(plain).collect::<String>())
        .map(|line| line.trim().to_owned())
        .filter(|line| !line.is_empty())
        .collect()
}

/// Text as WebVTT has it.
fn escape(line: &str, out: &mut String) {
    for c in line.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            c => out.push(c),
        }
    }
}
