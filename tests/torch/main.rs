//! PyTorch's own files: what torch.save writes is read, and gives what safetensors give.

#[path = "../common/mod.rs"]
mod common;
mod refused;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use common::checkpoint::Tensors;
use common::gpu;
use common::torch::*;
use tempfile::TempDir;
use vcoca_gpu::gpu::DType;
use vcoca_gpu::model::checkpoint::Checkpoint;
use vcoca_gpu::model::{CoCa, ModelSource};

fn data(name: &str) -> PathBuf {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/torch");
    folder.join(name)
}

fn read(bytes: Vec<u8>) -> vcoca_gpu::Result<Checkpoint> {
    Checkpoint::from_bytes(Path::new("model.bin"), bytes)
}

/// A checkpoint that torch.save wrote.
fn saved(name: &str) -> vcoca_gpu::Result<Checkpoint> {
    Checkpoint::from_bytes(&data(name), std::fs::read(data(name)).unwrap())
}

/// Shape and values of a tensor that can be read.
fn values(checkpoint: &Checkpoint, name: &str) -> (Vec<usize>, Vec<f32>) {
    let stored = (checkpoint.get(name))
        .unwrap_or_else(|| panic!("{name} is not there"))
        .unwrap_or_else(|problem| panic!("{name}: {problem}"));
    let mut values = vec![f32::NAN; stored.shape.iter().product()];
    stored.read(0, &mut values);
    (stored.shape.to_vec(), values)
}

/// What `tools/torch_files.py` fills every tensor with.
fn ramp(count: usize) -> Vec<f32> {
    (0..count).map(|i| i as f32 / 4.0 - 1.0).collect()
}

fn assert_names(message: &str, parts: &[&str]) {
    for part in parts {
        assert!(message.contains(part), "{part:?} is not in: {message}");
    }
}

#[test]
fn every_kind_of_tensor_that_torch_saves_is_read() {
    let checkpoint = saved("kinds.bin").unwrap();
    for name in ["f32", "f16", "bf16", "parameter"] {
        assert_eq!(values(&checkpoint, name), (vec![2, 3], ramp(6)), "{name}");
    }
    assert_eq!(values(&checkpoint, "scalar"), (vec![], vec![-1.0]));
    assert_eq!(values(&checkpoint, "empty"), (vec![0, 3], vec![]));
    assert_eq!(values(&checkpoint, "transposed"), (vec![3, 2], ramp(6)));
    assert_eq!(values(&checkpoint, "part"), (vec![4, 3], ramp(12)));
    assert_eq!(values(&checkpoint, "expanded"), (vec![2, 3], vec![-1.0; 6]));
}

#[test]
fn a_part_of_a_strided_tensor_is_that_part() {
    let checkpoint = saved("kinds.bin").unwrap();
    let stored = checkpoint.get("transposed").unwrap().unwrap();
    let mut part = [0.0; 3];
    stored.read(2, &mut part);
    assert_eq!(part, ramp(6)[2..5]);
}

#[test]
fn what_cannot_be_read_is_said_of_that_tensor_alone() {
    let checkpoint = saved("kinds.bin").unwrap();
    assert!(!checkpoint.get("i64").unwrap().unwrap().readable());
    for (name, said) in [
        ("float8", "a call of torch._utils._rebuild_tensor_v3"),
        ("quantised", "a call of torch._utils._rebuild_qtensor"),
        ("number", "a number"),
    ] {
        let problem = checkpoint.get(name).unwrap().err().unwrap();
        assert_names(problem, &["expected a tensor", said]);
    }
}

#[test]
fn a_training_checkpoint_gives_its_state_dict_without_the_prefix() {
    for name in ["module.bin", "protocol_5.bin", "training.pt"] {
        let checkpoint = saved(name).unwrap();
        let mut names: Vec<_> = checkpoint.names().collect();
        names.sort_unstable();
        assert_eq!(names, ["bias", "weight"], "{name}");
        assert_eq!(
            values(&checkpoint, "weight"),
            (vec![2, 3], ramp(6)),
            "{name}"
        );
        assert_eq!(values(&checkpoint, "bias"), (vec![2], ramp(2)), "{name}");
    }
}

#[test]
fn files_of_other_kinds_say_how_to_convert_them() {
    for (name, parts) in [
        ("legacy.bin", ["before 1.6", "torch.save(torch.load("]),
        ("scripted.pt", ["TorchScript", "torch.jit.load("]),
        (
            "whole_module.pt",
            ["torch.nn.modules.linear.Linear", "model.state_dict()"],
        ),
    ] {
        let error = saved(name).err().expect("not a state dict").to_string();
        assert_names(&error, &[name]);
        assert_names(&error, &parts);
    }
    let pointer = b"version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 7\n";
    let error = read(pointer.to_vec()).err().expect("no weights");
    assert_names(&error.to_string(), &["git lfs pull"]);
}

/// A folder with the tiny reference model's configuration, and its weights.
fn tiny() -> (TempDir, Vec<u8>) {
    let tiny = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/tiny");
    let folder = tempfile::tempdir().unwrap();
    let config = "open_clip_config.json";
    std::fs::copy(tiny.join(config), folder.path().join(config)).unwrap();
    (
        folder,
        std::fs::read(tiny.join("model.safetensors")).unwrap(),
    )
}

