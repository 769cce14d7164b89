//! When to write a caption, and what to make of it: text that is read does not flicker.

use std::collections::VecDeque;
use std::time::Duration;

use super::Line;
use crate::frames::Seconds;
use crate::windows::Span;

/// A new scene is looked at for so long before it is told.
const SETTLE: Seconds = Seconds::new_raw(1, 2);

/// Where no frame came for so long, nobody knows what was there.
const GAP: Seconds = Seconds::new_raw(10, 1);

/// A text that differs from what is shown is looked at again after so long.
const DOUBT: Seconds = Seconds::new_raw(1, 1);

/// The lines told so far.
#[derive(Debug)]
pub(super) struct Captions {
    every: Seconds,
    lines: VecDeque<Line>,
    scene: Scene,
    /// The scene before, while a caption about it may still come.
    before: Option<Scene>,
    /// The time of the latest frame.
    seen: Option<Seconds>,
    /// When the latest caption was begun.
    begun: Option<Seconds>,
    /// A text that came once, and when.
    doubted: Option<(String, Seconds)>,
}

/// A stretch of like pictures.
#[derive(Clone, Copy, Debug)]
struct Scene {
    number: u64,
    start: Seconds,
    end: Option<Seconds>,
    told: bool,
    /// It begins after a loss: it is no continuation, even where it looks the same.
    lost: bool,
}

/// What a caption that is being written is about.
#[derive(Clone, Copy, Debug)]
pub(super) struct Ticket {
    scene: u64,
    /// The newest frame.
    time: Seconds,
}

/// What became of a text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Told {
    /// It is the newest line.
    New,
    /// It is what stands there already.
    Same,
    /// It differs from what stands there, and has to come once more.
    Doubted,
}

impl Captions {
    /// At the latest `every` so many seconds a scene is told again.
    pub fn new(every: Seconds) -> Self {
        Self {
            every,
            lines: VecDeque::new(),
            scene: Scene {
                number: 0,
                start: Seconds::ZERO,
                end: None,
                told: false,
                lost: false,
            },
            before: None,
            seen: None,
            begun: None,
            doubted: None,
        }
    }

    /// A scene begins, with a frame that was seen already; the one before ends.
    pub fn cut(&mut self, start: Seconds) {
        if let Some(line) = self.lines.back_mut().filter(|_| self.scene.told) {
            line.span.end = start.max(line.span.start);
        }
        let number = self.scene.number + 1;
        let ended = Scene {
            end: Some(start),
            ..self.scene
        };
        self.before = Some(ended);
        self.scene = Scene {
            number,
            start,
            end: None,
            told: false,
            lost: self.scene.lost && !self.scene.told,
        };
        self.begun = None;
        self.doubted = None;
    }

    /// A frame of this time was seen: what is told goes on, and what ended before `oldest` is forgotten.
    pub fn see(&mut self, time: Seconds, oldest: Seconds) {
        if let Some(last) = self.seen.replace(time).filter(|last| time - last > GAP) {
            // What was told goes on to the last frame before the loss.
            let end = last.max(self.scene.start);
            self.cut(end);
            self.scene.start = self.scene.start.max(time);
            self.scene.lost = true;
        }
        if let Some(line) = self.lines.back_mut().filter(|_| self.scene.told) {
            line.span.end = time.max(line.span.end);
        }
        while self.lines.len() > 1 && self.lines[0].span.end < oldest {
            self.lines.pop_front();
        }
    }

    /// Whether to begin a caption with the frame of this time.
    pub fn due(&self, time: Seconds) -> bool {
        match self.begun {
            None => time - self.scene.start >= SETTLE,
            Some(begun) if self.doubted.is_some() => time - begun >= DOUBT.min(self.every),
            Some(begun) => time - begun >= self.every,
        }
    }

    /// Whether the present scene has no line yet.
    pub fn untold(&self) -> bool {
        !self.scene.told
    }

    /// A caption is begun whose newest frame is this one's.
    pub fn begin(&mut self, time: Seconds) -> Ticket {
        self.begun = Some(time);
        Ticket {
            scene: self.scene.number,
            time,
        }
    }

    /// A caption is done.
    pub fn written(&mut self, ticket: Ticket, text: &str, age: Duration) -> Told {
        let current = ticket.scene == self.scene.number;
        let scene = match (current, self.before) {
            (true, _) => self.scene,
            (false, Some(before)) if before.number == ticket.scene && !before.told => before,
            // The scene is gone, and was told.
            (false, _) => return Told::Same,
        };
        // A scene that is told as the one before is the same scene: a hand before the lens.
        let same = |line: &Line| line.text == text && (scene.told || !scene.lost);
        if self.lines.back().is_some_and(same) {
            let line = self.lines.back_mut().expect("looked at above");
            line.span.end = scene.end.unwrap_or(ticket.time).max(line.span.end);
            self.tell(current);
            return Told::Same;
        }
        let start = match self.doubted.take() {
            _ if !scene.told => scene.start,
            Some((doubted, since)) if doubted == text => since,
            _ => {
                self.doubted = Some((text.to_owned(), ticket.time));
                return Told::Doubted;
            }
        };
        if let Some(line) = self.lines.back_mut() {
            line.span.end = line.span.end.min(start).max(line.span.start);
        }
        let end = scene.end.unwrap_or(ticket.time).max(start);
        self.lines.push_back(Line {
            span: Span { start, end },
            text: text.to_owned(),
            age,
        });
        self.tell(current);
        Told::New
    }

