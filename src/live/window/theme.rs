//! Colours, type and spacing, light and dark.

use eframe::egui::{
    Color32, Context, CornerRadius, FontFamily, FontId, Frame, Margin, Shadow, Stroke, TextStyle,
    Theme, Ui, Visuals, vec2,
};

/// The colours of one theme.
pub(super) struct Palette {
    /// Behind the video.
    pub ground: Color32,
    pub panel: Color32,
    /// Boxes to type in, buttons, tracks of bars.
    pub raised: Color32,
    pub hovered: Color32,
    pub line: Color32,
    pub text: Color32,
    pub weak: Color32,
    /// The one colour that asks for attention.
    pub accent: Color32,
    pub on_accent: Color32,
    pub good: Color32,
    pub warn: Color32,
    pub bad: Color32,
}

const DARK: Palette = Palette {
    ground: Color32::from_rgb(13, 15, 18),
    panel: Color32::from_rgb(21, 24, 29),
    raised: Color32::from_rgb(32, 36, 43),
    hovered: Color32::from_rgb(43, 48, 57),
    line: Color32::from_rgb(37, 41, 49),
    text: Color32::from_rgb(232, 234, 238),
    weak: Color32::from_rgb(146, 154, 166),
    accent: Color32::from_rgb(110, 168, 254),
    on_accent: Color32::from_rgb(10, 18, 32),
    good: Color32::from_rgb(74, 201, 126),
    warn: Color32::from_rgb(240, 180, 70),
    bad: Color32::from_rgb(240, 98, 98),
};

const LIGHT: Palette = Palette {
    ground: Color32::from_rgb(234, 237, 241),
    panel: Color32::from_rgb(252, 252, 253),
    raised: Color32::from_rgb(238, 240, 244),
    hovered: Color32::from_rgb(226, 230, 236),
    line: Color32::from_rgb(222, 226, 232),
    text: Color32::from_rgb(24, 28, 34),
    weak: Color32::from_rgb(94, 103, 117),
    accent: Color32::from_rgb(28, 100, 220),
    on_accent: Color32::WHITE,
    good: Color32::from_rgb(22, 150, 80),
    warn: Color32::from_rgb(176, 108, 0),
    bad: Color32::from_rgb(200, 44, 44),
};

/// The colours of the theme that is on.
pub(super) fn palette(ui: &Ui) -> &'static Palette {
    match ui.visuals().dark_mode {
        true => &DARK,
        false => &LIGHT,
    }
}

/// Sets the looks of both themes.
pub fn dress(ctx: &Context) {
    ctx.set_visuals_of(Theme::Dark, visuals(Visuals::dark(), &DARK));
    ctx.set_visuals_of(Theme::Light, visuals(Visuals::light(), &LIGHT));
    ctx.all_styles_mut(|style| {
        for (name, size) in [
            (TextStyle::Small, 12.0),
            (TextStyle::Body, 14.5),
            (TextStyle::Button, 14.5),
            (TextStyle::Heading, 17.0),
        ] {
            let font = FontId::new(size, FontFamily::Proportional);
            style.text_styles.insert(name, font);
        }
        let font = FontId::new(12.5, FontFamily::Monospace);
        style.text_styles.insert(TextStyle::Monospace, font);
        style.spacing.item_spacing = vec2(8.0, 8.0);
        style.spacing.button_padding = vec2(9.0, 5.0);
        style.spacing.interact_size.y = 28.0;
        style.interaction.selectable_labels = false;
    });
}

fn visuals(mut visuals: Visuals, colours: &Palette) -> Visuals {
    let rounded = CornerRadius::same(6);
    let widgets = &mut visuals.widgets;
    for (widget, fill, text) in [
        (&mut widgets.noninteractive, colours.panel, colours.text),
        (&mut widgets.inactive, colours.raised, colours.text),
        (&mut widgets.hovered, colours.hovered, colours.text),
        (&mut widgets.active, colours.hovered, colours.text),
        (&mut widgets.open, colours.raised, colours.text),
    ] {
        widget.bg_fill = fill;
        widget.weak_bg_fill = fill;
        widget.bg_stroke = Stroke::NONE;
        widget.fg_stroke = Stroke::new(1.0, text);
        widget.corner_radius = rounded;
        widget.expansion = 0.0;
    }
    widgets.noninteractive.bg_stroke = Stroke::new(1.0, colours.line);
    widgets.active.bg_stroke = Stroke::new(1.0, colours.accent);
    visuals.weak_text_color = Some(colours.weak);
    visuals.panel_fill = colours.panel;
    visuals.window_fill = colours.panel;
    visuals.window_stroke = Stroke::new(1.0, colours.line);
    visuals.window_corner_radius = CornerRadius::same(10);
    visuals.window_shadow = Shadow::NONE;
    visuals.text_edit_bg_color = Some(colours.raised);
    visuals.extreme_bg_color = colours.raised;
    visuals.selection.bg_fill = colours.accent.gamma_multiply(0.35);
    visuals.selection.stroke = Stroke::new(1.0, colours.accent);
    visuals.warn_fg_color = colours.warn;
    visuals.error_fg_color = colours.bad;
    visuals
}

/// The ground of a panel, with room around what is in it.
pub(super) fn panel(ui: &Ui, across: i8, down: i8) -> Frame {
    Frame::new()
        .fill(palette(ui).panel)
        .inner_margin(Margin::symmetric(across, down))
}
