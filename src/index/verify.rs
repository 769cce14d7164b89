//! Whether an index is whole, and still says what the files are.

use std::path::PathBuf;

use super::videos::floats;
use super::{Index, Stamp};
use crate::Result;

/// A row of length 1 in f16 is off by no more: half a unit in the last of 11 bits, for each value.
const LENGTH_TOLERANCE: f32 = 2e-3;

/// What is wrong with an index or with one of its videos.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fault {
    /// None if the file of the index itself is damaged.
    pub video: Option<PathBuf>,
    pub problem: String,
}

impl Index {
    /// Looks at everything: the database's own structure, each embedding, each file's size and time.
    pub fn verify(&self) -> Result<Vec<Fault>> {
        let mut faults = self.structure()?;
        let videos = self.rows("ORDER BY id", [])?;
        let mut at = 0;
        self.blocks(|id, block| {
            // Another process may have removed some meanwhile.
            while videos.get(at).is_some_and(|row| row.id < id) {
                at += 1;
            }
            let Some(row) = videos.get(at).filter(|row| row.id == id) else {
                return Ok(());
            };
            let problem = match self.embeddings(id, block)? {
                Some(problem) => Some(problem),
                None => match Stamp::of(&row.video.path) {
                    Err(error) => Some(missing(error)),
                    Ok(stamp) if stamp != row.video.identity.stamp => {
                        Some("has changed since; `index update` reads it again".into())
                    }
                    Ok(_) => None,
                },
            };
            faults.extend(problem.map(|problem| Fault {
                video: Some(row.video.path.clone()),
                problem,
            }));
            Ok(())
        })?;
        Ok(faults)
    }

    /// What SQLite finds wrong.
    fn structure(&self) -> Result<Vec<Fault>> {
        let fault = self.fault();
        let mut check = self.db.prepare("PRAGMA integrity_check").map_err(&fault)?;
        let lines = check
            .query_map([], |row| row.get::<_, String>(0))
            .map_err(&fault)?;
        let mut faults = Vec::new();
        for line in lines {
            let problem = line.map_err(&fault)?;
            if problem != "ok" {
                faults.push(Fault {
                    video: None,
                    problem,
                });
            }
        }
        Ok(faults)
    }

    /// What is wrong with the embeddings of one video.
    fn embeddings(&self, id: i64, block: &[u8]) -> Result<Option<String>> {
        let row = 2 * self.recipe.width;
        let (windows, rows) = (self.windows(id)?.len(), block.len() / row);
        if windows != rows || !block.len().is_multiple_of(row) {
            return Ok(Some(format!(
                "has {windows} windows and {} bytes of embeddings, not {row} for each",
                block.len()
            )));
        }
        for (number, row) in block.chunks_exact(row).enumerate() {
            let length = floats(row).map(|value| value * value).sum::<f32>().sqrt();
            if !length.is_finite() || (length - 1.0).abs() > LENGTH_TOLERANCE {
                let problem =
                    format!("the embedding of window {number} has length {length}, not 1");
                return Ok(Some(problem));
            }
        }
        Ok(None)
    }
}

fn missing(error: crate::Error) -> String {
    match error {
        crate::Error::Io { reason, .. } if reason.kind() == std::io::ErrorKind::NotFound => {
            "is not there any more; `index add` knows it again where it is now".into()
        }
        crate::Error::Io { reason, .. } => format!("cannot be looked at: {reason}"),
        error => error.to_string(),
    }
}
