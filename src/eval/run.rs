//! The walk over the clips: each video is decoded and encoded once, and asked in every way of pooling.

use std::collections::BTreeMap;
use std::path::PathBuf;

use super::{Answer, Failed, Floats, Plan, Record, Said, Store};
use crate::datasets::{Clip, Found, Items, Question, Task};
use crate::engine::Clip as Encoded;
use crate::frames::{self, Frame};
use crate::labels::Labels;
use crate::windows::{Span, to_f64};
use crate::{Engine, Error, Result};

/// What happens during a run.
pub enum Event<'a> {
    /// The store had this clip already.
    Kept(&'a Clip),
    /// The clip is in the store now.
    Done(&'a Clip),
    /// The clip's file could not be read; the run goes on.
    Failed(&'a Clip, &'a Error),
}

/// Asks the model about each clip that the store does not have, and adds what it says. The next video
/// is decoded while the model reads one. Gives the clips that failed.
///
/// # Errors
///
/// What concerns all clips: classes or templates that the model cannot read, the store's, a lost device.
/// A file that cannot be read is told through `tell` and no error.
pub fn run(
    engine: &Engine,
    plan: &Plan,
    items: &Items,
    files: &[Found],
    store: &mut Store,
    tell: &mut dyn FnMut(Event),
) -> Result<Vec<Failed>> {
    let labels = match items {
        Items::Classes { names, .. } => Some(Labels::new(engine, names.clone(), &plan.templates)?),
        _ => None,
    };
    let asker = Asker {
        engine,
        plan,
        items,
        labels,
    };
    let mut wanted = Vec::new();
    for (i, found) in files.iter().enumerate() {
        let clip = items.clip(i);
        match store.get(&clip.id) {
            Some(_) => tell(Event::Kept(clip)),
            None => wanted.push((i, found)),
        }
    }
    let mut failed = Vec::new();
    let (count, sampling) = (plan.frames, plan.sampling);
    let decode = move |(path, span): (PathBuf, Option<Span>)| match span {
        Some(Span { start, end }) => frames::sample_part(&path, start..end, count, sampling),
        None => frames::sample(&path, count, sampling),
    };
    let sources: Vec<_> = (wanted.iter())
        .map(|(_, found)| (found.path.clone(), found.span))
        .collect();
    let decoded = frames::ahead(sources.into_iter().map(decode));
    for ((i, found), sampled) in wanted.into_iter().zip(decoded) {
        let clip = items.clip(i);
        match sampled.and_then(|sampled| asker.ask(i, found, &sampled.frames)) {
            Ok(record) => {
                store.add(record)?;
                tell(Event::Done(clip));
            }
            // Nothing more can come of this device.
            Err(error @ Error::DeviceLost(_)) => return Err(error),
            Err(error) => {
                failed.push(Failed {
                    id: clip.id.clone(),
                    file: found.path.to_string_lossy().into_owned(),
                    reason: error.to_string(),
                });
                tell(Event::Failed(clip, &error));
            }
        }
    }
    Ok(failed)
}

/// What all clips are asked with.
struct Asker<'a> {
    engine: &'a Engine,
    plan: &'a Plan,
    items: &'a Items,
    /// For classification.
    labels: Option<Labels>,
}

impl Asker<'_> {
    fn ask(&self, i: usize, found: &Found, frames: &[Frame]) -> Result<Record> {
        let ways = &self.plan.ways;
        let clips = self.engine.encode_by(frames, ways)?;
        let said = match (self.plan.task, self.items) {
            (Task::Captioning, _) => self.captions(&clips)?,
            (Task::Qa, Items::Questions(items)) => self.answers(&clips, &items[i].truth)?,
            _ => self.embeddings(&clips)?,
        };
        let names = ways.iter().map(ToString::to_string);
        Ok(Record {
            id: self.items.clip(i).id.clone(),
            file: found.path.to_string_lossy().into_owned(),
            frames: frames.iter().map(|frame| to_f64(frame.pts)).collect(),
            by: names.zip(said).collect::<BTreeMap<_, _>>(),
        })
    }

    fn captions(&self, clips: &[Encoded]) -> Result<Vec<Said>> {
        let clips: Vec<_> = clips.iter().collect();
        let written = self.engine.captions(&clips, &self.plan.options)?;
        let best = written.into_iter().map(|mut texts| Said::Caption {
            caption: texts.swap_remove(0).text,
        });
        Ok(best.collect())
    }

    fn answers(&self, clips: &[Encoded], questions: &[Question]) -> Result<Vec<Said>> {
        let answer = |clip: &Encoded, question: &Question| {
            let options = &self.plan.options;
            let written = self.engine.answer(clip, &question.text, options)?;
            Ok(Answer {
                id: question.id.clone(),
                answer: written.text,
            })
        };
        let each = clips.iter().map(|clip| {
            let answers = questions.iter().map(|question| answer(clip, question));
            let answers = answers.collect::<Result<_>>()?;
            Ok(Said::Answers { answers })
        });
        each.collect()
    }

    fn embeddings(&self, clips: &[Encoded]) -> Result<Vec<Said>> {
        let each = clips.iter().map(|clip| {
            let embedding = self.engine.read_embedding(clip)?;
            Ok(match &self.labels {
                Some(labels) => classes(labels, &embedding),
                None => Said::Embedding {
                    embedding: Floats(embedding),
                },
            })
        });
        each.collect()
    }
}

fn classes(labels: &Labels, embedding: &[f32]) -> Said {
    let probabilities = labels.probabilities(embedding);
    let mut order: Vec<usize> = (0..probabilities.len()).collect();
    order.sort_by(|&a, &b| probabilities[b].total_cmp(&probabilities[a]));
    let top = order.iter().take(5);
    Said::Classes {
        top: top
            .map(|&i| (labels.names()[i].clone(), probabilities[i]))
            .collect(),
        logits: Floats(labels.logits(embedding)),
    }
}
