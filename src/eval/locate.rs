//! Which items have their videos.

use crate::datasets::{Clip, Found, Items, Videos};

/// Items whose videos are there, with their files, and those whose are not.
#[derive(Clone, Debug)]
pub struct Located {
    pub items: Items,
    /// The file of each of `items`, in order.
    pub files: Vec<Found>,
    pub missing: Vec<Clip>,
}

/// Looks for the videos of the first `limit` items, or of all.
pub fn locate(mut items: Items, videos: &Videos, limit: Option<usize>) -> Located {
    let limit = limit.unwrap_or(usize::MAX);
    let (mut files, mut missing) = (Vec::new(), Vec::new());
    let mut seen = 0;
    items.retain(|clip| {
        seen += 1;
        if seen > limit {
            return false;
        }
        let found = videos.find(clip);
        let is_there = found.is_some();
        match found {
            Some(found) => files.push(found),
            None => missing.push(clip.clone()),
        }
        is_there
    });
    Located {
        items,
        files,
        missing,
    }
}
