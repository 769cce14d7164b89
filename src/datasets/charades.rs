//! Charades: everyday actions at home, several in each video.
//!
//! `Charades_v1_test.csv` has the columns `id`, …, `actions`, `length`, with actions like `c092 11.90
//! 21.20;c147 0.00 12.60`, or none; `Charades_v1_classes.txt` has lines `c000 Holding some clothes`.

use std::collections::HashMap;
use std::path::PathBuf;

use super::source::Source;
use super::{Clip, Item, Items, table};
use crate::Result;
use crate::files::shown;

/// The two files, in any order.
pub(super) fn read(files: &[PathBuf; 2]) -> Result<Items> {
    let [first, second] = files;
    let (first, second) = (Source::open(first)?, Source::open(second)?);
    let (videos, classes) = match is_classes(&first) {
        true => (second, first),
        false => (first, second),
    };
    let (codes, names) = split(&classes)?;
    let (mut items, mut seen) = (Vec::new(), HashMap::new());
    table::each(&videos, |row| {
        let mut truth = Vec::new();
        for action in row.cell("actions")?.split(';') {
            let action = action.trim();
            if action.is_empty() {
                continue;
            }
            let code = action.split_whitespace().next().unwrap_or_default();
            let Some(&class) = codes.get(code) else {
                return Err(row.error(format_args!(
                    "field actions: class {} is none of the {} in {}",
                    shown(code),
                    names.len(),
                    classes.path.display()
                )));
            };
            truth.push(class);
        }
        truth.sort_unstable();
        truth.dedup();
        let clip = Clip::whole(row.text("id")?);
        if let Some(before) = seen.insert(clip.id.clone(), row.line) {
            let problem = format!("{} stands in line {before} already", shown(&clip.id));
            return Err(row.error(problem));
        }
        items.push(Item { clip, truth });
        Ok(())
    })?;
    Ok(Items::Classes { names, items })
}

/// Whether all lines are a code and a name.
pub(super) fn is_classes(source: &Source) -> bool {
    source
        .lines()
        .all(|(_, line)| code_and_name(line).is_some())
}

/// The names of the classes, in the order of the file.
pub(super) fn labels(source: &Source) -> Result<Vec<String>> {
    Ok(split(source)?.1)
}

/// The places of the codes, and the names.
fn split(source: &Source) -> Result<(HashMap<&str, usize>, Vec<String>)> {
    let (mut codes, mut names) = (HashMap::new(), Vec::new());
    for (number, line) in source.lines() {
        let Some((code, name)) = code_and_name(line) else {
            let problem = format!(
                "expected a code like c000 and a name, found {}",
                shown(line)
            );
            return Err(source.line_error(number, problem));
        };
        codes.insert(code, names.len());
        names.push(name.to_owned());
    }
    Ok((codes, names))
}

fn code_and_name(line: &str) -> Option<(&str, &str)> {
    let (code, name) = line.split_once(' ')?;
    let digits = code.strip_prefix('c')?;
    let is_code = digits.len() == 3 && digits.bytes().all(|digit| digit.is_ascii_digit());
    is_code.then_some((code, name.trim_start()))
}
