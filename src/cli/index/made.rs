//! What an index is made with: its own ways where it has some, else what the command line says.

use std::path::Path;

use vcoca_gpu::engine::{Engine, WindowOptions};
use vcoca_gpu::frames::{Sampling, Seconds};
use vcoca_gpu::gpu::DType;
use vcoca_gpu::index::{Index, Recipe};
use vcoca_gpu::model::ModelSource;
use vcoca_gpu::windows::Windows;

use crate::cli::Stop;
use crate::cli::hub::HubArgs;
use crate::cli::model::{Element, open};
use crate::cli::videos::{CUTS, checked, samplings};

#[derive(clap::Args)]
pub struct ModelArgs {
    /// "shapes", a directory, or owner/name[@revision] on Hugging Face [default: the index's own, else
    /// shapes]
    #[arg(long, value_name = "MODEL")]
    model: Option<String>,

    #[command(flatten)]
    hub: HubArgs,

    /// Element type of weights and activations [default: f16 where the adapter has it, else f32]
    #[arg(long, value_name = "TYPE")]
    dtype: Option<Element>,
}

impl ModelArgs {
    /// Loads the model that is named, or that of `recipe`.
    pub fn load(
        &self,
        recipe: Option<&Recipe>,
        quiet: bool,
    ) -> Result<(ModelSource, Engine), Stop> {
        let own = recipe.map(|recipe| recipe.model.as_str());
        #[cfg(feature = "shapes")]
        let own = own.or(Some(vcoca_gpu::model::SHAPES));
        let Some(name) = self.model.as_deref().or(own) else {
            let problem = "a new index needs a --model: none is built in";
            return Err(Stop::misused(anyhow::anyhow!(problem)));
        };
        open(name, &self.hub, quiet, |gpu, source, progress| {
            Engine::load_with(gpu, source, self.dtype.map(DType::from), progress)
        })
    }
}

#[derive(clap::Args)]
pub struct WaysArgs {
    #[arg(long, value_name = "CUT", help = format!("{CUTS} [default: the index's own, else 4s/2s]"))]
    windows: Option<Windows>,

    /// Frames to look at in each window [default: the index's own, else 8]
    #[arg(long, value_name = "T", value_parser = clap::value_parser!(u16).range(1..=4096))]
    frames: Option<u16>,

    /// How frames of whole videos are chosen: evenly over time, or the nearest keyframes, which is
    /// faster [default: the index's own, else uniform]
    #[arg(long, value_parser = samplings())]
    sampling: Option<Sampling>,
}

impl WaysArgs {
    /// How videos are read into an index that was made so, or into a new one.
    pub fn options(&self, recipe: Option<&Recipe>) -> Result<WindowOptions, Stop> {
        let own = recipe.map_or_else(default, Recipe::options);
        checked(WindowOptions {
            windows: self.windows.unwrap_or(own.windows),
            frames: self.frames.map_or(own.frames, usize::from),
            sampling: self.sampling.unwrap_or(own.sampling),
        })
    }
}

/// How videos are read into a new index, if nothing else is said.
fn default() -> WindowOptions {
    WindowOptions {
        windows: Windows::Sliding {
            length: Seconds::from(4),
            stride: Seconds::from(2),
        },
        frames: 8,
        sampling: Sampling::Uniform,
    }
}

/// What embeddings of this model, read so, are made with.
pub fn recipe(
    source: &ModelSource,
    engine: &Engine,
    options: &WindowOptions,
) -> Result<Recipe, Stop> {
    Recipe::of(source, engine, options).map_err(Stop::unusable)
}

/// The index at `path`, if something is there.
pub fn there(path: &Path) -> Result<Option<Index>, Stop> {
    match path.metadata() {
        Ok(meta) if !meta.is_file() || meta.len() > 0 => Ok(Some(Index::open(path)?)),
        _ => Ok(None),
    }
}
