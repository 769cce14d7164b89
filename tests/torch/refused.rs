//! What no torch.save writes: refused by tensor, by entry or by byte, and nothing that a pickle names
//! is run.

use std::collections::BTreeMap;

use vcoca_gpu::gpu::DType;
use vcoca_gpu::model::{CoCa, ModelSource};

use super::common::checkpoint::{SMALL, Tensors, tensors, write};
use super::common::gpu;
use super::common::torch::*;
use super::{assert_names, read, values};

/// The message of refusing a whole file.
fn refusal(bytes: Vec<u8>) -> String {
    match read(bytes) {
        Ok(_) => panic!("a spoilt file was read"),
        Err(e) => e.to_string(),
    }
}

/// The message of refusing tensor "x" of a state dict.
fn refused_tensor(value: Py, storages: &[(&str, usize)]) -> String {
    let good = tensor(storage("FloatStorage", "good"), 0, &[1], &[1]);
    let dict = Py::Dict(vec![(text("good"), good), (text("x"), value)]);
    let mut held: BTreeMap<_, _> = [("good".to_owned(), vec![0; 4])].into();
    held.extend(
        storages
            .iter()
            .map(|&(key, bytes)| (key.to_owned(), vec![0; bytes])),
    );
    let checkpoint = read(bin(&dict, &held)).expect("one bad tensor does not spoil the file");
    assert_eq!(values(&checkpoint, "good").1, [0.0]);
    let found = checkpoint
        .get("x")
        .expect("listed, though it cannot be read");
    found
        .err()
        .expect("a tensor that cannot be read")
        .to_owned()
}

#[test]
fn nothing_that_a_pickle_names_is_run() {
    let folder = tempfile::tempdir().unwrap();
    let proof = folder.path().join("proof");
    let command = format!("touch {}", proof.display());
    let arguments = vec![text(&command)];
    let inside = |raw: &[u8]| Py::Raw(raw.to_vec());
    let evil = [
        // REDUCE, by GLOBAL and by STACK_GLOBAL.
        Py::Call("posix", "system", arguments.clone()),
        inside(b"\x8c\x05posix\x8c\x06system\x93\x8c\x04true\x85R"),
        // NEWOBJ and NEWOBJ_EX.
        inside(b"cposix\nsystem\nX\x04\0\0\0true\x85\x81"),
        inside(b"cposix\nsystem\nX\x04\0\0\0true\x85}\x92"),
        // BUILD, whose state would be set or called.
        inside(b"cposix\nsystem\n)R}X\x01\0\0\0aX\x04\0\0\0truesb"),
        // A tensor in name alone.
        Py::Call(
            "torch._utils",
            "_rebuild_parameter",
            vec![Py::Call("posix", "system", arguments)],
        ),
    ];
    for value in evil {
        let said = refused_tensor(value, &[]);
        assert_names(
            &said,
            &["expected a tensor", "a call of posix.system", "refused"],
        );
    }
    let global = refused_tensor(Py::Global("builtins", "eval"), &[]);
    assert_names(&global, &["builtins.eval", "refused"]);
    assert!(!proof.exists());
}

#[test]
fn opcodes_that_torch_never_writes_are_refused_by_number_and_byte() {
    // The pickle begins at byte 46, behind the header of its entry.
    // INST, OBJ, EXT1, PERSID, STRING, NEXT_BUFFER: other ways to name, to call and to share.
    for opcode in [b'i', b'o', 0x82, b'P', b'S', 0x97] {
        let said = refusal(bin(
            &Py::Raw(vec![b'N', opcode, b'\n', b'\n']),
            &BTreeMap::new(),
        ));
        assert_names(&said, &["data.pkl", "byte 49", &format!("{opcode:#04x}")]);
    }
}

#[test]
fn the_model_is_refused_by_the_name_of_the_tensor_that_it_needs() {
    let folder = tempfile::tempdir().unwrap();
    write(folder.path(), SMALL, &Tensors::new());
    std::fs::remove_file(folder.path().join("model.safetensors")).unwrap();
    let (mut items, storages) = state_dict(&tensors(SMALL));
    for (key, value) in &mut items {
        if matches!(key, Py::Text(name) if name == "visual.proj") {
            *value = Py::Call("posix", "system", vec![text("true")]);
        }
    }
    let path = folder.path().join("open_clip_pytorch_model.bin");
    std::fs::write(&path, bin(&Py::Dict(items), &storages)).unwrap();
    let source = ModelSource::Directory(folder.path().to_owned());
    let error = CoCa::load(gpu(), &source, DType::F32)
        .err()
        .expect("a call is no tensor");
    assert_names(&error.to_string(), &["visual.proj", "posix.system"]);
}

#[test]
fn storages_that_are_missing_or_too_small_are_named() {
    let view = |key| tensor(storage("FloatStorage", key), 0, &[2, 3], &[3, 1]);
    assert_names(
        &refused_tensor(view("9"), &[]),
        &["data/9", "not in the file"],
    );
    assert_names(
        &refused_tensor(view("9"), &[("9", 23)]),
        &["[2, 3]", "23 bytes"],
    );
    assert_names(&refused_tensor(view("../9"), &[]), &["data/../9"]);
    let class = tensor(storage("os", "9"), 0, &[1], &[1]);
    assert_names(&refused_tensor(class, &[("9", 4)]), &["torch.os"]);
    let bare = storage("FloatStorage", "9");
    assert_names(&refused_tensor(bare, &[("9", 4)]), &["a bare storage"]);
}

