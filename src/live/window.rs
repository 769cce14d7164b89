//! The window of `live`: what a [`View`](super::View) holds, drawn, and what the user asks for.
//!
//! [`Screen`] draws a view with egui and gives the user's [`Command`](super::Command)s back; it knows no
//! window and no GPU. [`open`] shows one on the device that the model runs on, so that a picture goes to
//! the screen from the very texture that the model reads.

mod banner;
mod captions;
mod figures;
mod heat;
mod icons;
mod keys;
mod labels;
mod open;
mod question;
mod screen;
mod surface;
mod textures;
mod theme;
mod timeline;
mod top;
mod video;

pub use eframe::egui::{self, ThemePreference};
pub use open::{Ending, Opening, Wake, check_display, open};
pub use screen::Screen;
pub use theme::dress;

use crate::frames::Seconds;
use crate::windows::to_f64;

/// A time as a clock shows it: `0:07`, `12:30`, `1:02:03`.
fn clock(time: Seconds) -> String {
    let seconds = to_f64(time).max(0.0) as u64;
    let (hours, minutes) = (seconds / 3600, seconds / 60 % 60);
    match hours {
        0 => format!("{minutes}:{:02}", seconds % 60),
        _ => format!("{hours}:{minutes:02}:{:02}", seconds % 60),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_read_as_on_a_clock() {
        let clock = |seconds| clock(Seconds::from_integer(seconds));
        assert_eq!(clock(0), "0:00");
        assert_eq!(clock(7), "0:07");
        assert_eq!(clock(750), "12:30");
        assert_eq!(clock(3723), "1:02:03");
    }
}
