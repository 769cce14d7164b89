//! Parts, whole or not there, and what a folder refuses.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use serde_json::json;
use tempfile::TempDir;
use vcoca_gpu::Error;
use vcoca_gpu::export::{Element, Folder, Format, Layout, Part, Record, Settings, State, Table};

use super::*;

const NPY: Layout = Layout {
    format: Format::Npy,
    metadata: Table::Jsonl,
    element: Element::F32,
    columns: MOMENTS,
    width: WIDTH,
};

fn settings(frames: u64) -> Settings {
    Settings::from([("frames".to_owned(), json!(frames))])
}

fn open(folder: &Path) -> Folder {
    Folder::open(folder, NPY, settings(8)).unwrap()
}

fn begin<'a>(folder: &'a Folder, number: usize, inputs: &[&str]) -> Part<'a> {
    match folder.part(number, inputs).unwrap() {
        State::Open(part) => part,
        State::Done(record) => panic!("there already: {record:?}"),
        State::Taken => panic!("taken"),
    }
}

/// Makes a part of two rows for each input, but for those called "bad".
fn make(folder: &Folder, number: usize, inputs: &[&str]) -> Record {
    let mut part = begin(folder, number, inputs);
    fill(&mut part, inputs);
    part.finish().unwrap()
}

fn fill(part: &mut Part, inputs: &[&str]) {
    for (i, input) in inputs.iter().enumerate() {
        match *input {
            "bad" => part.failed(input, "is bad").unwrap(),
            _ => (0..2).for_each(|k| {
                let row = moment(input, k);
                part.row(&row, &embedding(i + k as usize)).unwrap();
            }),
        }
    }
}

fn is_done(folder: &Folder, number: usize, inputs: &[&str]) -> bool {
    matches!(folder.part(number, inputs).unwrap(), State::Done(_))
}

/// Every file below a folder, by its name there.
fn tree(folder: &Path) -> BTreeMap<String, Vec<u8>> {
    let files = walkdir::WalkDir::new(folder).into_iter();
    files
        .map(|entry| entry.unwrap())
        .filter(|entry| entry.file_type().is_file())
        .map(|entry| {
            let name = entry.path().strip_prefix(folder).unwrap();
            (
                name.to_str().unwrap().to_owned(),
                fs::read(entry.path()).unwrap(),
            )
        })
        .collect()
}

fn temporary() -> TempDir {
    tempfile::tempdir().unwrap()
}

#[test]
fn a_folder_is_laid_out_as_documented() {
    let root = temporary();
    let record = make(&open(root.path()), 3, &["a", "bad", "c"]);
    assert_eq!((record.inputs, record.failed, record.rows), (3, 1, 4));
    let tree = tree(root.path());
    let names: Vec<&str> = tree.keys().map(String::as_str).collect();
    assert_eq!(
        names,
        [
            "errors/errors_00003.jsonl",
            "img_emb/img_emb_00003.npy",
            "metadata/metadata_00003.jsonl",
            "parts/part_00003.json",
            "settings.json",
        ]
    );
    assert!(
        super::formats::parse_npy(&tree[names[1]])
            .0
            .contains("(4, 5)")
    );
    assert_eq!(
        tree[names[0]],
        b"{\"video\":\"bad\",\"error\":\"is bad\"}\n"
    );
    let lines = String::from_utf8_lossy(&tree[names[2]]).lines().count();
    assert_eq!(lines, 4, "a line a row");
    for (name, bytes) in record.files {
        assert_eq!(tree[&name].len() as u64, bytes, "{name}");
    }
}

