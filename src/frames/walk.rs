//! Which files a folder offers.

use std::path::{Path, PathBuf};

use walkdir::WalkDir;

use crate::{Error, Result};

/// The names of videos and images end so. A file that is named itself may end in any way.
const EXTENSIONS: [&str; 34] = [
    "3g2", "3gp", "asf", "avi", "bmp", "flv", "gif", "jpeg", "jpg", "m2ts", "m2v", "m4v", "mkv",
    "mov", "mp4", "mpeg", "mpg", "mts", "mxf", "ogg", "ogm", "ogv", "png", "qt", "rm", "rmvb",
    "tif", "tiff", "ts", "vob", "webm", "webp", "wmv", "y4m",
];

/// Whether a name ends as those of videos and images do.
pub fn is_media(path: &Path) -> bool {
    let extension = path.extension().and_then(|extension| extension.to_str());
    extension.is_some_and(|extension| {
        let extension = extension.to_ascii_lowercase();
        EXTENSIONS.binary_search(&extension.as_str()).is_ok()
    })
}

/// The videos and images at `path`: the file itself, or what a folder and its folders have, in the order
/// of their names. Hidden files and folders are passed over; links to files are followed, those to
/// folders are not.
///
/// What cannot be read is an error in its place.
pub fn media(path: &Path) -> impl Iterator<Item = Result<PathBuf>> {
    let hidden = |name: &std::ffi::OsStr| name.as_encoded_bytes().starts_with(b".");
    WalkDir::new(path)
        .sort_by_file_name()
        .into_iter()
        .filter_entry(move |entry| entry.depth() == 0 || !hidden(entry.file_name()))
        .filter_map(move |entry| match entry {
            Ok(entry) => {
                let named = entry.depth() == 0;
                let path = entry.into_path();
                let wanted = match named {
                    true => !path.is_dir(),
                    false => is_media(&path) && path.is_file(),
                };
                wanted.then_some(Ok(path))
            }
            Err(error) => Some(Err(fault(error))),
        })
}

fn fault(error: walkdir::Error) -> Error {
    let path = error.path().unwrap_or(Path::new("")).to_owned();
    let reason = match error.into_io_error() {
        Some(reason) => reason,
        None => std::io::Error::other("links lead in a circle"),
    };
    Error::Io { path, reason }
}
