//! Captions in the layouts that other tools score: METEOR and SPICE are programs of their own.

use std::path::{Path, PathBuf};

use serde_json::{Map, Value, json};

use super::{Plan, Said, Store};
use crate::Result;
use crate::datasets::{Dataset, Item, Items, Task};
use crate::files::write_json;
use crate::windows::to_f64;

/// Writes what a store has as files for other tools and gives their paths; nothing for tasks that need
/// none. Captions: for each way of pooling `captions-WAY.json`, COCO's caption results, and
/// `references.json`, COCO's annotations, both as pycocoevalcap reads them; of ActivityNet Captions also
/// `activitynet-WAY.json`, the results of its dense-captioning task.
///
/// Errors: [`Error::Io`](crate::Error::Io).
pub fn export(folder: &Path, plan: &Plan, items: &Items, store: &Store) -> Result<Vec<PathBuf>> {
    let (Task::Captioning, Items::Texts(items)) = (plan.task, items) else {
        return Ok(Vec::new());
    };
    let items: Vec<_> = (items.iter())
        .filter(|item| store.get(&item.clip.id).is_some())
        .collect();
    let mut written = Vec::new();
    let mut write = |name: String, content: &Value| {
        let path = folder.join(name);
        write_json(path.clone(), content)?;
        written.push(path);
        Ok::<_, crate::Error>(())
    };
    write("references.json".into(), &references(&items))?;
    for way in plan.ways.iter().map(ToString::to_string) {
        let said = |item: &Item<Vec<String>>| match store.get(&item.clip.id)?.by.get(&way)? {
            Said::Caption { caption } => Some(caption.clone()),
            _ => None,
        };
        let results = items.iter().filter_map(|item| {
            let caption = said(item)?;
            Some(json!({"image_id": item.clip.id, "caption": caption}))
        });
        write(format!("captions-{way}.json"), &results.collect())?;
        if plan.dataset == Dataset::ActivityNet {
            let results = dense(&items, said);
            write(format!("activitynet-{way}.json"), &results)?;
        }
    }
    Ok(written)
}

/// The references as COCO's annotations.
fn references(items: &[&Item<Vec<String>>]) -> Value {
    let images = items.iter().map(|item| json!({"id": item.clip.id}));
    let all = items.iter().flat_map(|item| {
        let id = &item.clip.id;
        item.truth.iter().map(move |caption| (id, caption))
    });
    let annotations = (all.enumerate())
        .map(|(i, (id, caption))| json!({"id": i, "image_id": id, "caption": caption}));
    json!({
        "info": {},
        "licenses": [],
        "type": "captions",
        "images": images.collect::<Value>(),
        "annotations": annotations.collect::<Value>(),
    })
}

/// Captions of events, by video.
fn dense(
    items: &[&Item<Vec<String>>],
    said: impl Fn(&Item<Vec<String>>) -> Option<String>,
) -> Value {
    let mut results = Map::new();
    for item in items {
        let span = item.clip.places.first().and_then(|place| place.span);
        if let (Some(sentence), Some(span)) = (said(item), span) {
            let events = results.entry(&item.clip.video).or_insert(json!([]));
            if let Value::Array(events) = events {
                let timestamp = [to_f64(span.start), to_f64(span.end)];
                events.push(json!({"sentence": sentence, "timestamp": timestamp}));
            }
        }
    }
    let external = json!({"used": true, "details": "a pretrained image-text model"});
    json!({"version": "VERSION 1.0", "results": results, "external_data": external})
}
