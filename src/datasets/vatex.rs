//! VATEX: clips of ten seconds, ten English and ten Chinese captions each.
//!
//! `[{"videoID": "Ptf_2VRj-V0_000122_000132", "enCap": ["…", …], "chCap": […]}]`. The identifiers of
//! YouTube may have underscores themselves, so start and end are split off from the right. The private
//! test split has no captions, which is told as a missing field.

use std::path::PathBuf;

use super::source::Source;
use super::{Clip, Grouped, Items, json};
use crate::Result;
use crate::frames::Seconds;
use crate::windows::Span;

pub(super) fn read(files: &[PathBuf]) -> Result<Items> {
    let mut texts = Grouped::new();
    for file in files {
        let source = Source::open(file)?;
        json::each(&source, |record| {
            let name = record.text("videoID")?;
            let Some((video, span)) = split(&name) else {
                return Err(record.error(format_args!(
                    "field videoID: expected ID_START_END, found {name:?}"
                )));
            };
            for caption in record.texts("enCap")? {
                texts.add(Clip::cut(name.clone(), video, span), caption);
            }
            Ok(())
        })?;
    }
    Ok(Items::Texts(texts.items))
}

/// The video's identifier and the times in whole seconds.
fn split(name: &str) -> Option<(&str, Span)> {
    let mut parts = name.rsplitn(3, '_');
    let mut time = || parts.next()?.parse::<u32>().ok();
    let (end, start) = (time()?, time()?);
    let video = parts.next()?;
    let seconds = |time: u32| Seconds::from_integer(time.into());
    let (start, end) = (seconds(start), seconds(end));
    (start < end).then_some((video, Span { start, end }))
}
