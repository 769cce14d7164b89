//! The newest frame through the model, and what is asked for in between.

use std::time::{Duration, Instant};

use super::{Event, Fresh, Job, Shared, TICK};
use crate::frames::Seconds;
use crate::live::{Command, Reader, Relevance, Thumbnail};
use crate::{Error, Result};

/// What there is to do.
enum Work {
    Command(Command),
    Frame(Fresh),
    /// All frames were read.
    End,
    Stop,
}

/// A search that goes on follows new frames so often.
const SEARCH: Duration = Duration::from_millis(500);

impl Shared {
    pub(super) fn read(&self, mut reader: Reader) -> Result<()> {
        let step = Duration::from_secs_f64(1.0 / self.options.fps);
        let (mut last, mut next) = (0, Instant::now());
        let (mut searched, mut over) = (Instant::now(), false);
        loop {
            match self.work(last, next, over) {
                Work::Command(command) => {
                    if let Err(error) = self.obey(&mut reader, command) {
                        match error {
                            Error::Argument { .. } | Error::Model { .. } => self.complain(&error),
                            error => return Err(error),
                        }
                    }
                }
                Work::Frame(fresh) => {
                    last = fresh.frame.number;
                    next = (next + step).max(Instant::now());
                    self.see(&mut reader, &fresh)?;
                    if searched.elapsed() >= SEARCH {
                        searched = Instant::now();
                        self.search_again(&reader)?;
                    }
                }
                Work::End => {
                    over = true;
                    self.finish(&reader)?;
                    self.settle(&mut reader)?;
                    self.lock().over = true;
                    self.changed.notify_all();
                }
                Work::Stop if over => return Ok(()),
                Work::Stop => return self.settle(&mut reader),
            }
        }
    }

    /// The next thing to do, without an end where it is `over`: frames no earlier than `next`, and of those later than number `last` the
    /// newest.
    fn work(&self, last: u64, next: Instant, over: bool) -> Work {
        let mut state = self.lock();
        loop {
            if state.stop {
                return Work::Stop;
            }
            if let Some(command) = state.commands.pop_front() {
                return Work::Command(command);
            }
            let fresh = state
                .newest
                .as_ref()
                .filter(|fresh| fresh.frame.number > last);
            let early = next.saturating_duration_since(Instant::now());
            let most = match fresh {
                Some(fresh) if early.is_zero() || state.ended => return Work::Frame(fresh.clone()),
                Some(_) => early,
                None if state.ended && !over => return Work::End,
                None => TICK,
            };
            state = self.wait(state, most);
        }
    }

    fn see(&self, reader: &mut Reader, fresh: &Fresh) -> Result<()> {
        let time = fresh.frame.time;
        let caption = {
            let state = self.lock();
            state.captions.latest().map(str::to_owned)
        };
        let clock = Instant::now();
        let thumbnail = || Thumbnail::of(&fresh.frame.picture);
        let view = &fresh.shown.texture.view;
        let read = reader.read(view, time, caption.as_deref(), thumbnail)?;
        let (encode, now) = (clock.elapsed(), Instant::now());
        let moments = reader.moments();
        let due = {
            let mut state = self.lock();
            state.encode.push(encode);
            state.read.push(fresh.frame.captured.elapsed());
            state.reads.tick(now);
            // In this order: a loss ends a line where it began, and not with what came after it.
            state.captions.see(time, reader.oldest(time));
            if let Some(start) = read.cut {
                state.captions.cut(start);
            }
            state.view.bars.clone_from(&read.bars);
            state.view.moments = moments;
            !state.telling && state.captions.due(time)
        };
        if due {
            self.begin_caption(reader, fresh, time)?;
        }
        for settled in &read.settled {
            (self.listener)(Event::Settled(settled));
        }
        let (frame, bars) = (&fresh.frame, &read.bars);
        (self.listener)(Event::Read { frame, bars });
        Ok(())
    }

    fn begin_caption(&self, reader: &Reader, fresh: &Fresh, time: Seconds) -> Result<()> {
        let Some(clip) = reader.clip()? else {
            return Ok(());
        };
        let mut state = self.lock();
        let ticket = state.captions.begin(time);
        let newest = fresh.frame.clone();
        state.jobs.push_back(Job::Caption {
            clip,
            ticket,
            newest,
        });
        state.telling = true;
        drop(state);
        self.changed.notify_all();
        Ok(())
    }

    fn obey(&self, reader: &mut Reader, command: Command) -> Result<()> {
        self.lock().view.complaint = None;
        match command {
            Command::Labels(names) => {
                let none = names.is_empty();
                reader.set_labels(names)?;
                if none {
                    self.lock().view.bars.clear();
                }
            }
            Command::Search(query) if query.trim().is_empty() => self.lock().view.relevance = None,
            Command::Search(query) => {
                let frames = reader.relevance(&query)?;
                self.lock().view.relevance = Some(Relevance { query, frames });
            }
            Command::Ask { question, span } => {
                self.engine.check_question::<&str>(&question, &[])?;
                let clip = match span {
                    Some(span) => reader.clip_of(span)?,
                    None => reader.clip()?,
                };
                let clip = clip.ok_or_else(|| Error::Argument {
                    what: "stretch of a question",
                    expected: "one that is remembered".into(),
                    found: "nothing there".into(),
                })?;
                let mut state = self.lock();
                // Before captions, behind the questions that were asked before.
                let asked = |job: &&Job| matches!(job, Job::Answer { .. });
                let at = state.jobs.iter().take_while(asked).count();
                let job = Job::Answer {
                    clip,
                    question,
                    span,
                };
                state.jobs.insert(at, job);
                drop(state);
                self.changed.notify_all();
            }
        }
        (self.listener)(Event::Changed);
        Ok(())
    }

    /// The relevance of what has come since.
    fn search_again(&self, reader: &Reader) -> Result<()> {
        let query = self.lock().view.relevance.as_ref().map(|r| r.query.clone());
        let Some(query) = query else {
            return Ok(());
        };
        let frames = reader.relevance(&query)?;
        self.lock().view.relevance = Some(Relevance { query, frames });
        Ok(())
    }

    /// What was seen last is a moment, too.
    fn settle(&self, reader: &mut Reader) -> Result<()> {
        if let Some(settled) = reader.end()? {
            (self.listener)(Event::Settled(&settled));
        }
        Ok(())
    }

    /// The last scene is told, however short.
    fn finish(&self, reader: &Reader) -> Result<()> {
        let idle = || {
            let mut state = self.lock();
            while (state.telling || !state.jobs.is_empty()) && !state.stop {
                state = self.wait(state, TICK);
            }
            state
                .newest
                .clone()
                .filter(|_| state.captions.untold() && !state.stop)
        };
        if let Some(fresh) = idle() {
            self.begin_caption(reader, &fresh, fresh.frame.time)?;
            idle();
        }
        Ok(())
    }
}
