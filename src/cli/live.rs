//! `vcoca-gpu live`.

mod headless;
mod recording;
mod report;
#[cfg(feature = "live")]
mod window;

use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use num_rational::Ratio;
use vcoca_gpu::frames::Seconds;
use vcoca_gpu::frames::live::{Source, cameras, check};
use vcoca_gpu::live::Options;

use super::{FAILED, ModelArgs, Stop, output};
use recording::Recording;

pub const EXAMPLES: &str = "\
Examples:
  vcoca-gpu live --source test --headless --for 8s
  vcoca-gpu live --source assets/red_star.mp4 --headless --labels \"red star,green cross\"
  vcoca-gpu live --source test --headless --for 14s --record watched > watched.jsonl
  vcoca-gpu search --index watched/live.index \"a blue circle\"

Events of --headless: \"source\" (connecting, live, lost with its reason, ended), \"caption\" (a new
line), \"told\" (a line that has ended), \"labels\" (once a second), \"figures\" (every 10 seconds and
at the end) and \"error\". Times are seconds since the source was opened, or since the first frame
of a file.

The first camera is watched where no SOURCE is named; `live --list` tells which there are.
Everything stays on this machine: pictures are read where they arrive, and nothing is sent
anywhere. In a SOURCE of your own, `pipeline:DESCRIPTION`, GStreamer's language describes where
they come from.";

#[derive(clap::Args)]
pub struct Args {
    #[command(flatten)]
    model: ModelArgs,

    /// What to watch: camera, camera:N (as --list counts), an rtsp:// address, screen, a video FILE, test
    /// (shapes that the built-in model knows), or pipeline:DESCRIPTION
    #[arg(long, value_name = "SOURCE", default_value = "camera")]
    source: Source,

    /// List the cameras
    #[arg(long, conflicts_with_all = ["source", "headless", "time"])]
    list: bool,

    /// No window: print what happens as JSON, one event a line
    #[arg(long)]
    headless: bool,

    /// End after so long
    #[arg(long = "for", value_name = "TIME", value_parser = time)]
    time: Option<Seconds>,

    /// Write a picture of the window at its end
    #[cfg(feature = "live")]
    #[arg(
        long,
        value_name = "PNG",
        requires = "time",
        conflicts_with = "headless"
    )]
    screenshot: Option<PathBuf>,

    /// Keep it: videos of what the model has read, their moments in DIR/live.index for `search`, and
    /// captions as SRT, WebVTT and JSON lines
    #[arg(long, value_name = "DIR")]
    record: Option<PathBuf>,

    /// Labels to score on every frame, with "none of these"
    #[arg(long, value_name = "A,B,C", value_delimiter = ',')]
    labels: Vec<String>,

    /// How far back a caption looks, at most to the beginning of the scene
    #[arg(long, value_name = "TIME", default_value = "4s", value_parser = time)]
    clip: Seconds,

    /// Tell a scene again after so long
    #[arg(long, value_name = "TIME", default_value = "5s", value_parser = time)]
    every: Seconds,

    /// Remember so much for search and questions: what memory is needed does not grow beyond that
    #[arg(long, value_name = "TIME", default_value = "10m", value_parser = time)]
    keep: Seconds,

    /// Let the model read at most N frames a second: fewer where it takes longer, and always the newest
    #[arg(long, value_name = "N", default_value_t = 8.0)]
    fps: f64,
}

pub fn run(args: &Args, quiet: bool) -> Result<ExitCode, Stop> {
    if args.list {
        return list();
    }
    let options = args.options();
    options.check().map_err(Stop::misused)?;
    args.check_window()?;
    // Before the model: nobody should wait for one and then hear that there is no camera.
    check(&args.source).map_err(Stop::refused)?;
    let (source, engine) = args.model.load(quiet)?;
    let (engine, name) = (Arc::new(engine), source.name());
    let recording = Recording::begin(args.record.as_deref(), &engine, &source)?;
    let recording = Arc::new(recording);
    #[cfg(feature = "live")]
    if !args.headless {
        return window::run(engine, &name, args, options, recording);
    }
    headless::run(engine, &name, args, options, recording)
}

impl Args {
    fn options(&self) -> Options {
        let labels = self.labels.iter().map(|label| label.trim().to_owned());
        Options {
            window: self.clip,
            every: self.every,
            keep: self.keep,
            fps: self.fps,
            labels: labels.collect(),
            ..Options::default()
        }
    }

    /// Whether there can be a window, if one is wanted.
    fn check_window(&self) -> Result<(), Stop> {
        #[cfg(feature = "live")]
        if !self.headless {
            vcoca_gpu::live::window::check_display()?;
        }
        #[cfg(not(feature = "live"))]
        if !self.headless {
            return Err(Stop::misused(anyhow::anyhow!(
                "this program was built without the window: build it with --features live, or use \
                 --headless"
            )));
        }
        Ok(())
    }

    /// When to end.
    fn length(&self) -> Option<Duration> {
        let nanoseconds = (self.time? * 1_000_000_000).to_integer();
        Some(Duration::from_nanos(nanoseconds.unsigned_abs()))
    }
}

/// Calls `end` where the user or the system wants the program to end.
fn on_interrupt(end: impl FnMut() + Send + 'static) -> Result<(), Stop> {
    ctrlc::set_handler(end)
        .map_err(|error| Stop::Fault(FAILED, anyhow::anyhow!("cannot wait for Ctrl-C: {error}")))
}

/// The cameras as `--source camera:N` counts them.
fn list() -> Result<ExitCode, Stop> {
    let cameras = cameras()?;
    if cameras.is_empty() {
        log::warn!("no camera found; try `--source test`, or a file");
    }
    for (number, camera) in cameras.iter().enumerate() {
        let (name, id) = (output::plain(&camera.name), output::plain(&camera.id));
        output::line(format_args!("camera:{number}  {name}  {id}"))?;
    }
    Ok(ExitCode::SUCCESS)
}

/// A time above 0 as `humantime` has it.
fn time(text: &str) -> Result<Seconds, String> {
    let time = humantime::parse_duration(text).map_err(|error| error.to_string())?;
    match i64::try_from(time.as_nanos()) {
        Ok(nanoseconds) if nanoseconds > 0 => Ok(Ratio::new(nanoseconds, 1_000_000_000)),
        _ => Err("expected a time above 0, such as 500ms, 4s or 10m".into()),
    }
}
