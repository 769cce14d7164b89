//! `live` in a window.

use std::process::ExitCode;
use std::sync::Arc;

use vcoca_gpu::Engine;
use vcoca_gpu::live::window::{Ending, Opening, Wake, open};
use vcoca_gpu::live::{Event, Options, Watcher};

use super::recording::Recording;
use super::{Args, on_interrupt};
use crate::cli::Stop;

pub fn run(
    engine: Arc<Engine>,
    name: &str,
    args: &Args,
    options: Options,
    recording: Arc<Recording>,
) -> Result<ExitCode, Stop> {
    let wake = Wake::default();
    let (theirs, recorder) = (wake.clone(), recording.clone());
    let listener = Box::new(move |event: Event| {
        recorder.hear(&event);
        theirs.wake();
    });
    let closing = wake.clone();
    on_interrupt(move || closing.close())?;
    let watcher = Watcher::start(engine.clone(), name, &args.source, options, listener);
    let watcher = watcher.map_err(Stop::refused)?;
    let opening = Opening {
        title: format!("{} - vcoca-gpu live", args.source),
        ending: args.length().map(|after| Ending {
            after,
            picture: args.screenshot.clone(),
        }),
        ..Opening::default()
    };
    let view = || {
        let mut view = watcher.view();
        view.complaint = recording.failure().or(view.complaint);
        view
    };
    let send = |command| watcher.send(command);
    let closed = open(engine.model().gpu(), opening, &wake, &view, &send);
    watcher.stop();
    let ended = watcher.wait();
    // Its threads end, and with them what is to be recorded.
    drop(watcher);
    recording.finish()?;
    closed?;
    ended?;
    Ok(ExitCode::SUCCESS)
}
