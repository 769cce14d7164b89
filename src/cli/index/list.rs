//! `vcoca-gpu index ls`, `rm` and `verify`.

use std::borrow::Cow;
use std::path::PathBuf;
use std::process::ExitCode;

use indicatif::DecimalBytes;
use serde::Serialize;
use vcoca_gpu::index::{Index, Video};
use vcoca_gpu::windows::to_f64;

use super::{IndexArgs, shown};
use crate::cli::output::count;
use crate::cli::{FAILED, Stop, output, report};

#[derive(clap::Args)]
pub struct LsArgs {
    #[command(flatten)]
    index: IndexArgs,

    /// One JSON object a line, for each video
    #[arg(long)]
    json: bool,
}

/// One line of `--json`.
#[derive(Serialize)]
struct Line<'a> {
    video: Cow<'a, str>,
    bytes: u64,
    /// Nanoseconds since 1970.
    modified_ns: i64,
    sha256: String,
    windows: usize,
    /// Where the last window ends, in seconds.
    end: f64,
    captions: bool,
}

pub fn ls(args: &LsArgs) -> Result<ExitCode, Stop> {
    let index = Index::open(&args.index.index)?;
    let videos = index.videos()?;
    if args.json {
        for video in &videos {
            output::json(&Line {
                video: video.path.to_string_lossy(),
                bytes: video.identity.stamp.size,
                modified_ns: video.identity.stamp.mtime,
                sha256: video.identity.hex(),
                windows: video.windows,
                end: to_f64(video.end),
                captions: video.captioned,
            })?;
        }
        return Ok(ExitCode::SUCCESS);
    }
    let rows: Vec<_> = videos.iter().map(row).collect();
    output::table(&rows, [false, false, false, true])?;
    let recipe = index.recipe();
    let windows = videos.iter().map(|video| video.windows).sum();
    output::line(format_args!(
        "{}, {}; model {} (sha256 {}), --windows {}, --frames {}, --sampling {}",
        count(videos.len(), "video"),
        count(windows, "window"),
        recipe.model,
        recipe.model_hash.get(..12).unwrap_or(&recipe.model_hash),
        recipe.windows,
        recipe.frames,
        recipe.sampling,
    ))?;
    Ok(ExitCode::SUCCESS)
}

fn row(video: &Video) -> [String; 4] {
    [
        count(video.windows, "window"),
        format!("{:.2} s", to_f64(video.end)),
        DecimalBytes(video.identity.stamp.size).to_string(),
        shown(&video.path),
    ]
}

#[derive(clap::Args)]
pub struct RmArgs {
    #[command(flatten)]
    index: IndexArgs,

    /// Videos, and folders whose videos are all forgotten; the files themselves stay
    #[arg(required = true, value_name = "PATH")]
    paths: Vec<PathBuf>,
}

pub fn rm(args: &RmArgs) -> Result<ExitCode, Stop> {
    let mut index = Index::open(&args.index.index)?;
    let (mut removed, mut failed) = (0, false);
    for path in &args.paths {
        match index.remove(path)? {
            0 => {
                failed = true;
                report(format_args!(
                    "{}: is not in the index; `index ls` lists what is",
                    path.display()
                ));
            }
            some => removed += some,
        }
    }
    output::line(format_args!("{} removed", count(removed, "video")))?;
    Ok(ExitCode::from(if failed { FAILED } else { 0 }))
}

#[derive(clap::Args)]
pub struct VerifyArgs {
    #[command(flatten)]
    index: IndexArgs,
}

pub fn verify(args: &VerifyArgs) -> Result<ExitCode, Stop> {
    let index = Index::open(&args.index.index)?;
    let faults = index.verify()?;
    for fault in &faults {
        let of = fault.video.as_deref().unwrap_or(index.path());
        output::line(format_args!("{}: {}", shown(of), fault.problem))?;
    }
    if !faults.is_empty() {
        return Ok(ExitCode::from(FAILED));
    }
    let videos = index.videos()?;
    let windows = videos.iter().map(|video| video.windows).sum();
    output::line(format_args!(
        "ok: {}, {}",
        count(videos.len(), "video"),
        count(windows, "window")
    ))?;
    Ok(ExitCode::SUCCESS)
}
