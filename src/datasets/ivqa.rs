//! iVQA: parts of instructional videos, a question each, and five people's answers.
//!
//! A csv with the columns `video_id`, `start`, `end`, `question`, `answer1` to `answer5`. This layout is
//! unconfirmed: it is what loaders are described to read, and no published file was at hand. Whatever
//! column is missing is named.

use std::path::Path;

use super::source::Source;
use super::{Clip, Grouped, Items, Question, table};
use crate::Result;
use crate::windows::Span;

const ANSWERS: [&str; 5] = ["answer1", "answer2", "answer3", "answer4", "answer5"];

pub(super) fn read(file: &Path) -> Result<Items> {
    let mut questions = Grouped::new();
    table::each(&Source::open(file)?, |row| {
        let video = row.text("video_id")?;
        let span = Span {
            start: row.seconds("start")?,
            end: row.seconds("end")?,
        };
        let mut answers = Vec::new();
        for column in ANSWERS {
            match row.cell(column)? {
                "" => {}
                answer => answers.push(answer.to_owned()),
            }
        }
        if answers.is_empty() {
            return Err(row.error("fields answer1 to answer5: expected an answer, found none"));
        }
        let stem = format!("{video}_{}_{}", row.cell("start")?, row.cell("end")?);
        let question = Question {
            id: format!("line {}", row.line),
            text: row.text("question")?.to_owned(),
            answers,
        };
        questions.add(Clip::cut(stem, video, span), question);
        Ok(())
    })?;
    Ok(Items::Questions(questions.items))
}
