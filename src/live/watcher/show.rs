//! Every frame to the GPU.

use std::sync::Arc;

use super::{Event, Fresh, Shared, TICK};
use crate::Result;
use crate::frames::live::Condition;
use crate::live::Shown;
use crate::live::screen::Screen;

impl Shared {
    pub(super) fn show(&self) -> Result<()> {
        let mut screen = Screen::new(self.engine.model().gpu());
        let (mut last, mut condition) = (0, None);
        while !self.lock().stop {
            let frame = self.feed.newer(last, TICK);
            let status = self.feed.status();
            if condition.as_ref() != Some(&status.condition) {
                condition = Some(status.condition.clone());
                (self.listener)(Event::Source(&status));
            }
            // The last frame may have come after the look for it.
            let all = frame.is_none() && status.delivered <= last;
            let ended = all && status.condition == Condition::Ended;
            let fresh = match frame {
                Some(frame) => Some(Fresh {
                    shown: Shown {
                        texture: screen.put(&frame.picture)?,
                        number: frame.number,
                        captured: frame.captured,
                        time: frame.time,
                    },
                    frame: Arc::clone(&frame),
                }),
                None => None,
            };
            let mut state = self.lock();
            state.view.feed = Some(status);
            state.ended = ended;
            if let Some(fresh) = fresh {
                last = fresh.frame.number;
                state.shown.push(fresh.frame.captured.elapsed());
                state.view.picture = Some(fresh.shown.clone());
                state.newest = Some(fresh);
            }
            drop(state);
            self.changed.notify_all();
            (self.listener)(Event::Changed);
            if ended {
                return Ok(());
            }
        }
        Ok(())
    }
}
