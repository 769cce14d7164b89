//! What is measured while it runs, over a corner of the video.

use std::time::Duration;

use eframe::egui::{Color32, Frame, Grid, Margin, Rect, RichText, Ui, UiBuilder, vec2};

use crate::live::{Ages, View};

/// Draws the figures in the upper left of `picture`; `drawn` are the ages of pictures as they were drawn.
pub(super) fn draw(ui: &mut Ui, picture: Rect, view: &View, drawn: Ages) {
    let place = Rect::from_min_max(picture.min + vec2(12.0, 12.0), picture.max);
    let mut ui = ui.new_child(UiBuilder::new().max_rect(place).id_salt("figures"));
    let frame = Frame::new()
        .fill(Color32::from_black_alpha(170))
        .corner_radius(8)
        .inner_margin(Margin::symmetric(12, 10));
    frame.show(&mut ui, |ui| {
        ui.spacing_mut().interact_size.y = 0.0;
        Grid::new("figures")
            .num_columns(2)
            .spacing(vec2(16.0, 4.0))
            .show(ui, |ui| {
                for (name, figure) in rows(view, drawn) {
                    let text = |text: &str, grey| {
                        RichText::new(text)
                            .monospace()
                            .color(Color32::from_gray(grey))
                    };
                    ui.label(text(name, 170));
                    ui.label(text(&figure, 245));
                    ui.end_row();
                }
            });
    });
}

fn rows(view: &View, drawn: Ages) -> Vec<(&'static str, String)> {
    let figures = &view.figures;
    let mut rows = Vec::new();
    if let Some(feed) = &view.feed {
        let size = feed
            .size
            .map(|(width, height)| format!(", {width}×{height}"));
        let size = size.unwrap_or_default();
        rows.push(("source", format!("{:.1} fps{size}", feed.fps)));
        if feed.reconnects > 0 {
            rows.push(("came back", format!("{}×", feed.reconnects)));
        }
    }
    rows.push(("read", format!("{:.1} fps", figures.read_fps)));
    rows.push(("", "half   95 %".into()));
    rows.push(("to texture", ages(figures.shown)));
    rows.push(("to screen", ages(drawn)));
    rows.push(("to labels", ages(figures.read)));
    rows.push(("to caption", ages(figures.told)));
    rows.push(("encode", ages(figures.encode)));
    let adapter = match view.software {
        true => format!("{} (CPU)", view.adapter),
        false => view.adapter.clone(),
    };
    rows.push(("adapter", adapter));
    let megabytes = figures.gpu_bytes as f64 / 1e6;
    rows.push(("GPU memory", format!("{megabytes:.0} MB")));
    rows
}

fn ages(ages: Ages) -> String {
    if ages == Ages::default() {
        return "not measured yet".into();
    }
    let ms = |age: Duration| age.as_secs_f64() * 1e3;
    format!("{:<6.0} {:.0} ms", ms(ages.p50), ms(ages.p95))
}
