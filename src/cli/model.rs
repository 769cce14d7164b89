//! Which model runs, on what: what `caption` and `parity` have in common.

use std::time::Instant;

use clap::ValueEnum;
use vcoca_gpu::gpu::{DType, Gpu};
use vcoca_gpu::model::ModelSource;

use super::Stop;
use super::hub::HubArgs;

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
    let source = ModelSource::open(name, &hub.open(quiet)).map_err(Stop::unusable)?;
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
