//! A disk that is full: an error, and all that was committed stays.

use vcoca_gpu::Error;

use super::*;

const WIDTH: usize = 64;

/// Puts videos until one does not fit any more; how many did.
fn fill(index: &mut Index, folder: &Path) -> u64 {
    for i in 0..10_000 {
        let video = folder.join(format!("{i}.mp4"));
        match index.put(&video, &identity(i), false, &entries(i, 100, WIDTH)) {
            Ok(()) => {}
            Err(error @ Error::Index { .. }) => {
                let told = error.to_string();
                assert!(told.contains("the disk is full"), "{told}");
                return i;
            }
            Err(other) => panic!("{other}"),
        }
    }
    panic!("the disk is never full");
}

fn assert_whole(path: &Path, count: u64) {
    let index = Index::open(path).unwrap();
    let videos = index.videos().unwrap();
    assert_eq!(videos.len() as u64, count);
    assert!(videos.iter().all(|video| video.windows == 100));
    // The files were never there; nothing else is wrong.
    let faults = index.verify().unwrap();
    assert!(
        faults
            .iter()
            .all(|fault| fault.problem.contains("not there any more")),
        "{faults:?}"
    );
}

#[test]
fn an_index_that_may_not_grow_keeps_what_it_has() {
    let (_folder, path) = place();
    let mut index = index(&path, WIDTH);
    index.limit_pages(40).unwrap();
    let count = fill(&mut index, path.parent().unwrap());
    assert!(count > 5, "{count}");
    assert_whole(&path, count);
    // There is room again.
    index.limit_pages(1000).unwrap();
    let video = path.with_file_name("last.mp4");
    index
        .put(&video, &identity(1), false, &entries(1, 100, WIDTH))
        .unwrap();
    assert_whole(&path, count + 1);
}

/// A file system of half a megabyte, while it lasts.
#[cfg(target_os = "linux")]
struct Small(TempDir);

#[cfg(target_os = "linux")]
impl Small {
    fn mount() -> Option<Self> {
        let folder = tempfile::tempdir().unwrap();
        let mounted = std::process::Command::new("mount")
            .args(["-t", "tmpfs", "-o", "size=512k", "tmpfs"])
            .arg(folder.path())
            .output();
        let mounted = mounted.is_ok_and(|output| output.status.success());
        mounted.then(|| Self(folder))
    }
}

#[cfg(target_os = "linux")]
impl Drop for Small {
    fn drop(&mut self) {
        let _ = std::process::Command::new("umount")
            .arg(self.0.path())
            .status();
    }
}

#[cfg(target_os = "linux")]
#[test]
fn a_full_file_system_keeps_what_was_committed() {
    let Some(small) = Small::mount() else {
        eprintln!("no right to mount a small file system: the limit on pages stands for it");
        return;
    };
    let path = small.0.path().join("videos.index");
    let mut index = index(&path, WIDTH);
    let count = fill(&mut index, small.0.path());
    assert!(count > 3, "{count}");
    drop(index);
    assert_whole(&path, count);
    let files = std::fs::read_dir(small.0.path()).unwrap().count();
    assert_eq!(files, 1, "no journal is left");
}
