//! Hugging Face's hub as the command line has it, with a bar for downloads.

use std::sync::Mutex;

use super::progress::style;
use indicatif::ProgressBar;
use vcoca_gpu::hub::{Hub, Progress};

#[derive(clap::Args)]
pub struct HubArgs {
    /// Use no network: of Hugging Face's models those that were downloaded before
    #[arg(long)]
    offline: bool,
}

impl HubArgs {
    /// The hub as the environment and the command line have it.
    pub fn open(&self, quiet: bool) -> Hub {
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
    let style = style(
        "{msg} {bar:24} {decimal_bytes}/{decimal_total_bytes}, {decimal_bytes_per_sec}, {eta} left",
    );
    let bar = ProgressBar::new(progress.size)
        .with_style(style)
        .with_message(progress.file.to_owned())
        .with_position(progress.done);
    // Bytes of an earlier run say nothing of today's rate.
    bar.tick();
    bar.reset_eta();
    bar
}
