//! Kinetics-400, 600 and 700: clips of ten seconds, one class each.
//!
//! A csv for each split with the columns `label`, `youtube_id`, `time_start`, `time_end`, `split`, of
//! which 400 and 600 may have `is_cc` behind; the test split may lack `label`. Files are called
//! `<youtube_id>_<time_start>_<time_end>` with times of six digits, usually in a folder for each class. The
//! classes are the labels that the files name.

use std::collections::{BTreeSet, HashMap};
use std::path::PathBuf;

use super::source::Source;
use super::{Clip, Grouped, Items, table};
use crate::Result;
use crate::files::shown;
use crate::windows::Span;

pub(super) fn read(files: &[PathBuf], split: Option<&str>) -> Result<Items> {
    let (mut labelled, mut names, mut splits) = (Vec::new(), BTreeSet::new(), BTreeSet::new());
    let mut sources = Vec::new();
    for file in files {
        let source = Source::open(file)?;
        table::each(&source, |row| {
            if let Some(split) = split {
                let of = row.text("split")?;
                if of != split {
                    splits.insert(of.to_owned());
                    // Its label is a class, too; the rows of the test split may have none.
                    let label = label(row.cell_if_there("label").unwrap_or_default());
                    if !label.is_empty() {
                        names.insert(label);
                    }
                    return Ok(());
                }
            }
            let label = label(row.text("label")?);
            names.insert(label.clone());
            let (start, end) = (row.seconds("time_start")?, row.seconds("time_end")?);
            let video = row.text("youtube_id")?;
            let stem = format!("{video}_{:06}_{:06}", start.to_integer(), end.to_integer());
            labelled.push((Clip::cut(stem, video, Span { start, end }), label));
            Ok(())
        })?;
        sources.push(source);
    }
    if let (Some(split), true) = (split, labelled.is_empty()) {
        let splits: Vec<_> = splits.iter().map(String::as_str).collect();
        return Err(sources[0].whole_error(format!(
            "expected rows of split {split}, found those of {}",
            shown(&splits.join(", "))
        )));
    }
    let names: Vec<String> = names.into_iter().collect();
    let places: HashMap<&str, usize> = (names.iter().enumerate())
        .map(|(i, name)| (name.as_str(), i))
        .collect();
    let mut items = Grouped::new();
    for (clip, label) in labelled {
        items.add(clip, places[label.as_str()]);
    }
    Ok(items.into_classes(names))
}

/// The distinct labels, sorted.
pub(super) fn labels(source: &Source) -> Result<Vec<String>> {
    let mut names = BTreeSet::new();
    table::each(source, |row| {
        names.insert(label(row.text("label")?));
        Ok(())
    })?;
    Ok(names.into_iter().collect())
}

/// Some copies of the files have labels in quotation marks.
fn label(cell: &str) -> String {
    cell.trim_matches('"').trim().to_owned()
}
