//! What a dump may hold for a given model: names, order and shapes.

use super::Dump;
use crate::Result;
use crate::generate::{BeamSearch, Options, Scoring, Strategy};
use crate::model::Config;

/// The inputs that a dump holds, checked.
pub(super) struct Inputs {
    pub video: Option<Video>,
    pub texts: Option<Texts>,
}

/// Normalised pixels (B, T, 3, S, S).
pub(super) struct Video {
    pub clips: usize,
    pub frames: usize,
    pub pixels: Vec<f32>,
}

/// Ids (R, L).
pub(super) struct Texts {
    pub rows: usize,
    pub length: usize,
    pub ids: Vec<u32>,
}

/// One stage of values to compare.
pub(super) struct Spec {
    pub name: String,
    /// The shape in the dump.
    pub dims: Vec<usize>,
    /// Whether it is a result of the whole model, gated by its cosine, too.
    pub result: bool,
}

/// One written text to compare.
pub(super) struct Tokens {
    pub name: String,
    pub ids: Vec<u32>,
    pub margins: Option<Vec<f32>>,
    pub options: Options,
}

const VIDEO: &str = "input.video";
const TEXTS: &str = "input.text_ids";
const PROMPT: &str = "input.prompt_ids";
const MARGINS: &str = "greedy.top1_margin";
const GREEDY: &str = "greedy.tokens";
const PROMPTED: &str = "greedy_prompt.tokens";

impl Inputs {
    pub fn read(config: &Config, dump: &Dump) -> Result<Self> {
        let size = config.image;
        let video = match dump.shape(VIDEO) {
            None => None,
            Some(&[clips, frames, 3, h, w]) if clips * frames > 0 && [h, w] == [size; 2] => {
                Some(Video {
                    clips,
                    frames,
                    pixels: dump.f32(VIDEO)?,
                })
            }
            Some(found) => {
                let expected = format!("(clips, frames, 3, {size}, {size})");
                return Err(dump.error(format!("{VIDEO}: expected {expected}, found {found:?}")));
            }
        };
        let longest = config.context_length;
        let texts = match dump.shape(TEXTS) {
            None => None,
            Some(&[rows, length]) if rows > 0 && (1..=longest).contains(&length) => Some(Texts {
                rows,
                length,
                ids: dump.ids(TEXTS, config.vocab)?,
            }),
            Some(found) => {
                let expected = format!("(texts, 1 to {longest} ids)");
                return Err(dump.error(format!("{TEXTS}: expected {expected}, found {found:?}")));
            }
        };
        Ok(Self { video, texts })
    }
}

/// The stages of values that the dump holds, in the order in which a model computes them.
pub(super) fn values(config: &Config, inputs: &Inputs, dump: &Dump) -> Result<Vec<Spec>> {
    let mut specs = Vec::new();
    for stage in known(config) {
        let Some(found) = dump.shape(&stage.name) else {
            continue;
        };
        let lacks = |input| dump.error(format!("holds {}, but not {input}", stage.name));
        if stage.needs_video() && inputs.video.is_none() {
            return Err(lacks(VIDEO));
        }
        if stage.needs_texts() && inputs.texts.is_none() {
            return Err(lacks(TEXTS));
        }
        // Where an input is missing, no shape asks for its sizes.
        let (clips, frames) = (inputs.video.as_ref()).map_or((1, 1), |v| (v.clips, v.frames));
        let (texts, length) = (inputs.texts.as_ref()).map_or((1, 1), |t| (t.rows, t.length));
        if stage.decoder() && texts < clips {
            let problem = format!("{}: {clips} clips, but {texts} texts", stage.name);
            return Err(dump.error(problem));
        }
        let expected = (stage.shape)(Sizes {
            clips,
            frames,
            texts,
            length,
            config,
        });
        // The decoder may have been run on the first ids alone: it is causal.
        let shorter = stage.decoder()
            && found.len() == expected.len()
            && (1..=expected[1]).contains(&found[1])
            && [found[0], found[2]] == [expected[0], expected[2]];
        if found != expected && !shorter {
            let problem = format!("{}: expected {expected:?}, found {found:?}", stage.name);
            return Err(dump.error(problem));
        }
        specs.push(Spec {
            result: stage.name.ends_with("emb")
                || ["video.emb_no_cls", "dec.logits"].contains(&stage.name.as_str()),
            name: stage.name,
            dims: found.to_vec(),
        });
    }
    Ok(specs)
}

struct Sizes<'a> {
    clips: usize,
    frames: usize,
    texts: usize,
    length: usize,
    config: &'a Config,
}

struct Known {
    name: String,
    shape: fn(Sizes) -> Vec<usize>,
}

impl Known {
    fn decoder(&self) -> bool {
        self.name.starts_with("dec.")
    }

    fn needs_texts(&self) -> bool {
        self.decoder() || self.name.starts_with("text.") || self.name.starts_with("zs.")
    }

    fn needs_video(&self) -> bool {
        !self.name.starts_with("text.")
    }
}

