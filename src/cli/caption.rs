//! `vcoca-gpu caption`.

use std::io;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Instant;

use num_rational::Ratio;
use serde::Serialize;
use vcoca_gpu::Error;
use vcoca_gpu::engine::{Caption, Engine};
use vcoca_gpu::frames::{Frame, Sampled};
use vcoca_gpu::generate::Options;
use vcoca_gpu::gpu::DType;

use super::{FAILED, ModelArgs, Stop, VideoArgs, WritingArgs, output, progress, report};

#[derive(clap::Args)]
pub struct Args {
    #[command(flatten)]
    model: ModelArgs,

    #[command(flatten)]
    videos: VideoArgs,

    /// One JSON object a line, for each PATH
    #[arg(long)]
    json: bool,

    /// Videos, images, or folders of images (each folder is one clip)
    #[arg(required = true, value_name = "PATH")]
    paths: Vec<PathBuf>,

    #[command(flatten)]
    writing: WritingArgs,
}

/// One line of `--json`.
#[derive(Serialize)]
struct Line<'a> {
    video: std::borrow::Cow<'a, str>,
    caption: &'a str,
    tokens: &'a [u32],
    logprob: f32,
    /// All texts, the best first, where there are several.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    candidates: Vec<Candidate<'a>>,
    /// The presentation times of the frames, in seconds.
    frames: &'a [f64],
    model: &'a str,
    adapter: &'a str,
    dtype: DType,
    timings_ms: Timings,
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

/// All that is known about one clip.
struct Answer {
    sampled: Sampled,
    /// The best first.
    captions: Vec<Caption>,
    timings: Timings,
}

pub fn run(args: &Args, started: Instant, quiet: bool) -> Result<ExitCode, Stop> {
    // Before the model: nobody should download one for options that make no sense.
    let options = args.writing.options()?;
    let (source, engine) = args.model.load(quiet)?;
    let options = args.writing.prompted(options, &engine)?;
    let (model, adapter) = (source.name(), engine.model().gpu().caps().name.clone());
    let bar = progress::bar(args.paths.len(), quiet);
    let (mut failed, mut first) = (false, true);
    for path in &args.paths {
        bar.set_message(path.display().to_string());
        match answer(&engine, path, args, &options) {
            Ok(answer) => {
                bar.suspend(|| show(path, &answer, args.json, &engine, &model, &adapter))?;
                if std::mem::take(&mut first) {
                    let seconds = started.elapsed().as_secs_f64();
                    bar.suspend(|| log::info!("first caption {seconds:.2} s after the start"));
                }
            }
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
    Ok(ExitCode::from(if failed { FAILED } else { 0 }))
}

fn answer(
    engine: &Engine,
    path: &Path,
    args: &Args,
    options: &Options,
) -> vcoca_gpu::Result<Answer> {
    let clock = Instant::now();
    let sampled = args.videos.sample(path)?;
    let decode = clock.elapsed().as_secs_f64() * 1e3;
    let clip = engine.encode_video(&sampled.frames)?;
    let captions = engine.captions(&[&clip], options)?.remove(0);
    let timings = Timings {
        decode: to_microseconds(decode),
        preprocess: to_microseconds(clip.timings.preprocess),
        encode: to_microseconds(clip.timings.encode),
        pool: to_microseconds(clip.timings.pool),
        generate: to_microseconds(captions[0].generate),
    };
    Ok(Answer {
        sampled,
        captions,
        timings,
    })
}

/// Clocks know no more than that.
fn to_microseconds(ms: f64) -> f64 {
    (ms * 1e3).round() / 1e3
}

fn show(
    path: &Path,
    answer: &Answer,
    json: bool,
    engine: &Engine,
    model: &str,
    adapter: &str,
) -> io::Result<()> {
    let Answer {
        sampled,
        captions,
        timings: ms,
    } = answer;
    let caption = &captions[0];
    let times: Vec<f64> = sampled.frames.iter().map(seconds).collect();
    if json {
        output::json(&Line {
            video: path.to_string_lossy(),
            caption: &caption.text,
            tokens: &caption.tokens,
            logprob: caption.logprob,
            candidates: match &captions[..] {
                [_] => Vec::new(),
                all => all.iter().map(Candidate::of).collect(),
            },
            frames: &times,
            model,
            adapter,
            dtype: engine.model().dtype(),
            timings_ms: *ms,
        })?;
    } else {
        output::line(format_args!(
            "{}{}: {}",
            path.display(),
            span(&times),
            caption.text
        ))?;
        if captions.len() > 1 {
            for Caption { text, logprob, .. } in captions {
                output::line(format_args!("  {logprob:7.2}  {text}"))?;
            }
        }
    }
    log::info!(
        "  {} frames by {}: decode {:.1} ms, preprocess {:.1}, encode {:.1}, pool {:.1}, \
         generate {:.1} ({} ids)",
        times.len(),
        format!("{:?}", sampled.method).to_lowercase(),
        ms.decode,
        ms.preprocess,
        ms.encode,
        ms.pool,
        ms.generate,
        caption.tokens.len(),
    );
    Ok(())
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

fn seconds(frame: &Frame) -> f64 {
    let time: Ratio<i64> = frame.pts;
    *time.numer() as f64 / *time.denom() as f64
}

/// The stretch of time from the first frame to the last; nothing for images.
fn span(times: &[f64]) -> String {
    let first = times.iter().copied().fold(f64::INFINITY, f64::min);
    let last = times.iter().copied().fold(0.0, f64::max);
    if last > 0.0 {
        format!(" [{first:.2}-{last:.2} s]")
    } else {
        String::new()
    }
}
