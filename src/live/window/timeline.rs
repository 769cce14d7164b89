//! What is remembered, along the bottom: thumbnails, times, the heat of a search, and where one is.

use eframe::egui::{
    Align2, Color32, CursorIcon, EventFilter, FontId, Id, Painter, Rect, Response, Sense, Ui,
    WidgetInfo, pos2, vec2,
};

use super::question::stretch;
use super::textures::Thumbnails;
use super::theme::{Palette, palette};
use super::{clock, heat, video};
use crate::frames::Seconds;
use crate::live::{Moment, View};
use crate::windows::{Span, to_f64};

/// A short memory is drawn as if it were this long, in seconds, so that it grows from the left.
const LEAST: f64 = 30.0;

/// Steps between times that are easy to read, in seconds.
const STEPS: [f64; 15] = [
    0.5, 1.0, 2.0, 5.0, 10.0, 20.0, 30.0, 60.0, 120.0, 300.0, 600.0, 1200.0, 1800.0, 3600.0, 7200.0,
];

const HEAT: f32 = 22.0;
const STRIP: f32 = 48.0;
const TIMES: f32 = 18.0;

/// What it takes from top to bottom, in points.
pub(super) const HEIGHT: f32 = HEAT + STRIP + TIMES;

/// What the user did on the timeline.
#[derive(Debug, PartialEq)]
pub(super) enum Touch {
    /// Looked at a moment.
    Jump(Seconds),
    /// Clicked behind the newest moment.
    Live,
    Select(Span),
}

/// Times to points across, and back.
pub(super) struct Axis {
    start: f64,
    end: f64,
    area: Rect,
}

impl Axis {
    pub fn new(start: f64, end: f64, area: Rect) -> Self {
        Self { start, end, area }
    }

    /// The axis of all that is remembered.
    fn of(moments: &[Moment], area: Rect) -> Self {
        let start = moments
            .first()
            .map_or(0.0, |moment| to_f64(moment.span.start));
        let end = moments
            .last()
            .map_or(start, |moment| to_f64(moment.span.end));
        Self::new(start, end.max(start + LEAST), area)
    }

    pub fn width(&self) -> f32 {
        self.area.width()
    }

    /// Points from the left end to a time.
    pub fn offset(&self, time: f64) -> f32 {
        ((time - self.start) / (self.end - self.start)) as f32 * self.width()
    }

    fn x(&self, time: Seconds) -> f32 {
        self.area.left() + self.offset(to_f64(time))
    }

    /// The time at a point, exact to the millisecond.
    fn time(&self, x: f32) -> Seconds {
        let part = ((x - self.area.left()) / self.width()).clamp(0.0, 1.0);
        let time = self.start + (self.end - self.start) * f64::from(part);
        Seconds::new((time * 1e3).round() as i64, 1000)
    }

    /// The smallest easy step that is at least so many points wide.
    fn step(&self, points: f32) -> f64 {
        let wide = |step: &f64| self.offset(self.start + step) >= points;
        STEPS
            .into_iter()
            .find(wide)
            .unwrap_or(self.end - self.start)
    }

    /// The easy times on it.
    fn marks(&self, step: f64) -> impl Iterator<Item = f64> + use<> {
        let (first, end) = ((self.start / step).floor() as i64, self.end);
        (first..)
            .map(move |mark| mark as f64 * step)
            .take_while(move |time| *time < end)
    }
}

/// The widget that it is.
pub(super) fn id() -> Id {
    Id::unique("timeline")
}

/// The moment of a time, or the nearest to it.
pub(super) fn moment(moments: &[Moment], time: Seconds) -> Option<&Moment> {
    let index = moments.partition_point(|moment| moment.span.end <= time);
    moments.get(index).or(moments.last())
}

/// Draws the timeline; what the user did on it. `at` is where one looks, if not at what is live.
pub(super) fn draw(
    ui: &mut Ui,
    view: &View,
    at: Option<Seconds>,
    selection: Option<Span>,
    thumbnails: &mut Thumbnails,
) -> Option<Touch> {
    let colours = palette(ui);
    let size = vec2(ui.available_width(), HEIGHT);
    let (area, _) = ui.allocate_exact_size(size, Sense::hover());
    let response = ui.interact(area, id(), Sense::click_and_drag());
    if response.has_focus() {
        // The arrows step through moments and do not lead to other widgets.
        let filter = EventFilter {
            horizontal_arrows: true,
            ..EventFilter::default()
        };
        ui.memory_mut(|memory| memory.set_focus_lock_filter(response.id, filter));
    }
    let heat = Rect::from_min_size(area.min, vec2(area.width(), HEAT));
    let strip = Rect::from_min_size(heat.left_bottom(), vec2(area.width(), STRIP));
    let axis = Axis::of(&view.moments, strip);
    describe(&response, &view.moments, at);
    ui.painter().rect_filled(strip, 6.0, colours.raised);
    if view.moments.is_empty() {
        let font = FontId::proportional(13.0);
        let text = "What is seen appears here";
        ui.painter().text(
            strip.center(),
            Align2::CENTER_CENTER,
            text,
            font,
            colours.weak,
        );
        return None;
    }
    tile(ui, &axis, &view.moments, thumbnails);
    let painter = ui.painter();
    if let Some(relevance) = &view.relevance {
        let columns = heat::columns(relevance, &axis);
        heat::dim(painter, strip, &columns, colours.panel);
        heat::hills(
            painter,
            heat.shrink2(vec2(0.0, 2.0)),
            &columns,
            colours.accent,
        );
    }
    times(painter, &axis, colours);
    if let Some(span) = selection {
        selected(painter, &axis, span, colours);
    }
    let newest = view.moments.last().map(|moment| moment.span.end);
    if let Some(time) = at.or(newest) {
        let colour = if at.is_some() {
            colours.text
        } else {
            colours.good
        };
        head(painter, axis.x(time), strip, colour);
    }
    hover(ui, &response, &axis, view, thumbnails);
    touch(ui, &response, &axis, newest)
}

