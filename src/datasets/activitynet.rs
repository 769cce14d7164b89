//! ActivityNet Captions and ActivityNet-QA: long videos from YouTube.
//!
//! Captions: `{"v_QOlSCBRmfWY": {"duration": 82.73, "timestamps": [[0.83, 19.86], …], "sentences": ["…",
//! …]}}`. Questions and answers are files of their own: `[{"video_name": "1QIUV7WYKXg", "question": "…",
//! "question_id": "v_1QIUV7WYKXg_3"}]` and `[{"answer": "…", "type": 3, "question_id": …}]`. Files of
//! videos often lack the `v_`.

use std::collections::HashMap;
use std::path::PathBuf;

use super::source::Source;
use super::{Clip, Grouped, Items, Place, Question, Task, json};
use crate::files::shown;
use crate::{Error, Result};

/// Captioning: each event by itself. Retrieval: each video with its sentences in a row, as is usual.
pub(super) fn read(files: &[PathBuf], task: Task) -> Result<Items> {
    let mut texts = Grouped::new();
    for file in files {
        let source = Source::open(file)?;
        json::each(&source, |record| {
            let video = record.key()?;
            let sentences = record.texts("sentences")?;
            if task == Task::Retrieval {
                texts.add(with_and_without_v(Clip::whole(video)), sentences.join(" "));
                return Ok(());
            }
            let events = record.stretches("timestamps")?;
            if events.len() != sentences.len() {
                return Err(record.error(format_args!(
                    "expected as many timestamps as sentences, found {} and {}",
                    events.len(),
                    sentences.len()
                )));
            }
            for (sentence, event) in sentences.into_iter().zip(events) {
                texts.add(with_and_without_v(Clip::part(video, event)), sentence);
            }
            Ok(())
        })?;
    }
    Ok(Items::Texts(texts.items))
}

/// The two files may come in any order.
pub(super) fn questions(files: &[PathBuf; 2]) -> Result<Items> {
    let (mut asked, mut answers) = (Vec::new(), HashMap::new());
    let mut answered_in = &files[1];
    for file in files {
        let source = Source::open(file)?;
        json::each(&source, |record| {
            let id = record.identifier("question_id")?;
            if record.has("answer") {
                answered_in = file;
                answers.insert(id, record.identifier("answer")?);
            } else {
                asked.push((id, record.text("video_name")?, record.text("question")?));
            }
            Ok(())
        })?;
    }
    let mut questions = Grouped::new();
    for (id, video, text) in asked {
        let Some(answer) = answers.remove(&id) else {
            let problem = format!("expected an answer to question {}, found none", shown(&id));
            return Err(Error::dataset(answered_in, problem));
        };
        let answers = vec![answer];
        let question = Question { id, text, answers };
        questions.add(with_and_without_v(Clip::whole(&video)), question);
    }
    Ok(Items::Questions(questions.items))
}

/// Adds the file that lacks the `v_`, or has it where the annotations lack it.
fn with_and_without_v(mut clip: Clip) -> Clip {
    let first = clip.places[0].clone();
    let stem = match first.stem.strip_prefix("v_") {
        Some(rest) => rest.to_owned(),
        None => format!("v_{}", first.stem),
    };
    clip.places.push(Place { stem, ..first });
    clip
}
