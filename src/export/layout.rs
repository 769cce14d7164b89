//! Which files a part has, and how they are called.

use std::fs::File;
use std::io;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{Columns, Element, Jsonl, Npy, Rows, Safetensors, Settings};

/// The files that embeddings go to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Format {
    /// With a table of metadata beside it.
    Npy,
    /// With a table of metadata beside it.
    Safetensors,
    /// Everything in one table. Needs the feature `parquet`.
    Parquet,
    /// Everything in one table.
    Jsonl,
}

impl Format {
    /// The table that has the embeddings in it.
    fn table(self) -> Option<Table> {
        match self {
            Self::Npy | Self::Safetensors => None,
            Self::Parquet => Some(Table::Parquet),
            Self::Jsonl => Some(Table::Jsonl),
        }
    }
}

/// The files that tables go to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Table {
    /// Needs the feature `parquet`.
    Parquet,
    Jsonl,
}

/// What the files of a part are.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Layout {
    pub format: Format,
    /// The table beside `.npy` and safetensors.
    pub metadata: Table,
    /// Of `.npy` and safetensors; tables have f32.
    pub element: Element,
    pub columns: Columns,
    /// The number of values of an embedding, E.
    pub width: usize,
}

/// One file of a part.
#[derive(Clone, Copy)]
pub(super) enum Kind {
    Npy,
    Safetensors,
    Table { table: Table, embeddings: bool },
}

impl Layout {
    /// The kind of table that it has, with the embeddings or beside them.
    pub(super) fn table(&self) -> Table {
        self.format.table().unwrap_or(self.metadata)
    }

    /// The files of a part, the embeddings first.
    pub(super) fn files(&self, number: usize) -> Vec<(String, Kind)> {
        let stem = match self.columns.moments {
            true => "img_emb",
            false => "text_emb",
        };
        let name = |stem, ending| format!("{stem}/{stem}_{number:05}.{ending}");
        let table = |stem, table, embeddings| {
            (name(stem, ending(table)), Kind::Table { table, embeddings })
        };
        if let Some(format) = self.format.table() {
            return vec![table("embeddings", format, true)];
        }
        let matrix = match self.format {
            Format::Safetensors => (name(stem, "safetensors"), Kind::Safetensors),
            _ => (name(stem, "npy"), Kind::Npy),
        };
        vec![matrix, table("metadata", self.metadata, false)]
    }

    /// Begins a file of a part. The settings go where a format has room for them.
    pub(super) fn begin(
        &self,
        kind: Kind,
        file: File,
        settings: &Settings,
    ) -> io::Result<Box<dyn Rows<File>>> {
        let Layout {
            width,
            element,
            columns,
            ..
        } = *self;
        Ok(match kind {
            Kind::Npy => Box::new(Npy::begin(file, width, element)?),
            Kind::Safetensors => {
                let text = |value: &Value| match value {
                    Value::String(text) => text.clone(),
                    value => value.to_string(),
                };
                let metadata = settings.iter();
                let metadata = metadata.map(|(key, value)| (key.clone(), text(value)));
                let metadata = metadata.collect();
                Box::new(Safetensors::begin(file, width, element, metadata)?)
            }
            Kind::Table {
                table: Table::Jsonl,
                embeddings,
            } => Box::new(Jsonl::begin(file, columns, embeddings)),
            #[cfg(feature = "parquet")]
            Kind::Table {
                table: Table::Parquet,
                embeddings,
            } => {
                let width = embeddings.then_some(width);
                Box::new(super::Parquet::begin(file, columns, width)?)
            }
            #[cfg(not(feature = "parquet"))]
            Kind::Table {
                table: Table::Parquet,
                ..
            } => unreachable!("refused when the folder was opened"),
        })
    }
}

fn ending(table: Table) -> &'static str {
    match table {
        Table::Parquet => "parquet",
        Table::Jsonl => "jsonl",
    }
}
