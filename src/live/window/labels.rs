//! Labels and how much of each is seen, with what it was at most of late.

use eframe::egui::{Label, RichText, Role, ScrollArea, Sense, TextEdit, Ui, WidgetInfo, pos2, vec2};

use super::theme::palette;
use crate::live::{Bar, Command};

/// Draws the box for labels and their bars; new labels when they were given.
///
/// `typed` is what is in the box, once the user has changed it; before, the box holds the names of the
/// bars.
pub(super) fn draw(
    ui: &mut Ui,
    bars: &[Bar],
    typed: &mut Option<String>,
    most: f32,
) -> Option<Command> {
    ui.label(RichText::new("Labels").strong());
    let mut text = typed.clone().unwrap_or_else(|| names(bars));
    let edit = TextEdit::singleline(&mut text)
        .id(eframe::egui::Id::unique("labels"))
        .hint_text("red star, blue circle, …")
        .desired_width(f32::INFINITY);
    let edit = ui.add(edit).accessible_name("Labels to score, with commas between");
    let mut command = None;
    if edit.changed() {
        *typed = Some(text.clone());
    }
    if edit.lost_focus() && typed.is_some() && text != names(bars) {
        command = Some(Command::Labels(parts(&text)));
    }
    if bars.is_empty() {
        ui.weak("Name what to look for; each is scored on every frame.");
        return command;
    }
    ScrollArea::vertical()
        .id_salt("bars")
        .max_height(most)
        .auto_shrink([false, true])
        .show(ui, |ui| {
            for (index, bar) in bars.iter().enumerate() {
                draw_bar(ui, bar, index + 1 == bars.len());
            }
        });
    command
}

/// The names as they were given: all but the last, which is "none of these".
fn names(bars: &[Bar]) -> String {
    let given = &bars[..bars.len().saturating_sub(1)];
    let names: Vec<_> = given.iter().map(|bar| bar.name.as_str()).collect();
    names.join(", ")
}

fn parts(text: &str) -> Vec<String> {
    let parts = text.split(',').map(str::trim);
    parts
        .filter(|part| !part.is_empty())
        .map(str::to_owned)
        .collect()
}

fn draw_bar(ui: &mut Ui, bar: &Bar, rest: bool) {
    let colours = palette(ui);
    let (fill, text) = match rest {
        true => (colours.weak, colours.weak),
        false => (colours.accent, colours.text),
    };
    ui.spacing_mut().item_spacing.y = 4.0;
    ui.horizontal(|ui| {
        ui.spacing_mut().interact_size.y = 0.0;
        let right = eframe::egui::Layout::right_to_left(eframe::egui::Align::Center);
        ui.with_layout(right, |ui| {
            let share = format!("{:.0} %", bar.share * 100.0);
            ui.label(RichText::new(share).monospace().color(text));
            let left = eframe::egui::Layout::left_to_right(eframe::egui::Align::Center);
            ui.with_layout(left, |ui| {
                ui.add(Label::new(RichText::new(&bar.name).color(text)).truncate());
            });
        });
    });
    let size = vec2(ui.available_width(), 6.0);
    let (track, response) = ui.allocate_exact_size(size, Sense::hover());
    response.widget_info(|| {
        let label = format!(
            "{}: {:.0} %, at most {:.0} % of late",
            bar.name,
            bar.share * 100.0,
            bar.peak * 100.0
        );
        WidgetInfo::labeled(Role::Meter, true, label)
    });
    let painter = ui.painter();
    painter.rect_filled(track, 3.0, colours.raised);
    let at = |share: f32| track.left() + track.width() * share.clamp(0.0, 1.0);
    let mut filled = track;
    filled.set_right(at(bar.share));
    if filled.width() >= 1.0 {
        painter.rect_filled(filled, 3.0, fill);
    }
    let peak = at(bar.peak).max(track.left() + 1.0);
    painter.line_segment(
        [pos2(peak, track.top() - 2.0), pos2(peak, track.bottom() + 2.0)],
        (1.5, text),
    );
    ui.add_space(6.0);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn labels_are_split_at_commas_and_empty_ones_left_out() {
        assert_eq!(parts(" red star,, blue circle , "), ["red star", "blue circle"]);
        assert!(parts(" , ").is_empty());
    }
}
