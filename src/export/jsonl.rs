//! One JSON object a line: `video`, `start`, `end`, `caption`, `embedding`, those that there are.

use std::io::{self, BufWriter, Write};

use serde::Serialize;

use super::{Columns, Row, Rows};
use crate::windows::to_f64;

/// Writes a table as JSON lines. Numbers have the digits that give the same number back.
pub struct Jsonl<W: Write> {
    out: BufWriter<W>,
    columns: Columns,
    embeddings: bool,
}

#[derive(Serialize)]
struct Line<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    video: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    start: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    end: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    caption: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    embedding: Option<&'a [f32]>,
}

impl<W: Write> Jsonl<W> {
    /// Begins a table, with the embeddings in it or without.
    pub fn begin(out: W, columns: Columns, embeddings: bool) -> Self {
        Self {
            out: BufWriter::new(out),
            columns,
            embeddings,
        }
    }
}

impl<W: Write> Rows<W> for Jsonl<W> {
    fn row(&mut self, row: &Row, embedding: &[f32]) -> io::Result<()> {
        self.columns.check(row);
        let moment = row.moment.as_ref();
        let line = Line {
            video: moment.map(|moment| moment.video),
            start: moment.map(|moment| to_f64(moment.start)),
            end: moment.map(|moment| to_f64(moment.end)),
            caption: row.caption,
            embedding: self.embeddings.then_some(embedding),
        };
        serde_json::to_writer(&mut self.out, &line)?;
        self.out.write_all(b"\n")
    }

    fn end(self: Box<Self>) -> io::Result<W> {
        self.out.into_inner().map_err(|error| error.into_error())
    }
}
