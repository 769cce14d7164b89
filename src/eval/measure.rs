//! Figures of what was said.

use serde::Serialize;

use super::{Plan, Record, Said, Store};
use crate::datasets::{Dataset, Item, Items, Question};
use crate::metrics::answers::{Answers, AnswersSummary};
use crate::metrics::captions::{self, Captioned, Scores};
use crate::metrics::classification::{Accuracy, AccuracySummary, MultiLabel, MultiLabelSummary};
use crate::metrics::retrieval::{Retrieval, RetrievalSummary};
use crate::{Engine, Error, Result};

/// The figures of one way of pooling.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(untagged)]
pub enum Measures {
    Classification(AccuracySummary),
    /// Where a clip may show several classes.
    ManyLabels(MultiLabelSummary),
    Retrieval(RetrievalSummary),
    Captioning(Scores),
    Answers(AnswersSummary),
}

/// A figure as tables show it.
#[derive(Clone, Debug, PartialEq)]
pub struct Figure {
    pub name: &'static str,
    /// Shares as percentages, as papers print them; ranks as they are.
    pub value: f64,
}

/// Texts to embed between two calls of `tell`.
const TEXTS: usize = 256;

/// Measures what a store has of the items, with each way of pooling, in the plan's order. Clips that the
/// store does not have are left out: of retrieval as videos, too. `tell` hears how many of the texts of
/// retrieval have been embedded.
///
/// # Errors
///
/// [`Error::Argument`] if the store has none of the items; [`Error::Results`] if what it has does not fit
/// them; the engine's.
pub fn measure(
    engine: &Engine,
    plan: &Plan,
    items: &Items,
    store: &Store,
    tell: &mut dyn FnMut(usize),
) -> Result<Vec<Measures>> {
    if (0..items.len()).all(|i| store.get(&items.clip(i).id).is_none()) {
        return Err(Error::Argument {
            what: "clips to measure",
            expected: "at least one".into(),
            found: "none".into(),
        });
    }
    let ways = plan.ways.iter().map(ToString::to_string);
    match items {
        Items::Classes { names, items } => ways
            .map(|way| classification(plan.dataset, names.len(), &known(items, store), &way))
            .collect(),
        Items::Questions(items) => ways
            .map(|way| questions(plan.dataset, &known(items, store), &way))
            .collect(),
        Items::Texts(items) if plan.task == crate::datasets::Task::Captioning => ways
            .map(|way| captioning(&known(items, store), &way))
            .collect(),
        Items::Texts(items) => {
            let known = known(items, store);
            let texts = embed(engine, &known, tell)?;
            ways.map(|way| retrieval(&known, &texts, &way)).collect()
        }
    }
}

/// An item with what was said of it.
type Known<'a, T> = (&'a Item<T>, &'a Record);

fn known<'a, T>(items: &'a [Item<T>], store: &'a Store) -> Vec<Known<'a, T>> {
    let with_record = |item: &'a Item<T>| Some((item, store.get(&item.clip.id)?));
    items.iter().filter_map(with_record).collect()
}

fn classification(
    dataset: Dataset,
    classes: usize,
    known: &[Known<Vec<usize>>],
    way: &str,
) -> Result<Measures> {
    let mut accuracy = Accuracy::new(classes);
    let mut many = MultiLabel::new(classes);
    for (item, record) in known {
        let Some(Said::Classes { logits, .. }) = record.by.get(way) else {
            return Err(strange(record, way));
        };
        if dataset.has_many_labels() {
            // As Charades is scored: a video in which nothing is done comes last for every class.
            let last = vec![f32::NEG_INFINITY; logits.0.len()];
            let scores = match item.truth.is_empty() {
                true => &last,
                false => &logits.0,
            };
            many.push(scores, &item.truth)?;
            continue;
        }
        // A clip that is listed under two classes shows the likelier one.
        let score = |class: &&usize| logits.0.get(**class).copied().unwrap_or(f32::NAN);
        let class = (item.truth.iter()).max_by(|a, b| score(a).total_cmp(&score(b)));
        accuracy.push(&logits.0, class.copied().unwrap_or(classes))?;
    }
    Ok(match dataset.has_many_labels() {
        true => Measures::ManyLabels(many.summary()),
        false => Measures::Classification(accuracy.summary()),
    })
}

fn captioning(known: &[Known<Vec<String>>], way: &str) -> Result<Measures> {
    let mut all = Vec::with_capacity(known.len());
    for (item, record) in known {
        let Some(Said::Caption { caption }) = record.by.get(way) else {
            return Err(strange(record, way));
        };
        all.push(Captioned {
            candidate: caption.as_str(),
            references: item.truth.iter().map(String::as_str).collect(),
        });
    }
    Ok(Measures::Captioning(captions::score(&all)?.corpus))
}

