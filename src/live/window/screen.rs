//! The user's side: where one looks, what one has typed, and the layout of it all.

use eframe::egui::load::SizedTexture;
use eframe::egui::{
    Align, Button, CentralPanel, Context, Frame, Layout, Margin, Panel, RichText, Theme, Ui,
    ViewportCommand,
};

use super::icons::{self, Icon};
use super::keys::{self, Act};
use super::question::stretch;
use super::textures::Thumbnails;
use super::theme::{palette, panel};
use super::timeline::Touch;
use super::{banner, captions, clock, heat, labels, question, timeline, top, video};
use crate::frames::Seconds;
use crate::live::ages::Latest;
use crate::live::{Command, Shown, View};
use crate::windows::Span;

/// Where the user looks.
#[derive(Clone, Debug, Default)]
enum Place {
    /// At the newest picture.
    #[default]
    Live,
    /// At one picture, while the watching goes on.
    Held(Shown),
    /// At a moment that is remembered.
    At(Seconds),
}

/// What the user has chosen and typed. It draws a [`View`] in one call and holds no other state than the
/// user's.
#[derive(Default)]
pub struct Screen {
    place: Place,
    selection: Option<Span>,
    search: String,
    labels: labels::Typed,
    question: String,
    mirror: bool,
    figures: bool,
    help: bool,
    /// Whether a box to type in had the focus when the last frame was drawn.
    typing: bool,
    thumbnails: Thumbnails,
    /// How old live pictures were when they were drawn, and the number of the latest.
    drawn: Latest,
    number: u64,
}

impl Screen {
    /// The picture that will be drawn: the newest, or the one that is held.
    pub fn picture<'a>(&'a self, view: &'a View) -> Option<&'a Shown> {
        match &self.place {
            Place::Held(shown) => Some(shown),
            Place::Live | Place::At(_) => view.picture.as_ref(),
        }
    }

    /// Draws it all and takes the user's input. `texture` is that of [`Screen::picture`].
    pub fn draw(
        &mut self,
        ui: &mut Ui,
        view: &View,
        texture: Option<SizedTexture>,
    ) -> Vec<Command> {
        let mut commands = Vec::new();
        for act in keys::pressed(ui.ctx()) {
            self.act(act, ui.ctx(), view);
        }
        let fullscreen = ui.input(|input| input.viewport().fullscreen == Some(true));
        if !fullscreen {
            self.above(ui, view, &mut commands);
            let footer = Panel::bottom("footer").frame(panel(ui, 16, 2));
            footer.exact_size(26.0).show(ui, |ui| top::footer(ui, view));
        }
        self.below(ui, view);
        if !fullscreen {
            self.beside(ui, view, &mut commands);
        }
        let ground = Frame::new().fill(palette(ui).ground);
        CentralPanel::no_frame().frame(ground).show(ui, |ui| {
            banner::draw(ui, view);
            let frame = Frame::new().inner_margin(Margin::same(if fullscreen { 0 } else { 14 }));
            CentralPanel::no_frame()
                .frame(frame)
                .show(ui, |ui| self.middle(ui, view, texture));
        });
        if self.help {
            self.help = keys::help(ui.ctx());
        }
        self.typing = ui.ctx().text_edit_focused();
        self.thumbnails.sweep();
        commands
    }

    fn above(&mut self, ui: &mut Ui, view: &View, commands: &mut Vec<Command>) {
        let toggles = top::Toggles {
            mirror: self.mirror,
            figures: self.figures,
        };
        let bar = Panel::top("top").frame(panel(ui, 16, 6)).exact_size(50.0);
        let touch = bar
            .show(ui, |ui| top::draw(ui, view, &mut self.search, toggles))
            .inner;
        if let Some(act) = touch.act {
            self.act(act, ui.ctx(), view);
        }
        // What is typed last may not have been searched for yet.
        let search = self.search.trim();
        let relevance = view.relevance.as_ref();
        let found = relevance.filter(|found| touch.found && found.query.trim() == search);
        if let Some((time, _)) = found.and_then(heat::best) {
            self.place = Place::At(time);
        }
        commands.extend(touch.search);
    }

    fn below(&mut self, ui: &mut Ui, view: &View) {
        let frame = panel(ui, 16, 8);
        Panel::bottom("timeline").frame(frame).show(ui, |ui| {
            self.controls(ui, view);
            let at = self.time();
            match timeline::draw(ui, view, at, self.selection, &mut self.thumbnails) {
                Some(Touch::Jump(time)) => self.place = Place::At(time),
                Some(Touch::Live) => self.place = Place::Live,
                Some(Touch::Select(span)) => self.selection = Some(span),
                None => {}
            }
        });
    }

    /// The row above the timeline: hold and go on, where one is, what is selected, what was found.
    fn controls(&mut self, ui: &mut Ui, view: &View) {
        ui.horizontal(|ui| {
            let (icon, name) = match self.place {
                Place::Live => (Icon::Pause, "Pause"),
                Place::Held(_) | Place::At(_) => (Icon::Play, "Go on"),
            };
            if icons::button(ui, icon, name, "Space", false).clicked() {
                self.act(Act::Pause, ui.ctx(), view);
            }
            if let Some(at) = self.time() {
                ui.monospace(clock(at));
                let colours = palette(ui);
                let text = RichText::new("Back to live").color(colours.on_accent);
                if ui.add(Button::new(text).fill(colours.accent)).clicked() {
                    self.place = Place::Live;
                }
            } else if let Some(shown) = &view.picture {
                ui.monospace(clock(shown.time));
            }
            ui.with_layout(Layout::right_to_left(Align::Center), |ui| {
                if let Some(span) = self.selection {
                    let clear = "Clear the selection";
                    if icons::button(ui, Icon::Close, clear, "Esc", false).clicked() {
                        self.selection = None;
                    }
                    ui.label(format!("{} selected", stretch(span)));
                    ui.add_space(12.0);
                }
                self.found(ui, view);
            });
        });
    }

