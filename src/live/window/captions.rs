//! Captions: the one over the video, and all so far beside it.

use eframe::egui::text::{LayoutJob, TextWrapping};
use eframe::egui::{
    Align, Color32, FontFamily, FontId, Label, Mesh, Rect, RichText, Role, ScrollArea, Sense,
    TextFormat, TextStyle, Ui, WidgetInfo, pos2, vec2,
};

use super::clock;
use super::theme::palette;
use crate::frames::Seconds;
use crate::live::View;

/// The most lines that the list shows; more than that is not scrolled through but searched.
const LISTED: usize = 200;

/// What is told of a time, or of now.
pub(super) fn told(view: &View, at: Option<Seconds>) -> Option<String> {
    let Some(at) = at else {
        let writing = view.writing.as_ref().filter(|text| !text.is_empty());
        let last = || view.lines.last().map(|line| line.text.clone());
        return writing.map(|text| format!("{text} …")).or_else(last);
    };
    let holds = |span: crate::windows::Span| span.start <= at && at <= span.end;
    let line = view.lines.iter().rev().find(|line| holds(line.span));
    line.map(|line| line.text.clone())
}

/// Writes a caption at the bottom of the picture, over a scrim that it can be read on.
pub(super) fn over(ui: &mut Ui, picture: Rect, text: &str) {
    let size = (picture.height() / 20.0).clamp(17.0, 30.0);
    let mut job = LayoutJob {
        wrap: TextWrapping {
            max_rows: 3,
            ..TextWrapping::wrap_at_width(picture.width() - 64.0)
        },
        halign: Align::Center,
        ..LayoutJob::default()
    };
    let font = FontId::new(size, FontFamily::Proportional);
    job.append(text, 0.0, TextFormat::simple(font, Color32::WHITE));
    let galley = ui.painter().layout_job(job);
    let below = size * 0.9;
    let height = galley.size().y + below + size * 2.2;
    let scrim = Rect::from_min_max(
        pos2(
            picture.left(),
            (picture.bottom() - height).max(picture.top()),
        ),
        picture.max,
    );
    ui.painter().add(shade(scrim));
    let place = Rect::from_min_max(
        pos2(
            picture.left() + 32.0,
            picture.bottom() - below - galley.size().y,
        ),
        pos2(picture.right() - 32.0, picture.bottom() - below),
    );
    ui.put(place, Label::new(galley));
}

/// Black that comes in gently from the top.
fn shade(area: Rect) -> Mesh {
    let rows = [(0.0, 0), (0.45, 95), (1.0, 205)];
    let mut mesh = Mesh::default();
    for (down, alpha) in rows {
        let y = area.top() + area.height() * down;
        for x in [area.left(), area.right()] {
            mesh.colored_vertex(pos2(x, y), Color32::from_black_alpha(alpha));
        }
    }
    for corner in [0, 2] {
        mesh.add_triangle(corner, corner + 1, corner + 2);
        mesh.add_triangle(corner + 1, corner + 2, corner + 3);
    }
    mesh
}

/// The captions so far, the newest at the bottom; a click on one gives its time.
pub(super) fn list(ui: &mut Ui, view: &View, at: Option<Seconds>) -> Option<Seconds> {
    let colours = palette(ui);
    ui.label(RichText::new("Captions").strong());
    if view.lines.is_empty() && view.writing.is_none() {
        ui.weak(match view.picture {
            Some(_) => "No captions yet. The first comes with the next seconds.",
            None => "No captions yet.",
        });
        return None;
    }
    let mut jump = None;
    let scroll = ScrollArea::vertical().auto_shrink(false);
    scroll.stick_to_bottom(at.is_none()).show(ui, |ui| {
        let older = view.lines.len().saturating_sub(LISTED);
        for (index, line) in view.lines.iter().enumerate().skip(older) {
            let now = match at {
                Some(at) => line.span.start <= at && at <= line.span.end,
                None => index + 1 == view.lines.len() && view.writing.is_none(),
            };
            let colour = if now { colours.text } else { colours.weak };
            let row = row(ui, &clock(line.span.start), &line.text, colour);
            if row {
                jump = Some(line.span.start);
            }
        }
        if let Some(writing) = &view.writing {
            row(ui, "", &format!("{writing} …"), colours.text);
        }
    });
    jump
}

/// One caption with its time; whether it was clicked.
fn row(ui: &mut Ui, time: &str, text: &str, colour: Color32) -> bool {
    let mut job = LayoutJob::default();
    let weak = palette(ui).weak;
    let small = TextStyle::Monospace.resolve(ui.style());
    let body = TextStyle::Body.resolve(ui.style());
    let indent = 46.0;
    let time_galley = ui.painter().layout_no_wrap(time.to_owned(), small, weak);
    job.append(text, 0.0, TextFormat::simple(body, colour));
    job.wrap = TextWrapping::wrap_at_width((ui.available_width() - indent - 8.0).max(40.0));
    let galley = ui.painter().layout_job(job);
    let size = vec2(ui.available_width(), galley.size().y);
    let (rect, response) = ui.allocate_exact_size(size, Sense::click());
    let label = format!("{time} {text}");
    response.widget_info(|| WidgetInfo::labeled(Role::Link, true, label.trim()));
    if response.hovered() && !time.is_empty() {
        let ground = rect.expand2(vec2(6.0, 3.0));
        ui.painter().rect_filled(ground, 5.0, palette(ui).raised);
    }
    let line = rect.left_top() + vec2(0.0, 2.5);
    ui.painter().galley(line, time_galley, weak);
    ui.painter()
        .galley(rect.left_top() + vec2(indent, 0.0), galley, colour);
    response.clicked() && !time.is_empty()
}
