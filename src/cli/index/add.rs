//! `vcoca-gpu index add` and `index update`.

use std::io;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use indicatif::ProgressBar;
use vcoca_gpu::engine::{Engine, WindowOptions};
use vcoca_gpu::frames::media;
use vcoca_gpu::generate::Options;
use vcoca_gpu::index::{Index, Stamp, Standing, encode};
use vcoca_gpu::windows::to_f64;
use vcoca_gpu::{Error, Result};

use super::made::{WaysArgs, recipe, there};
use super::{IndexArgs, ModelArgs, shown};
use crate::cli::output::count;
use crate::cli::progress::style;
use crate::cli::{FAILED, Stop, output, report};

#[derive(clap::Args)]
pub struct Args {
    #[command(flatten)]
    index: IndexArgs,

    #[command(flatten)]
    model: ModelArgs,

    #[command(flatten)]
    ways: WaysArgs,

    /// Say what each window shows, too; videos that lack captions are read again
    #[arg(long)]
    captions: bool,

    /// Videos, images, and folders with videos and images in them
    #[arg(required = true, value_name = "PATH")]
    paths: Vec<PathBuf>,
}

#[derive(clap::Args)]
pub struct UpdateArgs {
    #[command(flatten)]
    index: IndexArgs,

    #[command(flatten)]
    model: ModelArgs,

    /// Forget videos that are not there any more
    #[arg(long)]
    prune: bool,
}

pub fn run(args: &Args, quiet: bool) -> Result<ExitCode, Stop> {
    let path = &args.index.index;
    let known = there(path)?;
    let known = known.as_ref().map(Index::recipe);
    let options = args.ways.options(known)?;
    let (source, engine) = args.model.load(known, quiet)?;
    let index = Index::open_or_create(path, &recipe(&source, &engine, &options)?)?;
    let mut adding = Adding::new(index, engine, options);
    let mut jobs = Vec::new();
    for path in &args.paths {
        let before = jobs.len() + adding.tally.unchanged;
        for found in media(path) {
            match found {
                Ok(path) => jobs.extend(adding.job(path, args.captions)?),
                Err(error) => adding.fail(&error),
            }
        }
        if jobs.len() + adding.tally.unchanged == before && path.is_dir() {
            log::warn!("{}: no videos or images in it", path.display());
        }
    }
    adding.work(jobs, quiet)?;
    adding.end()
}

pub fn update(args: &UpdateArgs, quiet: bool) -> Result<ExitCode, Stop> {
    let path = &args.index.index;
    let known = Index::open(path)?;
    let options = known.recipe().options();
    let (source, engine) = args.model.load(Some(known.recipe()), quiet)?;
    known.check(&recipe(&source, &engine, &options)?)?;
    let videos = known.videos()?;
    let mut adding = Adding::new(known, engine, options);
    let mut jobs = Vec::new();
    for video in videos {
        match video.path.try_exists() {
            Ok(true) => jobs.extend(adding.job(video.path, video.captioned)?),
            Ok(false) if args.prune => {
                adding.tally.removed += adding.index.remove(&video.path)?;
                output::line(format_args!("removed    {}", shown(&video.path)))?;
            }
            Ok(false) => adding.fail(&format_args!(
                "{}: is not there any more; --prune forgets it, `index add` knows it again where it is now",
                video.path.display()
            )),
            Err(reason) => adding.fail(&Error::Io {
                path: video.path,
                reason,
            }),
        }
    }
    adding.work(jobs, quiet)?;
    adding.end()
}

/// A file to look into.
struct Job {
    path: PathBuf,
    bytes: u64,
    captions: bool,
}

/// Files, by what became of them.
#[derive(Default)]
struct Tally {
    added: usize,
    changed: usize,
    recognised: usize,
    unchanged: usize,
    removed: usize,
    failed: usize,
}

struct Adding {
    index: Index,
    engine: Engine,
    options: WindowOptions,
    tally: Tally,
}

impl Adding {
    fn new(index: Index, engine: Engine, options: WindowOptions) -> Self {
        Self {
            index,
            engine,
            options,
            tally: Tally::default(),
        }
    }

    fn fail(&mut self, error: &impl std::fmt::Display) {
        self.tally.failed += 1;
        report(error);
    }

    /// What there is to do for a file: nothing if it is unchanged.
    fn job(&mut self, path: PathBuf, captions: bool) -> Result<Option<Job>, Stop> {
        let unchanged = self.index.is_unchanged(&path, captions);
        match unchanged.and_then(|unchanged| Ok((unchanged, Stamp::of(&path)?.size))) {
            Ok((true, _)) => self.tally.unchanged += 1,
            Ok((false, bytes)) => {
                return Ok(Some(Job {
                    path,
                    bytes,
                    captions,
                }));
            }
            Err(error @ Error::Index { .. }) => return Err(error.into()),
            Err(error) => self.fail(&error),
        }
        Ok(None)
    }

