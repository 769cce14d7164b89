//! Small checkpoints that tests write themselves, to be spoilt in one place or to have odd sizes.

use std::collections::BTreeMap;
use std::path::Path;

use safetensors::tensor::{Dtype, TensorView, serialize};

/// Sizes of a checkpoint with one layer in every tower.
#[derive(Clone, Copy)]
pub struct Sizes {
    pub image: usize,
    pub patch: usize,
    pub vision: usize,
    pub embed: usize,
    pub queries: usize,
    pub heads: usize,
    pub context: usize,
    pub vocab: usize,
}

/// The smallest sizes that are still odd.
pub const SMALL: Sizes = Sizes {
    image: 15,
    patch: 5,
    vision: 32,
    embed: 40,
    queries: 3,
    heads: 2,
    context: 6,
    vocab: 23,
};

pub type Tensors = BTreeMap<String, (Vec<usize>, Vec<f32>)>;

/// Names and shapes of every tensor.
pub fn shapes(s: Sizes) -> Vec<(String, Vec<usize>)> {
    let (d, e) = (s.vision, s.embed);
    let grid = s.image / s.patch;
    let mut shapes: Vec<(String, Vec<usize>)> = vec![
        ("logit_scale".into(), vec![]),
        ("visual.class_embedding".into(), vec![d]),
        (
            "visual.positional_embedding".into(),
            vec![grid * grid + 1, d],
        ),
        ("visual.conv1.weight".into(), vec![d, 3, s.patch, s.patch]),
        ("visual.attn_pool.query".into(), vec![s.queries, e]),
        ("visual.attn_pool.attn.q_proj_weight".into(), vec![e, e]),
        ("visual.attn_pool.attn.k_proj_weight".into(), vec![e, d]),
        ("visual.attn_pool.attn.v_proj_weight".into(), vec![e, d]),
        ("visual.attn_pool.attn.in_proj_bias".into(), vec![3 * e]),
        ("visual.proj".into(), vec![e, e]),
        ("text.token_embedding.weight".into(), vec![s.vocab, e]),
        ("text.positional_embedding".into(), vec![s.context + 1, e]),
        ("text.cls_emb".into(), vec![e]),
        ("text.text_projection".into(), vec![e, e]),
        ("text_decoder.text_projection".into(), vec![e, s.vocab]),
    ];
    let mut linear = |name: &str, out: usize, input: usize| {
        shapes.push((format!("{name}.weight"), vec![out, input]));
        shapes.push((format!("{name}.bias"), vec![out]));
    };
    linear("visual.attn_pool.attn.out_proj", e, e);
    let blocks = [
        ("visual.transformer.resblocks.0", d),
        ("text.transformer.resblocks.0", e),
        ("text_decoder.resblocks.0", e),
        ("text_decoder.cross_attn.0", e),
    ];
    for (name, width) in blocks {
        linear(&format!("{name}.attn.out_proj"), width, width);
        linear(&format!("{name}.mlp.c_fc"), 4 * width, width);
        linear(&format!("{name}.mlp.c_proj"), width, 4 * width);
    }
    let mut norms = vec![
        ("visual.ln_pre".to_owned(), d),
        ("visual.attn_pool.ln_k".to_owned(), d),
        ("visual.attn_pool.ln_q".to_owned(), e),
        ("visual.ln_post".to_owned(), e),
        ("text.ln_final".to_owned(), e),
        ("text_decoder.ln_final".to_owned(), e),
        ("text_decoder.cross_attn.0.ln_1_kv".to_owned(), e),
    ];
    for (name, width) in blocks {
        norms.push((format!("{name}.ln_1"), width));
        norms.push((format!("{name}.ln_2"), width));
        shapes.push((
            format!("{name}.attn.in_proj_weight"),
            vec![3 * width, width],
        ));
        shapes.push((format!("{name}.attn.in_proj_bias"), vec![3 * width]));
    }
    for (name, width) in norms {
        shapes.push((format!("{name}.weight"), vec![width]));
        shapes.push((format!("{name}.bias"), vec![width]));
    }
    shapes
}

/// The same with pseudo-random values.
pub fn tensors(s: Sizes) -> Tensors {
    let mut state = 12345_u32;
    let mut random = move || {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (state >> 8) as f32 / (1 << 24) as f32 - 0.5
    };
    shapes(s)
        .into_iter()
        .map(|(name, shape)| {
            let values = (0..shape.iter().product()).map(|_| random()).collect();
            (name, (shape, values))
        })
        .collect()
}

/// Writes `open_clip_config.json` and `model.safetensors` into `folder`.
pub fn write(folder: &Path, s: Sizes, tensors: &Tensors) {
    let text = serde_json::json!({
        "context_length": s.context, "vocab_size": s.vocab, "width": s.embed,
        "heads": s.heads, "layers": 1, "embed_cls": true,
    });
    let config = serde_json::json!({"model_cfg": {
        "embed_dim": s.embed,
        "vision_cfg": {
            "image_size": s.image, "patch_size": s.patch, "width": s.vision, "layers": 1,
            "head_width": 16, "attentional_pool": true, "attn_pooler_queries": s.queries,
            "attn_pooler_heads": s.heads,
        },
        "text_cfg": text,
        "multimodal_cfg": text,
    }});
    std::fs::write(folder.join("open_clip_config.json"), config.to_string()).unwrap();
    write_weights(&folder.join("model.safetensors"), tensors);
}

/// Writes tensors as an f32 safetensors file.
pub fn write_weights(path: &Path, tensors: &Tensors) {
    let views = tensors.iter().map(|(name, (shape, values))| {
        let bytes = bytemuck::cast_slice(values);
        (
            name,
            TensorView::new(Dtype::F32, shape.clone(), bytes).unwrap(),
        )
    });
    std::fs::write(path, serialize(views, None).unwrap()).unwrap();
}
