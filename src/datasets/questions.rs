//! MSVD-QA and MSRVTT-QA: short videos, questions with answers of one word.
//!
//! `[{"id": 0, "video_id": 1, "question": "…", "answer": "…"}]`; MSRVTT-QA has a `category_id`, too. Video N
//! of MSR-VTT is `videoN`. Video N of MSVD is `vidN`; its files have the names of clips, which
//! `youtube_mapping.txt` maps in lines `CLIPNAME vidN`.

use std::collections::HashMap;
use std::path::{Path, PathBuf};

use super::json::Record;
use super::source::Source;
use super::{Clip, Grouped, Items, Place, Question, json};
use crate::files::shown;
use crate::{Error, Result};

pub(super) fn msrvtt(file: &Path) -> Result<Items> {
    let mut questions = Grouped::new();
    json::each(&Source::open(file)?, |record| {
        let (clip, question) = question(&record, "video")?;
        questions.add(clip, question);
        Ok(())
    })?;
    Ok(Items::Questions(questions.items))
}

/// The files of questions, and the mapping if there is one.
pub(super) fn msvd(files: &[PathBuf]) -> Result<Items> {
    let (mut questions, mut names) = (Grouped::new(), HashMap::new());
    for file in files {
        let source = Source::open(file)?;
        if !source.text.trim_start().starts_with(['[', '{']) {
            read_mapping(&source, &mut names)?;
            continue;
        }
        json::each(&source, |record| {
            let (clip, question) = question(&record, "vid")?;
            questions.add(clip, question);
            Ok(())
        })?;
    }
    if questions.items.is_empty() {
        let problem = "expected a file of questions beside the mapping, found none";
        return Err(Error::dataset(&files[0], problem));
    }
    for item in &mut questions.items {
        if let Some(name) = names.get(&item.clip.video) {
            item.clip.places.push(Place::whole(name));
        }
    }
    Ok(Items::Questions(questions.items))
}

/// Videos with the names of their clips.
fn read_mapping(source: &Source, names: &mut HashMap<String, String>) -> Result<()> {
    for (number, line) in source.lines() {
        let Some((name, video)) = line.rsplit_once(char::is_whitespace) else {
            let problem = format!("expected CLIPNAME vidN, found {}", shown(line));
            return Err(source.line_error(number, problem));
        };
        names.insert(video.to_owned(), name.trim_end().to_owned());
    }
    Ok(())
}

/// A question and the clip that it is about; `prefix` and its number are the name of its video.
fn question(record: &Record, prefix: &str) -> Result<(Clip, Question)> {
    let number = record.whole("video_id")?;
    let question = Question {
        id: record.identifier("id")?,
        text: record.text("question")?,
        answers: vec![record.text("answer")?],
    };
    Ok((Clip::whole(&format!("{prefix}{number}")), question))
}
