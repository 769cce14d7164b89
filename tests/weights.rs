//! Which files of a directory are the weights, what an index of shards may say, and safetensors
//! headers that say what is not so.

mod common;

use std::path::Path;

use common::checkpoint::{SMALL, Tensors, tensors, write, write_weights};
use common::gpu;
use common::torch::{Py, bin, state_dict};
use serde_json::json;
use tempfile::TempDir;
use vcoca_gpu::gpu::DType;
use vcoca_gpu::model::checkpoint::Checkpoint;
use vcoca_gpu::model::{CoCa, LoadProgress, ModelSource};

fn assert_names(message: &str, parts: &[&str]) {
    for part in parts {
        assert!(message.contains(part), "{part:?} is not in: {message}");
    }
}

fn refusal(folder: &Path) -> String {
    match Checkpoint::open(folder) {
        Ok(_) => panic!("read"),
        Err(e) => e.to_string(),
    }
}

/// One tensor, whose name tells the file it is in.
fn marked(name: &str) -> Tensors {
    [(name.to_owned(), (vec![1], vec![1.0]))].into()
}

/// Writes a file of one tensor that is called like the file.
fn put(folder: &TempDir, name: &str) {
    let path = folder.path().join(name);
    match path.extension().and_then(|e| e.to_str()) {
        Some("safetensors") => write_weights(&path, &marked(name)),
        Some("json") => {
            let shard = format!("{name}.safetensors");
            write_weights(&folder.path().join(&shard), &marked(name));
            std::fs::write(path, json!({"weight_map": {name: shard}}).to_string()).unwrap();
        }
        _ => {
            let (items, storages) = state_dict(&marked(name));
            std::fs::write(path, bin(&Py::Dict(items), &storages)).unwrap();
        }
    }
}

/// The tensors of the weights that are found, in order.
fn found(folder: &TempDir) -> Vec<String> {
    let checkpoint = Checkpoint::open(folder.path()).unwrap();
    let mut names: Vec<_> = checkpoint.names().map(str::to_owned).collect();
    names.sort();
    names
}

#[test]
fn published_names_come_first_and_safetensors_before_pickles() {
    let folder = tempfile::tempdir().unwrap();
    // From the last choice to the first: each new file is preferred to all that are there.
    for name in [
        "epoch_32.pt",
        "pytorch_model.bin",
        "open_clip_pytorch_model.bin",
        "model.safetensors.index.json",
        "model.safetensors",
        "open_clip_model.safetensors",
    ] {
        put(&folder, name);
        assert_eq!(found(&folder), [name]);
    }
}

#[test]
fn other_names_are_taken_where_there_is_no_doubt() {
    let folder = tempfile::tempdir().unwrap();
    assert_names(
        &refusal(folder.path()),
        &["*.safetensors", "*.bin", "found none"],
    );
    put(&folder, "epoch_32.pt");
    assert_eq!(found(&folder), ["epoch_32.pt"]);
    put(&folder, "epoch_31.pt");
    assert_names(
        &refusal(folder.path()),
        &["found 2", "open_clip_pytorch_model.bin"],
    );
    put(&folder, "b.safetensors");
    put(&folder, "a.safetensors");
    assert_eq!(found(&folder), ["a.safetensors", "b.safetensors"]);
}

/// Two shards of f32 safetensors and their index, which `change` may spoil.
fn indexed(change: impl FnOnce(&mut serde_json::Value)) -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    write_weights(&folder.path().join("one.safetensors"), &marked("a"));
    write_weights(&folder.path().join("two.safetensors"), &marked("b"));
    let mut index = json!({
        "metadata": {"total_size": 8},
        "weight_map": {"a": "one.safetensors", "b": "two.safetensors"},
    });
    change(&mut index);
    let path = folder.path().join("model.safetensors.index.json");
    std::fs::write(path, index.to_string()).unwrap();
    folder
}

#[test]
fn an_index_names_the_shards() {
    assert_eq!(found(&indexed(|_| ())), ["a", "b"]);
}

#[test]
fn an_index_of_pickles_is_read_as_well() {
    let folder = tempfile::tempdir().unwrap();
    for name in ["one.bin", "two.bin"] {
        put(&folder, name);
    }
    let index = json!({"weight_map": {"one.bin": "one.bin", "two.bin": "two.bin"}});
    let path = folder.path().join("pytorch_model.bin.index.json");
    std::fs::write(path, index.to_string()).unwrap();
    assert_eq!(found(&folder), ["one.bin", "two.bin"]);
}

