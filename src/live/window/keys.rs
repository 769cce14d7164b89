//! The keyboard: one table that is obeyed and that the help shows.

use eframe::egui::{Context, Event, Frame, Grid, Id, Key, Modal, Modifiers, RichText, vec2};

use super::timeline;

/// What a key or a button does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Act {
    Pause,
    Earlier,
    Later,
    Live,
    Search,
    Mirror,
    Fullscreen,
    Theme,
    Figures,
    Help,
    Leave,
}

struct Shortcut {
    key: Key,
    shown: &'static str,
    does: &'static str,
    act: Act,
}

const fn shortcut(key: Key, shown: &'static str, does: &'static str, act: Act) -> Shortcut {
    Shortcut {
        key,
        shown,
        does,
        act,
    }
}

const SHORTCUTS: [Shortcut; 11] = [
    shortcut(
        Key::Space,
        "Space",
        "Hold the picture, or go on",
        Act::Pause,
    ),
    shortcut(Key::ArrowLeft, "←", "A moment earlier", Act::Earlier),
    shortcut(Key::ArrowRight, "→", "A moment later", Act::Later),
    shortcut(Key::L, "L", "Back to live", Act::Live),
    shortcut(Key::Slash, "/", "Search what was seen", Act::Search),
    shortcut(Key::M, "M", "Mirror the picture", Act::Mirror),
    shortcut(Key::F, "F", "Fullscreen", Act::Fullscreen),
    shortcut(Key::T, "T", "Light or dark", Act::Theme),
    shortcut(Key::O, "O", "Speed, delays and memory", Act::Figures),
    shortcut(Key::Questionmark, "?", "These keys", Act::Help),
    shortcut(
        Key::Escape,
        "Esc",
        "Leave: help, selection, fullscreen",
        Act::Leave,
    ),
];

/// What was asked for with keys that no box to type in, and no focused button, has a use for.
pub(super) fn pressed(ctx: &Context) -> Vec<Act> {
    let typing = ctx.text_edit_focused();
    let focused = ctx.memory(|memory| memory.focused());
    let focused = focused.is_some_and(|id| id != timeline::id());
    ctx.input_mut(|input| {
        let mut acts = Vec::new();
        for shortcut in &SHORTCUTS {
            let free = match shortcut.act {
                Act::Pause | Act::Earlier | Act::Later => !focused,
                _ => !typing,
            };
            if free && input.consume_key(Modifiers::NONE, shortcut.key) {
                acts.push(shortcut.act);
            }
        }
        if acts.contains(&Act::Search) {
            // The box has the focus from now on; the slash itself is not meant for it.
            input
                .events
                .retain(|event| !matches!(event, Event::Text(_)));
        }
        acts
    })
}

/// The list of keys; whether it stays open.
pub(super) fn help(ctx: &Context) -> bool {
    let frame = Frame::popup(&ctx.global_style()).inner_margin(22);
    let modal = Modal::new(Id::unique("keys")).frame(frame);
    let modal = modal.show(ctx, |ui| {
        ui.set_width(330.0);
        ui.heading("Keys");
        ui.add_space(6.0);
        let grid = Grid::new("shortcuts").spacing(vec2(24.0, 7.0));
        grid.min_row_height(0.0).show(ui, |ui| {
            for shortcut in &SHORTCUTS {
                ui.label(RichText::new(shortcut.shown).monospace().strong());
                ui.label(shortcut.does);
                ui.end_row();
            }
        });
        ui.add_space(6.0);
        ui.weak("On the timeline: click to look at a moment, drag to ask about a stretch.");
        ui.add_space(6.0);
        ui.button("Close").clicked()
    });
    !(modal.inner || modal.should_close())
}
