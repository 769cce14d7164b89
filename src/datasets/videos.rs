//! The files of a dataset's videos.

use std::collections::{HashMap, HashSet};
use std::ffi::{OsStr, OsString};
use std::path::{Path, PathBuf};

use walkdir::WalkDir;

use super::{Clip, Place};
use crate::windows::Span;
use crate::{Error, Result};

/// What videos are looked for, without regard to case. Where a name is there with several, the first one
/// here is taken.
const EXTENSIONS: [&str; 5] = ["mp4", "mkv", "webm", "avi", "mov"];

/// The videos below a folder, by the names of their files.
pub struct Videos {
    by_stem: HashMap<String, Vec<PathBuf>>,
    /// The names of the folders that have any.
    folders: HashSet<OsString>,
}

/// A clip's file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Found {
    pub path: PathBuf,
    /// The part of the file that the clip is; all of it, if none.
    pub span: Option<Span>,
}

impl Videos {
    /// Lists the videos of a folder and of the folders in it, and follows links.
    ///
    /// Errors: [`Error::NotAFile`] if it is no folder, [`Error::Io`] if one cannot be listed.
    pub fn list(folder: &Path) -> Result<Self> {
        if !folder.metadata().map_err(Error::io(folder))?.is_dir() {
            return Err(Error::NotAFile {
                path: folder.to_owned(),
                expected: "a folder of videos",
                found: "a file".into(),
            });
        }
        let mut by_stem: HashMap<String, Vec<PathBuf>> = HashMap::new();
        let mut folders = HashSet::new();
        for entry in WalkDir::new(folder).follow_links(true) {
            let entry = match entry {
                Ok(entry) => entry,
                // A link to nowhere is a video that is missing, which is told where it is wanted; one to
                // a folder around it leads to nothing new.
                Err(error) if is_broken_link(&error) || error.loop_ancestor().is_some() => continue,
                Err(error) => return Err(cannot_list(folder, error)),
            };
            let path = entry.path();
            let stem = path.file_stem().and_then(|stem| stem.to_str());
            if let (true, Some(_), Some(stem)) = (entry.file_type().is_file(), rank(path), stem) {
                folders.extend(folder_of(path).map(OsStr::to_owned));
                let files = by_stem.entry(stem.to_owned()).or_default();
                files.push(entry.into_path());
            }
        }
        for files in by_stem.values_mut() {
            files.sort_by(|a, b| (rank(a), a).cmp(&(rank(b), b)));
        }
        Ok(Self { by_stem, folders })
    }

    /// The file that holds a clip, by the first of its places that is there. A place with a folder is in
    /// a folder of that name if any video is in one, else anywhere.
    pub fn find(&self, clip: &Clip) -> Option<Found> {
        clip.places.iter().find_map(|place| {
            let path = self.at(place)?.clone();
            let span = place.span;
            Some(Found { path, span })
        })
    }

    fn at(&self, place: &Place) -> Option<&PathBuf> {
        let files = self.by_stem.get(&place.stem)?;
        match place.folder.as_ref().map(OsStr::new) {
            Some(folder) if self.folders.contains(folder) => {
                files.iter().find(|path| folder_of(path) == Some(folder))
            }
            _ => files.first(),
        }
    }
}

/// The name of the folder that a file is in.
fn folder_of(path: &Path) -> Option<&OsStr> {
    path.parent()?.file_name()
}

/// The place of a file's extension among those of videos.
fn rank(path: &Path) -> Option<usize> {
    let extension = path.extension()?.to_str()?;
    EXTENSIONS
        .iter()
        .position(|known| extension.eq_ignore_ascii_case(known))
}

fn is_broken_link(error: &walkdir::Error) -> bool {
    let io = error.io_error().map(std::io::Error::kind);
    io == Some(std::io::ErrorKind::NotFound) && error.depth() > 0
}

fn cannot_list(folder: &Path, error: walkdir::Error) -> Error {
    let path = error.path().unwrap_or(folder).to_owned();
    let problem = error.to_string();
    Error::Io {
        path,
        reason: (error.into_io_error()).unwrap_or_else(|| std::io::Error::other(problem)),
    }
}
