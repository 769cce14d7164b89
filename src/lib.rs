//! VideoCoCa on any GPU: captions and embeddings of videos, with a pretrained image-text CoCa
//! and no training on video (arXiv 2212.04979).
//!
//! ```text
//! video file
//!  → frames      decode, sample T frames by presentation time
//!  → preprocess  colour, bicubic resize, crop, normalise, cut patches      (T, G², 3P²)
//!  → model       image encoder, frame by frame                             (T, N, D)
//!                attentional pooler over the flattened tokens of all frames  (Q, E)
//!                  row 0   → embedding → labels, search
//!                  rows 1… → context   → decoder
//!  → generate    ids → tokenizer → caption
//! ```
//!
//! A video is read once; everything else starts from the [`Clip`](engine::Clip) that makes:
#![cfg_attr(all(feature = "gstreamer", feature = "shapes"), doc = "```")]
#![cfg_attr(not(all(feature = "gstreamer", feature = "shapes")), doc = "```ignore")]
//! use std::path::Path;
//! use vcoca_gpu::{Engine, Gpu, ModelSource, Options, frames};
//!
//! # fn main() -> vcoca_gpu::Result<()> {
//! let gpu = Gpu::new()?;
//! let engine = Engine::load(&gpu, &ModelSource::Shapes, None)?;
//! let video = Path::new("assets/red_star.mp4");
//! let sampled = frames::sample(video, 8, frames::Sampling::Uniform)?;
//! let clip = engine.encode_video(&sampled.frames)?;
//! let caption = engine.caption(&clip, &Options::default())?;
//! assert!(caption.text.contains("red star"), "{}", caption.text);
//! # Ok(())
//! # }
//! ```
//!
//! An application that owns a wgpu device shares it through [`Gpu::from_wgpu`].

pub mod bench;
#[doc(hidden)]
pub mod cases;
pub mod clean;
pub mod datasets;
pub mod engine;
pub mod error;
pub mod eval;
pub mod export;
mod files;
pub mod frames;
pub mod generate;
pub mod gpu;
pub mod hub;
#[cfg(feature = "index")]
pub mod index;
pub mod labels;
#[cfg(feature = "gstreamer")]
pub mod live;
pub mod metrics;
pub mod model;
pub mod ops;
pub mod parity;
pub mod preprocess;
#[doc(hidden)]
pub mod reference;
pub mod selftest;
pub mod subtitles;
pub mod tokenizer;
pub mod tune;
pub mod windows;

pub use engine::Engine;
pub use error::{Error, Result};
pub use generate::Options;
pub use gpu::Gpu;
pub use hub::Hub;
pub use model::ModelSource;
pub use wgpu;
