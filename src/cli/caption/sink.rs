//! Captions as they are printed: lines of text or JSON, or subtitles.

use std::borrow::Cow;
use std::io::{self, Stdout};
use std::path::Path;

use serde::Serialize;
use vcoca_gpu::engine::{Caption, Engine, Window};
use vcoca_gpu::frames::Seconds;
use vcoca_gpu::gpu::DType;
use vcoca_gpu::subtitles::{self, Cue, Writer};
use vcoca_gpu::windows::{Windows, to_f64};

use crate::cli::output;

/// How captions are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum Format {
    /// A line for people
    Text,
    /// A JSON object a line
    Jsonl,
    /// SubRip subtitles
    Srt,
    /// WebVTT subtitles
    Vtt,
    /// Chapters as in descriptions on YouTube
    Chapters,
}

impl Format {
    /// What subtitles are called in the library.
    pub fn subtitles(self) -> Option<subtitles::Format> {
        match self {
            Self::Text | Self::Jsonl => None,
            Self::Srt => Some(subtitles::Format::Srt),
            Self::Vtt => Some(subtitles::Format::WebVtt),
            Self::Chapters => Some(subtitles::Format::Chapters),
        }
    }
}

/// All that is known about one stretch of a video.
pub struct Told {
    pub window: Window,
    /// The best first.
    pub captions: Vec<Caption>,
}

/// Where captions go.
pub struct Sink<'a> {
    pub engine: &'a Engine,
    pub model: &'a str,
    pub windows: Windows,
    format: Format,
    cues: Option<Writer<Stdout>>,
}

/// One line of JSON.
#[derive(Serialize)]
struct Line<'a> {
    video: Cow<'a, str>,
    /// Where the window begins and ends, in seconds.
    #[serde(flatten)]
    span: Option<Ends>,
    caption: &'a str,
    tokens: &'a [u32],
    logprob: f32,
    /// All texts, the best first, where there are several.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    candidates: Vec<Candidate<'a>>,
    /// The presentation times of the frames, in seconds.
    frames: Vec<f64>,
    model: &'a str,
    adapter: &'a str,
    dtype: DType,
    timings_ms: Timings,
}

#[derive(Serialize)]
struct Ends {
    start: f64,
    end: f64,
}

#[derive(Serialize)]
struct Candidate<'a> {
    caption: &'a str,
    tokens: &'a [u32],
    logprob: f32,
    /// What they are ordered by.
    score: f32,
}

/// Wall time of each stage.
#[derive(Clone, Copy, Serialize)]
struct Timings {
    decode: f64,
    preprocess: f64,
    encode: f64,
    pool: f64,
    generate: f64,
}

impl<'a> Sink<'a> {
    pub fn open(
        engine: &'a Engine,
        model: &'a str,
        windows: Windows,
        format: Format,
    ) -> io::Result<Self> {
        let cues = (format.subtitles())
            .map(|format| Writer::begin(io::stdout(), format))
            .transpose()?;
        Ok(Self {
            engine,
            model,
            windows,
            format,
            cues,
        })
    }

    /// Prints what is told of a stretch; `next` is where the following one begins. Subtitles end
    /// there: two at a time cannot be read.
    pub fn print(&mut self, path: &Path, told: &Told, next: Option<Seconds>) -> io::Result<()> {
        let span = told.window.span;
        if let Some(cues) = &mut self.cues {
            cues.cue(&Cue {
                start: span.start,
                end: next.map_or(span.end, |next| next.min(span.end)),
                text: &told.captions[0].text,
            })?;
        } else if self.format == Format::Jsonl {
            output::json(&self.line(path, told))?;
        } else {
            self.text(path, told)?;
        }
        let ms = Timings::of(told);
        log::info!(
            "  {} frames: decode {:.1} ms, preprocess {:.1}, encode {:.1}, pool {:.1}, generate \
             {:.1} ({} ids)",
            told.window.frames.len(),
            ms.decode,
            ms.preprocess,
            ms.encode,
            ms.pool,
            ms.generate,
            told.captions[0].tokens.len(),
        );
        Ok(())
    }

    /// Prints what is left.
    pub fn close(self) -> io::Result<()> {
        self.cues.map_or(Ok(()), |cues| cues.end().map(drop))
    }

    fn text(&self, path: &Path, told: &Told) -> io::Result<()> {
        let (window, captions) = (&told.window, &told.captions);
        let span = match self.windows {
            Windows::Whole => seen(&window.frames),
            _ => Some((window.span.start, window.span.end)).filter(|(_, end)| *end > Seconds::ZERO),
        };
        let span = span.map_or(String::new(), |(start, end)| {
            format!(" [{:.2}-{:.2} s]", to_f64(start), to_f64(end))
        });
        let best = output::plain(&captions[0].text);
        output::line(format_args!("{}{span}: {best}", output::path(path)))?;
        if captions.len() > 1 {
            for Caption { text, logprob, .. } in captions {
                let text = output::plain(text);
                output::line(format_args!("  {logprob:7.2}  {text}"))?;
            }
        }
        Ok(())
    }

    fn line<'t>(&'t self, path: &'t Path, told: &'t Told) -> Line<'t> {
        let Told { window, captions } = told;
        let best = &captions[0];
        Line {
            video: path.to_string_lossy(),
            span: (self.windows != Windows::Whole).then(|| Ends {
                start: to_f64(window.span.start),
                end: to_f64(window.span.end),
            }),
            caption: &best.text,
            tokens: &best.tokens,
            logprob: best.logprob,
            candidates: match &captions[..] {
                [_] => Vec::new(),
                all => all.iter().map(Candidate::of).collect(),
            },
            frames: window.frames.iter().copied().map(to_f64).collect(),
            model: self.model,
            adapter: &self.engine.model().gpu().caps().name,
            dtype: self.engine.model().dtype(),
            timings_ms: Timings::of(told),
        }
    }
}

impl<'a> Candidate<'a> {
    fn of(caption: &'a Caption) -> Self {
        Self {
            caption: &caption.text,
            tokens: &caption.tokens,
            logprob: caption.logprob,
            score: caption.score,
        }
    }
}

impl Timings {
    fn of(told: &Told) -> Self {
        let clip = told.window.clip.timings;
        Self {
            decode: output::to_microseconds(clip.decode),
            preprocess: output::to_microseconds(clip.preprocess),
            encode: output::to_microseconds(clip.encode),
            pool: output::to_microseconds(clip.pool),
            generate: output::to_microseconds(told.captions[0].generate),
        }
    }
}

/// The stretch of time from the first frame to the last; none for images.
fn seen(times: &[Seconds]) -> Option<(Seconds, Seconds)> {
    let (first, last) = (times.iter().min()?, times.iter().max()?);
    (*last > Seconds::ZERO).then_some((*first, *last))
}