    /// Where what was searched for is seen best; a click goes there.
    fn found(&mut self, ui: &mut Ui, view: &View) {
        let Some(relevance) = &view.relevance else {
            return;
        };
        let query = &relevance.query;
        let Some((time, _)) = heat::best(relevance) else {
            ui.weak(format!("“{query}”: nothing is remembered yet"));
            return;
        };
        if ui
            .button(format!("“{query}” fits best at {}", clock(time)))
            .clicked()
        {
            self.place = Place::At(time);
        }
    }

    fn beside(&mut self, ui: &mut Ui, view: &View, commands: &mut Vec<Command>) {
        let width = (ui.available_width() * 0.27).clamp(264.0, 380.0);
        let height = ui.available_height();
        // In a low window captions keep some lines of room.
        let words = (height - 320.0).clamp(50.0, height * 0.2);
        let bars = (height - 320.0).clamp(72.0, height * 0.4);
        let side = Panel::right("side").frame(panel(ui, 0, 0)).resizable(false);
        side.exact_size(width).show(ui, |ui| {
            let part = |ui: &Ui, name| Panel::bottom(name).frame(panel(ui, 16, 12));
            part(ui, "question").show(ui, |ui| {
                let (span, answer) = (self.selection, view.answer.as_ref());
                commands.extend(question::draw(ui, &mut self.question, span, answer, words));
            });
            part(ui, "labels").show(ui, |ui| {
                commands.extend(labels::draw(ui, &view.bars, &mut self.labels, bars));
            });
            let rest = CentralPanel::no_frame().frame(panel(ui, 16, 12));
            rest.show(ui, |ui| {
                if let Some(time) = captions::list(ui, view, self.time()) {
                    self.place = Place::At(time);
                }
            });
        });
    }

    fn middle(&mut self, ui: &mut Ui, view: &View, texture: Option<SizedTexture>) {
        self.note(view);
        let name = match self.place {
            Place::Live => "Live picture".into(),
            Place::Held(ref shown) => format!("Picture held at {}", clock(shown.time)),
            Place::At(time) => format!("What was seen at {}", clock(time)),
        };
        let texture = match self.place {
            Place::Live | Place::Held(_) => texture,
            Place::At(time) => timeline::moment(&view.moments, time)
                .map(|moment| self.thumbnails.texture(ui.ctx(), &moment.thumbnail)),
        };
        let look = video::Look {
            texture,
            caption: captions::told(view, self.time()),
            name: &name,
            mirror: self.mirror,
            figures: self.figures.then(|| self.drawn.ages()),
        };
        video::draw(ui, view, look);
    }

    /// Notes the age of a live picture that is drawn for the first time.
    fn note(&mut self, view: &View) {
        let live = matches!(self.place, Place::Live);
        let shown = view.picture.as_ref().filter(|_| live);
        if let Some(shown) = shown.filter(|shown| shown.number > self.number) {
            self.number = shown.number;
            self.drawn.push(shown.captured.elapsed());
        }
    }

    /// Where one looks, if not at what is live.
    fn time(&self) -> Option<Seconds> {
        match &self.place {
            Place::Live => None,
            Place::Held(shown) => Some(shown.time),
            Place::At(time) => Some(*time),
        }
    }

    fn act(&mut self, act: Act, ctx: &Context, view: &View) {
        match act {
            Act::Pause => {
                self.place = match (&self.place, &view.picture) {
                    (Place::Live, Some(shown)) => Place::Held(shown.clone()),
                    _ => Place::Live,
                }
            }
            Act::Earlier => self.step(view, -1),
            Act::Later => self.step(view, 1),
            Act::Live => self.place = Place::Live,
            Act::Search => ctx.memory_mut(|memory| memory.request_focus(top::search_id())),
            Act::Mirror => self.mirror = !self.mirror,
            Act::Figures => self.figures = !self.figures,
            Act::Help => self.help = !self.help,
            Act::Theme => ctx.set_theme(match ctx.theme() {
                Theme::Dark => Theme::Light,
                Theme::Light => Theme::Dark,
            }),
            Act::Fullscreen => {
                let full = ctx.input(|input| input.viewport().fullscreen == Some(true));
                ctx.send_viewport_cmd(ViewportCommand::Fullscreen(!full));
            }
            Act::Leave => self.leave(ctx),
        }
    }

    /// Leaves the innermost thing that can be left. A box to type in has left by itself.
    fn leave(&mut self, ctx: &Context) {
        if self.typing || self.help {
            self.help = false;
        } else if self.selection.is_some() {
            self.selection = None;
        } else if ctx.input(|input| input.viewport().fullscreen == Some(true)) {
            ctx.send_viewport_cmd(ViewportCommand::Fullscreen(false));
        }
    }

    /// Goes to a neighbouring moment; behind the newest is what is live.
    fn step(&mut self, view: &View, by: isize) {
        let moments = &view.moments;
        let there = match self.time() {
            Some(time) if by < 0 => {
                let before = moments.partition_point(|moment| moment.span.start < time);
                before.saturating_add_signed(by)
            }
            Some(time) => {
                let so_far = moments.partition_point(|moment| moment.span.start <= time);
                so_far.saturating_add_signed(by - 1)
            }
            None => moments.len().saturating_add_signed(by),
        };
        self.place = match moments.get(there) {
            Some(moment) => Place::At(moment.span.start),
            None => Place::Live,
        };
    }
}
