//! How near each part of the timeline is to a search, as heights and as light.

use eframe::egui::{Color32, Mesh, Painter, Rect, pos2};

use super::timeline::Axis;
use crate::frames::Seconds;
use crate::live::Relevance;
use crate::windows::to_f64;

/// Cosines that lie closer together than this all look alike, so that noise makes no peaks.
const CONTRAST: f32 = 0.05;

/// Frames further apart than this, in seconds, are not joined: losses of the source stay dark.
const REACH: f64 = 1.5;

/// When the search fits best, and its cosine there.
pub(super) fn best(relevance: &Relevance) -> Option<(Seconds, f32)> {
    let frames = relevance.frames.iter().copied();
    frames.max_by(|one, other| one.1.total_cmp(&other.1))
}

/// For each column of points of the axis, how near it is: from 0 to 1.
pub(super) fn columns(relevance: &Relevance, axis: &Axis) -> Vec<f32> {
    let frames = &relevance.frames;
    let mut columns = vec![0.0_f32; axis.width().ceil().max(0.0) as usize];
    let cosines = || frames.iter().map(|frame| frame.1);
    let low = cosines().fold(f32::INFINITY, f32::min);
    let high = cosines().fold(f32::NEG_INFINITY, f32::max);
    let near = |cosine: f32| ((cosine - low) / (high - low).max(CONTRAST)).clamp(0.0, 1.0);
    let column = |time| axis.offset(time).max(0.0) as usize;
    for (index, (time, cosine)) in frames.iter().enumerate() {
        let (start, here) = (to_f64(*time), near(*cosine));
        let next = frames.get(index + 1);
        let (end, there) = next
            .map(|(time, cosine)| (to_f64(*time), near(*cosine)))
            .filter(|(end, _)| end - start <= REACH)
            .unwrap_or((start, here));
        let (first, last) = (column(start), column(end));
        for (at, value) in columns.iter_mut().enumerate().take(last + 1).skip(first) {
            let part = (at - first) as f32 / (last - first).max(1) as f32;
            *value = value.max(here + (there - here) * part);
        }
    }
    columns
}

/// Draws the heights: a soft hill wherever the search fits.
pub(super) fn hills(painter: &Painter, area: Rect, columns: &[f32], colour: Color32) {
    let mut mesh = Mesh::default();
    for (index, near) in columns.iter().enumerate() {
        let x = area.left() + index as f32;
        let top = area.bottom() - area.height() * near;
        mesh.colored_vertex(pos2(x, top), colour.gamma_multiply(0.25 + 0.75 * near));
        mesh.colored_vertex(pos2(x, area.bottom()), colour.gamma_multiply(0.12));
    }
    join(&mut mesh, columns.len());
    painter.add(mesh);
}

/// Dims `area` wherever the search does not fit.
pub(super) fn dim(painter: &Painter, area: Rect, columns: &[f32], ground: Color32) {
    let mut mesh = Mesh::default();
    for (index, near) in columns.iter().enumerate() {
        let x = area.left() + index as f32;
        let colour = ground.gamma_multiply(0.7 * (1.0 - near));
        mesh.colored_vertex(pos2(x, area.top()), colour);
        mesh.colored_vertex(pos2(x, area.bottom()), colour);
    }
    join(&mut mesh, columns.len());
    painter.add(mesh);
}

/// Fills between neighbouring columns of two vertices each.
fn join(mesh: &mut Mesh, columns: usize) {
    for column in 1..columns as u32 {
        let corner = 2 * (column - 1);
        mesh.add_triangle(corner, corner + 1, corner + 2);
        mesh.add_triangle(corner + 1, corner + 2, corner + 3);
    }
}

#[cfg(test)]
mod tests {
    use eframe::egui::vec2;

    use super::*;

    /// Ten columns for ten seconds.
    fn ten() -> Axis {
        let area = Rect::from_min_size(pos2(100.0, 0.0), vec2(10.0, 1.0));
        Axis::new(0.0, 10.0, area)
    }

    fn of(frames: &[(i64, f32)]) -> Relevance {
        let frames = frames
            .iter()
            .map(|(time, cosine)| (Seconds::from_integer(*time), *cosine));
        Relevance {
            query: "red star".into(),
            frames: frames.collect(),
        }
    }

    #[test]
    fn frames_are_joined_but_not_across_a_loss() {
        let axis = Axis::new(
            0.0,
            5.0,
            Rect::from_min_size(pos2(0.0, 0.0), vec2(10.0, 1.0)),
        );
        let columns = columns(&of(&[(0, 0.1), (1, 0.5), (2, 0.1), (4, 0.5)]), &axis);
        assert_eq!(columns, [0.0, 0.5, 1.0, 0.5, 0.0, 0.0, 0.0, 0.0, 1.0, 0.0]);
    }

    #[test]
    fn cosines_that_are_alike_make_no_peak() {
        let columns = columns(&of(&[(0, 0.2), (1, 0.201)]), &ten());
        assert!(columns.iter().all(|near| *near < 0.05), "{columns:?}");
    }

    #[test]
    fn nothing_searched_is_dark() {
        assert_eq!(columns(&of(&[]), &ten()), [0.0; 10]);
        assert_eq!(best(&of(&[])), None);
    }
}
