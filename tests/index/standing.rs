//! What a file is to an index, and what is taken over without reading a video again.

use std::fs::{self, File};
use std::time::{Duration, SystemTime};

use vcoca_gpu::index::Standing;

use super::*;

/// An index that knows the file `v.mp4`, whose content is "one".
fn known() -> (TempDir, Index, PathBuf) {
    let (folder, path) = place();
    let video = path.with_file_name("v.mp4");
    fs::write(&video, "one").unwrap();
    let mut index = index(&path, 4);
    let identity = Identity::of(&video).unwrap();
    index
        .put(&video, &identity, false, &entries(1, 3, 4))
        .unwrap();
    (folder, index, video)
}

fn touch(path: &Path) {
    let later = SystemTime::now() + Duration::from_secs(100);
    File::options()
        .write(true)
        .open(path)
        .unwrap()
        .set_modified(later)
        .unwrap();
}

fn paths(index: &Index) -> Vec<PathBuf> {
    index
        .videos()
        .unwrap()
        .into_iter()
        .map(|video| video.path)
        .collect()
}

#[test]
fn the_hash_is_the_sha256_of_the_content() {
    let (_folder, _, video) = known();
    assert_eq!(
        Identity::of(&video).unwrap().hex(),
        "7692c3ad3540bb803c020b3aee66cd8887123234ea0c6e7143c0add73ff431ed"
    );
}

#[test]
fn an_unchanged_file_is_told_without_opening_it() {
    let (_folder, index, video) = known();
    assert!(index.is_unchanged(&video, false).unwrap());
    assert_eq!(index.standing(&video, false).unwrap(), Standing::Unchanged);
    // Captions are wanted now, and were not then.
    assert!(!index.is_unchanged(&video, true).unwrap());
    assert!(matches!(
        index.standing(&video, true).unwrap(),
        Standing::Changed(_)
    ));
    // Reached by another way it is the same file.
    let roundabout = video.parent().unwrap().join("./v.mp4");
    assert!(index.is_unchanged(&roundabout, false).unwrap());
}

#[test]
fn a_new_time_alone_is_written_down() {
    let (_folder, mut index, video) = known();
    touch(&video);
    let standing = index.standing(&video, false).unwrap();
    assert!(matches!(standing, Standing::Touched(_)), "{standing:?}");
    assert!(index.adopt(&video, &standing).unwrap());
    assert!(index.is_unchanged(&video, false).unwrap());
    assert_eq!(index.entries(&video).unwrap().unwrap().len(), 3);
}

#[test]
fn other_content_has_to_be_read() {
    let (_folder, mut index, video) = known();
    fs::write(&video, "two").unwrap();
    touch(&video);
    let standing = index.standing(&video, false).unwrap();
    assert!(matches!(standing, Standing::Changed(_)), "{standing:?}");
    assert!(!index.adopt(&video, &standing).unwrap());
    let new = video.with_file_name("new.mp4");
    fs::write(&new, "three").unwrap();
    assert!(matches!(
        index.standing(&new, false).unwrap(),
        Standing::New(_)
    ));
}

#[test]
fn a_moved_file_takes_its_windows_along() {
    let (_folder, mut index, video) = known();
    let moved = video.with_file_name("moved.mp4");
    fs::rename(&video, &moved).unwrap();
    touch(&moved);
    let standing = index.standing(&moved, false).unwrap();
    assert!(
        matches!(&standing, Standing::Moved { from, .. } if *from == video),
        "{standing:?}"
    );
    assert!(index.adopt(&moved, &standing).unwrap());
    assert_eq!(paths(&index), std::slice::from_ref(&moved));
    assert!(index.is_unchanged(&moved, false).unwrap());
    assert_eq!(index.entries(&moved).unwrap().unwrap().len(), 3);
}

#[test]
fn a_copy_has_windows_of_its_own() {
    let (_folder, mut index, video) = known();
    let copy = video.with_file_name("copy.mp4");
    fs::copy(&video, &copy).unwrap();
    let standing = index.standing(&copy, false).unwrap();
    assert!(matches!(&standing, Standing::Copied { .. }), "{standing:?}");
    assert!(index.adopt(&copy, &standing).unwrap());
    assert_eq!(paths(&index), [copy.clone(), video.clone()]);
    let entries = index.entries(&video).unwrap();
    assert_eq!(index.entries(&copy).unwrap(), entries);
    index.remove(&video).unwrap();
    assert_eq!(index.entries(&copy).unwrap(), entries);
    // One that is copied over another replaces it.
    let (_folder, mut index, video) = known();
    let other = video.with_file_name("other.mp4");
    fs::write(&other, "other").unwrap();
    let identity = Identity::of(&other).unwrap();
    index
        .put(&other, &identity, false, &super::entries(2, 1, 4))
        .unwrap();
    fs::copy(&video, &other).unwrap();
    touch(&other);
    let standing = index.standing(&other, false).unwrap();
    assert!(index.adopt(&other, &standing).unwrap(), "{standing:?}");
    assert_eq!(index.entries(&other).unwrap().unwrap().len(), 3);
    assert_eq!(paths(&index), [other, video]);
}

#[test]
fn what_was_dropped_meanwhile_has_to_be_read() {
    let (_folder, mut index, video) = known();
    let moved = video.with_file_name("moved.mp4");
    fs::rename(&video, &moved).unwrap();
    let standing = index.standing(&moved, false).unwrap();
    index.remove(&video).unwrap();
    assert!(!index.adopt(&moved, &standing).unwrap());
    assert_eq!(paths(&index), [] as [PathBuf; 0]);
}

#[test]
#[cfg(unix)]
fn a_file_that_is_gone_is_forgotten_by_any_way_to_it() {
    let (folder, mut index, video) = known();
    let home = video.parent().unwrap();
    fs::create_dir(home.join("sub")).unwrap();
    std::os::unix::fs::symlink(home, home.join("link")).unwrap();
    let identity = Identity::of(&video).unwrap();
    fs::remove_file(&video).unwrap();
    for way in ["sub/../v.mp4", "link/v.mp4", "gone/../v.mp4"] {
        assert_eq!(index.remove(&home.join(way)).unwrap(), 1, "{way}");
        index
            .put(&video, &identity, false, &entries(1, 1, 4))
            .unwrap();
    }
    assert_eq!(index.remove(&home.join("nonesuch.mp4")).unwrap(), 0);
    // The folder of all folders ends in a separator.
    assert_eq!(index.remove(Path::new("/")).unwrap(), 1);
    drop(folder);
}