/// Every stage that a model of this configuration has, in order.
fn known(config: &Config) -> Vec<Known> {
    type Shape = fn(Sizes) -> Vec<usize>;
    let vision: Shape = |s| {
        let tokens = s.config.tokens();
        vec![s.clips * s.frames, tokens, s.config.vision.width]
    };
    let flat: Shape = |s| {
        let tokens = s.frames * s.config.tokens();
        vec![s.clips, tokens, s.config.vision.width]
    };
    let pooled: Shape = |s| vec![s.clips, s.config.queries, s.config.embed_dim];
    let clip: Shape = |s| vec![s.clips, s.config.embed_dim];
    let text: Shape = |s| vec![s.texts, s.length + 1, s.config.embed_dim];
    let text_row: Shape = |s| vec![s.texts, s.config.embed_dim];
    let decoded: Shape = |s| vec![s.clips, s.length, s.config.embed_dim];
    let pairs: Shape = |s| vec![s.clips, s.texts];

    let mut all = Vec::new();
    let mut add = |name: &str, shape: Shape| {
        all.push(Known {
            name: name.to_owned(),
            shape,
        });
    };
    add("vis.patch_embed", |s| {
        let patches = s.config.tokens() - 1;
        vec![s.clips * s.frames, patches, s.config.vision.width]
    });
    add("vis.embed", vision);
    add("vis.ln_pre", vision);
    for i in 0..config.vision.layers {
        add(&format!("vis.block.{i:02}"), vision);
    }
    add("pool.flat", flat);
    add("pool.ln_k", flat);
    add("pool.q", |s| vec![s.config.queries, s.config.embed_dim]);
    add("pool.attn", pooled);
    add("pool.ln_post", pooled);
    add("video.contrastive_pre_proj", clip);
    add("video.tokens", |s| {
        vec![s.clips, s.config.queries - 1, s.config.embed_dim]
    });
    add("video.emb_raw", clip);
    add("video.emb", clip);
    add("meanpool.emb", clip);
    add("frame.emb", |s| {
        vec![s.clips * s.frames, s.config.embed_dim]
    });
    add("video.emb_no_cls", clip);
    add("text.embed", text);
    for i in 0..config.text.layers {
        add(&format!("text.block.{i:02}"), text);
    }
    add("text.cls_ln", text_row);
    add("text.emb", text_row);
    for i in 0..config.decoder.layers {
        add(&format!("dec.block.{i:02}.self"), decoded);
        add(&format!("dec.block.{i:02}.cross"), decoded);
    }
    add("dec.logits", |s| vec![s.clips, s.length, s.config.vocab]);
    add("zs.logits", pairs);
    add("zs.probs", pairs);
    all
}

/// The written texts that the dump holds.
pub(super) fn tokens(config: &Config, dump: &Dump) -> Result<Vec<Tokens>> {
    let vector = |name: &str| match dump.shape(name) {
        None => Ok(false),
        Some(&[length]) if length > 0 => Ok(true),
        Some(found) => Err(dump.error(format!("{name}: expected a row of ids, found {found:?}"))),
    };
    let defaults = Options::default();
    let plain = Options {
        seq_len: dump.number("seq_len")?.unwrap_or(defaults.seq_len),
        min_seq_len: dump.number("min_seq_len")?.unwrap_or(defaults.min_seq_len),
        ..defaults
    };
    let mut names: Vec<&str> = dump.names().filter(|name| is_text(name)).collect();
    // Greedy ones first; beams as the dump has them.
    names.sort_by_key(|name| ![GREEDY, PROMPTED].contains(name));
    let mut all = Vec::new();
    for name in names {
        vector(name)?;
        if dump.shape(VIDEO).is_none() {
            return Err(dump.error(format!("holds {name}, but not {VIDEO}")));
        }
        let ids = dump.ids(name, config.vocab)?;
        let mut options = plain.clone();
        let mut margins = None;
        if let Some(search) = beam_search(name) {
            options.strategy = Strategy::Beams(search);
        } else if name == PROMPTED {
            if !vector(PROMPT)? {
                return Err(dump.error(format!("holds {name}, but not {PROMPT}")));
            }
            let prompt = dump.ids(PROMPT, config.vocab)?;
            let Some((_, rest)) = (prompt.split_first()).filter(|(id, _)| **id == config.sot())
            else {
                let problem = format!("{PROMPT}: expected {} as the first id", config.sot());
                return Err(dump.error(problem));
            };
            options.prompt = rest.to_vec();
        } else if dump.shape(MARGINS).is_some() {
            margins = Some(dump.f32(MARGINS)?);
        }
        (options.check()).map_err(|error| dump.error(format!("{name}: {error}")))?;
        all.push(Tokens {
            name: name.to_owned(),
            ids,
            margins,
            options,
        });
    }
    Ok(all)
}

/// Whether an entry holds a written text.
fn is_text(name: &str) -> bool {
    [GREEDY, PROMPTED].contains(&name) || beam_search(name).is_some()
}

/// The search that wrote an entry: `beam_{beams}x{groups}_{raw or logp}.tokens`.
fn beam_search(name: &str) -> Option<BeamSearch> {
    let how = name.strip_prefix("beam_")?.strip_suffix(".tokens")?;
    let (size, scoring) = how.split_once('_')?;
    let (beams, groups) = size.split_once('x')?;
    Some(BeamSearch {
        beams: beams.parse().ok()?,
        groups: groups.parse().ok()?,
        scoring: match scoring {
            "raw" => Scoring::Logits,
            "logp" => Scoring::LogProbabilities,
            _ => return None,
        },
    })
}

/// The entries that have no meaning here.
pub(super) fn unknown(dump: &Dump, compared: &[Spec]) -> Vec<String> {
    let used = |name: &str| {
        compared.iter().any(|spec| spec.name == name)
            || [VIDEO, TEXTS, PROMPT, MARGINS].contains(&name)
            || is_text(name)
    };
    (dump.names().filter(|name| !used(name)))
        .map(str::to_owned)
        .collect()
}
