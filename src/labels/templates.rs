//! Texts that labels are put into.

use std::path::Path;

use serde::Serialize;

use crate::files;
use crate::{Error, Result};

/// Texts with `{}` where a label goes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(transparent)]
pub struct Templates(Vec<String>);

/// Far above any list of templates.
const BYTES: u64 = 1 << 20;

const OPENAI: &str = include_str!("../../models/clip/templates.txt");

impl Default for Templates {
    /// The label alone.
    fn default() -> Self {
        Self(vec!["{}".into()])
    }
}

impl Templates {
    /// The names that [`named`](Self::named) knows.
    pub const NAMES: [&str; 2] = ["kinetics", "openai"];

    /// The templates called `kinetics` or `openai`.
    pub fn named(name: &str) -> Option<Self> {
        match name {
            "kinetics" => Some(Self::kinetics()),
            "openai" => Some(Self::openai()),
            _ => None,
        }
    }

    /// The 28 of CLIP for actions (Kinetics-700 in its `data/prompts.md`): a photo, a video, an example
    /// and a demonstration, written "a example" there, of the action and of a person in it.
    pub fn kinetics() -> Self {
        let kinds = ["photo", "video", "example", "demonstration"];
        let doing = [
            "",
            "using ",
            "doing ",
            "during ",
            "performing ",
            "practicing ",
        ];
        let who = |doing: &&str| format!("a person {doing}");
        let subjects: Vec<String> = std::iter::once(String::new())
            .chain(doing.iter().map(who))
            .collect();
        let texts = kinds.iter().flat_map(|kind| {
            (subjects.iter()).map(move |subject| format!("a {kind} of {subject}{{}}."))
        });
        Self(texts.collect())
    }

    /// The 80 of CLIP for things (its ImageNet prompts).
    pub fn openai() -> Self {
        Self(OPENAI.lines().map(str::to_owned).collect())
    }

    /// Reads templates from a file, one a line.
    ///
    /// Errors: [`Error::Dataset`] for a file without lines, or with one that has no `{}`; what cannot be
    /// read.
    pub fn read(path: &Path) -> Result<Self> {
        let bytes = files::read(path, "a list of templates", BYTES)?;
        let text = str::from_utf8(&bytes)
            .map_err(|error| Error::dataset(path, format!("expected text: {error}")))?;
        let lines = text.lines().map(str::trim).enumerate();
        let mut templates = Vec::new();
        for (i, line) in lines.filter(|(_, line)| !line.is_empty()) {
            if !line.contains("{}") {
                let shown = files::shown(line);
                let problem = format!("line {}: expected a text with {{}}, found {shown}", i + 1);
                return Err(Error::dataset(path, problem));
            }
            templates.push(line.to_owned());
        }
        match templates.is_empty() {
            true => Err(Error::dataset(path, "is empty")),
            false => Ok(Self(templates)),
        }
    }

    /// How many.
    #[allow(clippy::len_without_is_empty)] // there is always one
    pub fn len(&self) -> usize {
        self.0.len()
    }

    pub(super) fn fill<'a>(&'a self, label: &'a str) -> impl Iterator<Item = String> + 'a {
        (self.0.iter()).map(move |template| template.replace("{}", label))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_published_ones_are_as_many_as_published() {
        let kinetics = Templates::kinetics();
        assert_eq!((kinetics.len(), Templates::openai().len()), (28, 80));
        let texts: Vec<String> = kinetics.fill("juggling balls").collect();
        assert_eq!(texts[0], "a photo of juggling balls.");
        assert_eq!(
            texts[27],
            "a demonstration of a person practicing juggling balls."
        );
        for name in Templates::NAMES {
            let templates = Templates::named(name).unwrap();
            assert!(
                templates
                    .0
                    .iter()
                    .all(|text| text.matches("{}").count() == 1)
            );
        }
        assert_eq!(Templates::named("nonesuch"), None);
    }

    #[test]
    fn a_file_without_a_place_for_the_label_is_refused_by_line() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("templates.txt");
        let read = |content: &[u8]| {
            std::fs::write(&path, content).unwrap();
            Templates::read(&path).map_err(|error| error.to_string())
        };
        let two = read(b"a {}\r\n\n  {} and {}  \n").unwrap();
        assert_eq!(
            two.fill("star").collect::<Vec<_>>(),
            ["a star", "star and star"]
        );
        assert!(
            read(b"a {}\na star\n")
                .unwrap_err()
                .contains("line 2: expected a text with {}")
        );
        assert!(read(b"\n\n").unwrap_err().ends_with("is empty"));
        assert!(read(b"\xff{}").unwrap_err().contains("expected text"));
    }
}
