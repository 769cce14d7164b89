//! YouCook2: cooking videos, with sentences for their steps.
//!
//! `{"database": {"GLd3aX16zBg": {"subset": "training", "recipe_type": "113", "annotations": [{"id": 0,
//! "segment": [41, 54], "sentence": "…"}]}}}`. The lists of a split have a line `RECIPE_TYPE/ID` for each
//! video. The test split has no sentences.

use std::collections::{BTreeSet, HashSet};
use std::path::PathBuf;

use super::source::Source;
use super::{Clip, Grouped, Items, json};
use crate::Result;
use crate::files::shown;

/// Reads one or more files of annotations; if there are lists, too, only the videos on them.
pub(super) fn read(files: &[PathBuf], split: Option<&str>) -> Result<Items> {
    let (mut annotations, mut listed, mut has_lists) = (Vec::new(), HashSet::new(), false);
    for file in files {
        let source = Source::open(file)?;
        if source.text.trim_start().starts_with(['{', '[']) {
            annotations.push(source);
            continue;
        }
        has_lists = true;
        for (number, line) in source.lines() {
            match line.rsplit_once('/') {
                Some((_, id)) if !id.is_empty() => listed.insert(id.to_owned()),
                _ => {
                    let problem = format!("expected RECIPE_TYPE/ID, found {}", shown(line));
                    return Err(source.line_error(number, problem));
                }
            };
        }
    }
    // A list says which split it is; the file of annotations has two.
    let split = match (split, has_lists) {
        (None, true) => None,
        (split, _) => Some(split.unwrap_or("validation")),
    };
    let (mut texts, mut splits) = (Grouped::new(), BTreeSet::new());
    for source in &annotations {
        json::each_in(source, &["database"], |record| {
            let video = record.key()?;
            let of = record.text("subset")?;
            let wanted = split.is_none_or(|split| split == of);
            splits.insert(of);
            if !wanted || has_lists && !listed.contains(video) {
                return Ok(());
            }
            for step in record.records("annotations")? {
                let clip = Clip::part(video, step.stretch("segment")?);
                texts.add(clip, step.text("sentence")?);
            }
            Ok(())
        })?;
    }
    match (annotations.first(), texts.items.is_empty()) {
        (Some(source), true) => {
            let splits: Vec<_> = splits.iter().map(String::as_str).collect();
            Err(source.whole_error(format!(
                "database: expected videos of split {}{}, found those of {}",
                split.unwrap_or("any"),
                if has_lists { " that are listed" } else { "" },
                shown(&splits.join(", "))
            )))
        }
        _ => Ok(Items::Texts(texts.items)),
    }
}
