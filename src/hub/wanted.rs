//! Which of a repository's files make up a model.

use std::collections::BTreeSet;
use std::path::Path;

use crate::Result;

/// Names of files at the top of a repository.
pub(crate) struct Wanted {
    pub required: &'static [&'static str],
    /// Weights: the first that is there is taken. A name that ends with `.index.json` is the index of
    /// weights in several files, and stands for them all.
    pub weights: &'static [&'static str],
    pub optional: &'static [&'static str],
    /// Reads an index: the files that it names, none of which leads out of its directory.
    pub shards: fn(&Path) -> Result<BTreeSet<String>>,
    /// As a person would be told.
    pub in_words: &'static str,
}

/// The files of one repository that are wanted, those that may lead to others last.
#[cfg(feature = "hub")]
pub(super) struct Choice {
    pub files: Vec<&'static str>,
    pub weights: &'static str,
}

impl Wanted {
    /// Whether `folder` has everything that a model cannot do without.
    pub fn complete(&self, folder: &Path) -> bool {
        self.files_in(folder).is_some()
    }

    /// The files of a complete `folder` that make up the model.
    pub fn files_in(&self, folder: &Path) -> Option<Vec<String>> {
        let here = |name: &String| folder.join(name).is_file();
        let weights = self.weights_in(folder)?;
        let mut files: Vec<String> = self.required.iter().map(|&name| name.into()).collect();
        files.push(weights.into());
        if is_index(weights) {
            files.extend((self.shards)(&folder.join(weights)).ok()?);
        }
        if !files.iter().all(here) {
            return None;
        }
        files.extend(self.optional.iter().map(|&name| name.into()).filter(here));
        Some(files)
    }

    /// The name under which `folder` has weights, or the index of them.
    fn weights_in(&self, folder: &Path) -> Option<&'static str> {
        let mut names = self.weights.iter().copied();
        names.find(|name| folder.join(name).is_file())
    }
}

#[cfg(feature = "hub")]
impl Wanted {
    /// What to take of a repository that lists `there`. Weights that `folder` has already are as good
    /// as those that would come first. `Err` has the name of what is missing.
    pub(super) fn choose(&self, there: &BTreeSet<String>, folder: &Path) -> Result<Choice, String> {
        if let Some(missing) = self.required.iter().find(|name| !there.contains(**name)) {
            return Err((*missing).to_owned());
        }
        let published = || self.weights.iter().copied().find(|n| there.contains(*n));
        let weights = (self.weights_in(folder).or_else(published))
            .ok_or_else(|| self.weights.join(", nor "))?;
        let optional = self.optional.iter().filter(|name| there.contains(**name));
        Ok(Choice {
            files: self.required.iter().chain(optional).copied().collect(),
            weights,
        })
    }
}

pub(super) fn is_index(name: &str) -> bool {
    name.ends_with(".index.json")
}
