//! Icons drawn as strokes, so that they need no font and are sharp at any size.

use std::f32::consts::{FRAC_PI_4, TAU};

use eframe::egui::{
    Align2, Color32, CornerRadius, FontId, Painter, Pos2, Rect, Response, Role, Sense, Shape,
    Stroke, StrokeKind, Ui, Vec2, WidgetInfo, vec2,
};

use super::theme::palette;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Icon {
    Pause,
    Play,
    Search,
    Figures,
    Mirror,
    Sun,
    Moon,
    Fullscreen,
    Help,
    Close,
    Lock,
}

/// A square button with an icon.
pub(super) fn button(ui: &mut Ui, icon: Icon, name: &str, key: &str, on: bool) -> Response {
    let (area, response) = ui.allocate_exact_size(Vec2::splat(30.0), Sense::click());
    response.widget_info(|| WidgetInfo::selected(Role::Button, ui.is_enabled(), on, name));
    let visuals = ui.style().interact(&response);
    let (fill, colour) = match on {
        true => (palette(ui).accent.gamma_multiply(0.2), palette(ui).accent),
        false => (visuals.weak_bg_fill, visuals.text_color()),
    };
    let ground = ui.painter();
    ground.rect(
        area,
        visuals.corner_radius,
        fill,
        visuals.bg_stroke,
        StrokeKind::Inside,
    );
    draw(ground, icon, area.center(), 16.0, colour);
    response.on_hover_text(format!("{name} ({key})"))
}

/// An icon that only accompanies a text.
pub(super) fn beside_text(ui: &mut Ui, icon: Icon, size: f32, colour: Color32) {
    let (area, _) = ui.allocate_exact_size(Vec2::splat(size), Sense::hover());
    draw(ui.painter(), icon, area.center(), size, colour);
}

/// Draws an icon in a square of `size` points.
pub(super) fn draw(painter: &Painter, icon: Icon, centre: Pos2, size: f32, colour: Color32) {
    let stroke = Stroke::new(size / 10.0, colour);
    // Points are given in a square from -1 to 1.
    let at = |x: f32, y: f32| centre + vec2(x, y) * (size / 2.0);
    let line = |from: (f32, f32), to: (f32, f32)| {
        painter.line_segment([at(from.0, from.1), at(to.0, to.1)], stroke);
    };
    let path = |points: &[(f32, f32)]| {
        let points = points.iter().map(|point| at(point.0, point.1)).collect();
        painter.add(Shape::line(points, stroke));
    };
    let filled = |points: Vec<Pos2>| {
        painter.add(Shape::convex_polygon(points, colour, Stroke::NONE));
    };
    let bar = |left: f32, top: f32, right: f32, bottom: f32| {
        let area = Rect::from_min_max(at(left, top), at(right, bottom));
        painter.rect_filled(area, CornerRadius::same(1), colour);
    };
    match icon {
        Icon::Pause => {
            bar(-0.55, -0.7, -0.15, 0.7);
            bar(0.15, -0.7, 0.55, 0.7);
        }
        Icon::Play => filled(vec![at(-0.45, -0.75), at(0.75, 0.0), at(-0.45, 0.75)]),
        Icon::Search => {
            painter.circle_stroke(at(-0.15, -0.15), size * 0.3, stroke);
            line((0.3, 0.3), (0.8, 0.8));
        }
        Icon::Figures => {
            bar(-0.75, 0.1, -0.4, 0.75);
            bar(-0.18, -0.7, 0.18, 0.75);
            bar(0.4, -0.25, 0.75, 0.75);
        }
        Icon::Mirror => {
            for side in [-1.0, 1.0] {
                path(&[(side * 0.3, -0.55), (side * 0.85, 0.0), (side * 0.3, 0.55)]);
            }
            line((0.0, -0.8), (0.0, 0.8));
        }
        Icon::Sun => {
            painter.circle_stroke(centre, size * 0.19, stroke);
            for ray in 0..8 {
                let towards = Vec2::angled(ray as f32 * FRAC_PI_4);
                let (inner, outer) = (towards * 0.62, towards * 0.92);
                line((inner.x, inner.y), (outer.x, outer.y));
            }
        }
        Icon::Moon => path(&moon()),
        Icon::Fullscreen => {
            for (x, y) in [(-1.0, -1.0), (1.0, -1.0), (1.0, 1.0), (-1.0, 1.0)] {
                path(&[
                    (x * 0.25, y * 0.75),
                    (x * 0.75, y * 0.75),
                    (x * 0.75, y * 0.25),
                ]);
            }
        }
        Icon::Help => {
            let font = FontId::proportional(size);
            painter.text(centre, Align2::CENTER_CENTER, "?", font, colour);
        }
        Icon::Close => {
            line((-0.5, -0.5), (0.5, 0.5));
            line((-0.5, 0.5), (0.5, -0.5));
        }
        Icon::Lock => {
            bar(-0.6, -0.1, 0.6, 0.8);
            path(&[
                (-0.36, 0.0),
                (-0.36, -0.45),
                (-0.2, -0.75),
                (0.2, -0.75),
                (0.36, -0.45),
                (0.36, 0.0),
            ]);
        }
    }
}

/// A crescent: most of a circle, and the arc of another that bites into it.
fn moon() -> Vec<(f32, f32)> {
    const STEPS: usize = 14;
    let arc = |centre: Vec2, radius: f32, from: f32, to: f32| {
        (0..=STEPS).map(move |step| {
            let angle = from + (to - from) * step as f32 / STEPS as f32;
            let point = centre + Vec2::angled(angle) * radius;
            (point.x, point.y)
        })
    };
    // Both circles have radius 0.78; they meet where the line between their centres is halved.
    let bite = vec2(0.42, -0.42);
    let towards = bite.angle();
    let half = (bite.length() / 2.0 / 0.78).acos();
    let outer = arc(Vec2::ZERO, 0.78, towards + half, towards + TAU - half);
    let inner = arc(
        bite,
        0.78,
        towards + TAU / 2.0 + half,
        towards + TAU / 2.0 - half,
    );
    outer.chain(inner).collect()
}
