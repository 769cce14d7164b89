//! What is put into an index, and what comes back.

use std::fs;

use vcoca_gpu::Error;
use vcoca_gpu::frames::{is_media, media};

use super::*;

#[test]
fn what_is_put_comes_back() {
    let (folder, path) = place();
    let here = path.parent().unwrap();
    let mut made = index(&path, 5);
    assert_eq!(made.videos().unwrap(), []);
    let video = here.join("one\ntwo \u{e9}.mp4");
    made.put(&video, &identity(1), true, &entries(1, 3, 5))
        .unwrap();
    made.put(&here.join("none.mp4"), &identity(2), false, &[])
        .unwrap();
    drop(made);
    // At rest it is one file.
    let files: Vec<_> = fs::read_dir(folder.path()).unwrap().collect();
    assert_eq!(files.len(), 1, "{files:?}");

    let opened = Index::open(&path).unwrap();
    assert_eq!(*opened.recipe(), recipe(5));
    let videos = opened.videos().unwrap();
    assert_eq!(videos.len(), 2);
    let [none, found] = &videos[..] else {
        unreachable!()
    };
    assert_eq!((none.windows, none.end), (0, Seconds::ZERO));
    assert_eq!(found.path, video);
    assert_eq!(found.identity, identity(1));
    assert_eq!((found.windows, found.captioned), (3, true));
    assert_eq!(found.end, Seconds::new(4 * 1001, 500));
    let back = opened.entries(&video).unwrap().unwrap();
    for (back, put) in back.iter().zip(entries(1, 3, 5)) {
        assert_eq!((back.span, &back.caption), (put.span, &put.caption));
        for (back, put) in back.embedding.iter().zip(put.embedding) {
            assert_eq!(*back, half::f16::from_f32(put).to_f32());
        }
    }
    assert_eq!(opened.entries(&here.join("other.mp4")).unwrap(), None);
}

#[cfg(unix)]
#[test]
fn a_name_that_is_no_unicode_is_kept() {
    use std::os::unix::ffi::OsStrExt;
    let (_folder, path) = place();
    let name = std::ffi::OsStr::from_bytes(b"\xff\xfe.mp4");
    let video = path.parent().unwrap().join(name);
    index(&path, 4)
        .put(&video, &identity(1), false, &entries(1, 1, 4))
        .unwrap();
    let videos = Index::open(&path).unwrap().videos().unwrap();
    assert_eq!(videos[0].path, video);
}

#[test]
fn a_video_that_is_put_again_is_replaced() {
    let (_folder, path) = place();
    let video = path.with_file_name("v.mp4");
    let mut index = index(&path, 4);
    index
        .put(&video, &identity(1), true, &entries(1, 5, 4))
        .unwrap();
    index
        .put(&video, &identity(2), false, &entries(2, 2, 4))
        .unwrap();
    let videos = index.videos().unwrap();
    assert_eq!(videos.len(), 1);
    assert_eq!((videos[0].identity, videos[0].windows), (identity(2), 2));
    assert_eq!(index.entries(&video).unwrap().unwrap().len(), 2);
}

#[test]
fn a_wrong_embedding_changes_nothing() {
    let (_folder, path) = place();
    let video = path.with_file_name("v.mp4");
    let mut index = index(&path, 4);
    index
        .put(&video, &identity(1), true, &entries(1, 2, 4))
        .unwrap();
    let mut wide = entries(2, 2, 4);
    wide[1].embedding.push(0.0);
    let mut endless = entries(2, 2, 4);
    endless[1].embedding[2] = 1e9;
    for (bad, found) in [(wide, "5 of 5"), (endless, "3 of 4")] {
        match index.put(&video, &identity(2), true, &bad) {
            Err(Error::Argument { found: told, .. }) => assert_eq!(told, found),
            other => panic!("{other:?}"),
        }
    }
    assert_eq!(index.videos().unwrap()[0].identity, identity(1));
}

