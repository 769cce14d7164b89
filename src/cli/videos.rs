//! Which frames of videos are looked at: options that commands share.

use std::path::Path;

use clap::builder::{PossibleValuesParser, TypedValueParser};
use vcoca_gpu::engine::WindowOptions;
use vcoca_gpu::frames::{Sampled, Sampling, sample};
use vcoca_gpu::windows::Windows;

use super::{MISUSED, Stop};

#[derive(clap::Args)]
pub struct VideoArgs {
    /// Frames to look at in each video, or in each of its windows
    #[arg(long, value_name = "T", default_value_t = 8,
          value_parser = clap::value_parser!(u16).range(1..=4096))]
    frames: u16,

    /// How frames are chosen: evenly over time, or the nearest keyframes, which is faster
    #[arg(long, default_value_t,
          value_parser = PossibleValuesParser::new(["uniform", "keyframes"])
              .try_map(|name| name.parse::<Sampling>()))]
    sampling: Sampling,
}

impl VideoArgs {
    /// Takes the frames of a video as a whole.
    pub fn sample(&self, path: &Path) -> vcoca_gpu::Result<Sampled> {
        sample(path, usize::from(self.frames), self.sampling)
    }

    /// Frames of each video.
    pub fn count(&self) -> usize {
        usize::from(self.frames)
    }

    pub fn sampling(&self) -> Sampling {
        self.sampling
    }

    /// How to read videos that are cut so.
    pub fn windows(&self, windows: Windows) -> Result<WindowOptions, Stop> {
        if windows != Windows::Whole && self.sampling == Sampling::Keyframes {
            let problem =
                "--sampling keyframes is for whole videos: windows are read from end to end";
            return Err(Stop::Fault(MISUSED, anyhow::anyhow!(problem)));
        }
        Ok(WindowOptions {
            windows,
            frames: usize::from(self.frames),
            sampling: self.sampling,
        })
    }
}
