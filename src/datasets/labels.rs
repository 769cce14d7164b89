//! Sets of labels, from the datasets' own files or from plain text.

use std::collections::HashMap;
use std::path::Path;

use super::source::Source;
use super::{charades, hmdb51, kinetics, ucf101};
use crate::Result;
use crate::files::shown;

/// The labels that a file names. It may be UCF101's `classInd.txt` (`ApplyEyeMakeup` becomes `apply eye
/// makeup`), a csv of Kinetics (its distinct labels, sorted), a file `NAME_test_splitN.txt` of HMDB51 or
/// the folder that has them, Charades' classes, or plain text with one label a line.
///
/// # Errors
///
/// [`Error::Io`](crate::Error::Io) and [`Error::NotAFile`](crate::Error::NotAFile) for what cannot be read;
/// [`Error::Dataset`](crate::Error::Dataset) for what is empty, no UTF-8, or names a label twice.
pub fn labels(path: &Path) -> Result<Vec<String>> {
    if path.is_dir() || hmdb51::class_and_split(path).is_some() {
        return hmdb51::labels(path);
    }
    let source = Source::open(path)?;
    if is_csv(&source) {
        kinetics::labels(&source)
    } else if let Ok(classes) = ucf101::classes_of(&source) {
        Ok(classes.iter().map(|class| ucf101::words(class)).collect())
    } else if charades::is_classes(&source) {
        charades::labels(&source)
    } else {
        plain(&source)
    }
}

/// Whether the first line is the header of a csv of Kinetics.
fn is_csv(source: &Source) -> bool {
    let mut lines = source.lines();
    let first = lines.next().map_or("", |(_, line)| line);
    let mut columns = first.split(',').map(|name| name.trim_matches(['"', ' ']));
    first.contains("youtube_id") && columns.any(|name| name == "label")
}

fn plain(source: &Source) -> Result<Vec<String>> {
    let (mut names, mut seen) = (Vec::new(), HashMap::new());
    for (number, line) in source.lines() {
        if let Some(before) = seen.insert(line, number) {
            let problem = format!("{} stands in line {before} already", shown(line));
            return Err(source.line_error(number, problem));
        }
        names.push(line.to_owned());
    }
    Ok(names)
}