#[test]
fn sizes_that_overflow_are_refused() {
    let half = 1 << 62;
    for (offset, shape, strides) in [
        (0, vec![half, 8], vec![8, 1]),
        (0, vec![half, half, half], vec![0, 0, 0]),
        (0, vec![2], vec![usize::MAX >> 1]),
        (half, vec![1], vec![1]),
        (half, vec![0], vec![1]),
        (1, vec![4], vec![1]),
        (0, vec![2, 2], vec![1]),
        (0, vec![1; 9], vec![1; 9]),
    ] {
        let value = tensor(storage("FloatStorage", "0"), offset, &shape, &strides);
        let said = refused_tensor(value, &[("0", 16)]);
        assert_names(&said, &["shape", "strides"]);
    }
    let negative = Py::Call(
        "torch._utils",
        "_rebuild_tensor_v2",
        vec![
            storage("FloatStorage", "0"),
            Py::Int(3),
            ints(&[2]),
            Py::Tuple(vec![Py::Int(-1)]),
        ],
    );
    assert_names(&refused_tensor(negative, &[("0", 16)]), &["strides"]);
}

#[test]
fn a_tensor_stored_twice_is_named() {
    let value = tensor(storage("FloatStorage", "0"), 0, &[1], &[1]);
    let dict = Py::Dict(vec![(text("x"), value.clone()), (text("x"), value)]);
    let said = refusal(bin(&dict, &[("0".to_owned(), vec![0; 4])].into()));
    assert_names(&said, &["tensor x", "twice"]);
}

#[test]
fn dicts_without_tensors_are_refused() {
    let said = refusal(bin(
        &Py::Dict(vec![(text("epoch"), Py::Int(3))]),
        &BTreeMap::new(),
    ));
    assert_names(&said, &["no tensor", "state_dict"]);
    let said = refusal(bin(&Py::Int(3), &BTreeMap::new()));
    assert_names(&said, &["a number"]);
}

#[test]
fn big_endian_and_compressed_files_are_refused() {
    let value = tensor(storage("FloatStorage", "0"), 0, &[1], &[1]);
    let dict = pickle(&Py::Dict(vec![(text("x"), value)]), 2);
    let good = entries(dict, &[("0".to_owned(), vec![0; 4])].into());
    let with = |change: &dyn Fn(&mut Vec<Entry>)| {
        let mut entries = good.clone();
        change(&mut entries);
        zip(&entries, true)
    };
    assert!(read(with(&|_| ())).is_ok());
    let said = refusal(with(&|all| all[1].data = b"big".to_vec()));
    assert_names(&said, &["byteorder", "little"]);
    let said = refusal(with(&|all| all[0].method = 8));
    assert_names(&said, &["data.pkl", "compressed"]);
    let stored = read(with(&|all| all[2].method = 8)).unwrap();
    let said = stored.get("x").unwrap().err().unwrap().to_owned();
    assert_names(&said, &["data/0", "compressed"]);
}

#[test]
fn zip_archives_that_contradict_themselves_are_refused_by_entry_or_byte() {
    let value = tensor(storage("FloatStorage", "0"), 0, &[1], &[1]);
    let dict = pickle(&Py::Dict(vec![(text("x"), value)]), 2);
    let good = entries(dict, &[("0".to_owned(), vec![0; 4])].into());
    let with = |change: &dyn Fn(&mut Vec<Entry>)| {
        let mut entries = good.clone();
        change(&mut entries);
        refusal(zip(&entries, true))
    };
    let said = with(&|all| all[2].said_at = Some(0));
    assert_names(&said, &["overlaps", "data"]);
    let said = with(&|all| all[2].said_at = Some(1 << 30));
    assert_names(&said, &["archive/data/0", "byte"]);
    let said = with(&|all| all.push(all[2].clone()));
    assert_names(&said, &["archive/data/0", "twice"]);
    let said = with(&|all| drop(all.remove(0)));
    assert_names(&said, &["NAME/data.pkl"]);
    let said = with(&|all| all.push(Entry::new("other/data.pkl", *b"N.")));
    assert_names(&said, &["one NAME/data.pkl"]);

    let mut file = zip(&good, true);
    file.truncate(file.len() - 1);
    assert_names(&refusal(file), &["end of a zip archive", "byte"]);
    let mut file = zip(&good, false);
    let end = file.len();
    file[end - 12] ^= 1; // entries
    assert_names(&refusal(file.clone()), &["entries", "byte"]);
    file[end - 7] = 0xff; // where the directory begins
    assert_names(&refusal(file), &["directory", "byte"]);
}

#[test]
fn deep_nesting_and_bombs_end_in_errors() {
    let nested = [vec![b')'; 1], vec![0x85; 400_000]].concat();
    assert_names(
        &refusal(bin(&Py::Raw(nested), &BTreeMap::new())),
        &["a tuple"],
    );
    let endless = vec![b'}'; 1 << 20];
    assert_names(
        &refusal(bin(&Py::Raw(endless), &BTreeMap::new())),
        &["524288 steps"],
    );
}
