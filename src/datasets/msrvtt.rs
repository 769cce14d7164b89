//! MSR-VTT: videos cut from YouTube's, twenty sentences each.
//!
//! `{"videos": [{"video_id": "video0", "split": "train", "start time": 137.72, …}], "sentences":
//! [{"caption": "…", "video_id": "video2960", "sen_id": 0}]}`. The times are those of the cut, so files
//! are taken whole. The csv of the 1k-A test split has one sentence a video: the columns `key`,
//! `vid_key`, `video_id`, `sentence`.

use std::collections::BTreeSet;
use std::path::Path;

use super::source::Source;
use super::{Clip, Grouped, Items, json, table};
use crate::files::shown;
use crate::{Error, Result};

/// Reads either file; `split` is of no use to the csv, which is one.
pub(super) fn read(path: &Path, split: Option<&str>) -> Result<Items> {
    let source = Source::open(path)?;
    match (source.text.trim_start().starts_with(['{', '[']), split) {
        (true, _) => read_json(&source, split.unwrap_or("test")),
        (false, None) => read_csv(&source),
        (false, Some(split)) => Err(Error::Argument {
            what: "split",
            expected: "none: the csv is a split of its own".into(),
            found: split.into(),
        }),
    }
}

fn read_json(source: &Source, split: &str) -> Result<Items> {
    let (mut wanted, mut splits) = (BTreeSet::new(), BTreeSet::new());
    let mut sentences = Vec::new();
    json::each_in(source, &["videos", "sentences"], |record| {
        let video = record.text("video_id")?;
        if record.section() == "videos" {
            let of = record.text("split")?;
            if of == split {
                wanted.insert(video);
            }
            splits.insert(of);
        } else {
            sentences.push((video, record.text("caption")?));
        }
        Ok(())
    })?;
    if wanted.is_empty() {
        let splits: Vec<_> = splits.iter().map(String::as_str).collect();
        return Err(source.whole_error(format!(
            "videos: expected some of split {split}, found those of {}",
            shown(&splits.join(", "))
        )));
    }
    let mut texts = Grouped::new();
    for (video, caption) in sentences {
        if wanted.contains(&video) {
            texts.add(Clip::whole(&video), caption);
        }
    }
    if texts.items.len() < wanted.len() {
        let named: BTreeSet<&str> = texts.items.iter().map(|item| &*item.clip.id).collect();
        let silent = wanted.iter().find(|video| !named.contains(video.as_str()));
        return Err(source.whole_error(format!(
            "expected sentences for each video of split {split}, found none for {}",
            silent.map_or("", |video| video)
        )));
    }
    Ok(Items::Texts(texts.items))
}

fn read_csv(source: &Source) -> Result<Items> {
    let mut texts = Grouped::new();
    table::each(source, |row| {
        let (video, sentence) = (row.text("video_id")?, row.text("sentence")?);
        texts.add(Clip::whole(video), sentence.to_owned());
        Ok(())
    })?;
    Ok(Items::Texts(texts.items))
}
