//! What results depend on: runs that share it go on with each other's.

use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};
use sha2::{Digest, Sha256};

use super::Plan;
use crate::datasets::Task;
use crate::files::{self, hex};
use crate::model::ModelSource;
use crate::{Engine, Error, Result};

/// By name, everything that changes what a model says of a clip. Where the videos are, how many of
/// them are wanted and which adapter computes is not among it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Settings(pub Map<String, Value>);

impl Settings {
    /// Reads the annotation files and the model once more, for their hashes (sha256).
    ///
    /// Errors: those of reading them.
    pub fn new(
        plan: &Plan,
        annotations: &[PathBuf],
        split: Option<&str>,
        source: &ModelSource,
        engine: &Engine,
    ) -> Result<Self> {
        let mut settings = Map::new();
        let mut set = |name: &str, value: Value| settings.insert(name.into(), value);
        set("task", json!(plan.task.to_string()));
        set("dataset", json!(plan.dataset.to_string()));
        set("split", json!(split));
        set("annotations", annotation_hashes(annotations)?);
        set("model", json!(source.name()));
        set("model_sha256", json!(source.hash()?));
        set("dtype", json!(engine.model().dtype()));
        set("frames", json!(plan.frames));
        set("sampling", json!(plan.sampling.to_string()));
        let ways: Vec<_> = plan.ways.iter().map(ToString::to_string).collect();
        set("pooling", json!(ways));
        match plan.task {
            Task::Classification => drop(set("templates", json!(plan.templates))),
            Task::Captioning | Task::Qa => drop(set("writing", short(json!(plan.options)))),
            Task::Retrieval => {}
        }
        Ok(Self(settings))
    }

    /// In words, the first setting of which an earlier run had another.
    pub(super) fn difference(&self, earlier: &Self) -> Option<String> {
        let mut names = self.0.keys().chain(earlier.0.keys());
        let name = names.find(|name| self.0.get(*name) != earlier.0.get(*name))?;
        let of = |settings: &Self| match settings.0.get(name) {
            None | Some(Value::Null) => Some("nothing".into()),
            Some(Value::String(text)) => Some(files::shown(text)),
            Some(Value::Array(_) | Value::Object(_)) => None,
            Some(other) => Some(other.to_string()),
        };
        Some(match (of(earlier), of(self)) {
            (Some(there), Some(here)) => format!("{name} is {there} there, {here} here"),
            _ => format!("{name} is not the same"),
        })
    }
}

/// The same with the fewest digits that tell its numbers, which are 32-bit, apart: they are read from a
/// file as they were written, which longer ones are not always.
fn short(value: Value) -> Value {
    match value {
        Value::Object(fields) => {
            let fields = fields.into_iter();
            fields.map(|(name, value)| (name, short(value))).collect()
        }
        Value::Number(number) if number.is_f64() => {
            let exact = number.as_f64().unwrap_or_default();
            (exact as f32)
                .to_string()
                .parse::<f64>()
                .unwrap_or(exact)
                .into()
        }
        other => other,
    }
}

/// The path of each file and the hash of its bytes; of a folder, that of its files' names and hashes.
fn annotation_hashes(paths: &[PathBuf]) -> Result<Value> {
    let mut all = Vec::new();
    for path in paths {
        let hash = if path.is_dir() {
            let mut inside = Vec::new();
            for entry in path.read_dir().map_err(Error::io(path))? {
                inside.push(entry.map_err(Error::io(path))?.path());
            }
            inside.retain(|file| file.is_file());
            inside.sort();
            let mut hash = Sha256::new();
            for file in &inside {
                hash.update(file.file_name().unwrap_or_default().as_encoded_bytes());
                hash.update([0]);
                hash.update(file_hash(file)?);
            }
            hex(&hash.finalize())
        } else {
            file_hash(path)?
        };
        let name = path.file_name().unwrap_or(path.as_os_str());
        all.push(json!({"name": name.to_string_lossy(), "sha256": hash}));
    }
    Ok(all.into())
}

fn file_hash(path: &Path) -> Result<String> {
    let bytes = files::read(path, "an annotation file of at most 1 GiB", 1 << 30)?;
    Ok(hex(&Sha256::digest(bytes)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::generate::{Draw, Options, Strategy};

    #[test]
    fn options_are_read_from_a_file_as_they_were_written() {
        for hundredths in 1..=300u16 {
            let top_p = f32::from(hundredths) / 100.0;
            let strategy = Strategy::Draw(Draw {
                top_p,
                ..Draw::default()
            });
            let options = Options {
                strategy,
                ..Options::default()
            };
            let writing = short(json!(options));
            let text = serde_json::to_string(&writing).unwrap();
            let read: Value = serde_json::from_str(&text).unwrap();
            assert_eq!(read, writing, "{text}");
        }
    }
}
