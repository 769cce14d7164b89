//! What an evaluation has said is kept line by line: whatever a killed run leaves, no whole line is
//! lost and no half one is read.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use serde_json::json;
use vcoca_gpu::eval::{Floats, Manifest, Record, Said, Settings, Store};

fn settings(frames: u32) -> Settings {
    let value = json!({"task": "retrieval", "frames": frames});
    serde_json::from_value(value).unwrap()
}

/// A record with a name, and numbers that decimal digits would not keep.
fn record(i: u32) -> Record {
    let embedding = Floats(vec![1.0 / 3.0 + i as f32, f32::MIN_POSITIVE, -0.0]);
    Record {
        id: format!("clip {i} \u{201c}\n\u{1f3ac}"),
        file: "videos/a b.mp4".into(),
        frames: vec![0.04, 1.5],
        by: BTreeMap::from([("flatten".into(), Said::Embedding { embedding })]),
    }
}

/// Begins results in a folder, as a run does: the manifest first.
fn open(folder: &Path) -> Store {
    let store = Store::open(folder, &settings(8)).unwrap();
    if Manifest::read(folder).unwrap().is_none() {
        Manifest::new(settings(8)).write(folder).unwrap();
    }
    store
}

#[test]
fn a_run_goes_on_where_another_was_killed() {
    let folder = tempfile::tempdir().unwrap();
    let mut store = open(folder.path());
    for i in 0..3 {
        store.add(record(i)).unwrap();
    }
    drop(store);
    let path = folder.path().join("items.jsonl");
    let whole = fs::read(&path).unwrap();
    let ends: Vec<usize> = (0..whole.len()).filter(|&at| whole[at] == b'\n').collect();
    assert_eq!(ends.len(), 3, "a newline in a name is no end of a line");
    for cut in 0..=whole.len() {
        fs::write(&path, &whole[..cut]).unwrap();
        let mut store = open(folder.path());
        let kept = ends.iter().filter(|&&end| end < cut).count() as u32;
        assert_eq!(store.len(), kept as usize, "cut at {cut}");
        for i in 0..3 {
            let id = record(i).id;
            assert_eq!(store.get(&id), (i < kept).then(|| record(i)).as_ref());
        }
        for i in kept..3 {
            store.add(record(i)).unwrap();
        }
        assert_eq!(fs::read(&path).unwrap(), whole, "cut at {cut}");
    }
}

#[test]
fn results_of_other_settings_are_refused_with_the_difference() {
    let folder = tempfile::tempdir().unwrap();
    open(folder.path()).add(record(0)).unwrap();
    let error = Store::open(folder.path(), &settings(16)).err().unwrap();
    let said = error.to_string();
    assert!(said.contains("frames is 8 there, 16 here"), "{said}");
    let more = serde_json::from_value(json!({"task": "retrieval", "frames": 8, "split": "x"}));
    let said = Store::open(folder.path(), &more.unwrap())
        .err()
        .unwrap()
        .to_string();
    assert!(said.contains("split is nothing there, x here"), "{said}");
    assert_eq!(open(folder.path()).len(), 1, "refusing changes nothing");
}

#[test]
fn two_runs_do_not_write_to_one_folder() {
    let folder = tempfile::tempdir().unwrap();
    let first = open(folder.path());
    let said = Store::open(folder.path(), &settings(8)).err().unwrap();
    assert!(said.to_string().contains("another process"), "{said}");
    drop(first);
    open(folder.path());
}

#[test]
fn what_is_no_record_or_no_manifest_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("items.jsonl");
    fs::write(&path, "{}\n").unwrap();
    let said = |folder: &Path| Store::open(folder, &settings(8)).err().unwrap().to_string();
    let found = said(folder.path());
    assert!(
        found.contains("items.jsonl without the manifest"),
        "{found}"
    );
    Manifest::new(settings(8)).write(folder.path()).unwrap();
    let found = said(folder.path());
    assert!(
        found.contains("items.jsonl: line 1") && found.contains("id"),
        "{found}"
    );
    fs::write(folder.path().join("manifest.json"), "{\"settings\": 3}").unwrap();
    let found = said(folder.path());
    assert!(found.contains("manifest.json"), "{found}");
}

#[cfg(unix)]
#[test]
fn what_is_no_file_is_not_read() {
    let folder = tempfile::tempdir().unwrap();
    // This one would never end.
    std::os::unix::fs::symlink("/dev/zero", folder.path().join("items.jsonl")).unwrap();
    let error = Store::open(folder.path(), &settings(8)).err().unwrap();
    assert!(error.to_string().contains("no regular file"), "{error}");
}
