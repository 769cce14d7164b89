//! Model directories that do not hold what they should: each is refused by name before anything is
//! computed, and a model in parts or with odd sizes loads.

mod common;

use std::path::Path;

use common::checkpoint::{SMALL, Sizes, Tensors, tensors, write, write_weights};
use common::{gpu, gpu_with_bindings};
use tempfile::TempDir;
use vcoca_gpu::generate::{Generated, Options, generate};
use vcoca_gpu::gpu::{DType, Gpu};
use vcoca_gpu::model::{CoCa, ModelSource};

fn load(gpu: &Gpu, folder: &Path, dtype: DType) -> vcoca_gpu::Result<CoCa> {
    CoCa::load(gpu, &ModelSource::Directory(folder.to_owned()), dtype)
}

fn folder_with(change: impl FnOnce(&mut Tensors)) -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    let mut all = tensors(SMALL);
    change(&mut all);
    write(folder.path(), SMALL, &all);
    folder
}

/// The message of refusing the checkpoint.
fn refusal(folder: &TempDir) -> String {
    match load(gpu(), folder.path(), DType::F32) {
        Ok(_) => panic!("a spoilt model was loaded"),
        Err(e) => e.to_string(),
    }
}

fn assert_names(message: &str, parts: &[&str]) {
    for part in parts {
        assert!(message.contains(part), "{part:?} is not in: {message}");
    }
}

/// What a model says of a fixed context: tells whether two are the same.
fn says(model: &CoCa) -> (Vec<u32>, f32) {
    let written = try_to_say(model).unwrap();
    (written[0].tokens.clone(), written[0].logprob)
}

fn try_to_say(model: &CoCa) -> vcoca_gpu::Result<Vec<Generated>> {
    let config = model.config();
    let dims = [1, config.queries - 1, config.embed_dim];
    let count = dims.iter().product::<usize>();
    let values: Vec<f32> = (0..count).map(|i| (i as f32 * 0.37).sin()).collect();
    let mut pass = model.gpu().pass();
    let context = pass.upload_f32(&dims, DType::F32, &values).unwrap();
    pass.submit().unwrap();
    Ok(generate(model, &context, &Options::default())?.remove(0))
}

#[test]
fn a_missing_tensor_is_named() {
    let folder = folder_with(|t| drop(t.remove("text.cls_emb")));
    assert_names(&refusal(&folder), &["text.cls_emb", "missing", "[40]"]);
}

#[test]
fn a_wrong_shape_is_named_with_both_shapes() {
    let folder = folder_with(|t| {
        t.insert("visual.proj".into(), (vec![40, 39], vec![0.0; 40 * 39]));
    });
    assert_names(&refusal(&folder), &["visual.proj", "[40, 40]", "[40, 39]"]);
}

#[test]
fn a_wrong_dtype_is_named() {
    use safetensors::tensor::{Dtype, TensorView, serialize};
    let folder = folder_with(|_| ());
    let all = tensors(SMALL);
    let views = all.iter().map(|(name, (shape, values))| {
        let dtype = if name == "text.cls_emb" {
            Dtype::I32
        } else {
            Dtype::F32
        };
        let bytes = bytemuck::cast_slice(values);
        (name, TensorView::new(dtype, shape.clone(), bytes).unwrap())
    });
    let bytes = serialize(views, None).unwrap();
    std::fs::write(folder.path().join("model.safetensors"), bytes).unwrap();
    assert_names(&refusal(&folder), &["text.cls_emb", "I32", "F32"]);
}

#[test]
fn weights_that_are_not_numbers_are_refused() {
    for bad in [f32::NAN, f32::INFINITY] {
        let folder = folder_with(|t| t.get_mut("visual.ln_post.bias").unwrap().1[3] = bad);
        assert_names(&refusal(&folder), &["visual.ln_post.bias", "finite"]);
    }
}

#[test]
fn unknown_tensors_are_left_out() {
    let plain = folder_with(|_| ());
    let extra = folder_with(|t| {
        t.insert("text.attn_mask".into(), (vec![2, 2], vec![0.0; 4]));
    });
    let [a, b] = [plain, extra].map(|f| says(&load(gpu(), f.path(), DType::F32).unwrap()));
    assert_eq!(a, b);
}

#[test]
fn a_truncated_file_is_refused() {
    let folder = folder_with(|_| ());
    let path = folder.path().join("model.safetensors");
    let bytes = std::fs::read(&path).unwrap();
    for length in [0, 7, 100, bytes.len() / 2, bytes.len() - 1] {
        std::fs::write(&path, &bytes[..length]).unwrap();
        assert_names(&refusal(&folder), &["model.safetensors"]);
    }
}