#[test]
fn every_format_has_its_files() {
    let files = |format, columns| {
        let (root, layout) = (
            temporary(),
            Layout {
                format,
                columns,
                ..NPY
            },
        );
        let folder = Folder::open(root.path(), layout, settings(8)).unwrap();
        let record = begin(&folder, 0, &[]).finish().unwrap();
        record.files.into_keys().collect::<Vec<_>>()
    };
    assert_eq!(
        files(Format::Safetensors, MOMENTS),
        [
            "img_emb/img_emb_00000.safetensors",
            "metadata/metadata_00000.jsonl"
        ]
    );
    assert_eq!(
        files(Format::Npy, TEXTS),
        [
            "metadata/metadata_00000.jsonl",
            "text_emb/text_emb_00000.npy"
        ]
    );
    assert_eq!(
        files(Format::Jsonl, MOMENTS),
        ["embeddings/embeddings_00000.jsonl"]
    );
    #[cfg(feature = "parquet")]
    assert_eq!(
        files(Format::Parquet, MOMENTS),
        ["embeddings/embeddings_00000.parquet"]
    );
    #[cfg(not(feature = "parquet"))]
    {
        let layout = Layout {
            format: Format::Parquet,
            ..NPY
        };
        let refused = Folder::open(temporary().path(), layout, settings(8)).unwrap_err();
        assert!(
            refused.to_string().contains("feature `parquet`"),
            "{refused}"
        );
    }
}

#[test]
fn a_part_is_there_whole_or_not_at_all() {
    let (whole, killed) = (temporary(), temporary());
    make(&open(whole.path()), 0, &["a", "bad", "c"]);

    let folder = open(killed.path());
    let mut part = begin(&folder, 0, &["a", "bad", "c"]);
    fill(&mut part, &["a", "bad"]);
    // What a kill leaves: all files, but no lock on any.
    let copy = temporary();
    copy_tree(killed.path(), copy.path());

    let left = tree(copy.path());
    assert!(
        left.keys().any(|name| name.ends_with(".incomplete")),
        "{left:?}"
    );
    assert!(
        !left
            .keys()
            .any(|name| name.ends_with(".npy") || name.starts_with("parts/part_00000.json"))
    );
    let folder = open(copy.path());
    make(&folder, 0, &["a", "bad", "c"]);
    assert_eq!(tree(copy.path()), tree(whole.path()));
}

fn copy_tree(from: &Path, to: &Path) {
    for (name, bytes) in tree(from) {
        let path = to.join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, bytes).unwrap();
    }
}

#[test]
fn a_part_that_is_given_up_leaves_nothing() {
    let root = temporary();
    let folder = open(root.path());
    let mut part = begin(&folder, 0, &["a", "bad"]);
    fill(&mut part, &["a", "bad"]);
    drop(part);
    let names: Vec<String> = tree(root.path()).into_keys().collect();
    assert_eq!(names, ["parts/part_00000.lock", "settings.json"]);
    assert!(!is_done(&folder, 0, &["a", "bad"]));
}

#[test]
fn parts_that_are_there_are_not_made_again() {
    let root = temporary();
    let folder = open(root.path());
    let record = make(&folder, 0, &["a"]);
    match open(root.path()).part(0, &["a"]).unwrap() {
        State::Done(found) => assert_eq!(found, record),
        _ => panic!("it is there"),
    }
    assert!(!is_done(&folder, 1, &["b"]));
    // Killed between its record and the end.
    let lock = root.path().join("parts/part_00000.lock");
    fs::write(&lock, "").unwrap();
    assert!(is_done(&folder, 0, &["a"]) && !lock.exists());
    // Cut, gone, or without a readable record: made again.
    let npy = root.path().join("img_emb/img_emb_00000.npy");
    let bytes = fs::read(&npy).unwrap();
    fs::write(&npy, &bytes[1..]).unwrap();
    assert!(!is_done(&folder, 0, &["a"]));
    fs::remove_file(&npy).unwrap();
    assert!(!is_done(&folder, 0, &["a"]));
    make(&folder, 0, &["a"]);
    assert_eq!(fs::read(&npy).unwrap(), bytes);
    fs::write(root.path().join("parts/part_00000.json"), "{").unwrap();
    assert!(!is_done(&folder, 0, &["a"]));
}

