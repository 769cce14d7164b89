//! What a model reaches on a public benchmark: knows the engine, the datasets and the metrics.
//!
//! ```text
//! annotations ─ datasets ─→ items ─ locate ─→ those whose videos are there
//!                                                │ run: each video decoded and encoded once
//!                                                ↓
//!                                    Store: what the model said, a line for each clip
//!                                                │ measure
//!                                                ↓
//!                                    Measures, one for each way of pooling
//! ```
//!
//! What was said is kept apart from how it is measured: a [`Store`] on disk goes on where an earlier
//! run of the same [`Settings`] ended, and measuring it takes no video.

mod export;
mod locate;
mod manifest;
mod measure;
mod run;
mod said;
mod settings;
mod store;

use crate::datasets::{Dataset, Task};
use crate::engine::Pooling;
use crate::frames::Sampling;
use crate::generate::Options;
use crate::labels::Templates;

pub use export::export;
pub use locate::{Located, locate};
pub use manifest::{Counts, Failed, Manifest, Session, now, write_results};
pub use measure::{Figure, Measures, measure};
pub use run::{Event, run};
pub use said::{Answer, Floats, Record, Said};
pub use settings::Settings;
pub use store::Store;

/// What is measured, and how the model reads and answers.
#[derive(Clone, Debug)]
pub struct Plan {
    pub task: Task,
    pub dataset: Dataset,
    /// The ways of pooling to compare, at least one, each once.
    pub ways: Vec<Pooling>,
    /// Frames of each clip.
    pub frames: usize,
    pub sampling: Sampling,
    /// How captions and answers are written; its prompt begins captions alone.
    pub options: Options,
    /// What classes are put into.
    pub templates: Templates,
}
