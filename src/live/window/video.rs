//! The picture, as large as there is room for.

use eframe::egui::emath::GuiRounding;
use eframe::egui::epaint::RectShape;
use eframe::egui::load::SizedTexture;
use eframe::egui::{
    Color32, Label, Painter, Pos2, Rect, RichText, Role, Sense, Stroke, StrokeKind, Ui, WidgetInfo,
    pos2, vec2,
};

use super::theme::palette;
use super::{captions, figures};
use crate::frames::live::Condition;
use crate::live::{Ages, View};

const ROUND: u8 = 10;

/// What to show, and how.
pub(super) struct Look<'a> {
    pub texture: Option<SizedTexture>,
    pub caption: Option<String>,
    /// Says what is seen, for those who cannot.
    pub name: &'a str,
    pub mirror: bool,
    /// How old pictures were when they were drawn, if figures are to be shown.
    pub figures: Option<Ages>,
}

pub(super) fn draw(ui: &mut Ui, view: &View, look: Look<'_>) {
    let (room, response) = ui.allocate_exact_size(ui.available_size(), Sense::hover());
    let Some(texture) = look.texture else {
        waiting(ui, room, view);
        if let Some(drawn) = look.figures {
            figures::draw(ui, room, view, drawn);
        }
        return;
    };
    let scale = (room.size() / texture.size.max(vec2(1.0, 1.0))).min_elem();
    let picture = Rect::from_center_size(room.center(), texture.size * scale);
    let picture = picture.round_to_pixels(ui.pixels_per_point());
    let label = match &look.caption {
        Some(caption) => format!("{}: {caption}", look.name),
        None => look.name.to_owned(),
    };
    response.widget_info(|| WidgetInfo::labeled(Role::Image, true, &label));
    let mut uv = whole();
    if look.mirror {
        std::mem::swap(&mut uv.min.x, &mut uv.max.x);
    }
    paint(ui.painter(), picture, 0, texture, uv);
    if let Some(caption) = look.caption {
        captions::over(ui, picture, &caption);
    }
    if ui.ctx().content_rect().contains_rect(picture.expand(1.0)) {
        round(ui, picture);
    }
    if let Some(drawn) = look.figures {
        figures::draw(ui, picture, view, drawn);
    }
}

/// Rounds the corners of all that was painted so far: the ground is drawn around it.
fn round(ui: &Ui, picture: Rect) {
    // As wide as a corner reaches beyond its arc.
    let ground = Stroke::new(f32::from(ROUND) * 0.5, palette(ui).ground);
    ui.painter()
        .rect_stroke(picture, ROUND, ground, StrokeKind::Outside);
}

/// What is waited for.
fn waiting(ui: &mut Ui, room: Rect, view: &View) {
    let colours = palette(ui);
    let source = &view.source;
    let (what, more) = match (&view.fault, view.feed.as_ref().map(|feed| &feed.condition)) {
        (Some(_), _) => ("Nothing to see", "What went wrong is told above."),
        (_, None) => (
            "Getting ready",
            "The model is loaded, then the source is opened.",
        ),
        (_, Some(Condition::Connecting)) => ("Connecting", source.as_str()),
        (_, Some(Condition::Live)) => ("The first picture is on its way", source.as_str()),
        (_, Some(Condition::Lost { .. })) => ("No picture yet", source.as_str()),
        (_, Some(Condition::Ended)) => ("No picture came", source.as_str()),
    };
    let mut line = |below: f32, text: &str, size: f32, colour| {
        let label = RichText::new(text).size(size).color(colour);
        let place =
            Rect::from_center_size(room.center() + vec2(0.0, below), vec2(room.width(), 30.0));
        ui.put(place, Label::new(label));
    };
    line(-14.0, what, 22.0, colours.text);
    line(16.0, more, 14.5, colours.weak);
}

fn whole() -> Rect {
    Rect::from_min_max(Pos2::ZERO, pos2(1.0, 1.0))
}

fn paint(painter: &Painter, area: Rect, round: u8, texture: SizedTexture, uv: Rect) {
    painter.add(RectShape::filled(area, round, Color32::WHITE).with_texture(texture.id, uv));
}

/// Fills `area` with the middle of a texture, in its own shape.
pub(super) fn cover(painter: &Painter, area: Rect, round: u8, texture: SizedTexture) {
    let scale = (area.size() / texture.size.max(vec2(1.0, 1.0))).max_elem();
    let part = area.size() / (texture.size * scale);
    let uv = Rect::from_center_size(whole().center(), part);
    paint(painter, area, round, texture, uv);
}
