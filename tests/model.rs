//! What must hold of the model whatever its weights: facts about VideoCoCa, caching and memory.
//! (How close each stage comes to PyTorch is `tests/parity.rs`.)

mod common;

use common::{tiny, tiny_on};
use vcoca_gpu::generate::{Options, generate};
use vcoca_gpu::gpu::{DType, Gpu, Tensor};
use vcoca_gpu::model::{CoCa, FrameTokens, Taps};
use vcoca_gpu::preprocess::patches_from_pixels;

/// Pseudo-random pixels, every frame different: (frames, 3, S, S).
fn frames(model: &CoCa, frames: usize, seed: u32) -> Vec<f32> {
    let size = model.config().image;
    (0..frames * 3 * size * size)
        .map(|i| {
            let hash = (i as u32 ^ seed.wrapping_mul(0x9E37_79B9)).wrapping_mul(0x85EB_CA6B);
            ((hash ^ (hash >> 13)).wrapping_mul(0xC2B2_AE35) >> 8) as f32 / (1 << 23) as f32 - 1.0
        })
        .collect()
}

fn encode(model: &CoCa, pixels: &[f32]) -> FrameTokens {
    let config = model.config();
    let count = pixels.len() / (3 * config.image * config.image);
    let mut pass = model.gpu().pass();
    let patches = patches_from_pixels(
        &mut pass,
        pixels,
        count,
        config.image as u32,
        config.patch as u32,
        model.dtype(),
    )
    .unwrap();
    let tokens = model
        .encode_frames(&mut pass, &patches, &mut Taps::none())
        .unwrap();
    pass.submit().unwrap();
    tokens
}

/// The embedding and the context of one clip.
fn pool(model: &CoCa, tokens: &FrameTokens) -> (Vec<f32>, Vec<f32>) {
    let mut pass = model.gpu().pass();
    let clip = model.pool(&mut pass, tokens, 1, &mut Taps::none()).unwrap();
    pass.submit().unwrap();
    read(model.gpu(), &clip.embedding, &clip.context)
}

fn read(gpu: &Gpu, a: &Tensor, b: &Tensor) -> (Vec<f32>, Vec<f32>) {
    (gpu.read_f32(a).unwrap(), gpu.read_f32(b).unwrap())
}

fn assert_close(what: &str, got: &[f32], want: &[f32], tolerance: f32) {
    assert_eq!(got.len(), want.len(), "{what}");
    for (i, (a, b)) in got.iter().zip(want).enumerate() {
        assert!((a - b).abs() <= tolerance, "{what}[{i}]: {a} against {b}");
    }
}

#[test]
fn a_still_frame_repeated_is_the_image() {
    let model = tiny(DType::F32);
    let one = frames(&model, 1, 7);
    let image = pool(&model, &encode(&model, &one));
    let still = pool(&model, &encode(&model, &one.repeat(5)));
    assert_close("embedding", &still.0, &image.0, 2e-6);
    assert_close("context", &still.1, &image.1, 2e-5);
}

#[test]
fn the_order_of_frames_does_not_matter() {
    let model = tiny(DType::F32);
    let clip = frames(&model, 3, 1);
    let frame = clip.len() / 3;
    let turned = [&clip[frame..], &clip[..frame]].concat();
    let (a, b) = (
        pool(&model, &encode(&model, &clip)),
        pool(&model, &encode(&model, &turned)),
    );
    assert_close("embedding", &a.0, &b.0, 2e-6);
    assert_close("context", &a.1, &b.1, 2e-5);
}

#[test]
fn streamed_frames_pool_like_a_batch() {
    let model = tiny(DType::F32);
    let gpu = model.gpu();
    let tokens = encode(&model, &frames(&model, 6, 2));
    let mut pass = gpu.pass();
    let states = model.frame_states(&mut pass, &tokens, false).unwrap();
    let clip = model.pool_states(&mut pass, &states, 0, 6).unwrap();
    pass.submit().unwrap();
    let streamed = read(gpu, &clip.embedding, &clip.context);
    let batched = pool(&model, &tokens);
    assert_close("embedding", &streamed.0, &batched.0, 1e-5);
    assert_close("context", &streamed.1, &batched.1, 1e-5);
}

