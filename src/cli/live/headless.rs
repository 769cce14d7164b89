//! `live --headless`: what happens, as JSON lines.

use std::process::ExitCode;
use std::sync::mpsc::{self, RecvTimeoutError, Sender};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use vcoca_gpu::Engine;
use vcoca_gpu::live::{Event, Options, Watcher};
use vcoca_gpu::windows::to_f64;

use super::recording::Recording;
use super::report::{Report, Share, Told};
use super::{Args, on_interrupt};
use crate::cli::{Stop, output};

/// Labels are printed at most so often, and figures.
const LABELS: Duration = Duration::from_secs(1);
const FIGURES: Duration = Duration::from_secs(10);

/// What the main thread is told.
enum News {
    Report(Report),
    /// The watching has ended by itself.
    Over,
    /// The user wants an end.
    Interrupted,
}

pub fn run(
    engine: Arc<Engine>,
    name: &str,
    args: &Args,
    options: Options,
    recording: Arc<Recording>,
) -> Result<ExitCode, Stop> {
    let (sender, news) = mpsc::channel();
    let interrupted = sender.clone();
    // Nobody listens any more where this fails to send.
    on_interrupt(move || drop(interrupted.send(News::Interrupted)))?;
    let listener = Listener::new(sender.clone(), recording.clone());
    let watcher = Watcher::start(
        engine,
        name,
        &args.source,
        options,
        Box::new(move |event| listener.hear(event)),
    );
    let watcher = Arc::new(watcher.map_err(Stop::refused)?);
    let waiting = watcher.clone();
    let waiter = std::thread::spawn(move || {
        let ended = waiting.wait();
        drop(waiting);
        drop(sender.send(News::Over));
        ended
    });
    let printed = print(&news, &watcher, &recording, args.length());
    watcher.stop();
    let ended = waiter.join().expect("waiting does not panic");
    let last = Report::figures(&watcher.view());
    // Its threads end, and with them what they have to say.
    drop(watcher);
    let recorded = recording.finish();
    printed?;
    for news in news.try_iter() {
        if let News::Report(report) = news {
            output::json(&report)?;
        }
    }
    output::json(&last)?;
    ended?;
    recorded?;
    Ok(ExitCode::SUCCESS)
}

/// Prints what comes until it is over.
fn print(
    news: &mpsc::Receiver<News>,
    watcher: &Watcher,
    recording: &Recording,
    length: Option<Duration>,
) -> std::io::Result<()> {
    let begin = Instant::now();
    let mut told = begin;
    loop {
        let left = length.map(|length| length.saturating_sub(begin.elapsed()));
        if left.is_some_and(|left| left.is_zero()) || recording.failure().is_some() {
            return Ok(());
        }
        let next = FIGURES.saturating_sub(told.elapsed());
        match news.recv_timeout(left.map_or(next, |left| left.min(next))) {
            Ok(News::Report(report)) => output::json(&report)?,
            Ok(News::Over | News::Interrupted) => return Ok(()),
            Err(RecvTimeoutError::Timeout | RecvTimeoutError::Disconnected) => {}
        }
        if told.elapsed() >= FIGURES {
            told = Instant::now();
            output::json(&Report::figures(&watcher.view()))?;
        }
    }
}

/// Turns events into reports.
struct Listener {
    sender: Sender<News>,
    recording: Arc<Recording>,
    /// When labels were told last.
    labels: Mutex<Option<Instant>>,
}

impl Listener {
    fn new(sender: Sender<News>, recording: Arc<Recording>) -> Self {
        Self {
            sender,
            recording,
            labels: Mutex::default(),
        }
    }

    fn hear(&self, event: Event) {
        self.recording.hear(&event);
        let report = match event {
            Event::Source(status) => Report::source(status),
            Event::Caption(line) => Report::Caption(Told::of(line)),
            Event::Told(line) => Report::Told(Told::of(line)),
            Event::Read { frame, bars } if !bars.is_empty() && self.labels_are_due() => {
                Report::Labels {
                    time: to_f64(frame.time),
                    labels: bars.iter().map(Share::of).collect(),
                }
            }
            Event::Complaint(error) => Report::Error {
                message: error.to_string(),
            },
            _ => return,
        };
        // Where nobody prints any more the watching is about to end.
        drop(self.sender.send(News::Report(report)));
    }

    fn labels_are_due(&self) -> bool {
        let mut last = self.labels.lock().unwrap_or_else(PoisonError::into_inner);
        let due = last.is_none_or(|last| last.elapsed() >= LABELS);
        if due {
            *last = Some(Instant::now());
        }
        due
    }
}
