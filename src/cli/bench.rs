//! `vcoca-gpu bench`.

use std::io;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::ValueEnum;
use clap::builder::PossibleValuesParser;
use serde::Serialize;
use vcoca_gpu::bench::{Ceilings, Measured, Settings, kernels, pipeline, stages, texts};
use vcoca_gpu::engine::Engine;
use vcoca_gpu::gpu::{DType, Gpu};
use vcoca_gpu::model::CoCa;
use vcoca_gpu::model::published::{ARCHITECTURES, sizes};
use vcoca_gpu::tokenizer::Tokenizer;

use super::hub::HubArgs;
use super::model::{Element, open};
use super::{FAILED, Stop, output};

pub const EXAMPLES: &str = "\
Examples:
  vcoca-gpu bench --quick
  vcoca-gpu bench --quick --suite model --random coca_ViT-B-32 --filter preprocess
  vcoca-gpu bench --quick --suite pipeline --videos assets --json";

/// What `--videos` takes.
#[cfg(feature = "gstreamer")]
const VIDEOS: &str = "Videos for the pipeline, folders of them, or folders of images, each of which is one \
                      clip [default: a built-in clip of two seconds]";
#[cfg(not(feature = "gstreamer"))]
const VIDEOS: &str = "Images for the pipeline, or folders of images, each of which is one clip: this build \
                      cannot decode video, and without this option the pipeline is compiling alone";

#[derive(clap::Args)]
pub struct Args {
    /// Kernels at the published models' shapes, one model from frames to captions, the pipeline from files
    /// to captions, or all of them
    #[arg(long, value_enum, default_value = "all")]
    suite: Suite,

    /// "shapes" (the small built-in model), a directory with open_clip_config.json and weights, or a
    /// repository on Hugging Face: owner/name or owner/name@revision
    #[arg(long, value_name = "MODEL")]
    #[cfg_attr(feature = "shapes", arg(default_value = vcoca_gpu::model::SHAPES))]
    model: Option<String>,

    /// Random weights of these sizes instead of a model: as fast, and nothing to download
    #[arg(long, value_name = "SIZES", conflicts_with = "model",
          value_parser = PossibleValuesParser::new(ARCHITECTURES))]
    random: Option<String>,

    #[command(flatten)]
    hub: HubArgs,

    #[arg(long, value_name = "PATH", num_args = 1.., help = VIDEOS)]
    videos: Vec<PathBuf>,

    /// Element type of weights and activations [default: f16 where the adapter has it, else f32]
    #[arg(long, value_name = "TYPE")]
    dtype: Option<Element>,

    /// Frames of a clip
    #[arg(long, value_name = "T", default_value_t = 8,
          value_parser = clap::value_parser!(u16).range(1..=256))]
    frames: u16,

    /// Runs of each thing; fewer, but at least 3, of what takes more than ten seconds
    #[arg(long, value_name = "N", default_value_t = 9,
          value_parser = clap::value_parser!(u16).range(1..=1000))]
    runs: u16,

    /// A short look whether all is right: small kernels, fewer clips, one run
    #[arg(long, conflicts_with = "runs")]
    quick: bool,

    /// Only what has this in its name or shape
    #[arg(long, value_name = "TEXT")]
    filter: Option<String>,

    /// One JSON object for all of it
    #[arg(long)]
    json: bool,
}

#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Suite {
    Kernels,
    Model,
    Pipeline,
    All,
}

impl Suite {
    fn has(self, other: Self) -> bool {
        self == other || self == Self::All
    }
}

/// The model that is measured.
struct Subject {
    name: String,
    model: CoCa,
    /// Of the pipeline alone.
    tokenizer: Option<Tokenizer>,
}

/// What `--json` prints; docs/bench.md explains it.
#[derive(Serialize)]
struct Report {
    adapter: String,
    driver: String,
    backend: String,
    /// Whether the adapter is the CPU: then these are no figures of a GPU.
    software: bool,
    versions: Versions,
    ceilings: Option<Ceilings>,
    model: Option<ModelFigures>,
    results: Vec<Measured>,
}

#[derive(Serialize)]
struct Versions {
    #[serde(rename = "vcoca-gpu")]
    program: &'static str,
}

#[derive(Serialize)]
struct ModelFigures {
    name: String,
    dtype: DType,
    weights_bytes: u64,
    /// The most that was held from the driver at once, weights included.
    peak_bytes: u64,
}

pub fn run(args: &Args, quiet: bool) -> Result<ExitCode, Stop> {
    let settings = Settings {
        runs: if args.quick { 1 } else { args.runs.into() },
        quick: args.quick,
        filter: args.filter.clone(),
    };
    if !args.videos.is_empty() && !args.suite.has(Suite::Pipeline) {
        return Err(Stop::misused(anyhow::anyhow!(
            "--videos are for --suite pipeline or all"
        )));
    }
    let subject = match args.suite {
        Suite::Kernels => None,
        _ => Some(load(args, quiet)?),
    };
    let gpu = match &subject {
        Some(subject) => subject.model.gpu().clone(),
        None => Gpu::new().map_err(Stop::unusable)?,
    };
    let mut rows = Rows::new(args, &gpu)?;
    let ceilings = match args.suite {
        Suite::Pipeline => None,
        _ => rows.gather(|tell| Ceilings::measure(&gpu, &settings, tell))?,
    };
    let figures = match subject {
        Some(subject) => Some(measure(
            args,
            &settings,
            subject,
            ceilings.as_ref(),
            &mut rows,
        )?),
        None => None,
    };
    if args.suite.has(Suite::Kernels) {
        rows.gather(|tell| kernels(&gpu, &settings, ceilings.as_ref(), tell))?;
    }
    rows.end(&gpu, ceilings, figures)
}