#[test]
fn a_clip_encoded_in_portions_is_the_same_clip() {
    let model = tiny(DType::F32);
    let gpu = model.gpu();
    let pixels = frames(&model, 7, 3);
    let frame = pixels.len() / 7;
    let whole = pool(&model, &encode(&model, &pixels));
    let portions: Vec<_> = (pixels.chunks(3 * frame))
        .map(|some| encode(&model, some))
        .collect();
    let mut pass = gpu.pass();
    let state = model.empty_state(&mut pass).unwrap();
    for tokens in &portions {
        model.merge_frames(&mut pass, &state, tokens).unwrap();
    }
    let clip = model.pool_state(&mut pass, &state).unwrap();
    pass.submit().unwrap();
    let merged = read(gpu, &clip.embedding, &clip.context);
    assert_close("embedding", &merged.0, &whole.0, 1e-5);
    assert_close("context", &merged.1, &whole.1, 1e-5);
}

#[test]
fn a_long_clip_is_pooled_a_few_frames_at_a_time() {
    let model = tiny(DType::F32);
    let gpu = model.gpu();
    // 300 frames of 17 tokens are more keys than one dispatch takes; every frame is another, so
    // that one left out would show.
    let tokens = encode(&model, &frames(&model, 300, 9));
    let long = pool(&model, &tokens);
    let mut pass = gpu.pass();
    let states = model.frame_states(&mut pass, &tokens, false).unwrap();
    let clip = model.pool_states(&mut pass, &states, 0, 300).unwrap();
    let fewer = model.pool_states(&mut pass, &states, 0, 240).unwrap();
    pass.submit().unwrap();
    let whole = read(gpu, &clip.embedding, &clip.context);
    assert_close("embedding", &long.0, &whole.0, 1e-5);
    assert_close("context", &long.1, &whole.1, 1e-5);
    let fewer = gpu.read_f32(&fewer.embedding).unwrap();
    let apart = (long.0.iter().zip(&fewer)).map(|(a, b)| (a - b).abs());
    assert!(apart.fold(0.0, f32::max) > 1e-3, "frames left out show");
}

#[test]
fn a_cached_text_has_the_logits_of_the_whole_text() {
    let model = tiny(DType::F32);
    let gpu = model.gpu();
    let tokens = encode(&model, &frames(&model, 2, 4));
    let ids: Vec<u32> = vec![94, 5, 17, 63, 2, 80, 41];
    let mut pass = gpu.pass();
    let clip = model
        .pool(&mut pass, &tokens, 1, &mut Taps::none())
        .unwrap();
    let ids_tensor = pass.upload(&[1, ids.len()], DType::U32, &ids).unwrap();
    let texts = model
        .encode_text(&mut pass, &ids_tensor, &mut Taps::none())
        .unwrap();
    let whole = model
        .decode(&mut pass, &texts.tokens, &clip.context, &mut Taps::none())
        .unwrap();
    // The first three ids at once, as a prompt, then one by one.
    let cache = model
        .text_cache(&mut pass, &clip.context, 1, ids.len())
        .unwrap();
    let steps = [(0, 3), (3, 1), (4, 1), (5, 1), (6, 1)];
    let cached: Vec<_> = steps
        .iter()
        .map(|&(at, count)| {
            let logits = model
                .next_logits(&mut pass, &ids_tensor, at, count, &cache, None)
                .unwrap();
            (at + count - 1, logits)
        })
        .collect();
    pass.submit().unwrap();
    let whole = gpu.read_f32(&whole).unwrap();
    let vocab = model.config().vocab;
    for (row, logits) in cached {
        let want = &whole[row * vocab..(row + 1) * vocab];
        assert_close("logits", &gpu.read_f32(&logits).unwrap(), want, 2e-4);
    }
}

#[test]
fn a_second_clip_of_the_same_shape_allocates_nothing() {
    // A device of its own: other tests allocate on the shared one meanwhile.
    let gpu = Gpu::new().unwrap();
    let model = tiny_on(&gpu, DType::F32);
    let pixels = frames(&model, 3, 5);
    let run = || {
        let tokens = encode(&model, &pixels);
        let mut pass = gpu.pass();
        let clip = model
            .pool(&mut pass, &tokens, 1, &mut Taps::none())
            .unwrap();
        pass.submit().unwrap();
        generate(&model, &clip.context, &Options::default()).unwrap()
    };
    let first = run();
    let before = gpu.pool_stats();
    let second = run();
    let after = gpu.pool_stats();
    assert_eq!(first, second);
    assert_eq!(before.allocations, after.allocations);
    assert_eq!(
        before.live_bytes, after.live_bytes,
        "a clip leaves nothing behind"
    );
}
