//! Which model runs, on what: what `caption` and `parity` have in common.

use std::sync::Mutex;
use std::time::Instant;

use clap::ValueEnum;
use indicatif::{ProgressBar, ProgressStyle};
use vcoca_gpu::gpu::{DType, Gpu};
use vcoca_gpu::hub::{Hub, Progress};
use vcoca_gpu::model::ModelSource;

use super::Stop;

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

#[derive(clap::Args)]
pub struct HubArgs {
    /// Use no network: of Hugging Face's models those that were downloaded before
    #[arg(long)]
    offline: bool,
}

impl HubArgs {
    /// The hub as the environment and the command line have it.
    fn hub(&self, quiet: bool) -> Hub {
        let hub = Hub::from_env();
        let offline = self.offline || hub.is_offline();
        let hub = hub.offline(offline);
        if quiet {
            return hub;
        }
        let bar = Mutex::new(ProgressBar::hidden());
        hub.progress(move |progress| {
            let mut bar = bar.lock().expect("nobody panics while holding it");
            if bar.message() != progress.file {
                *bar = download_bar(progress);
            }
            bar.set_position(progress.done);
            if progress.done == progress.size {
                bar.finish_and_clear();
            }
        })
    }
}

fn download_bar(progress: &Progress) -> ProgressBar {
    let style = ProgressStyle::with_template(
        "{msg} {bar:24} {decimal_bytes}/{decimal_total_bytes}, {decimal_bytes_per_sec}, {eta} left",
    );
    let bar = ProgressBar::new(progress.size)
        .with_style(style.expect("the template is well formed"))
        .with_message(progress.file.to_owned())
        .with_position(progress.done);
    // Bytes of an earlier run say nothing of today's rate.
    bar.tick();
    bar.reset_eta();
    bar
}

impl ModelArgs {
    /// Opens the adapter and loads the model through `load`.
    pub fn load<T>(
        &self,
        quiet: bool,
        load: impl FnOnce(&Gpu, &ModelSource, Option<DType>) -> vcoca_gpu::Result<T>,
    ) -> Result<(ModelSource, T), Stop> {
        open(&self.model, &self.hub, quiet, |gpu, source| {
            load(gpu, source, self.dtype.map(DType::from))
        })
    }
}

/// Opens the adapter and loads the model called `name` through `load`. Whatever fails here is not
/// the fault of an input.
pub fn open<T>(
    name: &str,
    hub: &HubArgs,
    quiet: bool,
    load: impl FnOnce(&Gpu, &ModelSource) -> vcoca_gpu::Result<T>,
) -> Result<(ModelSource, T), Stop> {
    let clock = Instant::now();
    // Before the model: nobody should download one for a machine that cannot run it.
    let gpu = Gpu::new().map_err(Stop::unusable)?;
    let opened = clock.elapsed().as_secs_f64();
    let source = ModelSource::open(name, &hub.hub(quiet)).map_err(Stop::unusable)?;
    let clock = Instant::now();
    let model = load(&gpu, &source).map_err(Stop::unusable)?;
    let loaded = clock.elapsed().as_secs_f64();
    log::info!(
        "{}: opened in {opened:.2} s, model {} loaded in {loaded:.2} s",
        gpu.caps().name,
        source.name(),
    );
    Ok((source, model))
}
