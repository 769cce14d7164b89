//! Which frames of videos are looked at: options that commands share.

use std::path::{Path, PathBuf};
use std::time::Instant;

use clap::builder::{PossibleValuesParser, TypedValueParser};
use log::{Level, log_enabled};
use vcoca_gpu::engine::{Engine, Opened, WindowOptions};
use vcoca_gpu::frames::{Ahead, Sampled, Sampling, ahead, sample};
use vcoca_gpu::gpu::BusyClock;
use vcoca_gpu::windows::Windows;

use super::Stop;

#[derive(clap::Args)]
pub struct VideoArgs {
    /// Frames to look at in each video, or in each of its windows
    #[arg(long, value_name = "T", default_value_t = 8,
          value_parser = clap::value_parser!(u16).range(1..=4096))]
    frames: u16,

    /// How frames are chosen: evenly over time, or the nearest keyframes, which is faster
    #[arg(long, default_value_t, value_parser = samplings())]
    sampling: Sampling,
}

/// What `--windows` takes.
pub const CUTS: &str = "How each video is cut: whole (not at all), shots (where the picture changes), a length like \
                        4s, or a length and a stride like 4s/2s";

/// The frames of videos that may be cut.
#[derive(clap::Args)]
pub struct WindowArgs {
    #[command(flatten)]
    videos: VideoArgs,

    #[arg(long, value_name = "CUT", default_value_t, help = CUTS)]
    windows: Windows,
}

/// What `--sampling` takes.
pub fn samplings() -> impl TypedValueParser<Value = Sampling> {
    PossibleValuesParser::new(["uniform", "keyframes"]).try_map(|name| name.parse())
}

/// Videos that are opened one after the other while those before them are used.
pub struct Coming {
    opened: Ahead<vcoca_gpu::Result<Opened>>,
    /// Of the adapter, where somebody wants to know and it has one.
    busy: Option<BusyClock>,
    options: WindowOptions,
    count: usize,
    clock: Instant,
}

impl Coming {
    /// Lets `prepare` compile, for so many frames, the kernels that will be needed while the first one is
    /// opened.
    pub fn new(
        paths: &[PathBuf],
        options: WindowOptions,
        engine: &Engine,
        prepare: impl FnOnce(&Engine, usize) -> vcoca_gpu::Result<()>,
    ) -> vcoca_gpu::Result<Self> {
        let (paths, count) = (paths.to_vec(), paths.len());
        let open = move |path: PathBuf| options.open(&path);
        let told = count > 1 && options.windows == Windows::Whole && log_enabled!(Level::Info);
        let coming = Self {
            busy: told.then(|| engine.model().gpu().busy_clock()).flatten(),
            opened: ahead(paths.into_iter().map(open)),
            options,
            count,
            clock: Instant::now(),
        };
        prepare(engine, options.frames)?;
        log::debug!(
            "kernels compiled in {:.2} s",
            coming.clock.elapsed().as_secs_f64()
        );
        Ok(coming)
    }

    /// The next one.
    pub fn next(&mut self) -> vcoca_gpu::Result<Opened> {
        self.opened
            .next()
            .expect("not asked for more than there are")
    }

    /// Tells of a run over several videos how little it waited for frames, and how long the adapter was at
    /// work. Frames of videos that are cut come while they are encoded: of them there is nothing to tell.
    ///
    /// Errors: the device's.
    pub fn finish(self) -> vcoca_gpu::Result<()> {
        if self.count < 2 || self.options.windows != Windows::Whole {
            return Ok(());
        }
        let (all, waited) = (self.clock.elapsed(), self.opened.waited());
        let all = all.as_secs_f64();
        let busy = self.busy.map(BusyClock::stop).transpose()?;
        let busy = busy.map_or_else(String::new, |ms| {
            format!(", the adapter at work {:.0} % of it", ms / all / 10.0)
        });
        log::info!(
            "{} videos in {all:.2} s, {:.0} % of it without waiting for frames{busy}",
            self.count,
            100.0 * (1.0 - waited.as_secs_f64() / all)
        );
        Ok(())
    }
}

/// Checks options that come from the command line.
pub fn checked(options: WindowOptions) -> Result<WindowOptions, Stop> {
    if options.windows != Windows::Whole && options.sampling == Sampling::Keyframes {
        return Err(Stop::misused(anyhow::anyhow!(
            "--sampling keyframes is for whole videos: windows are read from end to end"
        )));
    }
    Ok(options)
}

impl VideoArgs {
    /// Takes the frames of a video as a whole.
    pub fn sample(&self, path: &Path) -> vcoca_gpu::Result<Sampled> {
        sample(path, self.count(), self.sampling)
    }

    /// Frames of each video.
    pub fn count(&self) -> usize {
        usize::from(self.frames)
    }

    pub fn sampling(&self) -> Sampling {
        self.sampling
    }

    /// How to read whole videos.
    pub fn whole(&self) -> WindowOptions {
        WindowOptions {
            windows: Windows::Whole,
            frames: self.count(),
            sampling: self.sampling,
        }
    }
}

impl WindowArgs {
    /// How to read videos.
    pub fn options(&self) -> Result<WindowOptions, Stop> {
        checked(WindowOptions {
            windows: self.windows,
            ..self.videos.whole()
        })
    }
}