#[test]
fn an_index_that_is_wrong_is_refused_by_tensor_and_file() {
    let index = "model.safetensors.index.json";
    let missing = indexed(|i| i["weight_map"]["b"] = json!("three.safetensors"));
    let said = refusal(missing.path());
    assert_names(
        &said,
        &[index, "tensor b", "three.safetensors", "not there"],
    );

    let misplaced = indexed(|i| i["weight_map"]["b"] = json!("one.safetensors"));
    let said = refusal(misplaced.path());
    assert_names(
        &said,
        &[index, "tensor b", "one.safetensors", "does not hold it"],
    );

    let unknown = indexed(|i| i["weight_map"]["c"] = json!("one.safetensors"));
    let said = refusal(unknown.path());
    assert_names(&said, &[index, "tensor c", "one.safetensors"]);

    for elsewhere in [
        "../one.safetensors",
        "/one.safetensors",
        "x/one.safetensors",
        "..",
        "",
        "a\\b",
        "c:d",
    ] {
        let folder = indexed(|i| i["weight_map"]["b"] = json!(elsewhere));
        assert_names(&refusal(folder.path()), &[index, "tensor b", "plain name"]);
    }
    for nonsense in [json!(7), json!({}), json!({"weight_map": {"a": 7}})] {
        let folder = indexed(|i| *i = nonsense);
        assert_names(&refusal(folder.path()), &[index, "not an index"]);
    }
}

#[test]
fn a_tensor_in_two_shards_is_named() {
    let folder = indexed(|_| ());
    let both = marked("a").into_iter().chain(marked("b")).collect();
    write_weights(&folder.path().join("two.safetensors"), &both);
    assert_names(
        &refusal(folder.path()),
        &["two.safetensors", "tensor a", "twice"],
    );
}

/// The message of refusing a file with this header before `data` bytes.
fn header_refusal(header: &str, data: usize) -> String {
    let mut file = (header.len() as u64).to_le_bytes().to_vec();
    file.extend(header.bytes());
    file.resize(file.len() + data, 0);
    match Checkpoint::from_bytes(Path::new("model.safetensors"), file) {
        Ok(_) => panic!("read: {header}"),
        Err(e) => e.to_string(),
    }
}

