//! A checkpoint's sizes, from its own `open_clip_config.json`.

use std::path::Path;

use serde::Deserialize;

use crate::files::{quoted, shown};
use crate::preprocess::{Interpolation, Preprocess, ResizeMode};
use crate::{Error, Result};

/// The file that tells a model's sizes.
pub(super) const CONFIG: &str = "open_clip_config.json";

/// Far above any configuration, and small enough that what the worst one makes stays below 64 MB.
const CONFIG_BYTES: usize = 1 << 20;

/// Sizes of one transformer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Tower {
    pub width: usize,
    pub layers: usize,
    pub heads: usize,
    /// Hidden width of the MLP.
    pub mlp: usize,
}

/// Everything about a CoCa that its weights do not say.
#[derive(Clone, Debug, PartialEq)]
pub struct Config {
    /// E: width of embeddings, context tokens, text tower and decoder.
    pub embed_dim: usize,
    /// Side of the square input, pixels.
    pub image: usize,
    /// Side of a square patch, pixels.
    pub patch: usize,
    pub vision: Tower,
    /// Q and the heads of the attentional pooler.
    pub queries: usize,
    pub pooler_heads: usize,
    pub text: Tower,
    pub decoder: Tower,
    /// L: the most text ids, SOT and EOT included.
    pub context_length: usize,
    pub vocab: usize,
    pub preprocess: Preprocess,
}

impl Config {
    /// N: tokens of a frame, its class token included.
    pub fn tokens(&self) -> usize {
        self.grid() * self.grid() + 1
    }

    /// Patches along one side.
    pub fn grid(&self) -> usize {
        self.image / self.patch
    }

    /// The widest row that is normalised.
    pub(super) fn widest(&self) -> usize {
        (self.vision.width).max(self.text.width).max(self.embed_dim)
    }

    /// Columns of a patch row: 3 P², rounded up to whole vec4.
    pub fn patch_columns(&self) -> usize {
        (3 * self.patch * self.patch).next_multiple_of(4)
    }

    /// The id that starts every text: the last but one of the vocabulary (49406 in CLIP's).
    pub fn sot(&self) -> u32 {
        self.vocab as u32 - 2
    }

    /// The id that ends every text: the last of the vocabulary (49407 in CLIP's).
    pub fn eot(&self) -> u32 {
        self.vocab as u32 - 1
    }

    /// Reads an `open_clip_config.json`, or an OpenCLIP model file that is only its `model_cfg`.
    ///
    /// Errors name the field: malformed JSON, sizes that do not fit together, and variants of CoCa
    /// that no published checkpoint uses.
    pub fn parse(path: &Path, json: &[u8]) -> Result<Self> {
        let fail = |problem: String| Error::model(path, problem);
        if json.len() > CONFIG_BYTES {
            return Err(fail(format!(
                "expected a configuration of at most {CONFIG_BYTES} bytes, found {}",
                json.len()
            )));
        }
        let value: serde_json::Value = serde_json::from_slice(json)
            .map_err(|e| fail(format!("not a JSON configuration: {}", quoted(e))))?;
        let file: File = if value.get("model_cfg").is_some() {
            serde_json::from_value(value)
        } else {
            serde_json::from_value(value).map(|model_cfg| File {
                model_cfg,
                preprocess_cfg: PreprocessCfg::default(),
            })
        }
        .map_err(|e| fail(format!("not a CoCa configuration: {}", quoted(e))))?;
        file.resolve().map_err(fail)
    }
}

#[derive(Deserialize)]
struct File {
    model_cfg: ModelCfg,
    #[serde(default)]
    preprocess_cfg: PreprocessCfg,
}

#[derive(Deserialize)]
struct ModelCfg {
    embed_dim: usize,
    vision_cfg: VisionCfg,
    text_cfg: TextCfg,
    multimodal_cfg: TextCfg,
    #[serde(default)]
    quick_gelu: bool,
}

#[derive(Deserialize)]
struct VisionCfg {
    #[serde(default = "default_image")]
    image_size: usize,
    patch_size: usize,
    width: usize,
    layers: usize,
    #[serde(default = "default_head_width")]
    head_width: usize,
    #[serde(default = "default_mlp_ratio")]
    mlp_ratio: f64,
    #[serde(default)]
    attentional_pool: serde_json::Value,
    #[serde(default = "default_queries")]
    attn_pooler_queries: usize,
    #[serde(default = "default_pooler_heads")]
    attn_pooler_heads: usize,
    timm_model_name: Option<String>,
}

#[derive(Deserialize)]
struct TextCfg {
    #[serde(default = "default_context")]
    context_length: usize,
    #[serde(default = "default_vocab")]
    vocab_size: usize,
    #[serde(default = "default_text_width")]
    width: usize,
    #[serde(default = "default_pooler_heads")]
    heads: usize,
    #[serde(default = "default_text_layers")]
    layers: usize,
    #[serde(default = "default_mlp_ratio")]
    mlp_ratio: f64,
    #[serde(default)]
    embed_cls: bool,
    hf_model_name: Option<String>,
}

/// OpenCLIP's own defaults: CLIPVisionCfg, CLIPTextCfg and MultimodalCfg in `model.py`, `coca_model.py`.
fn default_image() -> usize {
    224
}
fn default_head_width() -> usize {
    64
}
fn default_mlp_ratio() -> f64 {
    4.0
}
fn default_queries() -> usize {
    256
}
fn default_pooler_heads() -> usize {
    8
}
fn default_context() -> usize {
    77
}
fn default_vocab() -> usize {
    49408
}
fn default_text_width() -> usize {
    512
}
fn default_text_layers() -> usize {
    12
}