/// The same weights as a `.bin`, wrapped as training leaves them.
fn converted(safetensors: &[u8]) -> Vec<u8> {
    let file = safetensors::SafeTensors::deserialize(safetensors).unwrap();
    let (mut items, mut storages) = (Vec::new(), BTreeMap::new());
    for (i, (name, view)) in file.tensors().into_iter().enumerate() {
        let key = i.to_string();
        let class = match view.dtype() {
            safetensors::Dtype::F16 => "HalfStorage",
            other => panic!("the tiny model has no {other:?}"),
        };
        let (shape, data) = (view.shape().to_vec(), view.data().to_vec());
        // A third of the tensors stand at an odd place of a larger storage, a third are stored
        // column by column.
        let (offset, strides, data) = match (i % 3, &shape[..]) {
            (0, _) => (3, row_major(&shape), [vec![0xff; 6], data].concat()),
            (1, &[rows, cols]) => (0, vec![1, rows], transposed(&data, rows, cols)),
            _ => (0, row_major(&shape), data),
        };
        storages.insert(key.clone(), data);
        let view = tensor(storage(class, &key), offset, &shape, &strides);
        let view = match i % 2 {
            0 => view,
            _ => Py::Call(
                "torch._utils",
                "_rebuild_parameter",
                vec![view, Py::None, Py::None],
            ),
        };
        items.push((text(&format!("module.{name}")), view));
    }
    let wrapped = Py::Dict(vec![
        (text("epoch"), Py::Int(90)),
        (text("state_dict"), Py::Ordered(items)),
        (text("optimizer"), Py::Dict(vec![(Py::Int(0), Py::None)])),
    ]);
    zip(&entries(pickle(&wrapped, 4), &storages), false)
}

fn transposed(data: &[u8], rows: usize, cols: usize) -> Vec<u8> {
    let element = |i: usize| &data[2 * (i % rows * cols + i / rows)..][..2];
    (0..rows * cols).flat_map(|i| element(i).to_vec()).collect()
}

/// An embedding and logits of fixed inputs, bit by bit.
fn outputs(folder: &Path) -> (Vec<u32>, Vec<u32>) {
    use vcoca_gpu::model::Taps;
    let source = ModelSource::Directory(folder.to_owned());
    let model = CoCa::load(gpu(), &source, DType::F32).unwrap();
    let (config, none) = (model.config(), &mut Taps::none());
    let wave = |count: usize| {
        (0..count)
            .map(|i| (i as f32 * 0.37).sin())
            .collect::<Vec<_>>()
    };
    let mut pass = gpu().pass();
    let dims = [2, config.grid() * config.grid(), config.patch_columns()];
    let patches = pass
        .upload(&dims, DType::F32, &wave(dims.iter().product()))
        .unwrap();
    let frames = model.encode_frames(&mut pass, &patches, none).unwrap();
    let clips = model.pool(&mut pass, &frames, 1, none).unwrap();
    let ids: Vec<u32> = (0..config.context_length as u32)
        .map(|i| 7 * i % 50 + 1)
        .collect();
    let ids = pass.upload(&[1, ids.len()], DType::U32, &ids).unwrap();
    let texts = model.encode_text(&mut pass, &ids, none).unwrap();
    let logits = model
        .decode(&mut pass, &texts.tokens, &clips.context, none)
        .unwrap();
    pass.submit().unwrap();
    let bits = |tensor| {
        let values = gpu().read_f32(tensor).unwrap();
        values.into_iter().map(f32::to_bits).collect()
    };
    (bits(&clips.embedding), bits(&logits))
}

#[test]
fn a_bin_and_a_safetensors_file_of_the_same_weights_give_identical_outputs() {
    let (one, weights) = tiny();
    std::fs::write(one.path().join("model.safetensors"), &weights).unwrap();
    let (other, _) = tiny();
    let bin = other.path().join("open_clip_pytorch_model.bin");
    std::fs::write(bin, converted(&weights)).unwrap();
    assert_eq!(outputs(one.path()), outputs(other.path()));
}

#[test]
fn protocols_and_zip_ends_of_all_kinds_are_read() {
    let expected: Tensors = [("w".to_owned(), (vec![2, 3], ramp(6)))].into();
    let (items, storages) = state_dict(&expected);
    for dict in [Py::Dict(items.clone()), Py::Ordered(items)] {
        for protocol in 2..=5 {
            for zip64 in [false, true] {
                let file = zip(&entries(pickle(&dict, protocol), &storages), zip64);
                let checkpoint = read(file).unwrap();
                assert_eq!(
                    values(&checkpoint, "w"),
                    (vec![2, 3], ramp(6)),
                    "{protocol} {zip64}"
                );
            }
        }
    }
}

#[test]
fn a_prefix_is_taken_off_only_where_every_name_has_it() {
    let names = |names: &[&str]| {
        let all = names
            .iter()
            .map(|name| (name.to_string(), (vec![1], vec![0.0])));
        let (items, storages) = state_dict(&all.collect());
        let checkpoint = read(bin(&Py::Dict(items), &storages)).unwrap();
        let mut names: Vec<_> = checkpoint.names().map(str::to_owned).collect();
        names.sort();
        names
    };
    assert_eq!(names(&["module.a", "module.b"]), ["a", "b"]);
    assert_eq!(
        names(&["_orig_mod.module.a", "_orig_mod.module.b"]),
        ["a", "b"]
    );
    assert_eq!(names(&["module.a", "b"]), ["b", "module.a"]);
}
