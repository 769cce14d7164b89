//! HMDB51: actions in clips of films, in a folder for each class.
//!
//! `brush_hair_test_split1.txt` has lines `NAME.avi 1`, where 1 means training, 2 test and 0 neither. The
//! name of the file is the class; there are three splits.

use std::fs;
use std::path::{Path, PathBuf};

use super::source::Source;
use super::{Clip, Grouped, Items, Place};
use crate::files::shown;
use crate::{Error, Result};

/// The test videos of the split called `split` (1 if none is said), from the files or folders of files.
pub(super) fn read(files: &[PathBuf], split: Option<&str>) -> Result<Items> {
    let split = split.unwrap_or("1");
    let mut lists = Vec::new();
    for file in files {
        match file.is_dir() {
            true => lists.extend(lists_in(file)?),
            false => lists.push(file.clone()),
        }
    }
    let mut classes = Vec::new();
    for list in &lists {
        let Some((class, of)) = class_and_split(list) else {
            return Err(Error::dataset(list, NAMING));
        };
        if of == split {
            classes.push((class.to_owned(), list));
        }
    }
    if classes.is_empty() {
        let problem = format!("expected files NAME_test_split{split}.txt, found none");
        return Err(Error::dataset(&files[0], problem));
    }
    classes.sort();
    // A folder and one of its lists may both be named.
    let mut names: Vec<&str> = classes.iter().map(|(class, _)| class.as_str()).collect();
    names.dedup();
    let mut items = Grouped::new();
    for (class, list) in &classes {
        let place = names.partition_point(|name| *name < class.as_str());
        let source = Source::open(list)?;
        for (number, line) in source.lines() {
            let (stem, part) = video(line).ok_or_else(|| {
                let problem = format!("expected NAME.avi and 0, 1 or 2, found {}", shown(line));
                source.line_error(number, problem)
            })?;
            if part == "2" {
                items.add(clip(class, stem), place);
            }
        }
    }
    let names = names.into_iter().map(words).collect();
    Ok(items.into_classes(names))
}

const NAMING: &str = "expected a file called NAME_test_splitN.txt";

/// The classes that the files of a folder, or a file itself, are named after.
pub(super) fn labels(path: &Path) -> Result<Vec<String>> {
    let lists = match path.is_dir() {
        true => lists_in(path)?,
        false => vec![path.to_owned()],
    };
    let classes = lists.iter().filter_map(|list| class_and_split(list));
    let mut names: Vec<String> = classes.map(|(class, _)| words(class)).collect();
    names.sort();
    names.dedup();
    match names.is_empty() {
        true => Err(Error::dataset(
            path,
            "expected files called NAME_test_splitN.txt, found none",
        )),
        false => Ok(names),
    }
}

/// The files of a folder that are called as the lists are.
fn lists_in(folder: &Path) -> Result<Vec<PathBuf>> {
    let entries = fs::read_dir(folder).map_err(Error::io(folder))?;
    let mut lists = Vec::new();
    for entry in entries {
        let path = entry.map_err(Error::io(folder))?.path();
        if class_and_split(&path).is_some() {
            lists.push(path);
        }
    }
    Ok(lists)
}

/// `brush_hair` and `1`, of `brush_hair_test_split1.txt`.
pub(super) fn class_and_split(list: &Path) -> Option<(&str, &str)> {
    let name = list.file_name()?.to_str()?.strip_suffix(".txt")?;
    let (class, split) = name.rsplit_once("_test_split")?;
    (!class.is_empty() && split.parse::<u8>().is_ok()).then_some((class, split))
}

/// The name of a line's file without extension, and what the video is for.
fn video(line: &str) -> Option<(&str, &str)> {
    let (file, part) = line.rsplit_once(char::is_whitespace)?;
    let (stem, _) = file.trim_end().rsplit_once('.')?;
    matches!(part, "0" | "1" | "2").then_some((stem, part))
}

/// Files of different classes may have the same name.
fn clip(class: &str, stem: &str) -> Clip {
    let place = Place {
        folder: Some(class.to_owned()),
        ..Place::whole(stem)
    };
    Clip {
        id: format!("{class}/{stem}"),
        video: stem.to_owned(),
        places: vec![place],
    }
}

fn words(class: &str) -> String {
    class.replace('_', " ")
}
