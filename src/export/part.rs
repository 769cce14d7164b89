//! One part of a folder: written under other names, then renamed, its record last.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, BufWriter, Write};

use serde::{Deserialize, Serialize};

use super::folder::Folder;
use super::lock::{Lock, remove};
use super::{Row, Rows};
use crate::Result;
use crate::files::{Incomplete, write_json};

/// What is known of a part that is whole: the content of `parts/part_*.json`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Record {
    /// How many inputs it was made of.
    pub inputs: usize,
    /// Their sha256.
    pub digest: String,
    /// How many of them failed.
    pub failed: usize,
    /// Rows of its embeddings.
    pub rows: usize,
    /// The size of each of its files, by the name in the folder.
    pub files: BTreeMap<String, u64>,
}

/// A part in the making. It is there after [`finish`](Self::finish); before, and after a kill at any
/// moment, it is not.
pub struct Part<'a> {
    folder: &'a Folder,
    number: usize,
    record: Record,
    writers: Vec<Writer>,
    errors: Option<(Incomplete, BufWriter<File>)>,
    lock: Lock,
}

/// One file of a part.
struct Writer {
    /// Below the folder.
    name: String,
    incomplete: Incomplete,
    rows: Box<dyn Rows<File>>,
}

/// A line of `errors_*.jsonl`.
#[derive(Serialize)]
struct Failure<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    video: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    text: Option<&'a str>,
    error: &'a str,
}

impl<'a> Part<'a> {
    pub(super) fn begin(
        folder: &'a Folder,
        number: usize,
        inputs: usize,
        digest: String,
        lock: Lock,
    ) -> Result<Self> {
        // Its files may be replaced from now on.
        remove(&folder.record_path(number))?;
        let mut part = Self {
            folder,
            number,
            record: Record {
                inputs,
                digest,
                failed: 0,
                rows: 0,
                files: BTreeMap::new(),
            },
            writers: Vec::new(),
            errors: None,
            lock,
        };
        for (name, kind) in folder.layout().files(number) {
            let (incomplete, file) = Incomplete::create(folder.path(&name))?;
            let rows = folder.layout().begin(kind, file, folder.settings());
            let rows = rows.map_err(incomplete.error())?;
            part.writers.push(Writer {
                name,
                incomplete,
                rows,
            });
        }
        Ok(part)
    }

    /// Adds a row to all files.
    pub fn row(&mut self, row: &Row, embedding: &[f32]) -> Result<()> {
        for Writer {
            incomplete, rows, ..
        } in &mut self.writers
        {
            rows.row(row, embedding).map_err(incomplete.error())?;
        }
        self.record.rows += 1;
        Ok(())
    }

    /// Notes an input that gives no rows, and why.
    pub fn failed(&mut self, input: &str, error: &str) -> Result<()> {
        if self.errors.is_none() {
            let path = self.folder.path(&self.errors_name());
            let (incomplete, file) = Incomplete::create(path)?;
            self.errors = Some((incomplete, BufWriter::new(file)));
        }
        let (incomplete, out) = self.errors.as_mut().expect("made above");
        let videos = self.folder.layout().columns.moments;
        let failure = Failure {
            video: videos.then_some(input),
            text: (!videos).then_some(input),
            error,
        };
        let write = serde_json::to_writer(&mut *out, &failure).map_err(io::Error::from);
        let write = write.and_then(|()| out.write_all(b"\n"));
        write.map_err(incomplete.error())?;
        self.record.failed += 1;
        Ok(())
    }

    /// Completes the part: its files reach the disk, then get their names, and the record comes last.
    pub fn finish(mut self) -> Result<Record> {
        let name = self.errors_name();
        match self.errors.take() {
            Some((incomplete, out)) => {
                let file = out.into_inner().map_err(|error| error.into_error());
                let file = file.map_err(incomplete.error())?;
                self.record.files.insert(name, incomplete.complete(&file)?);
            }
            // Of an earlier making.
            None => remove(&self.folder.path(&name))?,
        }
        for writer in self.writers {
            let file = writer.rows.end().map_err(writer.incomplete.error())?;
            let bytes = writer.incomplete.complete(&file)?;
            self.record.files.insert(writer.name, bytes);
        }
        write_json(self.folder.record_path(self.number), &self.record)?;
        self.lock.remove()?;
        Ok(self.record)
    }

    fn errors_name(&self) -> String {
        format!("errors/errors_{:05}.jsonl", self.number)
    }
}