fn describe(response: &Response, moments: &[Moment], at: Option<Seconds>) {
    response.widget_info(|| {
        let label = match (moments.first(), moments.last()) {
            (Some(first), Some(last)) => {
                let span = Span {
                    start: first.span.start,
                    end: last.span.end,
                };
                format!("Timeline, {}", stretch(span))
            }
            _ => "Timeline, empty".into(),
        };
        let newest = moments.last().map(|moment| moment.span.end);
        let value = at.or(newest).map_or(0.0, to_f64);
        WidgetInfo::slider(true, value, label)
    });
}

/// Fills the strip with thumbnails at easy times, so that they slide and do not flicker as it grows.
fn tile(ui: &Ui, axis: &Axis, moments: &[Moment], thumbnails: &mut Thumbnails) {
    let shape = &moments[0].thumbnail;
    let wide = STRIP * shape.width as f32 / shape.height.max(1) as f32;
    let step = axis.step(wide * 0.7);
    for start in axis.marks(step) {
        let middle = Seconds::new(((start + step / 2.0) * 1e3) as i64, 1000);
        let (first, last) = (moments[0].span.start, moments[moments.len() - 1].span.end);
        let left = axis.offset(start).max(axis.offset(to_f64(first)));
        let right = axis.offset(start + step).min(axis.offset(to_f64(last)));
        let middle = middle.clamp(first, last);
        let Some(moment) = moment(moments, middle) else {
            continue;
        };
        // Nothing was seen while the source was lost.
        let seen = moment.span.start <= middle && middle <= moment.span.end;
        if !seen || right - left < 1.0 {
            continue;
        }
        let cell = Rect::from_min_max(
            axis.area.min + vec2(left, 0.0),
            pos2(axis.area.left() + right - 1.0, axis.area.bottom()),
        );
        let texture = thumbnails.texture(ui.ctx(), &moment.thumbnail);
        video::cover(ui.painter(), cell, 3, texture);
    }
}

fn times(painter: &Painter, axis: &Axis, colours: &Palette) {
    for time in axis.marks(axis.step(76.0)) {
        let offset = axis.offset(time);
        if offset < -0.5 {
            continue;
        }
        let place = pos2(axis.area.left() + offset, axis.area.bottom() + 4.0);
        let text = clock(Seconds::from_integer(time as i64));
        let font = FontId::monospace(11.0);
        let text = painter.layout_no_wrap(text, font, colours.weak);
        // A time that the window would cut is left out.
        if place.x + text.size().x <= axis.area.right() {
            painter.galley(place, text, colours.weak);
        }
    }
}

fn selected(painter: &Painter, axis: &Axis, span: Span, colours: &Palette) {
    let (left, right) = (axis.x(span.start), axis.x(span.end));
    let strip = axis.area;
    let area = Rect::from_min_max(pos2(left, strip.top()), pos2(right, strip.bottom()));
    painter.rect_filled(area, 0.0, colours.accent.gamma_multiply(0.28));
    for x in [left, right] {
        let bar = Rect::from_center_size(pos2(x, strip.center().y), vec2(3.0, strip.height()));
        painter.rect_filled(bar, 1.5, colours.accent);
    }
}

/// The line that shows where one is.
fn head(painter: &Painter, x: f32, strip: Rect, colour: Color32) {
    let line = [pos2(x, strip.top() - 3.0), pos2(x, strip.bottom() + 2.0)];
    painter.line_segment(line, (2.0, colour));
    painter.circle_filled(line[0], 4.0, colour);
}

/// What was seen where the pointer is.
fn hover(ui: &Ui, response: &Response, axis: &Axis, view: &View, thumbnails: &mut Thumbnails) {
    let Some(pointer) = response.hover_pos() else {
        return;
    };
    let time = axis.time(pointer.x);
    let Some(moment) = moment(&view.moments, time).filter(|moment| time <= moment.span.end) else {
        return;
    };
    ui.ctx().set_cursor_icon(CursorIcon::PointingHand);
    let line = [
        pos2(pointer.x, axis.area.top()),
        pos2(pointer.x, axis.area.bottom()),
    ];
    ui.painter().line_segment(line, (1.0, palette(ui).weak));
    let texture = thumbnails.texture(ui.ctx(), &moment.thumbnail);
    response.clone().on_hover_ui_at_pointer(|ui| {
        let height = 96.0;
        let size = vec2(height * texture.size.x / texture.size.y.max(1.0), height);
        let (area, _) = ui.allocate_exact_size(size, Sense::hover());
        video::cover(ui.painter(), area, 4, texture);
        let caption = super::captions::told(view, Some(time));
        ui.set_max_width(size.x.max(120.0));
        ui.label(match caption {
            Some(caption) => format!("{}  {caption}", clock(time)),
            None => clock(time),
        });
    });
}

fn touch(ui: &Ui, response: &Response, axis: &Axis, newest: Option<Seconds>) -> Option<Touch> {
    let newest = newest?;
    let here = axis.time(response.interact_pointer_pos()?.x);
    if response.clicked() {
        return Some(match here < newest {
            true => Touch::Jump(here),
            false => Touch::Live,
        });
    }
    if !response.dragged() && !response.drag_stopped() {
        return None;
    }
    let origin = ui.input(|input| input.pointer.press_origin())?;
    let (from, to) = (axis.time(origin.x).min(newest), here.min(newest));
    let span = Span {
        start: from.min(to),
        end: from.max(to),
    };
    (span.start < span.end).then_some(Touch::Select(span))
}
