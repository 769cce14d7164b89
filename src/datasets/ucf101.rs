//! UCF101: actions in videos of some seconds, in a folder for each class.
//!
//! `classInd.txt` has lines `1 ApplyEyeMakeup`; `testlist01.txt` has lines
//! `ApplyEyeMakeup/v_ApplyEyeMakeup_g01_c01.avi`, behind which `trainlist01.txt` has the class's number.

use std::collections::HashMap;
use std::path::PathBuf;

use super::source::Source;
use super::{Clip, Grouped, Items, Place};
use crate::Result;
use crate::files::shown;

/// The file of classes and one or more lists, in any order.
pub(super) fn read(files: &[PathBuf]) -> Result<Items> {
    let sources = files.iter().map(|file| Source::open(file));
    let sources = sources.collect::<Result<Vec<_>>>()?;
    let (classes, lists): (Vec<_>, Vec<_>) = sources.iter().partition(|source| {
        let mut lines = source.lines();
        lines.next().is_some_and(|(_, line)| !line.contains('/'))
    });
    let (&[classes], [_, ..]) = (&classes[..], &lists[..]) else {
        return Err(sources[0].whole_error(format!(
            "expected classInd.txt and a list of videos among the annotations, found {} files of \
             classes and {} lists",
            classes.len(),
            lists.len()
        )));
    };
    let names = classes_of(classes)?;
    let places: HashMap<&str, usize> = (names.iter().enumerate())
        .map(|(i, name)| (name.as_str(), i))
        .collect();
    let mut items = Grouped::new();
    for list in lists {
        for (number, line) in list.lines() {
            let (folder, stem) = video(line).ok_or_else(|| {
                let problem = format!("expected CLASS/VIDEO.avi, found {}", shown(line));
                list.line_error(number, problem)
            })?;
            let class = places.get(folder).ok_or_else(|| {
                let problem = format!(
                    "class {} is none of the {} in {}",
                    shown(folder),
                    names.len(),
                    classes.path.display()
                );
                list.line_error(number, problem)
            })?;
            items.add(clip(folder, stem), *class);
        }
    }
    let names = names.iter().map(|name| words(name)).collect();
    Ok(items.into_classes(names))
}

/// A line's class and the name of its file without extension.
fn video(line: &str) -> Option<(&str, &str)> {
    let path = match line.rsplit_once(' ') {
        Some((path, number)) if number.parse::<u32>().is_ok() => path.trim_end(),
        _ => line,
    };
    let (folder, file) = path.rsplit_once('/')?;
    let (stem, _) = file.rsplit_once('.')?;
    (!folder.is_empty() && !stem.is_empty()).then_some((folder, stem))
}

fn clip(folder: &str, stem: &str) -> Clip {
    let place = Place {
        folder: Some(folder.to_owned()),
        ..Place::whole(stem)
    };
    Clip {
        id: stem.to_owned(),
        video: stem.to_owned(),
        places: vec![place],
    }
}

/// The classes as published, in the order of their numbers, which have to be 1, 2, 3, …
pub(super) fn classes_of(source: &Source) -> Result<Vec<String>> {
    let mut names = Vec::new();
    for (number, line) in source.lines() {
        let expected = names.len() + 1;
        match line.split_once(char::is_whitespace) {
            Some((index, name)) if index.parse() == Ok(expected) => {
                names.push(name.trim_start().to_owned());
            }
            _ => {
                let problem = format!("expected {expected} and a class, found {}", shown(line));
                return Err(source.line_error(number, problem));
            }
        }
    }
    Ok(names)
}

/// `ApplyEyeMakeup` as words: `apply eye makeup`. A run of capitals is one word.
pub(super) fn words(name: &str) -> String {
    let letters: Vec<char> = name.chars().collect();
    let mut words = String::new();
    for (i, letter) in letters.iter().enumerate() {
        let after_small = i > 0 && letters[i - 1].is_lowercase();
        let before_small = i > 0 && letters.get(i + 1).is_some_and(|c| c.is_lowercase());
        if letter.is_uppercase() && (after_small || before_small) {
            words.push(' ');
        }
        words.extend(letter.to_lowercase());
    }
    words
}
