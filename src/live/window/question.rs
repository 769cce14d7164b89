//! A question about a stretch, and its answer.

use eframe::egui::{
    Button, Frame, Id, Key, Label, Margin, RichText, ScrollArea, TextEdit, Ui, vec2,
};

use super::clock;
use super::theme::palette;
use crate::live::{Answer, Command};
use crate::windows::Span;

/// Draws the box, and the answer below it; the question when it was asked.
pub(super) fn draw(
    ui: &mut Ui,
    text: &mut String,
    span: Option<Span>,
    answer: Option<&Answer>,
    most: f32,
) -> Option<Command> {
    ui.horizontal(|ui| {
        ui.label(RichText::new("Question").strong());
        ui.weak(match span {
            Some(span) => format!("about {}", stretch(span)),
            None => "about the latest seconds".into(),
        });
    });
    let mut asked = false;
    ui.horizontal(|ui| {
        let button = 52.0;
        let edit = TextEdit::singleline(text)
            .id(Id::unique("question"))
            .hint_text("What is it doing?")
            .desired_width(ui.available_width() - button - 8.0);
        let edit = ui.add(edit).accessible_name("What to ask");
        asked = edit.lost_focus() && ui.input(|input| input.key_pressed(Key::Enter));
        let ready = !text.trim().is_empty();
        let button = Button::new("Ask").min_size(vec2(button, 0.0));
        asked |= ui.add_enabled(ready, button).clicked();
        asked &= ready;
    });
    if let Some(answer) = answer {
        show(ui, answer, most);
    }
    asked.then(|| Command::Ask {
        question: text.trim().into(),
        span,
    })
}

fn show(ui: &mut Ui, answer: &Answer, most: f32) {
    let colours = palette(ui);
    let frame = Frame::new()
        .fill(colours.raised)
        .corner_radius(8)
        .inner_margin(Margin::symmetric(12, 9));
    frame.show(ui, |ui| {
        ui.set_width(ui.available_width());
        ui.spacing_mut().item_spacing.y = 4.0;
        ScrollArea::vertical()
            .id_salt("answer")
            .min_scrolled_height(most)
            .max_height(most)
            .auto_shrink([false, true])
            .show(ui, |ui| {
                let mut asked = answer.question.clone();
                if let Some(span) = answer.span {
                    asked += &format!("  ({})", stretch(span));
                }
                ui.add(Label::new(RichText::new(asked).small().color(colours.weak)).wrap());
                let text = if answer.done { &answer.text } else { "…" };
                ui.add(Label::new(text).wrap().selectable(true));
            });
    });
}

/// A stretch as people write it: `0:07–0:12`.
pub(super) fn stretch(span: Span) -> String {
    format!("{}–{}", clock(span.start), clock(span.end))
}