#[test]
fn a_missing_file_is_named() {
    for name in ["open_clip_config.json", "model.safetensors"] {
        let folder = folder_with(|_| ());
        std::fs::remove_file(folder.path().join(name)).unwrap();
        let wanted = name.rsplit('.').next().unwrap();
        assert_names(&refusal(&folder), &[wanted]);
    }
}

#[test]
fn a_configuration_that_makes_no_sense_is_refused() {
    for (field, value) in [
        ("embed_dim", "0"),
        ("embed_dim", "42"),
        ("vision_cfg", "{}"),
        ("text_cfg", "7"),
    ] {
        let folder = folder_with(|_| ());
        let path = folder.path().join("open_clip_config.json");
        let text = std::fs::read_to_string(&path).unwrap();
        let mut json: serde_json::Value = serde_json::from_str(&text).unwrap();
        json["model_cfg"][field] = serde_json::from_str(value).unwrap();
        std::fs::write(&path, json.to_string()).unwrap();
        assert_names(&refusal(&folder), &["open_clip_config.json"]);
    }
}

#[test]
fn pixels_divided_by_nothing_are_refused() {
    let folder = folder_with(|_| ());
    let path = folder.path().join("open_clip_config.json");
    let text = std::fs::read_to_string(&path).unwrap();
    let mut json: serde_json::Value = serde_json::from_str(&text).unwrap();
    json["preprocess_cfg"] = serde_json::json!({"std": [0.3, 0.0, 0.3]});
    std::fs::write(&path, json.to_string()).unwrap();
    assert_names(&refusal(&folder), &["preprocess_cfg.std"]);
}

#[cfg(unix)]
#[test]
fn a_fifo_in_place_of_a_file_is_refused_not_waited_for() {
    for name in ["open_clip_config.json", "model.safetensors"] {
        let folder = folder_with(|_| ());
        let path = folder.path().join(name);
        std::fs::remove_file(&path).unwrap();
        let made = std::process::Command::new("mkfifo").arg(&path).status();
        assert!(made.unwrap().success());
        assert_names(&refusal(&folder), &[name, "no regular file"]);
    }
}

#[test]
fn logits_that_are_not_numbers_are_an_error_not_an_empty_caption() {
    let folder = folder_with(|t| {
        let projection = &mut t.get_mut("text_decoder.text_projection").unwrap().1;
        projection.fill(f32::MAX);
    });
    let model = load(gpu(), folder.path(), DType::F32).unwrap();
    let error = try_to_say(&model).unwrap_err();
    assert_names(&error.to_string(), &["not finite", "f32"]);
}

#[test]
fn shards_are_read_as_one() {
    let whole = folder_with(|_| ());
    let all = tensors(SMALL);
    let sharded = tempfile::tempdir().unwrap();
    write(sharded.path(), SMALL, &all);
    std::fs::remove_file(sharded.path().join("model.safetensors")).unwrap();
    let mut second = all.clone();
    let first: Tensors = all
        .into_iter()
        .filter(|(name, _)| name.as_str() < "text.l")
        .collect();
    second.retain(|name, _| !first.contains_key(name));
    write_weights(
        &sharded.path().join("model-00001-of-00002.safetensors"),
        &first,
    );
    write_weights(
        &sharded.path().join("model-00002-of-00002.safetensors"),
        &second,
    );
    let [a, b] = [whole, sharded].map(|f| says(&load(gpu(), f.path(), DType::F32).unwrap()));
    assert_eq!(a, b);
}

#[test]
fn a_small_binding_limit_splits_the_vocabulary_and_changes_nothing() {
    // Table and projection take 3001 x 40 x 4 = 480,160 bytes each, everything else far less.
    let sizes = Sizes {
        vocab: 3001,
        ..SMALL
    };
    let folder = tempfile::tempdir().unwrap();
    write(folder.path(), sizes, &tensors(sizes));
    let whole = says(&load(gpu(), folder.path(), DType::F32).unwrap());
    let small = gpu_with_bindings(150_000);
    let split = says(&load(&small, folder.path(), DType::F32).unwrap());
    assert_eq!(whole.0, split.0);
    assert!((whole.1 - split.1).abs() < 1e-4, "{whole:?} {split:?}");
}

#[test]
fn a_binding_limit_below_the_model_is_a_clear_error() {
    let folder = folder_with(|_| ());
    let error = load(&gpu_with_bindings(4096), folder.path(), DType::F32)
        .err()
        .expect("an MLP does not fit 4096 bytes");
    assert_names(&error.to_string(), &["4096", "needs"]);
}
