//! Embeddings as files, read back by other means than those that wrote them.

use std::collections::BTreeMap;
use std::fs;
use std::io::Cursor;
use std::path::Path;

use half::f16;
use serde_json::{Value, json};
use tempfile::TempDir;
use vcoca_gpu::Error;
use vcoca_gpu::export::{
    Columns, Element, Folder, Format, Jsonl, Layout, Moment, Npy, Part, Record, Row, Rows,
    Safetensors, Settings, State, Table,
};
use vcoca_gpu::frames::Seconds;

const WIDTH: usize = 5;
const MOMENTS: Columns = Columns {
    moments: true,
    captions: false,
};

/// The embedding of row i: no value is a half.
fn embedding(i: usize) -> Vec<f32> {
    (0..WIDTH)
        .map(|j| (i as f32 + 0.1 * j as f32).sin())
        .collect()
}

fn moment(video: &str, i: i64) -> Row<'_> {
    Row {
        moment: Some(Moment {
            video,
            start: Seconds::new(1001 * i, 30_000),
            end: Seconds::new(1001 * (i + 1), 30_000),
        }),
        caption: None,
    }
}

fn written(mut rows: impl Rows<Cursor<Vec<u8>>>, count: usize) -> Vec<u8> {
    for i in 0..count {
        rows.row(&moment("a \"ü\"\n.mp4", i as i64), &embedding(i))
            .unwrap();
    }
    Box::new(rows).end().unwrap().into_inner()
}

fn f32s(bytes: &[u8]) -> Vec<f32> {
    let values = bytes.chunks_exact(4);
    values
        .map(|b| f32::from_le_bytes(b.try_into().unwrap()))
        .collect()
}

fn f16s(bytes: &[u8]) -> Vec<f16> {
    let values = bytes.chunks_exact(2);
    values
        .map(|b| f16::from_le_bytes(b.try_into().unwrap()))
        .collect()
}

fn expected(count: usize) -> Vec<f32> {
    (0..count).flat_map(embedding).collect()
}

/// The header and the values of a `.npy`, read as NumPy's documentation tells.
fn parse_npy(bytes: &[u8]) -> (String, &[u8]) {
    assert_eq!(&bytes[..8], b"\x93NUMPY\x01\x00");
    let length = usize::from(u16::from_le_bytes([bytes[8], bytes[9]]));
    assert_eq!((10 + length) % 64, 0, "values are aligned");
    let header = std::str::from_utf8(&bytes[10..10 + length]).unwrap();
    assert!(header.ends_with('\n'));
    (header.trim_end().to_owned(), &bytes[10 + length..])
}

#[test]
fn npy_is_what_its_format_says() {
    for count in [0, 1, 1003] {
        let out = Cursor::new(Vec::new());
        let bytes = written(Npy::begin(out, WIDTH, Element::F32).unwrap(), count);
        let (header, values) = parse_npy(&bytes);
        let shape = format!("({count}, 5)");
        assert_eq!(
            header,
            format!("{{'descr': '<f4', 'fortran_order': False, 'shape': {shape}, }}")
        );
        assert_eq!(f32s(values), expected(count));
    }
}

#[test]
fn npy_takes_halves() {
    let out = Cursor::new(Vec::new());
    let bytes = written(Npy::begin(out, WIDTH, Element::F16).unwrap(), 7);
    let (header, values) = parse_npy(&bytes);
    assert!(header.contains("'descr': '<f2'"), "{header}");
    let halves: Vec<f16> = expected(7).into_iter().map(f16::from_f32).collect();
    assert_eq!(f16s(values), halves);
}

#[test]
fn safetensors_are_read_by_their_own_library() {
    for (element, count) in [(Element::F32, 0), (Element::F32, 1003), (Element::F16, 9)] {
        let metadata = BTreeMap::from([("model".to_owned(), "\"x\"\n".to_owned())]);
        let out = Cursor::new(Vec::new());
        let rows = Safetensors::begin(out, WIDTH, element, metadata).unwrap();
        let bytes = written(rows, count);
        let read = safetensors::SafeTensors::deserialize(&bytes).unwrap();
        let tensor = read.tensor("embeddings").unwrap();
        assert_eq!(tensor.shape(), [count, WIDTH]);
        match element {
            Element::F32 => assert_eq!(f32s(tensor.data()), expected(count)),
            Element::F16 => {
                let halves: Vec<f16> = expected(count).into_iter().map(f16::from_f32).collect();
                assert_eq!(f16s(tensor.data()), halves);
            }
        }
        assert_eq!(
            (bytes.len() - tensor.data().len()) % 8,
            0,
            "values are aligned"
        );
        let (_, header) = safetensors::SafeTensors::read_metadata(&bytes).unwrap();
        assert_eq!(header.metadata().as_ref().unwrap()["model"], "\"x\"\n");
    }
}

