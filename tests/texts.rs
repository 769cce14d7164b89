//! Embeddings of texts with the built-in model: batched, and remembered.
#![cfg(feature = "shapes")]

mod common;

use std::sync::Arc;

use common::gpu;
use vcoca_gpu::gpu::DType;
use vcoca_gpu::model::Taps;
use vcoca_gpu::{Engine, Gpu, ModelSource};

const COLORS: [&str; 8] = [
    "red", "green", "blue", "yellow", "white", "black", "purple", "orange",
];

/// More texts than are read at once.
fn sentences() -> Vec<String> {
    let shapes = [
        "circle", "square", "star", "heart", "cross", "triangle", "ring", "moon", "arrow",
    ];
    (shapes.iter())
        .flat_map(|shape| COLORS.map(|color| format!("a {color} {shape}")))
        .collect()
}

fn close(a: &[f32], b: &[f32]) -> bool {
    a.len() == b.len() && a.iter().zip(b).all(|(a, b)| (a - b).abs() < 1e-5)
}

#[test]
fn texts_together_are_embedded_as_each_alone() {
    let together = Engine::load(gpu(), &ModelSource::Shapes, Some(DType::F32)).unwrap();
    let alone = Engine::load(gpu(), &ModelSource::Shapes, Some(DType::F32)).unwrap();
    let texts = sentences();
    assert!(texts.len() > 64);
    let embeddings = together.embed_texts(&texts).unwrap();
    assert_eq!(embeddings.len(), texts.len());
    for i in [0, 1, 63, 64, texts.len() - 1] {
        let one = alone.embed_texts(&texts[i..=i]).unwrap();
        assert!(close(&one[0], &embeddings[i]), "{:?}", texts[i]);
    }
    // What the model itself makes of the ids.
    let model = alone.model();
    let ids = alone.tokenizer().encode_padded(&texts[5]).unwrap();
    let mut pass = gpu().pass();
    let ids = pass.upload(&[1, ids.len()], DType::U32, &ids).unwrap();
    let read = model
        .encode_text(&mut pass, &ids, &mut Taps::none())
        .unwrap();
    pass.submit().unwrap();
    assert!(close(
        &gpu().read_f32(&read.embedding).unwrap(),
        &embeddings[5]
    ));
}

#[test]
fn a_text_is_read_once() {
    // A device of its own: other tests submit to the shared one meanwhile.
    let gpu = Gpu::new().unwrap();
    let engine = Engine::load(&gpu, &ModelSource::Shapes, Some(DType::F32)).unwrap();
    let work = |texts: &[&str]| {
        let before = gpu.work().dispatches;
        let embeddings = engine.embed_texts(texts).unwrap();
        (embeddings, gpu.work().dispatches - before)
    };
    let (first, once) = work(&["a red star"]);
    assert!(once > 0);
    let (twice, work_twice) = work(&["a blue ring", "a red star", "a blue ring"]);
    assert_eq!(work_twice, once, "in one batch");
    assert!(Arc::ptr_eq(&twice[0], &twice[2]) && Arc::ptr_eq(&twice[1], &first[0]));
    assert_ne!(twice[0], twice[1]);
    let (again, nothing) = work(&["a red star", "a blue ring"]);
    assert_eq!(nothing, 0);
    assert_eq!(again, [first[0].clone(), twice[0].clone()]);
    assert!(engine.embed_texts::<&str>(&[]).unwrap().is_empty());
}
