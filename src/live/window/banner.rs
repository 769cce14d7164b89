//! Strips above the video that say what is wrong, and what happens next.

use eframe::egui::{Color32, Frame, Label, Margin, Panel, RichText, Ui};

use super::theme::palette;
use crate::frames::live::Condition;
use crate::live::View;

/// Draws one strip for each thing that is wrong, the worst first.
pub(super) fn draw(ui: &mut Ui, view: &View) {
    let colours = palette(ui);
    if let Some(fault) = &view.fault {
        let text = format!("Stopped: {fault}");
        strip(ui, "fault", colours.bad, &text);
    }
    match view.feed.as_ref().map(|feed| &feed.condition) {
        Some(Condition::Lost { why, retry }) => {
            let text = format!(
                "Source lost: {why}. It is opened again after {:.0} s.",
                retry.as_secs_f32().ceil()
            );
            strip(ui, "lost", colours.warn, &text);
        }
        Some(Condition::Ended) => {
            let text = "The file has come to its end. What was seen is still here.";
            strip(ui, "ended", colours.accent, text);
        }
        Some(Condition::Connecting | Condition::Live) | None => {}
    }
    if let Some(complaint) = &view.complaint {
        strip(ui, "complaint", colours.warn, complaint);
    }
}

fn strip(ui: &mut Ui, name: &str, colour: Color32, text: &str) {
    let frame = Frame::new()
        .fill(colour.gamma_multiply(0.16))
        .inner_margin(Margin::symmetric(16, 8));
    Panel::top(name)
        .frame(frame)
        .show_separator_line(false)
        .show(ui, |ui| {
            ui.add(Label::new(RichText::new(text).color(colour)).wrap());
        });
}