#[test]
fn a_part_of_other_inputs_is_refused_but_a_list_may_grow() {
    let root = temporary();
    let folder = open(root.path());
    make(&folder, 0, &["a", "b"]);
    for other in [&["a"][..], &["b", "a"], &["ab", ""], &["a", "c", "b"], &[]] {
        let Err(refused @ Error::Export { .. }) = folder.part(0, other) else {
            panic!("{other:?} are other inputs");
        };
        let said = refused.to_string();
        assert!(
            said.contains("part_00000.json") && said.contains("other inputs"),
            "{said}"
        );
    }
    make(&folder, 0, &["a", "b", "c"]);
    assert!(is_done(&folder, 0, &["a", "b", "c"]));
}

#[test]
fn other_settings_are_refused_by_name() {
    let root = temporary();
    open(root.path());
    let refused = |layout, settings| {
        let error = Folder::open(root.path(), layout, settings).unwrap_err();
        assert!(matches!(error, Error::Export { .. }));
        error.to_string()
    };
    let said = refused(NPY, settings(16));
    assert!(
        said.contains("frames 8, this run has 16") && said.contains("another folder"),
        "{said}"
    );
    let half = Layout {
        element: Element::F16,
        ..NPY
    };
    assert!(refused(half, settings(8)).contains("element \"f32\", this run has \"f16\""));
    assert!(refused(NPY, Settings::new()).contains("frames 8, this run has none"));
    let mut more = settings(8);
    more.insert("windows".to_owned(), json!("4s"));
    assert!(refused(NPY, more).contains("windows none, this run has \"4s\""));
    let path = root.path().join("settings.json");
    for bad in ["", "{}", "[1]"] {
        fs::write(&path, bad).unwrap();
        assert!(refused(NPY, settings(8)).contains("expected settings"));
    }
}

#[test]
fn two_processes_do_not_make_the_same_part() {
    let root = temporary();
    let (one, other) = (open(root.path()), open(root.path()));
    let part = begin(&one, 0, &["a"]);
    assert!(matches!(other.part(0, &["a"]).unwrap(), State::Taken));
    // The other takes the next one meanwhile.
    make(&other, 1, &["b"]);
    std::thread::scope(|scope| {
        let waiting = scope.spawn(|| matches!(other.wait_for(0, &["a"]), Ok(State::Done(_))));
        part.finish().unwrap();
        assert!(waiting.join().unwrap());
    });
    let names = tree(root.path());
    assert!(
        !names.keys().any(|name| name.ends_with(".lock")),
        "{names:?}"
    );
}

#[test]
fn a_part_is_taken_over_from_a_process_that_dies() {
    let root = temporary();
    let (one, other) = (open(root.path()), open(root.path()));
    let part = begin(&one, 0, &["a"]);
    std::thread::scope(|scope| {
        let waiting = scope.spawn(|| match other.wait_for(0, &["a"]).unwrap() {
            State::Open(part) => part.finish().unwrap(),
            _ => panic!("nobody has made it"),
        });
        drop(part);
        assert_eq!(waiting.join().unwrap().inputs, 1);
    });
    assert!(is_done(&one, 0, &["a"]));
}

#[test]
fn errors_that_are_mended_are_listed_no_more() {
    let root = temporary();
    let folder = open(root.path());
    make(&folder, 0, &["a", "bad"]);
    let errors = root.path().join("errors/errors_00000.jsonl");
    assert!(errors.exists());
    fs::remove_file(root.path().join("parts/part_00000.json")).unwrap();
    let mut part = begin(&folder, 0, &["a", "bad"]);
    fill(&mut part, &["a"]);
    part.finish().unwrap();
    assert!(!errors.exists());
}

#[test]
fn a_folder_that_cannot_be_written_is_named() {
    let root = temporary();
    let file = root.path().join("file");
    fs::write(&file, "x").unwrap();
    let error = Folder::open(&file, NPY, settings(8)).unwrap_err();
    assert!(matches!(error, Error::NotAFile { .. }), "{error}");
    let folder = open(root.path());
    fs::write(root.path().join("img_emb"), "in the way").unwrap();
    let Err(error) = folder.part(0, &["a"]) else {
        panic!("there is no room for the folder");
    };
    assert!(error.to_string().contains("img_emb"), "{error}");
}