/// Runs the suites of a model.
fn measure(
    args: &Args,
    settings: &Settings,
    subject: Subject,
    ceilings: Option<&Ceilings>,
    rows: &mut Rows,
) -> Result<ModelFigures, Stop> {
    let Subject {
        name,
        model,
        tokenizer,
    } = subject;
    let (gpu, dtype, frames) = (model.gpu().clone(), model.dtype(), args.frames.into());
    // What the ceilings took does not count.
    gpu.trim();
    gpu.restart_peak();
    let weights_bytes = gpu.pool_stats().live_bytes;
    if args.suite.has(Suite::Model) {
        rows.gather(|tell| {
            stages(&model, frames, settings, ceilings, tell)?;
            texts(&model, settings, tell)
        })?;
    }
    if let Some(tokenizer) = tokenizer {
        let engine = Engine::new(model, tokenizer);
        rows.gather(|tell| pipeline(&engine, &args.videos, frames, settings, tell))?;
    }
    Ok(ModelFigures {
        name,
        dtype,
        weights_bytes,
        peak_bytes: gpu.pool_stats().peak_bytes,
    })
}

fn load(args: &Args, quiet: bool) -> Result<Subject, Stop> {
    let dtype = |gpu: &Gpu| {
        let best = if gpu.caps().f16 {
            DType::F16
        } else {
            DType::F32
        };
        args.dtype.map_or(best, DType::from)
    };
    let tokenizes = args.suite.has(Suite::Pipeline);
    if let Some(name) = &args.random {
        let config = sizes(name).expect("clap took one of these names");
        let gpu = Gpu::new().map_err(Stop::unusable)?;
        let tokenizer = tokenizes.then(|| Tokenizer::clip(config.context_length));
        return Ok(Subject {
            name: format!("{name}, random"),
            model: CoCa::random(&gpu, &config, dtype(&gpu), 1).map_err(Stop::unusable)?,
            tokenizer: tokenizer.transpose().map_err(Stop::unusable)?,
        });
    }
    let name = args.model.as_ref().ok_or_else(|| {
        Stop::misused(anyhow::anyhow!(
            "no model is built in: give --model or --random, or --suite kernels"
        ))
    })?;
    let (source, (model, tokenizer)) = open(name, &args.hub, quiet, |gpu, source, progress| {
        let model = CoCa::load_with(gpu, source, dtype(gpu), progress)?;
        let tokenizer = tokenizes.then(|| source.tokenizer(model.config()));
        Ok((model, tokenizer.transpose()?))
    })?;
    Ok(Subject {
        name: source.name(),
        model,
        tokenizer,
    })
}

/// Results as they come: lines of a table, or one object at the end.
struct Rows {
    json: bool,
    results: Vec<Measured>,
}

impl Rows {
    fn new(args: &Args, gpu: &Gpu) -> io::Result<Self> {
        if !args.json {
            let caps = gpu.caps();
            output::line(format_args!(
                "{} ({}, {})",
                caps.name, caps.driver, caps.backend
            ))?;
            if caps.software() {
                output::line("a software adapter: these are figures of the CPU, not of any GPU")?;
            }
            output::line(Measured::HEADER)?;
        }
        Ok(Self {
            json: args.json,
            results: Vec::new(),
        })
    }

    /// Takes what `measure` tells. A reader who has gone is noticed when it ends.
    fn gather<T>(
        &mut self,
        measure: impl FnOnce(&mut dyn FnMut(Measured)) -> vcoca_gpu::Result<T>,
    ) -> Result<T, Stop> {
        let mut printed = Ok(());
        let measured = measure(&mut |row| {
            if !self.json && printed.is_ok() {
                // Names of files may have control characters.
                printed = output::line(output::plain(&row.to_string()));
            }
            self.results.push(row);
        })?;
        printed?;
        Ok(measured)
    }

    fn end(
        self,
        gpu: &Gpu,
        ceilings: Option<Ceilings>,
        model: Option<ModelFigures>,
    ) -> Result<ExitCode, Stop> {
        let right = self.results.iter().all(|row| row.verified);
        if self.json {
            let caps = gpu.caps();
            output::json(&Report {
                adapter: caps.name.clone(),
                driver: caps.driver.clone(),
                backend: caps.backend.clone(),
                software: caps.software(),
                versions: Versions {
                    program: env!("CARGO_PKG_VERSION"),
                },
                ceilings,
                model,
                results: self.results,
            })?;
        } else if let Some(model) = model {
            let mb = |bytes: u64| bytes as f64 / 1e6;
            output::line(format_args!(
                "{} in {}: weights {:.1} MB, at most {:.1} MB held",
                model.name,
                model.dtype,
                mb(model.weights_bytes),
                mb(model.peak_bytes)
            ))?;
        }
        Ok(ExitCode::from(if right { 0 } else { FAILED }))
    }
}