#[test]
fn safetensors_headers_are_refused_by_tensor_or_byte() {
    let tensor = |shape: &str, begin: u64, end: u64| {
        format!(r#"{{"dtype":"F32","shape":{shape},"data_offsets":[{begin},{end}]}}"#)
    };
    let one = |info: String| format!(r#"{{"t":{info}}}"#);
    // Its shape takes more, less, or more than there is.
    assert_names(
        &header_refusal(&one(tensor("[3]", 0, 8)), 8),
        &["tensor t", "[3]"],
    );
    assert_names(
        &header_refusal(&one(tensor("[1]", 0, 8)), 8),
        &["tensor t", "[1]"],
    );
    let huge = format!("[{}, {}]", 1_u64 << 62, 8);
    assert_names(&header_refusal(&one(tensor(&huge, 0, 8)), 8), &["tensor t"]);
    // It lies outside the file, backwards, over another, or leaves a hole.
    assert_names(
        &header_refusal(&one(tensor("[3]", 0, 12)), 8),
        &["tensor t", "cut off"],
    );
    assert_names(
        &header_refusal(&one(tensor("[0]", 0, u64::MAX)), 8),
        &["tensor t"],
    );
    assert_names(&header_refusal(&one(tensor("[1]", 8, 4)), 8), &["tensor t"]);
    assert_names(
        &header_refusal(&one(tensor("[1]", 4, 8)), 8),
        &["tensor t", "begin"],
    );
    let two = format!(
        r#"{{"t":{},"u":{}}}"#,
        tensor("[2]", 0, 8),
        tensor("[1]", 4, 8)
    );
    assert_names(&header_refusal(&two, 8), &["tensor u", "begin"]);
    assert_names(
        &header_refusal(&one(tensor("[1]", 0, 4)), 8),
        &["byte", "4 bytes", "no tensor"],
    );
    // It comes twice.
    let twice = format!(
        r#"{{"t":{},"t":{}}}"#,
        tensor("[1]", 0, 4),
        tensor("[1]", 4, 8)
    );
    assert_names(&header_refusal(&twice, 8), &["tensor t", "twice"]);
    // The header is no header; its first byte is the file's ninth.
    assert_names(&header_refusal("{]", 0), &["byte 9"]);
    assert_names(&header_refusal("{\n\n}x", 0), &["byte 12"]);
    assert_names(&header_refusal(&one(tensor("[-1]", 0, 4)), 4), &["byte"]);
    assert_names(
        &header_refusal(r#"{"t":{"dtype":"F33"}}"#, 0),
        &["byte", "F33"],
    );
}

#[test]
fn every_half_float_is_read_as_the_number_that_it_is() {
    let halves: Vec<u8> = (0..=u16::MAX).flat_map(u16::to_le_bytes).collect();
    let values = |dtype| {
        let info = json!({"dtype": dtype, "shape": [1 << 16], "data_offsets": [0, halves.len()]});
        let mut header = json!({ "t": info }).to_string();
        // The tensor begins at an odd byte.
        header += &" ".repeat(1 + header.len() % 2);
        let length = (header.len() as u64).to_le_bytes();
        let file = [&length, header.as_bytes(), &halves].concat();
        let checkpoint = Checkpoint::from_bytes(Path::new("t.safetensors"), file).unwrap();
        let mut values = vec![0.0; 1 << 16];
        checkpoint.get("t").unwrap().unwrap().read(0, &mut values);
        values
    };
    let same = |a: f32, b: f32| a.to_bits() == b.to_bits() || a.is_nan() && b.is_nan();
    for (bits, value) in (0..).zip(values("BF16")) {
        assert!(same(value, f32::from_bits(bits << 16)), "{bits:#06x}");
    }
    for (bits, value) in (0_u16..=u16::MAX).zip(values("F16")) {
        let (exponent, fraction) = (i32::from(bits >> 10 & 31), f32::from(bits & 1023) / 1024.0);
        let size = match exponent {
            0 => fraction * 2_f32.powi(-14),
            31 if fraction == 0.0 => f32::INFINITY,
            31 => f32::NAN,
            _ => (1.0 + fraction) * 2_f32.powi(exponent - 15),
        };
        let expected = if bits >> 15 == 1 { -size } else { size };
        assert!(same(value, expected), "{bits:#06x}");
    }
}

#[test]
fn names_in_messages_take_a_line_and_cannot_do_harm() {
    let name = format!("\\u001b[2J{}", "x".repeat(1000));
    let said = header_refusal(
        &format!(r#"{{"{name}":{{"dtype":"F32","shape":[1],"data_offsets":[4,8]}}}}"#),
        8,
    );
    assert!(!said.contains('\u{1b}') && said.len() < 300, "{said}");
    assert_names(&said, &["[2Jxxx"]);
}

#[test]
fn headers_that_are_too_long_are_not_read() {
    for length in [(4 << 20) + 1, u64::MAX] {
        let mut file = length.to_le_bytes().to_vec();
        file.resize(5 << 20, b' ');
        let error = Checkpoint::from_bytes(Path::new("model.safetensors"), file).err();
        assert_names(
            &error.unwrap().to_string(),
            &["byte 0", &length.to_string()],
        );
    }
}

#[test]
fn loading_tells_how_far_it_is() {
    let folder = tempfile::tempdir().unwrap();
    let all = tensors(SMALL);
    write(folder.path(), SMALL, &all);
    let source = ModelSource::Directory(folder.path().to_owned());
    let mut told: Vec<LoadProgress> = Vec::new();
    CoCa::load_with(gpu(), &source, DType::F32, &mut |progress| {
        told.push(progress)
    })
    .unwrap();

    let bytes = all
        .values()
        .map(|(_, values)| 4 * values.len() as u64)
        .sum();
    let (first, last) = (told[0], told[told.len() - 1]);
    assert_eq!([first.done, last.done], [0, bytes]);
    assert!(told.iter().all(|progress| progress.total == bytes));
    assert!(told.is_sorted_by_key(|progress| progress.done));
}
