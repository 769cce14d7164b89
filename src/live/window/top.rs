//! The bar above and the line below everything.

use eframe::egui::{
    Align, Align2, Color32, Id, Key, Label, Layout, Margin, RichText, Role, Sense, TextEdit, Theme,
    Ui, WidgetInfo, vec2,
};

use super::icons::{self, Icon};
use super::keys::Act;
use super::theme::palette;
use crate::frames::live::Condition;
use crate::live::{Command, View};

/// What came of the bar.
#[derive(Default)]
pub(super) struct Touch {
    pub act: Option<Act>,
    pub search: Option<Command>,
    /// The search was finished with the return key.
    pub found: bool,
}

/// What the toggles of the bar stand at.
pub(super) struct Toggles {
    pub mirror: bool,
    pub figures: bool,
}

/// The box to search in.
pub(super) fn search_id() -> Id {
    Id::unique("search")
}

pub(super) fn draw(ui: &mut Ui, view: &View, search: &mut String, toggles: Toggles) -> Touch {
    let mut touch = Touch::default();
    ui.horizontal_centered(|ui| {
        state(ui, view);
        ui.with_layout(Layout::right_to_left(Align::Center), |ui| {
            let (lamp, theme) = match ui.ctx().theme() {
                Theme::Dark => (Icon::Sun, "Light theme"),
                Theme::Light => (Icon::Moon, "Dark theme"),
            };
            for (icon, name, key, on, act) in [
                (Icon::Help, "Keys", "?", false, Act::Help),
                (Icon::Fullscreen, "Fullscreen", "F", false, Act::Fullscreen),
                (lamp, theme, "T", false, Act::Theme),
                (Icon::Mirror, "Mirror", "M", toggles.mirror, Act::Mirror),
                (Icon::Figures, "Figures", "O", toggles.figures, Act::Figures),
            ] {
                if icons::button(ui, icon, name, key, on).clicked() {
                    touch.act = Some(act);
                }
            }
            ui.add_space(6.0);
            let edit = TextEdit::singleline(search)
                .id(search_id())
                .hint_text("Search what was seen")
                .margin(Margin {
                    left: 32,
                    ..Margin::symmetric(10, 4)
                })
                .desired_width(ui.available_width().min(300.0))
                .align(Align2::LEFT_CENTER)
                .min_size(vec2(0.0, 30.0));
            let edit = ui.add(edit).accessible_name("Search what was seen");
            let glass = edit.rect.left_center() + vec2(17.0, 0.0);
            icons::draw(ui.painter(), Icon::Search, glass, 13.0, palette(ui).weak);
            if edit.changed() {
                touch.search = Some(Command::Search(search.trim().into()));
            }
            touch.found = edit.lost_focus() && ui.input(|input| input.key_pressed(Key::Enter));
        });
    });
    touch
}

/// How the source is doing, in a dot and a word, and which it is.
fn state(ui: &mut Ui, view: &View) {
    let (colour, word) = condition(ui, view);
    let (dot, response) = ui.allocate_exact_size(vec2(12.0, 12.0), Sense::hover());
    response.widget_info(|| WidgetInfo::labeled(Role::Status, true, word));
    ui.painter().circle_filled(dot.center(), 5.0, colour);
    ui.painter()
        .circle_filled(dot.center(), 9.0, colour.gamma_multiply(0.18));
    ui.label(RichText::new(word).strong());
    // Half of the room is for the search.
    ui.scope(|ui| {
        ui.set_max_width((ui.available_width() * 0.45 - 120.0).max(40.0));
        ui.add(Label::new(RichText::new(&view.source).weak()).truncate());
    });
}

fn condition(ui: &Ui, view: &View) -> (Color32, &'static str) {
    let colours = palette(ui);
    if view.fault.is_some() {
        return (colours.bad, "Stopped");
    }
    match view.feed.as_ref().map(|feed| &feed.condition) {
        None => (colours.warn, "Getting ready"),
        Some(Condition::Connecting) => (colours.warn, "Connecting"),
        Some(Condition::Live) => (colours.good, "Live"),
        Some(Condition::Lost { .. }) => (colours.bad, "Lost"),
        Some(Condition::Ended) => (colours.weak, "Ended"),
    }
}

/// Where everything stays, and what it runs on.
pub(super) fn footer(ui: &mut Ui, view: &View) {
    ui.horizontal_centered(|ui| {
        let small = |text: String| RichText::new(text).small().weak();
        icons::beside_text(ui, Icon::Lock, 11.0, palette(ui).weak);
        ui.label(small("Everything stays on this machine".into()));
        ui.with_layout(Layout::right_to_left(Align::Center), |ui| {
            let on = match view.software {
                true => format!("{} on {} (CPU)", view.model, view.adapter),
                false => format!("{} on {}", view.model, view.adapter),
            };
            ui.add(Label::new(small(on)).truncate());
        });
    });
}
