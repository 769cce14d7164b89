//! The videos that the pipeline is measured with.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};

use tempfile::TempDir;

use crate::frames::{is_image, media};
use crate::{Error, Result};

/// The clip that is compiled into the program: two seconds of H.264, 256 × 192.
#[cfg(feature = "gstreamer")]
const BUILT_IN: (&str, &[u8]) = (
    "red_star.mp4",
    include_bytes!("../../assets/red_star.mp4").as_slice(),
);

/// A folder that goes away with what it holds.
pub(super) fn temporary_folder() -> Result<TempDir> {
    let begin = tempfile::Builder::new().prefix("vcoca-gpu-").tempdir();
    begin.map_err(Error::io(&std::env::temp_dir()))
}

/// Writes the built-in clip into a folder; its path.
#[cfg(feature = "gstreamer")]
pub(super) fn built_in(folder: &Path) -> Result<PathBuf> {
    let (name, bytes) = BUILT_IN;
    let path = folder.join(name);
    std::fs::write(&path, bytes).map_err(Error::io(&path))?;
    Ok(path)
}

/// What a path stands for: itself, or the videos that a folder and its folders have; without any, its
/// images are one clip.
///
/// Errors: a folder that cannot be listed or has neither. A file is not looked at.
pub(super) fn sources(path: &Path) -> Result<Vec<PathBuf>> {
    if !path.is_dir() {
        return Ok(vec![path.to_owned()]);
    }
    let mut found: Vec<PathBuf> = media(path).collect::<Result<_>>()?;
    if found.is_empty() {
        return Err(Error::NotAFile {
            path: path.to_owned(),
            expected: "a video, or a folder of videos or images",
            found: "a folder with neither".into(),
        });
    }
    // What cannot be read is told of when it is decoded.
    found.retain(|file| !is_image(file).unwrap_or(false));
    match found.is_empty() {
        true => Ok(vec![path.to_owned()]),
        false => Ok(found),
    }
}

/// The last part of a path, for people.
pub(super) fn name(path: &Path) -> String {
    let name = path.file_name().unwrap_or(OsStr::new("."));
    name.to_string_lossy().into_owned()
}
