//! Live video: each frame is read once, and captions, labels, search and answers follow it.

mod view;
#[cfg(feature = "live")]
pub mod window;

pub use view::{
    Ages, Answer, Bar, Command, Figures, Line, Moment, Picture, Relevance, Shown, Thumbnail, View,
};
