//! How far loading a model has come.

use std::collections::HashSet;

/// How much of a model's weights has been read, in bytes of its files.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct LoadProgress {
    pub done: u64,
    pub total: u64,
}

/// What a model needs of its files, what of that was read, and who wants to know.
pub(super) struct Reading<'a> {
    progress: LoadProgress,
    unread: HashSet<String>,
    told: &'a mut dyn FnMut(LoadProgress),
}

impl<'a> Reading<'a> {
    pub fn new(told: &'a mut dyn FnMut(LoadProgress)) -> Self {
        Self {
            progress: LoadProgress::default(),
            unread: HashSet::new(),
            told,
        }
    }

    /// A tensor will be read, in one part or several.
    pub fn needs(&mut self, name: &str, bytes: usize) {
        if self.unread.insert(name.to_owned()) {
            self.progress.total += bytes as u64;
        }
    }

    /// Whether a tensor is still to be read.
    pub fn has_yet_to(&self, name: &str) -> bool {
        self.unread.contains(name)
    }

    /// The first part of a tensor is being read.
    pub fn begins(&mut self, name: &str, bytes: usize) {
        if self.unread.remove(name) {
            self.progress.done += bytes as u64;
        }
    }

    pub fn tell(&mut self) {
        (self.told)(self.progress);
    }
}
