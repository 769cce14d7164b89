//! A live source with everything that follows it: three threads around one state.
//!
//! One takes every frame to the GPU, so that video never waits; one reads the newest frame and takes what is
//! asked for; one writes texts. On a slow machine the model sees fewer frames, each as new as can be.

mod read;
mod show;
mod tell;

use std::collections::VecDeque;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use super::ages::{Latest, Rate};
use super::captions::{Captions, Ticket};
use super::reader::{check_labels, check_time};
use super::{Answer, Bar, Command, Line, Reader, Settled, Shown, View};
use crate::engine::{Clip, Engine};
use crate::frames::Seconds;
use crate::frames::live::{Feed, LiveFrame, Source, Status};
use crate::generate;
use crate::windows::{Span, to_f64};
use crate::{Error, Result};

/// How a source is watched.
#[derive(Clone, Debug)]
pub struct Options {
    /// Seconds of a clip: what a caption or an answer without a stretch is about.
    pub window: Seconds,
    /// A scene is told again after so many seconds.
    pub every: Seconds,
    /// Seconds that are remembered.
    pub keep: Seconds,
    /// Frames a second that the model reads at most.
    pub fps: f64,
    /// Labels to score from the beginning.
    pub labels: Vec<String>,
    /// How captions and answers are written: without beams, which are not known before their end.
    pub writing: generate::Options,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            window: Seconds::from_integer(4),
            every: Seconds::from_integer(5),
            keep: Seconds::from_integer(600),
            fps: 8.0,
            labels: Vec::new(),
            writing: generate::Options::default(),
        }
    }
}

impl Options {
    /// The longest time to remember: a day.
    const MOST: Seconds = Seconds::new_raw(24 * 60 * 60, 1);

    /// The longest clip: each of its frames is kept on the GPU.
    const LONGEST: Seconds = Seconds::new_raw(60, 1);

    /// Whether all of them are in range; [`Watcher::start`] asks first.
    ///
    /// Errors: [`Error::Argument`], which names the option.
    pub fn check(&self) -> Result<()> {
        let refuse = |what, expected: String, found: f64| {
            Err(Error::Argument {
                what,
                expected,
                found: found.to_string(),
            })
        };
        for (what, time, most) in [
            ("seconds of a clip", self.window, Self::LONGEST),
            (
                "seconds from one caption to the next",
                self.every,
                Self::MOST,
            ),
            ("seconds to remember", self.keep, Self::MOST),
        ] {
            if time <= Seconds::ZERO || time > most {
                let most = to_f64(most);
                return refuse(what, format!("above 0, at most {most}"), to_f64(time));
            }
            check_time(time)?;
        }
        if !(0.001..=1000.0).contains(&self.fps) {
            return refuse("frames a second", "0.001 to 1000".into(), self.fps);
        }
        check_labels(&self.labels)?;
        generate::check_streaming(&self.writing).map(drop)
    }
}

