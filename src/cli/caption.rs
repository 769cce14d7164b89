//! `vcoca-gpu caption`.

mod sink;

use std::io;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Instant;

use indicatif::ProgressBar;
use vcoca_gpu::Error;
use vcoca_gpu::engine::{Clip, Engine, Opened};
use vcoca_gpu::frames::Seconds;
use vcoca_gpu::generate::Options;

use self::sink::{Format, Sink, Told};
use super::videos::{Coming, WindowArgs};
use super::{FAILED, ModelArgs, Stop, WritingArgs, number, output, progress, report};

pub const EXAMPLES: &str = "\
Examples:
  vcoca-gpu caption assets/*.mp4
  vcoca-gpu caption --beams 6 --candidates 3 assets/circle_and_heart.mp4
  vcoca-gpu caption --windows shots tests/data/world/moments/videos/long_000.mp4
  vcoca-gpu caption --windows 4s/2s --format srt assets/red_star.mp4 > red_star.srt";

#[derive(clap::Args)]
pub struct Args {
    #[command(flatten)]
    model: ModelArgs,

    #[command(flatten)]
    videos: WindowArgs,

    /// Make one caption of neighbouring windows whose cosine is at least this; above 1: of none
    #[arg(long, value_name = "COSINE", default_value_t = 0.98, allow_hyphen_values = true,
          value_parser = number)]
    join: f32,

    /// How captions are written; subtitles and chapters are of one PATH
    #[arg(long, value_name = "FORMAT", default_value = "text")]
    format: Format,

    /// Short for --format jsonl
    #[arg(long, conflicts_with = "format")]
    json: bool,

    /// Videos, images, or folders of images (each folder is one clip)
    #[arg(required = true, value_name = "PATH")]
    paths: Vec<PathBuf>,

    #[command(flatten)]
    writing: WritingArgs,
}

/// Windows that are written about together.
const TOGETHER: usize = 8;

pub fn run(args: &Args, started: Instant, quiet: bool) -> Result<ExitCode, Stop> {
    let format = if args.json {
        Format::Jsonl
    } else {
        args.format
    };
    if format.subtitles().is_some() && args.paths.len() > 1 {
        let found = args.paths.len();
        let problem = anyhow::anyhow!("subtitles and chapters are of one PATH, found {found}");
        return Err(Stop::misused(problem));
    }
    // Before the model: nobody should download one for options that make no sense.
    let options = args.writing.options()?;
    let windows = args.videos.options()?;
    let (source, engine) = args.model.load(quiet)?;
    let options = args.writing.prompted(options, &engine)?;
    let model = source.name();
    let sink = Sink::open(&engine, &model, windows.windows, format)?;
    let bar = progress::bar(args.paths.len(), quiet);
    let mut teller = Teller {
        bar: &bar,
        engine: &engine,
        join: args.join,
        options: &options,
        sink,
        open: None,
        first: Some(started),
    };
    let mut failed = false;
    let mut coming = Coming::new(&args.paths, windows, &engine, Engine::prepare_captions)?;
    for path in &args.paths {
        bar.set_message(output::path(path));
        match teller.tell(path, coming.next())? {
            Ok(()) => {}
            // Nothing more can come of this device.
            Err(error @ Error::DeviceLost(_)) => return Err(error.into()),
            Err(error) => {
                failed = true;
                bar.suspend(|| report(&error));
            }
        }
        bar.inc(1);
    }
    bar.finish_and_clear();
    teller.sink.close()?;
    coming.finish()?;
    Ok(ExitCode::from(if failed { FAILED } else { 0 }))
}

/// Reads videos and tells what they show.
struct Teller<'a> {
    bar: &'a ProgressBar,
    engine: &'a Engine,
    join: f32,
    options: &'a Options,
    sink: Sink<'a>,
    /// What is told last goes on if the next window is told the same.
    open: Option<Told>,
    /// When the program was started, until something is told.
    first: Option<Instant>,
}

impl Teller<'_> {
    /// Tells all of one video. The inner error is the video's, the outer one that of printing.
    fn tell(
        &mut self,
        path: &Path,
        opened: vcoca_gpu::Result<Opened>,
    ) -> io::Result<vcoca_gpu::Result<()>> {
        let outcome = match opened {
            Ok(opened) => self.read(path, opened)?,
            Err(error) => Err(error),
        };
        // What was told before an error stands.
        if let Some(last) = self.open.take() {
            self.print(path, &last, None)?;
        }
        Ok(outcome)
    }

    fn read(&mut self, path: &Path, opened: Opened) -> io::Result<vcoca_gpu::Result<()>> {
        let mut windows = match self.engine.windows_of(opened) {
            Ok(windows) => windows.joined(self.join).fuse(),
            Err(error) => return Ok(Err(error)),
        };
        loop {
            let (mut some, mut fault) = (Vec::new(), None);
            for window in windows.by_ref().take(TOGETHER) {
                match window {
                    Ok(window) => some.push(window),
                    Err(error) => fault = Some(error),
                }
            }
            if some.is_empty() {
                return Ok(fault.map_or(Ok(()), Err));
            }
            let clips: Vec<&Clip> = some.iter().map(|window| &window.clip).collect();
            let captions = match self.engine.captions(&clips, self.options) {
                Ok(captions) => captions,
                Err(error) => return Ok(Err(error)),
            };
            for (window, captions) in some.into_iter().zip(captions) {
                self.add(path, Told { window, captions })?;
            }
            if let Some(error) = fault {
                return Ok(Err(error));
            }
        }
    }

    fn add(&mut self, path: &Path, told: Told) -> io::Result<()> {
        match &mut self.open {
            Some(open) if open.captions[0].text == told.captions[0].text => {
                open.window.join(told.window);
            }
            open => {
                let start = told.window.span.start;
                if let Some(done) = open.replace(told) {
                    self.print(path, &done, Some(start))?;
                }
            }
        }
        Ok(())
    }

    fn print(&mut self, path: &Path, told: &Told, next: Option<Seconds>) -> io::Result<()> {
        (self.bar).suspend(|| self.sink.print(path, told, next))?;
        if let Some(started) = self.first.take() {
            let seconds = started.elapsed().as_secs_f64();
            (self.bar).suspend(|| log::info!("first caption {seconds:.2} s after the start"));
        }
        Ok(())
    }
}
