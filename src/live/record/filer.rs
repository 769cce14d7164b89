//! Videos into the index, on a thread of its own, as soon as they are whole.

use std::collections::VecDeque;
use std::path::{Path, PathBuf};
use std::sync::mpsc::{self, Receiver, Sender};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::{self, JoinHandle};

use super::reels::Reel;
use crate::frames::Seconds;
use crate::index::{Entry, Identity, Index};
use crate::live::{Line, Settled};
use crate::windows::Span;
use crate::{Error, Result};

/// The thread, from outside.
pub(super) struct Filer {
    jobs: Sender<Job>,
    thread: JoinHandle<(Vec<PathBuf>, usize)>,
    fault: Arc<Mutex<Option<Error>>>,
}

enum Job {
    File(Reel),
    Tell(Line),
}

/// The thread, from inside.
struct Work {
    index: Index,
    /// Lines that a caption may still come from, the oldest first.
    lines: VecDeque<Line>,
    /// Videos in the index, of which a line may still tell.
    open: VecDeque<Filed>,
    /// Where the latest of them ends.
    filed: Seconds,
    videos: Vec<PathBuf>,
    moments: usize,
}

/// A video in the index.
struct Filed {
    path: PathBuf,
    identity: Identity,
    /// By the feed's time.
    span: Span,
}

impl Filer {
    pub fn start(index: Index) -> Result<Self> {
        let (jobs, queue) = mpsc::channel();
        let fault = Arc::default();
        let (theirs, path) = (Arc::clone(&fault), index.path().to_owned());
        let work = Work {
            index,
            lines: VecDeque::new(),
            open: VecDeque::new(),
            filed: Seconds::ZERO,
            videos: Vec::new(),
            moments: 0,
        };
        let thread = thread::Builder::new()
            .name("live record".into())
            .spawn(move || work.run(&queue, &theirs))
            .map_err(Error::io(&path))?;
        Ok(Self {
            jobs,
            thread,
            fault,
        })
    }

    /// A video is complete.
    pub fn file(&self, reel: Reel) {
        self.send(Job::File(reel));
    }

    /// A line was told.
    pub fn tell(&self, line: &Line) {
        self.send(Job::Tell(line.clone()));
    }

    fn send(&self, job: Job) {
        // The thread takes jobs until `end`, unless it panics, which `end` hands on.
        let _ = self.jobs.send(job);
    }

    /// The first thing that went wrong since it was asked last.
    pub fn check(&self) -> Result<()> {
        match lock(&self.fault).take() {
            Some(fault) => Err(fault),
            None => Ok(()),
        }
    }

    /// Waits until all is done; the videos that were put into the index, and the number of their moments.
    pub fn end(self) -> Result<(Vec<PathBuf>, usize)> {
        drop(self.jobs);
        let done = (self.thread.join()).unwrap_or_else(|panic| std::panic::resume_unwind(panic));
        match lock(&self.fault).take() {
            Some(fault) => Err(fault),
            None => Ok(done),
        }
    }
}

impl Work {
    fn run(mut self, queue: &Receiver<Job>, fault: &Mutex<Option<Error>>) -> (Vec<PathBuf>, usize) {
        for job in queue {
            let done = match job {
                Job::File(reel) => self.file(reel),
                Job::Tell(line) => self.tell(line),
            };
            if let Err(error) = done {
                log::warn!("recording: {error}");
                lock(fault).get_or_insert(error);
            }
        }
        (self.videos, self.moments)
    }

    /// Puts a video into the index when the last of it is written.
    fn file(&mut self, reel: Reel) -> Result<()> {
        let Reel {
            writer,
            span,
            moments,
        } = reel;
        let path = writer.path().to_owned();
        writer.finish()?;
        let identity = Identity::of(&path)?;
        let entry = |moment: Settled| Entry {
            caption: caption(&self.lines, moment.span),
            span: shifted(moment.span, -span.start),
            embedding: moment.embedding,
        };
        let entries: Vec<Entry> = moments.into_iter().map(entry).collect();
        put(&mut self.index, &path, &identity, &entries)?;
        self.moments += entries.len();
        self.videos.push(path.clone());
        self.filed = span.end;
        self.open.push_back(Filed {
            path,
            identity,
            span,
        });
        self.forget();
        Ok(())
    }

    /// A line is told when the next one begins: videos that it is about may be in the index by then.
    fn tell(&mut self, line: Line) -> Result<()> {
        let span = line.span;
        self.lines.push_back(line);
        let touched = (self.open.iter())
            .filter(|filed| span.start < filed.span.end && span.end > filed.span.start);
        let mut told = Ok(());
        for filed in touched {
            told = told.and(caption_again(&mut self.index, &self.lines, filed));
        }
        self.forget();
        told
    }

    /// Lets go of videos of which all is told, and of lines that can be about no other.
    fn forget(&mut self) {
        let told = self.lines.back().map(|line| line.span.end);
        self.open.retain(|filed| Some(filed.span.end) > told);
        let from = self
            .open
            .front()
            .map_or(self.filed, |filed| filed.span.start);
        self.lines.retain(|line| line.span.end > from);
    }
}

/// Brings the captions of a video in the index up to date.
fn caption_again(index: &mut Index, lines: &VecDeque<Line>, filed: &Filed) -> Result<()> {
    // A file that was moved or changed meanwhile keeps what it has.
    if !matches!(index.is_unchanged(&filed.path, false), Ok(true)) {
        return Ok(());
    }
    let Some(before) = index.entries(&filed.path)? else {
        return Ok(());
    };
    let entry = |entry: &Entry| Entry {
        caption: caption(lines, shifted(entry.span, filed.span.start)),
        ..entry.clone()
    };
    let entries: Vec<Entry> = before.iter().map(entry).collect();
    match entries == before {
        true => Ok(()),
        false => put(index, &filed.path, &filed.identity, &entries),
    }
}

/// Writes a video with captions, if every moment has one.
fn put(index: &mut Index, path: &Path, identity: &Identity, entries: &[Entry]) -> Result<()> {
    let captioned = entries.iter().all(|entry| entry.caption.is_some());
    index.put(path, identity, captioned, entries)
}

/// The text that was told over the most of a stretch.
fn caption(lines: &VecDeque<Line>, span: Span) -> Option<String> {
    let shared = |line: &&Line| line.span.end.min(span.end) - line.span.start.max(span.start);
    let touching = lines.iter().filter(|line| shared(line) > Seconds::ZERO);
    touching.max_by_key(shared).map(|line| line.text.clone())
}

fn shifted(span: Span, by: Seconds) -> Span {
    Span {
        start: span.start + by,
        end: span.end + by,
    }
}

fn lock(fault: &Mutex<Option<Error>>) -> MutexGuard<'_, Option<Error>> {
    fault.lock().unwrap_or_else(PoisonError::into_inner)
}