/// What happened.
#[derive(Debug)]
pub enum Event<'a> {
    /// The source is doing otherwise than before.
    Source(&'a Status),
    /// There may be something new to show: a picture, figures, what was asked for.
    Changed,
    /// A frame was read.
    Read {
        frame: &'a LiveFrame,
        /// The labels, then "none of these"; empty where none are wanted.
        bars: &'a [Bar],
    },
    /// A moment is complete: what a search finds later.
    Settled(&'a Settled),
    /// A caption is being written, as far as it has come.
    Writing(&'a str),
    /// There is a new line, which goes on until the next.
    Caption(&'a Line),
    /// A line has ended: nothing of it will change.
    Told(&'a Line),
    Answer(&'a Answer),
    /// What was asked for cannot be.
    Complaint(&'a Error),
}

/// Is told of events, on the threads of the watcher: it should not take long.
pub type Listener = Box<dyn Fn(Event) + Send + Sync>;

/// A source that is watched. Dropping it ends its threads.
pub struct Watcher {
    shared: Arc<Shared>,
    threads: Vec<JoinHandle<()>>,
}

struct Shared {
    engine: Arc<Engine>,
    feed: Feed,
    options: Options,
    state: Mutex<State>,
    changed: Condvar,
    listener: Listener,
}

struct State {
    view: View,
    captions: Captions,
    newest: Option<Fresh>,
    commands: VecDeque<Command>,
    jobs: VecDeque<Job>,
    /// Whether the job that was taken last is under way.
    telling: bool,
    /// No more frames will come.
    ended: bool,
    /// A file was read to its end, and all of it is told.
    over: bool,
    /// All threads are to end.
    stop: bool,
    fault: Option<Error>,
    shown: Latest,
    read: Latest,
    told: Latest,
    encode: Latest,
    reads: Rate,
}

/// A picture that the model may read.
#[derive(Clone)]
struct Fresh {
    frame: Arc<LiveFrame>,
    shown: Shown,
}

/// A text to write.
enum Job {
    Caption {
        clip: Clip,
        ticket: Ticket,
        newest: Arc<LiveFrame>,
    },
    Answer {
        clip: Clip,
        question: String,
        span: Option<Span>,
    },
}

/// How long threads wait at most before they look around.
const TICK: Duration = Duration::from_millis(100);

impl Watcher {
    /// Opens a source and begins to watch it. `name` is how the model is called.
    ///
    /// # Errors
    ///
    /// Those of [`Feed::open`]; [`Error::Argument`] for options out of range or that the model cannot
    /// write with; what reading the labels brings.
    pub fn start(
        engine: Arc<Engine>,
        name: &str,
        source: &Source,
        options: Options,
        listener: Listener,
    ) -> Result<Self> {
        options.check()?;
        options.writing.fits(engine.model().config())?;
        let mut reader = Reader::new(engine.clone(), options.window, options.keep);
        reader.set_labels(options.labels.clone())?;
        // Compiling later would let pictures wait.
        engine.prepare_captions(1)?;
        let caps = engine.model().gpu().caps();
        let view = View {
            source: source.to_string(),
            model: name.into(),
            adapter: caps.name.clone(),
            software: caps.software(),
            ..View::default()
        };
        let shared = Arc::new(Shared {
            feed: Feed::open(source)?,
            state: Mutex::new(State::new(view, options.every)),
            changed: Condvar::new(),
            engine,
            options,
            listener,
        });
        let mut watcher = Self {
            shared,
            threads: Vec::new(),
        };
        watcher.spawn("live show", Shared::show)?;
        watcher.spawn("live read", |shared| shared.read(reader))?;
        watcher.spawn("live tell", Shared::tell)?;
        Ok(watcher)
    }

    fn spawn(
        &mut self,
        name: &str,
        run: impl FnOnce(&Shared) -> Result<()> + Send + 'static,
    ) -> Result<()> {
        let shared = self.shared.clone();
        let thread = thread::Builder::new().name(name.into()).spawn(move || {
            let _guard = Guard(&shared);
            if let Err(error) = run(&shared) {
                shared.fail(error);
            }
        });
        let thread = thread.map_err(|reason| {
            let source = &self.shared.lock().view.source;
            Error::live(source, format!("cannot be watched: {reason}"))
        })?;
        self.threads.push(thread);
        Ok(())
    }

    /// All that there is to show now. Pictures, moments and relevance are shared, not copied.
    pub fn view(&self) -> View {
        let mut state = self.shared.lock();
        state.refresh(&self.shared);
        state.view.clone()
    }

    /// Asks for something, which is done after the frame at hand.
    pub fn send(&self, command: Command) {
        let mut state = self.shared.lock();
        // Of several searches, as of several letters typed quickly, the last counts.
        let kind = std::mem::discriminant(&command);
        if !matches!(command, Command::Ask { .. }) {
            (state.commands).retain(|other| std::mem::discriminant(other) != kind);
        }
        state.commands.push_back(command);
        drop(state);
        self.shared.changed.notify_all();
    }

    /// Waits until a file has been read to its end and all of it is told, or [`stop`](Self::stop); other
    /// sources have no end. What is remembered can be asked for until it is dropped.
    ///
    /// # Errors
    ///
    /// What ended the watching: the device's errors.
    pub fn wait(&self) -> Result<()> {
        let mut state = self.shared.lock();
        while !state.stop && !state.over {
            state = self.shared.wait(state, TICK);
        }
        match state.fault.take() {
            Some(fault) => Err(fault),
            None => Ok(()),
        }
    }

    /// Ends the watching; does not wait.
    pub fn stop(&self) {
        self.shared.stop();
    }
}

impl Drop for Watcher {
    fn drop(&mut self) {
        self.shared.stop();
        for thread in self.threads.drain(..) {
            // One that has panicked has said so.
            let _ = thread.join();
        }
        let line = self.shared.lock().captions.lines().last().cloned();
        if let Some(line) = line {
            (self.shared.listener)(Event::Told(&line));
        }
    }
}

/// Ends the watching if its thread panics: nobody should wait for what will not come.
struct Guard<'s>(&'s Shared);

impl Drop for Guard<'_> {
    fn drop(&mut self) {
        if thread::panicking() {
            let source = self.0.lock().view.source.clone();
            self.0
                .fail(Error::live(source, "watching it failed: this is a bug"));
        }
    }
}

impl State {
    fn new(view: View, every: Seconds) -> Self {
        Self {
            view,
            captions: Captions::new(every),
            newest: None,
            commands: VecDeque::new(),
            jobs: VecDeque::new(),
            telling: false,
            ended: false,
            over: false,
            stop: false,
            fault: None,
            shown: Latest::default(),
            read: Latest::default(),
            told: Latest::default(),
            encode: Latest::default(),
            reads: Rate::default(),
        }
    }

    /// Brings what changes all the time up to date.
    fn refresh(&mut self, shared: &Shared) {
        let figures = &mut self.view.figures;
        figures.read_fps = self.reads.per_second(std::time::Instant::now());
        figures.shown = self.shown.ages();
        figures.read = self.read.ages();
        figures.told = self.told.ages();
        figures.encode = self.encode.ages();
        figures.gpu_bytes = shared.engine.model().gpu().pool_stats().held_bytes;
        self.view.lines = self.captions.lines().cloned().collect();
    }
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn wait<'s>(&self, state: MutexGuard<'s, State>, most: Duration) -> MutexGuard<'s, State> {
        let waited = self.changed.wait_timeout(state, most);
        waited.unwrap_or_else(PoisonError::into_inner).0
    }

    fn stop(&self) {
        self.lock().stop = true;
        self.changed.notify_all();
    }

    fn fail(&self, error: Error) {
        let mut state = self.lock();
        state.view.fault = Some(error.to_string());
        state.fault.get_or_insert(error);
        state.stop = true;
        drop(state);
        self.changed.notify_all();
        (self.listener)(Event::Changed);
    }

    /// What was asked for cannot be.
    fn complain(&self, error: &Error) {
        self.lock().view.complaint = Some(error.to_string());
        (self.listener)(Event::Complaint(error));
    }
}
