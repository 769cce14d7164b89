//! Part after part, with what is said about it.

use std::ffi::OsString;
use std::time::{Duration, Instant};

use indicatif::{HumanDuration, ProgressBar};
use vcoca_gpu::Error;
use vcoca_gpu::export::{Folder, Moment, Part, Record, Row, State};

use super::read::{Found, Reader};
use crate::cli::output::count;
use crate::cli::progress::style;
use crate::cli::{Stop, output, report};

/// Texts read together; one that is refused is found by reading each of them alone.
const TEXTS: usize = 64;

/// One run over its parts.
pub struct Run<'a> {
    reader: Reader<'a>,
    texts: bool,
    folder: &'a Folder,
    bar: ProgressBar,
    clock: Instant,
    /// Inputs read by this run.
    made: usize,
    /// Inputs that failed, in this run or in an earlier one.
    failed: usize,
}

impl<'a> Run<'a> {
    /// `texts` tells whether inputs are texts, not videos.
    pub fn new(reader: Reader<'a>, texts: bool, folder: &'a Folder) -> Self {
        Self {
            reader,
            texts,
            folder,
            bar: ProgressBar::hidden(),
            clock: Instant::now(),
            made: 0,
            failed: 0,
        }
    }

    /// Makes all parts that are not there: at the end all of them are, whoever made them. Gives the
    /// number of inputs that failed.
    pub fn parts(mut self, parts: &[(usize, &[OsString])], quiet: bool) -> Result<usize, Stop> {
        let mut left: usize = parts.iter().map(|(_, inputs)| inputs.len()).sum();
        if !quiet {
            self.bar = bar(left);
        }
        let mut taken = Vec::new();
        for &(number, inputs) in parts {
            let state = self.folder.part(number, inputs)?;
            if let State::Taken = state {
                taken.push((number, inputs));
                continue;
            }
            left -= inputs.len();
            self.part(number, inputs, state, left)?;
        }
        for (number, inputs) in taken {
            let name = self.folder.name(number);
            self.say(|| log::warn!("{name}: another process is at it; waiting for that"));
            left -= inputs.len();
            let state = self.folder.wait_for(number, inputs)?;
            self.part(number, inputs, state, left)?;
        }
        self.bar.finish_and_clear();
        Ok(self.failed)
    }

    /// Makes a part, if it is not there. Then there are `left` more inputs.
    fn part(
        &mut self,
        number: usize,
        inputs: &[OsString],
        state: State,
        left: usize,
    ) -> Result<(), Stop> {
        let (record, there) = match state {
            State::Open(mut part) => {
                self.fill(&mut part, inputs)?;
                self.made += inputs.len();
                (part.finish()?, false)
            }
            State::Done(record) => {
                self.skip(inputs);
                (record, true)
            }
            State::Taken => unreachable!("nobody has what was waited for"),
        };
        self.failed += record.failed;
        self.show(number, &record, there)?;
        if !there && left > 0 {
            let rate = self.made as f64 / self.clock.elapsed().as_secs_f64();
            let time = HumanDuration(Duration::from_secs_f64(left as f64 / rate));
            self.say(|| log::info!("  {rate:.2} a second; {left} to go, {time}"));
        }
        Ok(())
    }

    fn fill(&self, part: &mut Part, inputs: &[OsString]) -> Result<(), Stop> {
        match self.texts {
            true => self.texts(part, inputs),
            false => self.reader.each(inputs, |video, found| {
                self.video(part, &video.to_string_lossy(), found)
            }),
        }
    }

    /// All rows of a video, or none.
    fn video(
        &self,
        part: &mut Part,
        video: &str,
        found: vcoca_gpu::Result<Vec<Found>>,
    ) -> Result<(), Stop> {
        match found {
            Ok(found) => {
                for Found {
                    span,
                    caption,
                    embedding,
                } in &found
                {
                    let row = Row {
                        moment: Some(Moment {
                            video,
                            start: span.start,
                            end: span.end,
                        }),
                        caption: caption.as_deref(),
                    };
                    part.row(&row, embedding)?;
                }
            }
            Err(error) => self.failed(part, video, error)?,
        }
        self.bar.set_message(output::plain(video).into_owned());
        self.bar.inc(1);
        Ok(())
    }

    fn texts(&self, part: &mut Part, inputs: &[OsString]) -> Result<(), Stop> {
        for some in inputs.chunks(TEXTS) {
            let texts: Vec<_> = some.iter().map(|text| text.to_string_lossy()).collect();
            let engine = self.reader.engine;
            let read = |text| engine.embed_texts(&[text]).map(|mut read| read.remove(0));
            let embeddings: Vec<_> = match engine.embed_texts(&texts) {
                Ok(embeddings) => embeddings.into_iter().map(Ok).collect(),
                Err(_) => texts.iter().map(read).collect(),
            };
            for (text, embedding) in texts.iter().zip(embeddings) {
                match embedding {
                    Ok(embedding) => {
                        let row = Row {
                            moment: None,
                            caption: Some(text),
                        };
                        part.row(&row, &embedding)?;
                    }
                    Err(error) => self.failed(part, text, error)?,
                }
            }
            self.bar.inc(some.len() as u64);
        }
        Ok(())
    }

    /// Notes an input that failed; the run goes on if the device does.
    fn failed(&self, part: &mut Part, input: &str, error: Error) -> Result<(), Stop> {
        if let Error::DeviceLost(_) = error {
            return Err(error.into());
        }
        part.failed(input, &error.to_string())?;
        // Errors of videos name them, those of texts do not.
        let beginning = || input.chars().take(40).collect::<String>();
        self.say(|| match self.texts {
            true => report(format_args!("{}: {error}", beginning())),
            false => report(&error),
        });
        Ok(())
    }

    fn show(&self, number: usize, record: &Record, there: bool) -> Result<(), Stop> {
        let path = self.folder.path(&self.folder.name(number));
        let mut line = format!(
            "{}: {} of {}",
            output::path(&path),
            count(record.rows, "row"),
            count(record.inputs, if self.texts { "text" } else { "video" }),
        );
        if record.failed > 0 {
            line += &format!(", {} failed", record.failed);
        }
        if there {
            line += " (was there)";
        }
        Ok(self.bar.suspend(|| output::line(line))?)
    }

    /// Moves the bar over inputs that take no time, and forgets them for the rate.
    fn skip(&self, inputs: &[OsString]) {
        self.bar.inc(inputs.len() as u64);
        self.bar.reset_eta();
    }

    fn say(&self, say: impl FnOnce()) {
        self.bar.suspend(say);
    }
}

/// A bar on stderr where that is a terminal.
fn bar(count: usize) -> ProgressBar {
    let style = style("{bar:24} {pos}/{len}, {per_sec}, {eta} left  {wide_msg}");
    ProgressBar::new(count as u64).with_style(style)
}
