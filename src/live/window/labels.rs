//! Labels and how much of each is seen, with what it was at most of late.

use eframe::egui::text::{LayoutJob, TextWrapping};
use eframe::egui::{
    Align2, Id, Rect, RichText, Role, ScrollArea, Sense, TextEdit, TextStyle, Ui, WidgetInfo, vec2,
};

use super::theme::palette;
use crate::live::{Bar, Command};

/// Points that a bar takes with its name.
const ROW: f32 = 28.0;

/// Points between two of them.
const GAP: f32 = 8.0;

/// The box to type labels in.
#[derive(Default)]
pub(super) struct Typed {
    /// What the user wrote; before that, the box holds the names of the bars.
    text: Option<String>,
    /// Whether it was changed since it was last given.
    changed: bool,
}

/// Draws the box for labels, and their bars in no more than `most` points; new labels when they are
/// given.
pub(super) fn draw(ui: &mut Ui, bars: &[Bar], typed: &mut Typed, most: f32) -> Option<Command> {
    ui.label(RichText::new("Labels").strong());
    let mut text = typed.text.clone().unwrap_or_else(|| names(bars));
    let edit = TextEdit::singleline(&mut text)
        .id(Id::unique("labels"))
        .hint_text("red star, blue circle, …")
        .desired_width(f32::INFINITY);
    let edit = ui
        .add(edit)
        .accessible_name("Labels to score, with commas between");
    if edit.changed() {
        typed.text = Some(text.clone());
        typed.changed = true;
    }
    let given = edit.lost_focus() && std::mem::take(&mut typed.changed);
    let command = given.then(|| Command::Labels(parts(&text)));
    if bars.is_empty() {
        ui.weak("Name what to look for; each is scored on every frame.");
        return command;
    }
    let height = (bars.len() as f32 * (ROW + GAP)).min(most);
    ScrollArea::vertical()
        .id_salt("bars")
        .min_scrolled_height(height)
        .max_height(height)
        .auto_shrink([false, true])
        .show(ui, |ui| {
            ui.spacing_mut().item_spacing.y = GAP;
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
    let size = vec2(ui.available_width(), ROW);
    let (area, response) = ui.allocate_exact_size(size, Sense::hover());
    let percent = |share: f32| format!("{:.0} %", share * 100.0);
    let (share, peak) = (percent(bar.share), percent(bar.peak));
    response.widget_info(|| {
        let label = format!("{}: {share}, at most {peak} of late", bar.name);
        WidgetInfo::labeled(Role::Meter, true, label)
    });
    let painter = ui.painter();
    let figures = TextStyle::Monospace.resolve(ui.style());
    let share = painter.text(area.right_top(), Align2::RIGHT_TOP, share, figures, text);
    let body = TextStyle::Body.resolve(ui.style());
    let mut name = LayoutJob::simple_singleline(bar.name.clone(), body, text);
    name.wrap = TextWrapping::truncate_at_width(area.width() - share.width() - 12.0);
    painter.galley(area.left_top(), painter.layout_job(name), text);

    let track = Rect::from_min_size(area.left_top() + vec2(0.0, 22.0), vec2(area.width(), 5.0));
    painter.rect_filled(track, 2.5, colours.raised);
    let at = |share: f32| track.left() + track.width() * share.clamp(0.0, 1.0);
    let mut filled = track;
    filled.set_right(at(bar.share));
    if filled.width() >= 1.0 {
        painter.rect_filled(filled, 2.5, fill);
    }
    let peak = at(bar.peak).clamp(track.left() + 1.0, track.right() - 1.0);
    painter.vline(peak, track.y_range().expand(2.0), (1.5, text));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn labels_are_split_at_commas_and_empty_ones_left_out() {
        assert_eq!(
            parts(" red star,, blue circle , "),
            ["red star", "blue circle"]
        );
        assert!(parts(" , ").is_empty());
    }
}
