//! Captions and answers, one after the other.

use std::ops::ControlFlow;
use std::sync::Arc;

use super::{Event, Job, Shared, TICK, Ticket};
use crate::engine::Clip;
use crate::frames::live::LiveFrame;
use crate::live::Answer;
use crate::live::captions::Told;
use crate::windows::Span;
use crate::{Error, Result};

impl Shared {
    pub(super) fn tell(&self) -> Result<()> {
        while let Some(job) = self.job() {
            match job {
                Job::Caption {
                    clip,
                    ticket,
                    newest,
                } => self.caption(&clip, ticket, &newest)?,
                Job::Answer {
                    clip,
                    question,
                    span,
                } => self.answer(&clip, question, span)?,
            }
            let mut state = self.lock();
            state.telling = !state.jobs.is_empty();
            drop(state);
            self.changed.notify_all();
        }
        Ok(())
    }

    fn job(&self) -> Option<Job> {
        let mut state = self.lock();
        loop {
            if state.stop {
                return None;
            }
            if let Some(job) = state.jobs.pop_front() {
                state.telling = true;
                return Some(job);
            }
            state = self.wait(state, TICK);
        }
    }

    fn caption(&self, clip: &Clip, ticket: Ticket, newest: &Arc<LiveFrame>) -> Result<()> {
        let mut show = |text: &str| {
            let mut state = self.lock();
            state.view.writing = Some(text.to_owned());
            let stop = state.stop;
            drop(state);
            (self.listener)(Event::Writing(text));
            match stop {
                true => ControlFlow::Break(()),
                false => ControlFlow::Continue(()),
            }
        };
        let caption = (self.engine).caption_streaming(clip, &self.options.writing, &mut show);
        let age = newest.captured.elapsed();
        let mut state = self.lock();
        state.view.writing = None;
        let caption = caption?;
        if state.stop {
            return Ok(());
        }
        state.told.push(age);
        let told = state.captions.written(ticket, &caption.text, age);
        let (new, before) = {
            let mut latest = state.captions.lines().rev().cloned();
            (latest.next(), latest.next())
        };
        drop(state);
        if told == Told::New {
            if let Some(before) = before {
                (self.listener)(Event::Told(&before));
            }
            if let Some(new) = new {
                (self.listener)(Event::Caption(&new));
            }
        }
        Ok(())
    }

    fn answer(&self, clip: &Clip, question: String, span: Option<Span>) -> Result<()> {
        let mut answer = Answer {
            question,
            span,
            text: String::new(),
            done: false,
        };
        self.lock().view.answer = Some(answer.clone());
        (self.listener)(Event::Answer(&answer));
        match (self.engine).answer(clip, &answer.question, &self.options.writing) {
            Ok(caption) => {
                (answer.text, answer.done) = (caption.text, true);
                self.lock().view.answer = Some(answer.clone());
                (self.listener)(Event::Answer(&answer));
                Ok(())
            }
            Err(error @ Error::Argument { .. }) => {
                self.lock().view.answer = None;
                self.complain(&error);
                Ok(())
            }
            Err(error) => Err(error),
        }
    }
}