#[test]
fn jsonl_has_a_row_a_line() {
    let bytes = written(Jsonl::begin(Cursor::new(Vec::new()), MOMENTS, true), 3);
    let text = String::from_utf8(bytes).unwrap();
    let lines: Vec<Value> = text
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    assert_eq!(lines.len(), 3);
    for (i, line) in lines.iter().enumerate() {
        assert_eq!(line["video"], "a \"ü\"\n.mp4");
        assert_eq!(line["start"], json!(i as f64 * 1001.0 / 30_000.0));
        assert_eq!(line["end"], json!((i + 1) as f64 * 1001.0 / 30_000.0));
        let values = line["embedding"].as_array().unwrap().iter();
        let values: Vec<f32> = values.map(|value| value.as_f64().unwrap() as f32).collect();
        assert_eq!(values, embedding(i), "each value comes back");
        assert_eq!(line.as_object().unwrap().len(), 4);
    }
}

#[test]
fn a_table_of_texts_has_no_times() {
    let texts = Columns {
        moments: false,
        captions: true,
    };
    let row = Row {
        moment: None,
        caption: Some("a red star"),
    };
    let mut rows = Jsonl::begin(Cursor::new(Vec::new()), texts, false);
    rows.row(&row, &embedding(0)).unwrap();
    let bytes = Box::new(rows).end().unwrap().into_inner();
    assert_eq!(bytes, b"{\"caption\":\"a red star\"}\n");
}

#[cfg(feature = "parquet")]
mod tables {
    use std::io::Write;

    use parquet::file::reader::{FileReader, SerializedFileReader};
    use parquet::record::RowAccessor;
    use vcoca_gpu::export::Parquet;

    use super::*;

    fn reader(bytes: &[u8]) -> SerializedFileReader<std::fs::File> {
        let mut file = tempfile::tempfile().unwrap();
        file.write_all(bytes).unwrap();
        SerializedFileReader::new(file).unwrap()
    }

    fn names(row: &parquet::record::Row) -> Vec<&str> {
        row.get_column_iter().map(|(name, _)| &name[..]).collect()
    }

    #[test]
    fn parquet_is_read_by_its_own_reader() {
        // More rows than a group has.
        let count = 8192 + 3;
        let out = Cursor::new(Vec::new());
        let bytes = written(Parquet::begin(out, MOMENTS, Some(WIDTH)).unwrap(), count);
        let reader = reader(&bytes);
        assert_eq!(reader.num_row_groups(), 2);
        let mut read = 0;
        for (i, row) in reader.get_row_iter(None).unwrap().enumerate() {
            let row = row.unwrap();
            assert_eq!(row.get_string(0).unwrap(), "a \"ü\"\n.mp4");
            assert_eq!(row.get_double(1).unwrap(), i as f64 * 1001.0 / 30_000.0);
            assert_eq!(
                row.get_double(2).unwrap(),
                (i + 1) as f64 * 1001.0 / 30_000.0
            );
            let list = row.get_list(3).unwrap().elements().iter();
            let values: Vec<f32> = list
                .map(|value| match value {
                    parquet::record::Field::Float(value) => *value,
                    other => panic!("{other}"),
                })
                .collect();
            assert_eq!(values, embedding(i));
            read += 1;
        }
        assert_eq!(read, count);
    }

    #[test]
    fn parquet_of_metadata_has_no_embeddings_and_may_be_empty() {
        let begin = || Parquet::begin(Cursor::new(Vec::new()), MOMENTS, None).unwrap();
        let empty = written(begin(), 0);
        assert_eq!(reader(&empty).get_row_iter(None).unwrap().count(), 0);
        let one = written(begin(), 1);
        let mut rows = reader(&one).into_iter();
        let row = rows.next().unwrap().unwrap();
        assert_eq!(names(&row), ["video", "start", "end"]);
        assert_eq!(row.get_double(2).unwrap(), 1001.0 / 30_000.0);
        assert!(rows.next().is_none());
    }

    #[test]
    fn captions_stand_beside_moments() {
        let columns = Columns {
            moments: true,
            captions: true,
        };
        let mut rows = Parquet::begin(Cursor::new(Vec::new()), columns, None).unwrap();
        let row = Row {
            caption: Some("a star"),
            ..moment("v", 0)
        };
        rows.row(&row, &[]).unwrap();
        let bytes = Box::new(rows).end().unwrap().into_inner();
        let row = reader(&bytes).into_iter().next().unwrap().unwrap();
        assert_eq!(names(&row), ["video", "start", "end", "caption"]);
        assert_eq!(row.get_string(3).unwrap(), "a star");
    }
}

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
    assert!(parse_npy(&tree[names[1]]).0.contains("(4, 5)"));
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
    let texts = Columns {
        moments: false,
        captions: true,
    };
    assert_eq!(
        files(Format::Safetensors, MOMENTS),
        [
            "img_emb/img_emb_00000.safetensors",
            "metadata/metadata_00000.jsonl"
        ]
    );
    assert_eq!(
        files(Format::Npy, texts),
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
    part.finish().unwrap();
    assert!(is_done(&other, 0, &["a"]));
    let names = tree(root.path());
    assert!(
        !names.keys().any(|name| name.ends_with(".lock")),
        "{names:?}"
    );
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
    assert!(matches!(error, Error::Io { .. }), "{error}");
    let folder = open(root.path());
    fs::write(root.path().join("img_emb"), "in the way").unwrap();
    let Err(error) = folder.part(0, &["a"]) else {
        panic!("there is no room for the folder");
    };
    assert!(error.to_string().contains("img_emb"), "{error}");
}
