//! Public benchmarks as they are published: what their annotation files say, and where their videos are.
//!
//! [`Dataset::read`] turns the files of each into the same few plain [`Items`]; [`Videos`] finds the
//! file of an item in a folder; [`labels`] reads a set of labels alone. All this knows no GPU and no
//! model. The formats are those of public loaders; where only their description was to be had, the reader
//! says so.

mod activitynet;
mod charades;
mod hmdb51;
mod ivqa;
mod json;
mod kinetics;
mod labels;
mod msrvtt;
mod name;
mod questions;
mod source;
mod table;
mod ucf101;
mod vatex;
mod videos;
mod youcook2;

use std::collections::HashMap;

use crate::windows::{Span, to_f64};

pub use labels::labels;
pub use name::{Dataset, Task};
pub use videos::{Found, Videos};

/// What a dataset says of its clips, in its own order.
#[derive(Clone, Debug, PartialEq)]
pub enum Items {
    /// What class each clip shows; several for a dataset of many labels, or none.
    Classes {
        names: Vec<String>,
        /// Places in `names`.
        items: Vec<Item<Vec<usize>>>,
    },
    /// Sentences about each clip.
    Texts(Vec<Item<Vec<String>>>),
    /// Questions about each clip.
    Questions(Vec<Item<Vec<Question>>>),
}

/// A clip and what is true of it.
#[derive(Clone, Debug, PartialEq)]
pub struct Item<T> {
    pub clip: Clip,
    pub truth: T,
}

/// A video, or the part of one, that an annotation is about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Clip {
    /// What results call it; no other clip of the items has it.
    pub id: String,
    /// The dataset's name of the video; clips of different parts of one share it.
    pub video: String,
    /// The files that may hold it, the likeliest first.
    pub places: Vec<Place>,
}

/// A file that may hold a clip.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Place {
    /// The file's name without its extension.
    pub stem: String,
    /// The name of the folder it is in, if others may have a file of that name.
    pub folder: Option<String>,
    /// The part of the file that is meant; all of it, if none.
    pub span: Option<Span>,
}

/// A question and what people answered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Question {
    /// What results call it.
    pub id: String,
    pub text: String,
    /// At least one; where several people were asked, each one's answer, so that some may be the same.
    pub answers: Vec<String>,
}

impl Items {
    /// Number of clips.
    pub fn len(&self) -> usize {
        match self {
            Self::Classes { items, .. } => items.len(),
            Self::Texts(items) => items.len(),
            Self::Questions(items) => items.len(),
        }
    }

    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The clip at place `i` of the dataset's order.
    ///
    /// # Panics
    ///
    /// If there are no more than `i`.
    pub fn clip(&self, i: usize) -> &Clip {
        match self {
            Self::Classes { items, .. } => &items[i].clip,
            Self::Texts(items) => &items[i].clip,
            Self::Questions(items) => &items[i].clip,
        }
    }

    /// Keeps the items of the clips that `keep` accepts, which is asked in order.
    pub fn retain(&mut self, mut keep: impl FnMut(&Clip) -> bool) {
        match self {
            Self::Classes { items, .. } => items.retain(|item| keep(&item.clip)),
            Self::Texts(items) => items.retain(|item| keep(&item.clip)),
            Self::Questions(items) => items.retain(|item| keep(&item.clip)),
        }
    }

    /// Labels, sentences or questions about the clips that `of` accepts.
    pub fn truths(&self, of: impl Fn(&Clip) -> bool) -> usize {
        fn count<T>(items: &[Item<Vec<T>>], of: impl Fn(&Clip) -> bool) -> usize {
            let counted = items.iter().filter(|item| of(&item.clip));
            counted.map(|item| item.truth.len()).sum()
        }
        match self {
            Self::Classes { items, .. } => count(items, of),
            Self::Texts(items) => count(items, of),
            Self::Questions(items) => count(items, of),
        }
    }
}

impl Clip {
    /// A clip that is all of a file, which is called as the video is.
    fn whole(video: &str) -> Self {
        Self {
            id: video.to_owned(),
            video: video.to_owned(),
            places: vec![Place::whole(video)],
        }
    }

    /// A part of a video, of which the file is called as the video is.
    fn part(video: &str, span: Span) -> Self {
        Self {
            id: format!("{video} {}-{}", to_f64(span.start), to_f64(span.end)),
            video: video.to_owned(),
            places: vec![Place::part(video, span)],
        }
    }

    /// A part of a video that may have been cut to a file of its own, called `stem`.
    fn cut(stem: String, video: &str, span: Span) -> Self {
        Self {
            places: vec![Place::whole(&stem), Place::part(video, span)],
            video: video.to_owned(),
            id: stem,
        }
    }
}

impl Place {
    fn whole(stem: &str) -> Self {
        Self {
            stem: stem.to_owned(),
            folder: None,
            span: None,
        }
    }

    fn part(stem: &str, span: Span) -> Self {
        Self {
            span: Some(span),
            ..Self::whole(stem)
        }
    }
}

/// Items under construction, of which several records may name the same clip.
struct Grouped<T> {
    items: Vec<Item<Vec<T>>>,
    by_id: HashMap<String, usize>,
}

impl<T> Grouped<T> {
    fn new() -> Self {
        let (items, by_id) = (Vec::new(), HashMap::new());
        Self { items, by_id }
    }

    /// Adds what a record says of a clip.
    fn add(&mut self, clip: Clip, truth: T) {
        match self.by_id.get(&clip.id) {
            Some(&i) => self.items[i].truth.push(truth),
            None => {
                self.by_id.insert(clip.id.clone(), self.items.len());
                let truth = vec![truth];
                self.items.push(Item { clip, truth });
            }
        }
    }
}

impl Grouped<usize> {
    /// The clips with their classes, each class once.
    fn into_classes(self, names: Vec<String>) -> Items {
        let mut items = self.items;
        for item in &mut items {
            item.truth.sort_unstable();
            item.truth.dedup();
        }
        Items::Classes { names, items }
    }
}
