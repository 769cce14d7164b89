//! `vcoca-gpu search`.

mod page;
mod query;
mod shell;
mod sparkline;
mod thumbnail;

use std::borrow::Cow;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use serde::Serialize;
use vcoca_gpu::Error;
use vcoca_gpu::frames::{Seconds, cut};
use vcoca_gpu::index::{Index, Moment, Timeline, Wanted};
use vcoca_gpu::windows::to_f64;

use super::index::{IndexArgs, ModelArgs, from_here, recipe, shown};
use super::{FAILED, Stop, number, output, report};
use page::Page;
use query::QueryArgs;
use sparkline::Scale;

pub const EXAMPLES: &str = "\
Examples:
  vcoca-gpu index add --index videos.index assets
  vcoca-gpu search --index videos.index \"a red star\" --clip clips
  vcoca-gpu search --index videos.index \"a red star - red + green\" --html found.html
  vcoca-gpu search --index videos.index --video assets/red_star.mp4 --top 3";

#[derive(clap::Args)]
pub struct Args {
    #[command(flatten)]
    index: IndexArgs,

    #[command(flatten)]
    query: QueryArgs,

    /// The most moments to show
    #[arg(long, value_name = "K", default_value_t = 10)]
    top: usize,

    /// Leave out moments that score less; scores are cosines
    #[arg(long, value_name = "SCORE", allow_hyphen_values = true, value_parser = number)]
    min_score: Option<f32>,

    /// One JSON object a line, for each moment
    #[arg(long)]
    json: bool,

    /// Show a command that plays each moment
    #[arg(long)]
    open_at: bool,

    /// Write each moment of a video to a file of its own in this folder
    #[arg(long, value_name = "DIR")]
    clip: Option<PathBuf>,

    /// Write a page with pictures and timelines, which needs nothing else
    #[arg(long, value_name = "FILE")]
    html: Option<PathBuf>,

    #[command(flatten)]
    model: ModelArgs,
}

/// One line of `--json`.
#[derive(Serialize)]
struct Line<'a> {
    video: Cow<'a, str>,
    /// Seconds.
    start: f64,
    end: f64,
    score: f32,
    caption: Option<&'a str>,
    open_at: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    clip: Option<Cow<'a, str>>,
}

pub fn run(args: &Args, quiet: bool) -> Result<ExitCode, Stop> {
    // Before the model: nobody should wait for one to hear that the query makes no sense.
    let query = args.query.parse()?;
    let index = Index::open(&args.index.index)?;
    let (source, engine) = args.model.load(Some(index.recipe()), quiet)?;
    index.check(&recipe(&source, &engine, &index.recipe().options())?)?;
    let embedding = (query.embed(&engine, index.recipe().frames)).map_err(Stop::refused)?;
    let wanted = Wanted {
        top: args.top,
        min_score: args.min_score,
    };
    let gpu = engine.model().gpu();
    let clock = std::time::Instant::now();
    let found = index.search(gpu, &embedding, &wanted)?;
    log::info!(
        "{} windows searched in {:.1} ms",
        found.windows,
        clock.elapsed().as_secs_f64() * 1e3
    );
    if found.windows == 0 {
        log::warn!("{}: has no windows to search", index.path().display());
    }
    let mut failed = false;
    let scale = Scale::of(&found);
    for moment in &found.moments {
        let video = &found.videos[moment.video];
        let clip = match args
            .clip
            .as_deref()
            .map(|folder| clip(video, moment, folder))
        {
            Some(Err(error)) => {
                failed = true;
                report(&error);
                None
            }
            Some(Ok(clip)) => clip,
            None => None,
        };
        match args.json {
            true => output::json(&line(video, moment, clip.as_deref()))?,
            false => show(args, video, moment, &scale, clip.as_deref())?,
        }
    }
    if let Some(file) = &args.html {
        let page = Page {
            query: &query.to_string(),
            model: &index.recipe().model,
            index: index.path(),
            found: &found,
            scale,
        };
        page.write(gpu, file)?;
    }
    Ok(ExitCode::from(if failed { FAILED } else { 0 }))
}

fn line<'a>(video: &'a Timeline, moment: &'a Moment, clip: Option<&'a Path>) -> Line<'a> {
    Line {
        video: video.path.to_string_lossy(),
        start: to_f64(moment.span.start),
        end: to_f64(moment.span.end),
        score: moment.score,
        caption: moment.caption.as_deref(),
        open_at: shell::play(&video.path, moment.span.start),
        clip: clip.map(Path::to_string_lossy),
    }
}

fn show(
    args: &Args,
    video: &Timeline,
    moment: &Moment,
    scale: &Scale,
    clip: Option<&Path>,
) -> Result<(), Stop> {
    let caption = moment.caption.as_ref();
    output::line(format_args!(
        "{:6.3}  {}  {}{}{}",
        moment.score,
        sparkline::line(video, scale),
        shown(&video.path),
        span(video, moment),
        caption.map_or(String::new(), |text| format!(": {}", output::plain(text)))
    ))?;
    if args.open_at {
        let play = shell::play(from_here(&video.path), moment.span.start);
        output::line(format_args!("        {play}"))?;
    }
    if let Some(clip) = clip {
        output::line(format_args!("        {}", output::path(clip)))?;
    }
    Ok(())
}

/// The stretch of time; nothing for images.
fn span(video: &Timeline, moment: &Moment) -> String {
    if is_image(video) {
        return String::new();
    }
    let (start, end) = (to_f64(moment.span.start), to_f64(moment.span.end));
    format!(" [{start:.2}-{end:.2} s]")
}

fn is_image(video: &Timeline) -> bool {
    video.end() == Seconds::ZERO
}

/// Cuts a moment out of its video; none of an image.
fn clip(video: &Timeline, moment: &Moment, folder: &Path) -> Result<Option<PathBuf>, Error> {
    if is_image(video) {
        return Ok(None);
    }
    let (start, end) = (moment.span.start, moment.span.end);
    let name = format!(
        "{}_{:.2}-{:.2}",
        stem(&video.path),
        to_f64(start),
        to_f64(end)
    );
    cut(&video.path, start, end, folder, &name).map(Some)
}

/// The beginning of a video's name, in letters that every file system takes.
fn stem(path: &Path) -> String {
    let stem = path.file_stem().unwrap_or_default().to_string_lossy();
    let plain = |c: char| match c {
        c if c.is_alphanumeric() || "-_.".contains(c) => c,
        _ => '_',
    };
    let stem: String = stem.chars().take(60).map(plain).collect();
    match stem.trim_start_matches('.') {
        "" => "clip".into(),
        stem => stem.into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_clips_are_safe_anywhere() {
        for (path, name) in [
            ("a/red star.mp4", "red_star"),
            ("..hidden.mp4", "hidden"),
            ("caf\u{e9}: 1/2\n<b>.mkv", "2__b_"),
            ("/", "clip"),
        ] {
            assert_eq!(stem(Path::new(path)), name);
        }
        assert_eq!(stem(Path::new(&"\u{e9}".repeat(100))).chars().count(), 60);
    }
}