    fn work(&mut self, jobs: Vec<Job>, quiet: bool) -> Result<(), Stop> {
        let bar = progress(&jobs, quiet);
        for (number, job) in jobs.iter().enumerate() {
            let place = format!("{}/{} {}", number + 1, jobs.len(), shown(&job.path));
            bar.set_message(place.clone());
            let done = self.read(job, |seconds| {
                bar.set_message(format!("{place} [{seconds:.0} s]"));
                bar.tick();
            });
            match done {
                Ok(done) => bar.suspend(|| self.tell(job, &done))?,
                // Nothing more can be written, or come of this device.
                Err(error @ (Error::Index { .. } | Error::DeviceLost(_))) => {
                    bar.finish_and_clear();
                    return Err(error.into());
                }
                Err(error) => bar.suspend(|| self.fail(&error)),
            }
            bar.inc(job.bytes);
        }
        bar.finish_and_clear();
        Ok(())
    }

    /// Brings one file into the index; its windows, if they had to be encoded.
    fn read(&mut self, job: &Job, mut seen: impl FnMut(f64)) -> Result<(Standing, Option<usize>)> {
        let standing = self.index.standing(&job.path, job.captions)?;
        if self.index.adopt(&job.path, &standing)? {
            return Ok((standing, None));
        }
        let identity = match &standing {
            Standing::Changed(identity) | Standing::New(identity) => identity,
            // Another process has dropped what it could be taken from.
            Standing::Touched(identity)
            | Standing::Moved { identity, .. }
            | Standing::Copied { identity, .. } => identity,
            Standing::Unchanged => unreachable!("what is unchanged is adopted"),
        };
        let greedy = Options::default();
        let captions = job.captions.then_some(&greedy);
        let entries = encode(&self.engine, &job.path, &self.options, captions, |span| {
            seen(to_f64(span.end));
        })?;
        if Stamp::of(&job.path)? != identity.stamp {
            return Err(Error::Media {
                path: job.path.clone(),
                problem: "changed while it was read; add it again when it is finished".into(),
            });
        }
        self.index
            .put(&job.path, identity, job.captions, &entries)?;
        Ok((standing, Some(entries.len())))
    }

    fn tell(
        &mut self,
        job: &Job,
        (standing, windows): &(Standing, Option<usize>),
    ) -> io::Result<()> {
        let path = shown(&job.path);
        if let Some(windows) = *windows {
            let (what, tally) = match standing {
                Standing::New(_) => ("added", &mut self.tally.added),
                _ => ("changed", &mut self.tally.changed),
            };
            *tally += 1;
            return output::line(format_args!(
                "{what:<10} {path}: {}",
                count(windows, "window")
            ));
        }
        let line = |what: &str, from: &Path| {
            output::line(format_args!("{what:<10} {path} (from {})", shown(from)))
        };
        match standing {
            Standing::Moved { from, .. } => {
                self.tally.recognised += 1;
                line("moved", from)
            }
            Standing::Copied { from, .. } => {
                self.tally.recognised += 1;
                line("copied", from)
            }
            _ => {
                self.tally.unchanged += 1;
                Ok(())
            }
        }
    }

    fn end(self) -> Result<ExitCode, Stop> {
        let tally = &self.tally;
        let parts = [
            (tally.added, "added"),
            (tally.changed, "changed"),
            (tally.recognised, "recognised"),
            (tally.unchanged, "unchanged"),
            (tally.removed, "removed"),
            (tally.failed, "failed"),
        ];
        let parts: Vec<String> = (parts.iter())
            .filter(|(number, _)| *number > 0)
            .map(|(number, what)| format!("{number} {what}"))
            .collect();
        let parts = match parts.is_empty() {
            true => "nothing to do".into(),
            false => parts.join(", "),
        };
        let videos = self.index.videos()?;
        let windows = videos.iter().map(|video| video.windows).sum();
        output::line(format_args!(
            "{parts}; {} has {}, {}",
            output::path(self.index.path()),
            count(videos.len(), "video"),
            count(windows, "window")
        ))?;
        Ok(ExitCode::from(if tally.failed > 0 { FAILED } else { 0 }))
    }
}

/// A bar of bytes, which take about the same time wherever they are, on stderr where that is a terminal.
fn progress(jobs: &[Job], quiet: bool) -> ProgressBar {
    if quiet || jobs.is_empty() {
        return ProgressBar::hidden();
    }
    let style = style(
        "{bar:24} {decimal_bytes}/{decimal_total_bytes}, {decimal_bytes_per_sec}, {eta} left  {wide_msg}",
    );
    let bytes = jobs.iter().map(|job| job.bytes).sum();
    ProgressBar::new(bytes).with_style(style)
}