#[test]
fn a_folder_is_forgotten_with_all_in_it_and_nothing_beside_it() {
    let (_folder, path) = place();
    let here = path.parent().unwrap();
    let mut index = index(&path, 4);
    for (i, name) in ["a/1.mp4", "a/b/2.mp4", "a.mp4", "ab/3.mp4", "a/1.mp4.mp4"]
        .iter()
        .enumerate()
    {
        index
            .put(
                &here.join(name),
                &identity(i as u64),
                false,
                &entries(1, 1, 4),
            )
            .unwrap();
    }
    assert_eq!(index.remove(&here.join("a/1.mp4")).unwrap(), 1);
    assert_eq!(index.remove(&here.join("a")).unwrap(), 2);
    assert_eq!(index.remove(&here.join("a")).unwrap(), 0);
    let left: Vec<_> = index
        .videos()
        .unwrap()
        .into_iter()
        .map(|video| video.path)
        .collect();
    assert_eq!(left, [here.join("a.mp4"), here.join("ab/3.mp4")]);
    assert_eq!(
        index.entries(&here.join("a.mp4")).unwrap().unwrap().len(),
        1
    );
}

#[test]
fn a_folder_offers_its_videos_and_images_in_order() {
    let (folder, _) = place();
    let here = folder.path();
    fs::create_dir_all(here.join("b/c.mp4")).unwrap();
    fs::create_dir_all(here.join(".hidden")).unwrap();
    for name in [
        "z.MP4",
        "b/2.mkv",
        "b/c.mp4/1.png",
        "text.txt",
        ".x.mp4",
        ".hidden/4.mp4",
        "mp4",
    ] {
        fs::write(here.join(name), "x").unwrap();
    }
    let found: Vec<_> = media(here).map(Result::unwrap).collect();
    assert_eq!(
        found,
        ["b/2.mkv", "b/c.mp4/1.png", "z.MP4"].map(|name| here.join(name))
    );
    // Whoever names a file means it.
    let named: Vec<_> = media(&here.join("text.txt")).map(Result::unwrap).collect();
    assert_eq!(named, [here.join("text.txt")]);
    assert!(matches!(
        media(&here.join("nothing")).next(),
        Some(Err(Error::Io { .. }))
    ));
    assert!(is_media(Path::new("a.WebM")) && !is_media(Path::new("webm")));
}

#[test]
fn verify_names_every_fault() {
    let (_folder, path) = place();
    let here = path.parent().unwrap().to_owned();
    let file = |name: &str, content: &str| {
        let file = here.join(name);
        fs::write(&file, content).unwrap();
        file
    };
    let mut index = index(&path, 4);
    let names = ["good", "changed", "gone", "nan", "short", "less"];
    for name in names {
        let file = file(name, name);
        let identity = Identity::of(&file).unwrap();
        index
            .put(&file, &identity, false, &entries(3, 2, 4))
            .unwrap();
    }
    assert_eq!(index.verify().unwrap(), []);

    file("changed", "other content");
    fs::remove_file(here.join("gone")).unwrap();
    let db = rusqlite::Connection::open(&path).unwrap();
    let set = |change: &str, name: &str| {
        let which = "WHERE CAST(path AS TEXT) LIKE '%/' || ?1";
        assert_eq!(
            db.execute(&format!("UPDATE videos SET {change} {which}"), [name])
                .unwrap(),
            1
        );
    };
    set("embeddings = X'007E00000000000000000000003C0000'", "nan");
    set("embeddings = X'00380000000000000000000000380000'", "short");
    set("embeddings = substr(embeddings, 1, 8)", "less");
    let faults = index.verify().unwrap();
    let told = |name: &str, words: &str| {
        let of = |fault: &&vcoca_gpu::index::Fault| fault.video == Some(here.join(name));
        let problem = &faults.iter().find(of).unwrap().problem;
        assert!(problem.contains(words), "{name}: {problem}");
    };
    assert_eq!(faults.len(), names.len() - 1, "{faults:?}");
    told("changed", "has changed since");
    told("gone", "not there any more");
    told("nan", "window 0 has length NaN");
    told("short", "window 0 has length 0.5");
    told("less", "2 windows and 8 bytes");
}
