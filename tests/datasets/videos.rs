//! Where the files of clips are.

use vcoca_gpu::datasets::{Clip, Found, Place, Videos};

use super::*;

fn clip(places: &[(&str, Option<&str>, Option<Span>)]) -> Clip {
    let place = |(stem, folder, span): &(&str, Option<&str>, Option<Span>)| Place {
        stem: (*stem).into(),
        folder: folder.map(str::to_owned),
        span: *span,
    };
    Clip {
        id: "x".into(),
        video: "x".into(),
        places: places.iter().map(place).collect(),
    }
}

#[test]
fn a_file_is_found_by_the_first_name_that_is_there() {
    let (folder, paths) = files(&[
        ("a/abc.MP4", "-"),
        ("a/b/v_long.mkv", "-"),
        ("a/v_long.txt", "-"),
        ("abc.notes.webm", "-"),
    ]);
    let videos = Videos::list(folder.path()).unwrap();
    let find = |places: &[_]| videos.find(&clip(places));
    let found = |path: &PathBuf, span| {
        let path = path.clone();
        Some(Found { path, span })
    };
    let part = span(100, 200);
    let cut = ("abc_000001_000002", None, None);
    assert_eq!(find(&[cut, ("abc", None, part)]), found(&paths[0], part));
    assert_eq!(find(&[("v_long", None, None)]), found(&paths[1], None));
    assert_eq!(find(&[("abc.notes", None, None)]), found(&paths[3], None));
    assert_eq!(find(&[cut]), None);
}

#[test]
fn of_two_files_of_one_name_that_of_the_class_is_taken_then_the_first() {
    let (folder, paths) = files(&[
        ("wave/other.avi", "-"),
        ("brush_hair/other.avi", "-"),
        ("both.mov", "-"),
        ("both.mkv", "-"),
    ]);
    let videos = Videos::list(folder.path()).unwrap();
    let find = |stem, folder| videos.find(&clip(&[(stem, folder, None)])).unwrap().path;
    assert_eq!(find("other", Some("wave")), paths[0]);
    assert_eq!(find("other", Some("brush_hair")), paths[1]);
    assert_eq!(find("other", Some("elsewhere")), paths[1]);
    assert_eq!(find("both", None), paths[3]);
}

#[test]
fn a_video_of_another_class_does_not_stand_in_for_one_that_is_missing() {
    let (folder, paths) = files(&[
        ("wave/other.avi", "-"),
        ("brush_hair/first.avi", "-"),
        ("flat.avi", "-"),
    ]);
    let videos = Videos::list(folder.path()).unwrap();
    let find = |stem, folder| {
        let found = videos.find(&clip(&[(stem, Some(folder), None)]))?;
        Some(found.path)
    };
    assert_eq!(find("other", "brush_hair"), None);
    // Where there are no folders of classes, a file may be anywhere.
    assert_eq!(find("flat", "walk"), Some(paths[2].clone()));
}

#[cfg(unix)]
#[test]
fn links_are_followed_and_broken_ones_are_missing_files() {
    let (store, paths) = files(&[("deep/clip.mp4", "-")]);
    let (folder, _) = files(&[("plain.mp4", "-")]);
    let link = std::os::unix::fs::symlink::<PathBuf, PathBuf>;
    link(store.path().join("deep"), folder.path().join("linked")).unwrap();
    link(
        paths[0].with_file_name("gone"),
        folder.path().join("gone.mp4"),
    )
    .unwrap();
    link(folder.path().into(), folder.path().join("around")).unwrap();
    let videos = Videos::list(folder.path()).unwrap();
    let find = |stem| {
        videos
            .find(&clip(&[(stem, None, None)]))
            .map(|found| found.path)
    };
    assert_eq!(find("clip"), Some(folder.path().join("linked/clip.mp4")));
    assert_eq!(find("gone"), None);
}

#[test]
fn what_is_no_folder_is_refused() {
    let (folder, paths) = files(&[("video.mp4", "-")]);
    let refused = |path| Videos::list(path).err().unwrap().to_string();
    assert!(refused(&paths[0]).contains("expected a folder of videos"));
    assert!(refused(&folder.path().join("none")).contains("none"));
}
