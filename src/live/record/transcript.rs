//! What was told, as subtitles and as JSON.

use std::fs::File;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use serde::Serialize;

use super::{since_opening, stamp, utc};
use crate::files::create_free;
use crate::live::Line;
use crate::subtitles::{Cue, Format, Writer};
use crate::windows::to_f64;
use crate::{Error, Result};

/// Files that are written line by line, without a buffer: what was told is there after a kill. (SRT's last
/// cue alone waits for the next one.)
pub(super) struct Transcript {
    subtitles: [(PathBuf, Writer<File>); 2],
    json: (PathBuf, File),
    /// When the watch began.
    opened: SystemTime,
    lines: usize,
}

/// A line of JSON.
#[derive(Serialize)]
struct Told<'a> {
    /// Seconds since the watch began.
    start: f64,
    end: f64,
    text: &'a str,
    /// The start in UTC.
    at: String,
}

impl Transcript {
    pub fn begin(folder: &Path, now: SystemTime) -> Result<Self> {
        let name = format!("captions-{}", stamp(now));
        let begin = |format, extension| {
            let (path, file) = create_free(folder, &name, extension)?;
            let writer = Writer::begin(file, format).map_err(Error::io(&path))?;
            Ok::<_, Error>((path, writer))
        };
        Ok(Self {
            subtitles: [begin(Format::Srt, "srt")?, begin(Format::WebVtt, "vtt")?],
            json: create_free(folder, &name, "jsonl")?,
            opened: now,
            lines: 0,
        })
    }

    /// When the watch began, as is known better from each frame.
    pub fn set_clock(&mut self, opened: SystemTime) {
        self.opened = opened;
    }

    pub fn told(&mut self, line: &Line) -> Result<()> {
        let (start, end) = (to_f64(line.span.start), to_f64(line.span.end));
        let told = Told {
            start,
            end,
            text: &line.text,
            at: utc(self.opened + since_opening(line.span.start)),
        };
        let (path, file) = &mut self.json;
        let mut json = serde_json::to_vec(&told).expect("numbers and text");
        json.push(b'\n');
        file.write_all(&json).map_err(Error::io(path))?;
        let cue = Cue {
            start: line.span.start,
            end: line.span.end,
            text: &line.text,
        };
        for (path, writer) in &mut self.subtitles {
            writer.cue(&cue).map_err(Error::io(path))?;
        }
        self.lines += 1;
        Ok(())
    }

    /// Writes what is left; how many lines were told.
    pub fn end(self) -> Result<usize> {
        for (path, writer) in self.subtitles {
            writer.end().map_err(Error::io(&path))?;
        }
        Ok(self.lines)
    }
}
