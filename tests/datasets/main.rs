//! Readers of public annotation files: a small example of each format with content of our own, what a
//! reader says of a spoilt one, and where the videos are looked for. `read` writes the files.

mod classes;
mod malformed;
mod questions;
mod texts;
mod videos;

use std::fs;
use std::path::PathBuf;

use tempfile::TempDir;
use vcoca_gpu::Result;
use vcoca_gpu::datasets::{Dataset, Item, Items, Task};
use vcoca_gpu::frames::Seconds;
use vcoca_gpu::windows::Span;

/// A folder with the files, and their paths.
fn files(files: &[(&str, &str)]) -> (TempDir, Vec<PathBuf>) {
    let folder = tempfile::tempdir().unwrap();
    let write = |(name, content): &(&str, &str)| {
        let path = folder.path().join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, content).unwrap();
        path
    };
    let paths = files.iter().map(write).collect();
    (folder, paths)
}

/// What a dataset's reader makes of files.
fn read(dataset: &str, task: Task, split: Option<&str>, content: &[(&str, &str)]) -> Result<Items> {
    let (_folder, paths) = files(content);
    dataset.parse::<Dataset>()?.read(task, &paths, split)
}

/// The names of the classes, and each clip's identifier with its classes.
fn classes(items: Items) -> (Vec<String>, Vec<(String, Vec<usize>)>) {
    match items {
        Items::Classes { names, items } => (names, pairs(items)),
        other => panic!("{other:?}"),
    }
}

/// Each clip's identifier with its texts.
fn texts(items: Items) -> Vec<(String, Vec<String>)> {
    match items {
        Items::Texts(items) => pairs(items),
        other => panic!("{other:?}"),
    }
}

fn pairs<T>(items: Vec<Item<T>>) -> Vec<(String, T)> {
    let pair = |item: Item<T>| (item.clip.id, item.truth);
    items.into_iter().map(pair).collect()
}

/// The files that may hold each clip: their stems, and the parts of them.
fn places(items: &Items) -> Vec<Vec<(&str, Option<Span>)>> {
    let clips: Vec<_> = match items {
        Items::Classes { items, .. } => items.iter().map(|item| &item.clip).collect(),
        Items::Texts(items) => items.iter().map(|item| &item.clip).collect(),
        Items::Questions(items) => items.iter().map(|item| &item.clip).collect(),
    };
    let places = clips.iter().map(|clip| {
        let places = clip.places.iter();
        places.map(|place| (&*place.stem, place.span)).collect()
    });
    places.collect()
}

/// A stretch of time in hundredths of a second.
fn span(start: i64, end: i64) -> Option<Span> {
    let time = |hundredths| Seconds::new(hundredths, 100);
    Some(Span {
        start: time(start),
        end: time(end),
    })
}

fn owned(texts: &[&str]) -> Vec<String> {
    texts.iter().map(|text| (*text).to_owned()).collect()
}