#[derive(Deserialize, Default)]
struct PreprocessCfg {
    mean: Option<[f32; 3]>,
    std: Option<[f32; 3]>,
    interpolation: Option<String>,
    resize_mode: Option<String>,
}

impl File {
    fn resolve(self) -> Result<Config, String> {
        let ModelCfg {
            embed_dim,
            vision_cfg: vision,
            text_cfg: text,
            multimodal_cfg: decoder,
            quick_gelu,
        } = self.model_cfg;
        if quick_gelu {
            return Err("quick_gelu is set, but CoCa uses the exact GELU".into());
        }
        if vision.timm_model_name.is_some() || text.hf_model_name.is_some() {
            return Err("timm and Hugging Face towers are not CoCa's own and not supported".into());
        }
        if vision.attentional_pool != serde_json::Value::Bool(true) {
            return Err(format!(
                "vision_cfg.attentional_pool: expected true, found {}",
                vision.attentional_pool
            ));
        }
        if !text.embed_cls {
            return Err("text_cfg.embed_cls: expected true, found false".into());
        }
        for (what, width) in [
            ("text_cfg.width", text.width),
            ("multimodal_cfg.width", decoder.width),
        ] {
            if width != embed_dim {
                return Err(format!(
                    "{what}: expected embed_dim ({embed_dim}), found {width}"
                ));
            }
        }
        if vision.patch_size == 0 || !vision.image_size.is_multiple_of(vision.patch_size) {
            return Err(format!(
                "vision_cfg: image_size {} is not a multiple of patch_size {}",
                vision.image_size, vision.patch_size
            ));
        }
        let config = Config {
            embed_dim,
            image: within("vision_cfg.image_size", vision.image_size, 1..=4096)?,
            patch: vision.patch_size,
            vision: tower(
                "vision_cfg",
                vision.width,
                vision.layers,
                vision.width / within("vision_cfg.head_width", vision.head_width, 1..=128)?,
                vision.mlp_ratio,
            )?,
            queries: within(
                "vision_cfg.attn_pooler_queries",
                vision.attn_pooler_queries,
                2..=4096,
            )?,
            pooler_heads: vision.attn_pooler_heads,
            text: tower(
                "text_cfg",
                text.width,
                text.layers,
                text.heads,
                text.mlp_ratio,
            )?,
            decoder: tower(
                "multimodal_cfg",
                decoder.width,
                decoder.layers,
                decoder.heads,
                decoder.mlp_ratio,
            )?,
            context_length: within("text_cfg.context_length", text.context_length, 2..=4096)?,
            vocab: within("text_cfg.vocab_size", text.vocab_size, 4..=1 << 20)?,
            preprocess: self.preprocess_cfg.resolve(vision.image_size as u32)?,
        };
        heads(
            "vision_cfg.attn_pooler_heads",
            embed_dim,
            config.pooler_heads,
        )?;
        Ok(config)
    }
}

impl PreprocessCfg {
    fn resolve(self, size: u32) -> Result<Preprocess, String> {
        let defaults = Preprocess::openclip(size);
        let expected = |field: &str, expected: &str, found: &str| {
            format!("preprocess_cfg.{field}: expected {expected}, found {found}")
        };
        let mean = self.mean.unwrap_or(defaults.mean);
        let std = self.std.unwrap_or(defaults.std);
        if !mean.iter().all(|v| v.is_finite()) {
            return Err(expected("mean", "numbers", &format!("{mean:?}")));
        }
        // What f16 can still hold once pixels are divided by it.
        if !std.iter().all(|&v| v.is_finite() && v > 1e-3) {
            return Err(expected("std", "numbers above 0.001", &format!("{std:?}")));
        }
        Ok(Preprocess {
            mean,
            std,
            interpolation: match self.interpolation.as_deref() {
                None => defaults.interpolation,
                Some("bicubic") => Interpolation::Bicubic,
                Some("bilinear") => Interpolation::Bilinear,
                Some(other) => {
                    return Err(expected(
                        "interpolation",
                        "bicubic or bilinear",
                        &shown(other),
                    ));
                }
            },
            resize_mode: match self.resize_mode.as_deref() {
                None | Some("shortest") => ResizeMode::Shortest,
                Some(other) => return Err(expected("resize_mode", "shortest", &shown(other))),
            },
            ..defaults
        })
    }
}

fn tower(
    name: &str,
    width: usize,
    layers: usize,
    head_count: usize,
    mlp_ratio: f64,
) -> Result<Tower, String> {
    heads(name, width, head_count)?;
    let mlp = (width as f64 * mlp_ratio) as usize;
    if mlp == 0 || !mlp.is_multiple_of(4) {
        return Err(format!(
            "{name}: the MLP's width must be a multiple of 4, found {mlp}"
        ));
    }
    Ok(Tower {
        width,
        layers: within(&format!("{name}.layers"), layers, 1..=512)?,
        heads: head_count,
        mlp,
    })
}

/// Kernels load vec4 within a head, and hold a head in registers.
fn heads(name: &str, width: usize, heads: usize) -> Result<(), String> {
    within(&format!("{name} width"), width, 4..=1 << 16)?;
    let head_dim = width.checked_div(heads).unwrap_or_default();
    if head_dim * heads != width || !(4..=128).contains(&head_dim) || !head_dim.is_multiple_of(4) {
        return Err(format!(
            "{name}: {width} columns in {heads} heads; a head must have 4 to 128 columns, \
             a multiple of 4"
        ));
    }
    Ok(())
}

fn within(
    name: &str,
    value: usize,
    range: std::ops::RangeInclusive<usize>,
) -> Result<usize, String> {
    if range.contains(&value) {
        Ok(value)
    } else {
        Err(format!(
            "{name}: expected {} to {}, found {value}",
            range.start(),
            range.end()
        ))
    }
}
