//! Live video: each frame is read once, and captions, labels, search and answers follow it.
//!
//! A [`Watcher`] does all of it on threads of its own and has a [`View`] to draw; a [`Reader`] is its middle,
//! for those who bring their own textures and clocks.

mod ages;
mod bars;
mod captions;
mod history;
mod reader;
#[cfg(feature = "index")]
mod record;
mod scenes;
mod screen;
mod thumbnail;
mod view;
mod watcher;
#[cfg(feature = "live")]
pub mod window;

pub use history::Settled;
pub use reader::{Read, Reader};
#[cfg(feature = "index")]
pub use record::{Recorded, Recorder};
pub use view::{
    Ages, Answer, Bar, Command, Figures, Line, Moment, Picture, Relevance, Shown, Thumbnail, View,
};
pub use watcher::{Event, Listener, Options, Watcher};