    fn tell(&mut self, current: bool) {
        self.doubted = None;
        match current {
            true => self.scene.told = true,
            false => self.before = None,
        }
    }

    /// The oldest first.
    pub fn lines(&self) -> impl DoubleEndedIterator<Item = &Line> {
        self.lines.iter()
    }

    /// What was told of the present scene.
    pub fn latest(&self) -> Option<&str> {
        let line = self.lines.back().filter(|_| self.scene.told);
        line.map(|line| line.text.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const AGE: Duration = Duration::from_millis(5);

    fn at(tenths: i64) -> Seconds {
        Seconds::new(tenths, 10)
    }

    fn told(captions: &Captions) -> Vec<(i64, i64, &str)> {
        let tenth = |time: Seconds| (time * 10).to_integer();
        (captions.lines())
            .map(|line| {
                (
                    tenth(line.span.start),
                    tenth(line.span.end),
                    line.text.as_str(),
                )
            })
            .collect()
    }

    fn captions() -> Captions {
        Captions::new(Seconds::from_integer(5))
    }

    /// Sees frames ten times a second up to a time and tells every caption that is due.
    fn watch(captions: &mut Captions, from: i64, to: i64, text: &str) -> Vec<Told> {
        let mut told = Vec::new();
        for tenths in from..to {
            captions.see(at(tenths), Seconds::ZERO);
            if captions.due(at(tenths)) {
                let ticket = captions.begin(at(tenths));
                told.push(captions.written(ticket, text, AGE));
            }
        }
        told
    }

    #[test]
    fn a_scene_is_told_once_it_has_settled_and_repeats_are_one_line() {
        let mut captions = captions();
        let told_so = watch(&mut captions, 0, 120, "a star");
        assert_eq!(told_so, [Told::New, Told::Same, Told::Same]);
        assert_eq!(told(&captions), [(0, 119, "a star")]);
    }

    #[test]
    fn a_cut_ends_a_line_and_begins_the_next() {
        let mut captions = captions();
        watch(&mut captions, 0, 60, "a star");
        captions.cut(at(58));
        watch(&mut captions, 60, 80, "a ring");
        assert_eq!(told(&captions), [(0, 58, "a star"), (58, 79, "a ring")]);
    }

    #[test]
    fn within_a_scene_another_text_has_to_come_twice() {
        let mut captions = captions();
        watch(&mut captions, 0, 50, "a star");
        let ticket = captions.begin(at(50));
        assert_eq!(captions.written(ticket, "a ring", AGE), Told::Doubted);
        assert!(
            !captions.due(at(59)) && captions.due(at(60)),
            "asked again after a second"
        );
        let ticket = captions.begin(at(60));
        assert_eq!(captions.written(ticket, "a star", AGE), Told::Same);
        for (time, text, becomes) in [
            (110, "a ring", Told::Doubted),
            (120, "a cross", Told::Doubted),
            (130, "a cross", Told::New),
        ] {
            captions.see(at(time), Seconds::ZERO);
            let ticket = captions.begin(at(time));
            assert_eq!(
                captions.written(ticket, text, AGE),
                becomes,
                "{text} at {time}"
            );
        }
        assert_eq!(told(&captions), [(0, 120, "a star"), (120, 130, "a cross")]);
    }

    #[test]
    fn a_caption_that_comes_after_the_cut_tells_of_the_scene_before() {
        let mut captions = captions();
        let ticket = captions.begin(at(5));
        captions.cut(at(40));
        captions.see(at(45), Seconds::ZERO);
        assert_eq!(captions.written(ticket, "a star", AGE), Told::New);
        assert!(captions.untold(), "of the present scene nothing is told");
        let ticket = captions.begin(at(46));
        assert_eq!(captions.written(ticket, "a ring", AGE), Told::New);
        assert_eq!(told(&captions), [(0, 40, "a star"), (40, 46, "a ring")]);
    }

    #[test]
    fn what_is_told_alike_after_a_cut_is_one_line() {
        let mut captions = captions();
        watch(&mut captions, 0, 30, "a star");
        captions.cut(at(30));
        watch(&mut captions, 30, 50, "a star");
        assert_eq!(told(&captions), [(0, 49, "a star")]);
    }

    #[test]
    fn a_line_ends_with_the_last_frame_before_a_loss() {
        let mut captions = captions();
        watch(&mut captions, 0, 30, "a star");
        watch(&mut captions, 900, 930, "a star");
        assert_eq!(told(&captions), [(0, 29, "a star"), (900, 929, "a star")]);
    }

    #[test]
    fn a_scene_that_begins_with_the_first_frame_after_a_loss_does_not_stretch_the_line_before() {
        let mut captions = captions();
        watch(&mut captions, 0, 30, "a star");
        captions.see(at(900), Seconds::ZERO);
        captions.cut(at(900));
        watch(&mut captions, 901, 930, "a ring");
        assert_eq!(told(&captions), [(0, 29, "a star"), (900, 929, "a ring")]);
    }

    #[test]
    fn old_lines_are_forgotten_but_the_last_stays() {
        let mut captions = captions();
        for (i, text) in ["a", "b", "c"].into_iter().enumerate() {
            let start = 20 * i as i64;
            captions.cut(at(start));
            watch(&mut captions, start, start + 20, text);
        }
        captions.see(at(60), at(41));
        assert_eq!(told(&captions), [(40, 60, "c")]);
    }
}
