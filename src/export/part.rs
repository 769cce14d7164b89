//! One part of a folder: written under other names, then renamed, its record last.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{self, BufWriter, ErrorKind, Write};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::folder::{Folder, write_whole};
use super::{Row, Rows};
use crate::{Error, Result};

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
    writers: Vec<(Naming, Box<dyn Rows<File>>)>,
    errors: Option<(Naming, BufWriter<File>)>,
    /// Unlocked when dropped. Its file stays until the part is whole: another process may have opened it.
    _lock: File,
}

/// A file that is not whole yet.
struct Naming {
    name: String,
    path: PathBuf,
    incomplete: PathBuf,
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
        lock: File,
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
            _lock: lock,
        };
        for (name, kind) in folder.files(number) {
            let (naming, file) = part.create(name)?;
            let rows = folder.begin(kind, file);
            let rows = rows.map_err(Error::io(&naming.incomplete))?;
            part.writers.push((naming, rows));
        }
        Ok(part)
    }

    fn create(&self, name: String) -> Result<(Naming, File)> {
        let path = self.folder.path(&name);
        let parent = path.parent().expect("a path below the folder");
        fs::create_dir_all(parent).map_err(Error::io(parent))?;
        let mut incomplete = path.clone().into_os_string();
        incomplete.push(".incomplete");
        let incomplete = PathBuf::from(incomplete);
        let file = File::create(&incomplete).map_err(Error::io(&incomplete))?;
        let naming = Naming {
            name,
            path,
            incomplete,
        };
        Ok((naming, file))
    }

    /// Adds a row to all files.
    pub fn row(&mut self, row: &Row, embedding: &[f32]) -> Result<()> {
        for (naming, rows) in &mut self.writers {
            rows.row(row, embedding)
                .map_err(Error::io(&naming.incomplete))?;
        }
        self.record.rows += 1;
        Ok(())
    }

    /// Notes an input that gives no rows, and why.
    pub fn failed(&mut self, input: &str, error: &str) -> Result<()> {
        if self.errors.is_none() {
            let (naming, file) = self.create(self.errors_name())?;
            self.errors = Some((naming, BufWriter::new(file)));
        }
        let (naming, out) = self.errors.as_mut().expect("made above");
        let videos = self.folder.layout().columns.moments;
        let failure = Failure {
            video: videos.then_some(input),
            text: (!videos).then_some(input),
            error,
        };
        let write = serde_json::to_writer(&mut *out, &failure).map_err(io::Error::from);
        let write = write.and_then(|()| out.write_all(b"\n"));
        write.map_err(Error::io(&naming.incomplete))?;
        self.record.failed += 1;
        Ok(())
    }

    /// Completes the part: its files reach the disk, then get their names, and the record comes last.
    pub fn finish(mut self) -> Result<Record> {
        let mut files = Vec::new();
        for (naming, rows) in std::mem::take(&mut self.writers) {
            let file = rows.end().map_err(Error::io(&naming.incomplete))?;
            files.push((naming, file));
        }
        match self.errors.take() {
            Some((naming, out)) => {
                let file = out.into_inner().map_err(|error| error.into_error());
                let file = file.map_err(Error::io(&naming.incomplete))?;
                files.push((naming, file));
            }
            // Of an earlier making.
            None => remove(&self.folder.path(&self.errors_name()))?,
        }
        for (naming, file) in files {
            let bytes = file.sync_all().and_then(|()| file.metadata());
            let bytes = bytes.map_err(Error::io(&naming.incomplete))?.len();
            place(&naming.incomplete, &naming.path)?;
            self.record.files.insert(naming.name.clone(), bytes);
        }
        let path = self.folder.record_path(self.number);
        let incomplete = path.with_extension("json.incomplete");
        write_whole(&incomplete, &self.record)?;
        place(&incomplete, &path)?;
        // Whoever waits at the file's old self looks for the record, which is there.
        remove(&self.folder.lock_path(self.number))?;
        Ok(self.record.clone())
    }

    fn errors_name(&self) -> String {
        format!("errors/errors_{:05}.jsonl", self.number)
    }
}

impl Drop for Naming {
    /// What will not be finished takes no room; what is has another name by now.
    fn drop(&mut self) {
        let _ = fs::remove_file(&self.incomplete);
    }
}

/// Renames a file within its folder, and sees that the disk knows.
fn place(incomplete: &Path, path: &Path) -> Result<()> {
    fs::rename(incomplete, path).map_err(Error::io(path))?;
    if cfg!(unix) {
        let parent = path.parent().expect("a path below the folder");
        let synced = File::open(parent).and_then(|folder| folder.sync_all());
        synced.map_err(Error::io(parent))?;
    }
    Ok(())
}

/// Removes a file, if it is there.
fn remove(path: &Path) -> Result<()> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != ErrorKind::NotFound => Err(Error::io(path)(error)),
        _ => Ok(()),
    }
}