fn questions(dataset: Dataset, known: &[Known<Vec<Question>>], way: &str) -> Result<Measures> {
    let mut right = Answers::new();
    for (item, record) in known {
        let Some(Said::Answers { answers }) = record.by.get(way) else {
            return Err(strange(record, way));
        };
        if answers.len() != item.truth.len() {
            return Err(strange(record, way));
        }
        for (question, given) in item.truth.iter().zip(answers) {
            match (dataset, &question.answers[..]) {
                (Dataset::Ivqa, people) => right.push_agreement(&given.answer, people),
                (_, people) => right.push(&given.answer, &people[0]),
            };
        }
    }
    Ok(Measures::Answers(right.summary()))
}

/// The embeddings of all texts, item after item.
fn embed(
    engine: &Engine,
    known: &[Known<Vec<String>>],
    tell: &mut dyn FnMut(usize),
) -> Result<Vec<std::sync::Arc<[f32]>>> {
    let texts: Vec<&String> = known.iter().flat_map(|(item, _)| &item.truth).collect();
    let mut embedded = Vec::with_capacity(texts.len());
    for some in texts.chunks(TEXTS) {
        embedded.extend(engine.embed_texts(some)?);
        tell(embedded.len());
    }
    Ok(embedded)
}

fn retrieval(
    known: &[Known<Vec<String>>],
    texts: &[std::sync::Arc<[f32]>],
    way: &str,
) -> Result<Measures> {
    let mut videos = Vec::with_capacity(known.len());
    for (_, record) in known {
        match record.by.get(way) {
            Some(Said::Embedding { embedding }) if embedding.0.len() == texts[0].len() => {
                videos.push(embedding.0.as_slice());
            }
            _ => return Err(strange(record, way)),
        }
    }
    let owners = (known.iter().enumerate())
        .flat_map(|(video, (item, _))| item.truth.iter().map(move |_| vec![video]));
    let mut ranks = Retrieval::new(videos.len(), owners.collect())?;
    for text in texts {
        let scores: Vec<f32> = videos.iter().map(|video| dot(text, video)).collect();
        ranks.push(&scores)?;
    }
    Ok(Measures::Retrieval(ranks.summary()?))
}

/// The product of two vectors, in eight sums that a compiler can take side by side.
fn dot(a: &[f32], b: &[f32]) -> f32 {
    let mut sums = [0.0; 8];
    let (a, rest_a) = a.as_chunks::<8>();
    let (b, rest_b) = b.as_chunks::<8>();
    for (a, b) in a.iter().zip(b) {
        for i in 0..8 {
            sums[i] += a[i] * b[i];
        }
    }
    let rest: f32 = rest_a.iter().zip(rest_b).map(|(a, b)| a * b).sum();
    sums.iter().sum::<f32>() + rest
}

fn strange(record: &Record, way: &str) -> Error {
    let problem = format!(
        "clip {}: expected what its annotations ask for, pooled by {way}, found something else",
        record.id
    );
    Error::results(record.file.as_ref(), problem)
}

impl Measures {
    /// The figures in the order in which papers print them.
    pub fn figures(&self) -> Vec<Figure> {
        let percent = |name, share: f64| Figure {
            name,
            value: share * 100.0,
        };
        let plain = |name, value| Figure { name, value };
        match self {
            Self::Classification(of) => {
                vec![percent("top-1", of.top_1), percent("top-5", of.top_5)]
            }
            Self::ManyLabels(of) => vec![percent("mAP", of.map)],
            Self::Retrieval(of) => {
                let (videos, texts) = (&of.text_to_video, &of.video_to_text);
                vec![
                    percent("text to video R@1", videos.recall_at_1),
                    percent("text to video R@5", videos.recall_at_5),
                    percent("text to video R@10", videos.recall_at_10),
                    plain("text to video median rank", videos.median_rank),
                    plain("text to video mean rank", videos.mean_rank),
                    percent("video to text R@1", texts.recall_at_1),
                    percent("video to text R@5", texts.recall_at_5),
                    percent("video to text R@10", texts.recall_at_10),
                    plain("video to text median rank", texts.median_rank),
                    plain("video to text mean rank", texts.mean_rank),
                ]
            }
            Self::Captioning(of) => vec![
                percent("BLEU-1", of.bleu[0]),
                percent("BLEU-2", of.bleu[1]),
                percent("BLEU-3", of.bleu[2]),
                percent("BLEU-4", of.bleu[3]),
                percent("ROUGE-L", of.rouge_l),
                percent("CIDEr", of.cider),
            ],
            Self::Answers(of) => vec![percent("accuracy", of.accuracy)],
        }
    }
}
