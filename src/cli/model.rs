//! Which model runs, on what: options that commands share.

use std::time::{Duration, Instant};

use clap::ValueEnum;
use indicatif::{DecimalBytes, ProgressBar};
use vcoca_gpu::engine::Engine;
use vcoca_gpu::gpu::{DType, Gpu};
use vcoca_gpu::model::{LoadProgress, ModelSource};

use super::Stop;
use super::hub::HubArgs;
use super::progress::style;

/// How long loading goes on without showing how far it is.
const PATIENCE: Duration = Duration::from_millis(500);

#[derive(clap::Args)]
pub struct ModelArgs {
    /// "shapes" (the small built-in model), a directory with open_clip_config.json, weights and
    /// tokenizer.json, or a repository on Hugging Face: owner/name or owner/name@revision
    #[arg(long, value_name = "MODEL")]
    #[cfg_attr(feature = "shapes", arg(default_value = vcoca_gpu::model::SHAPES))]
    model: String,

    #[command(flatten)]
    hub: HubArgs,

    /// Element type of weights and activations [default: f16 where the adapter has it, else f32]
    #[arg(long, value_name = "TYPE")]
    dtype: Option<Element>,
}

#[derive(Clone, Copy, ValueEnum)]
pub enum Element {
    F32,
    F16,
}

impl From<Element> for DType {
    fn from(element: Element) -> Self {
        match element {
            Element::F32 => Self::F32,
            Element::F16 => Self::F16,
        }
    }
}

impl ModelArgs {
    /// Opens the adapter and loads the model with its tokenizer.
    pub fn load(&self, quiet: bool) -> Result<(ModelSource, Engine), Stop> {
        open(&self.model, &self.hub, quiet, |gpu, source, progress| {
            Engine::load_with(gpu, source, self.dtype.map(DType::from), progress)
        })
    }
}

/// Opens the adapter and loads the model called `name` through `load`. Whatever fails here is not
/// the fault of an input.
pub fn open<T>(
    name: &str,
    hub: &HubArgs,
    quiet: bool,
    load: impl FnOnce(&Gpu, &ModelSource, &mut dyn FnMut(LoadProgress)) -> vcoca_gpu::Result<T>,
) -> Result<(ModelSource, T), Stop> {
    let clock = Instant::now();
    // Before the model: nobody should download one for a machine that cannot run it.
    let gpu = Gpu::new().map_err(Stop::unusable)?;
    let opened = clock.elapsed().as_secs_f64();
    let source = ModelSource::open(name, &hub.open(quiet)).map_err(Stop::unusable)?;
    let (clock, mut bytes, bar) = (Instant::now(), 0, progress_bar(quiet));
    let model = load(&gpu, &source, &mut |progress| {
        bytes = progress.total;
        if clock.elapsed() > PATIENCE {
            bar.set_length(progress.total);
            bar.set_position(progress.done);
        }
    });
    bar.finish_and_clear();
    let model = model.map_err(Stop::unusable)?;
    let loaded = clock.elapsed().as_secs_f64();
    log::info!(
        "{}: opened in {opened:.2} s, model {} loaded in {loaded:.2} s ({}, {:.2} GB/s)",
        gpu.caps().name,
        source.name(),
        DecimalBytes(bytes),
        bytes as f64 / 1e9 / loaded,
    );
    Ok((source, model))
}

/// A bar on stderr where that is a terminal; it is drawn when it is first moved.
fn progress_bar(quiet: bool) -> ProgressBar {
    if quiet {
        return ProgressBar::hidden();
    }
    let style = style("{bar:24} {decimal_bytes}/{decimal_total_bytes} of the model");
    ProgressBar::no_length().with_style(style)
}
