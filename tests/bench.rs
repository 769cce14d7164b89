//! Measurements: what is wrong is told and not timed; random models are models.

mod common;

use std::path::Path;

use vcoca_gpu::bench::{Settings, measure, stages};
use vcoca_gpu::cases;
use vcoca_gpu::gpu::DType;
use vcoca_gpu::model::{CoCa, Config};

#[test]
fn a_wrong_kernel_is_told_and_not_timed() {
    let gpu = common::gpu();
    let mut cases = cases::all(gpu.caps());
    cases.retain(|case| case.op == "softmax");
    let mut case = cases.swap_remove(0);
    let right = measure(gpu, &case, DType::F32, &Settings::default(), None).unwrap();
    assert!(right.verified && right.ms_median > Some(0.0), "{right:?}");

    let prepare = case.prepare;
    case.prepare = Box::new(move |gpu, dtype| {
        let mut prepared = prepare(gpu, dtype)?;
        *prepared.want[0].last_mut().unwrap() += 1.0;
        Ok(prepared)
    });
    let wrong = measure(gpu, &case, DType::F32, &Settings::default(), None).unwrap();
    assert!(!wrong.verified && wrong.ms_median.is_none(), "{wrong:?}");
    assert!(wrong.to_string().contains("WRONG"), "{wrong}");
}

#[test]
fn a_random_model_is_the_same_for_the_same_seed() {
    let gpu = common::gpu();
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/tiny/open_clip_config.json");
    let config = Config::parse(&path, &std::fs::read(&path).unwrap()).unwrap();
    let embedding = |seed, picture| {
        let model = CoCa::random(gpu, &config, DType::F32, seed).unwrap();
        let side = config.image * config.image;
        let pixels: Vec<f32> = common::wave(picture, 3 * side).collect();
        let mut pass = gpu.pass();
        let patch = config.patch as u32;
        let size = config.image as u32;
        let patches = vcoca_gpu::preprocess::patches_from_pixels(
            &mut pass,
            &pixels,
            1,
            size,
            patch,
            DType::F32,
        )
        .unwrap();
        let taps = &mut vcoca_gpu::model::Taps::none();
        let tokens = model.encode_frames(&mut pass, &patches, taps).unwrap();
        let clips = model.pool(&mut pass, &tokens, 1, taps).unwrap();
        pass.submit().unwrap();
        gpu.read_f32(&clips.embedding).unwrap()
    };
    let one = embedding(1, 1);
    let norm: f32 = one.iter().map(|v| v * v).sum();
    assert!((norm - 1.0).abs() < 1e-4, "{norm}");
    assert_eq!(one, embedding(1, 1));
    assert_ne!(one, embedding(2, 1));
    // The cosine that `stages` asks of equal clips tells different ones apart.
    let other = embedding(1, 2);
    let cosine: f32 = one.iter().zip(&other).map(|(a, b)| a * b).sum();
    assert!(cosine < 0.9999, "{cosine}");
}

#[test]
fn stages_of_no_frames_are_refused() {
    let model = common::tiny(DType::F32);
    let error = stages(&model, 0, &Settings::default(), None, &mut |_| ()).unwrap_err();
    assert!(error.to_string().contains("at least 1"), "{error}");
}
