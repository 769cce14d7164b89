//! The tiny model against PyTorch's activations, and what the comparison makes of spoilt dumps.

mod common;

use std::collections::{BTreeMap, HashMap};
use std::path::Path;

use safetensors::SafeTensors;
use safetensors::tensor::{Dtype, TensorView, serialize};
use vcoca_gpu::gpu::DType;
use vcoca_gpu::model::CoCa;
use vcoca_gpu::parity::{Dump, Outcome, Report, compare};

const REFERENCE: &str = concat!(
    env!("CARGO_MANIFEST_DIR"),
    "/tests/data/tiny/reference.safetensors"
);

/// A dump in memory, to be changed and written.
struct Draft {
    entries: BTreeMap<String, (Dtype, Vec<usize>, Vec<u8>)>,
    metadata: Option<HashMap<String, String>>,
}

impl Draft {
    /// The committed dump.
    fn whole() -> Self {
        let bytes = std::fs::read(REFERENCE).unwrap();
        let (_, header) = SafeTensors::read_metadata(&bytes).unwrap();
        let entries = SafeTensors::deserialize(&bytes).unwrap();
        let entries = entries.iter().map(|(name, view)| {
            let entry = (view.dtype(), view.shape().to_vec(), view.data().to_vec());
            (name.to_owned(), entry)
        });
        Self {
            entries: entries.collect(),
            metadata: header.metadata().clone(),
        }
    }

    /// Of the committed dump, the entries of these names.
    fn with(names: &[&str]) -> Self {
        let mut draft = Self::whole();
        draft
            .entries
            .retain(|name, _| names.contains(&name.as_str()));
        assert_eq!(draft.entries.len(), names.len(), "{names:?}");
        draft
    }

    fn rename(mut self, from: &str, to: &str) -> Self {
        let entry = self.entries.remove(from).unwrap();
        self.entries.insert(to.to_owned(), entry);
        self
    }

    fn f32(mut self, name: &str, change: impl FnOnce(&mut Vec<usize>, &mut Vec<f32>)) -> Self {
        let (_, shape, bytes) = self.entries.get_mut(name).unwrap();
        let mut values = bytemuck::pod_collect_to_vec(bytes);
        change(shape, &mut values);
        *bytes = bytemuck::cast_slice(&values).to_vec();
        self
    }

    fn i64(mut self, name: &str, change: impl FnOnce(&mut Vec<i64>)) -> Self {
        let (_, shape, bytes) = self.entries.get_mut(name).unwrap();
        let mut values = bytemuck::pod_collect_to_vec(bytes);
        change(&mut values);
        if let [length] = &mut shape[..] {
            *length = values.len();
        }
        *bytes = bytemuck::cast_slice(&values).to_vec();
        self
    }

    fn open(self) -> Dump {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("dump.safetensors");
        let views = (self.entries.iter()).map(|(name, (dtype, shape, bytes))| {
            let view = TensorView::new(*dtype, shape.clone(), bytes).unwrap();
            (name, view)
        });
        std::fs::write(&path, serialize(views, self.metadata).unwrap()).unwrap();
        Dump::open(&path).unwrap()
    }

    fn compare(self, model: &CoCa) -> Report {
        compare(model, &self.open()).unwrap()
    }

    fn refusal(self, model: &CoCa) -> String {
        compare(model, &self.open()).unwrap_err().to_string()
    }
}

fn names(report: &Report) -> Vec<&str> {
    (report.stages.iter().map(|stage| stage.name.as_str())).collect()
}

fn assert_passes(report: &Report) {
    if let Some((index, stage)) = report.first_failure() {
        panic!("stage {index}: {stage:?}");
    }
}

fn committed(dtype: DType) {
    let model = common::tiny(dtype);
    let report = compare(&model, &Dump::open(Path::new(REFERENCE)).unwrap()).unwrap();
    assert_passes(&report);
    assert_eq!(report.stages.len(), 35);
    assert_eq!(report.unknown, [""; 0]);
    // In the order of a model, not of the alphabet.
    assert_eq!(names(&report)[..2], ["vis.patch_embed", "vis.embed"]);
    let mut texts = names(&report).split_off(29);
    assert_eq!(
        texts.drain(..2).as_slice(),
        ["greedy.tokens", "greedy_prompt.tokens"]
    );
    texts.sort_unstable();
    assert_eq!(
        texts,
        [
            "beam_2x1_raw.tokens",
            "beam_6x1_logp.tokens",
            "beam_6x1_raw.tokens",
            "beam_6x3_raw.tokens"
        ]
    );
}

#[test]
fn every_stage_is_pytorchs_in_f32() {
    committed(DType::F32);
}

#[test]
fn every_stage_is_pytorchs_in_f16() {
    if common::gpu().caps().f16 {
        committed(DType::F16);
    }
}

#[test]
fn a_dump_may_hold_any_subset() {
    let model = common::tiny(DType::F32);
    let text = Draft::with(&["input.text_ids", "text.emb"]).compare(&model);
    assert_passes(&text);
    assert_eq!(names(&text), ["text.emb"]);
    let video = Draft::with(&["input.video", "pool.flat", "frame.emb"]).compare(&model);
    assert_passes(&video);
    assert_eq!(names(&video), ["pool.flat", "frame.emb"]);
    let both = ["input.video", "input.text_ids", "zs.logits", "zs.probs"];
    let both = Draft::with(&both).compare(&model);
    assert_passes(&both);
    assert_eq!(names(&both), ["zs.logits", "zs.probs"]);
}

#[test]
fn the_decoder_may_have_been_run_on_the_first_ids_alone() {
    let cut = Draft::with(&["input.video", "input.text_ids", "dec.logits"]);
    let cut = cut.f32("dec.logits", |shape, values| {
        let vocab = shape[2];
        let rows = values.chunks(shape[1] * vocab);
        *values = rows.flat_map(|clip| clip[..4 * vocab].to_vec()).collect();
        shape[1] = 4;
    });
    let report = cut.compare(&common::tiny(DType::F32));
    assert_passes(&report);
    assert_eq!(report.stages[0].shape, [2, 4, 96]);
}

#[test]
fn the_first_stage_that_differs_is_named_with_its_worst_value() {
    let model = common::tiny(DType::F32);
    let report = Draft::whole()
        .f32("vis.block.01", |_, values| values[96 + 5] += 1.0)
        .f32("video.emb", |_, values| values[3] += 0.5)
        .compare(&model);
    assert!(!report.pass());
    let (index, stage) = report.first_failure().unwrap();
    assert_eq!((index, stage.name.as_str()), (4, "vis.block.01"));
    let Outcome::Values(difference) = &stage.outcome else {
        panic!("{stage:?}");
    };
    assert_eq!(difference.worst.index, [0, 1, 5]);
    assert!((difference.max_abs - 1.0).abs() < 1e-4, "{difference:?}");
    let failed = report.stages.iter().filter(|stage| !stage.pass);
    assert_eq!(failed.count(), 2, "what was not touched still passes");
}

#[test]
fn an_error_just_above_the_gate_fails() {
    let model = common::tiny(DType::F32);
    let scaled = |factor: f32| {
        Draft::with(&["input.video", "pool.attn"])
            .f32("pool.attn", |_, values| {
                values.iter_mut().for_each(|v| *v *= factor)
            })
            .compare(&model)
    };
    // An error of the part e everywhere is an NMSE of e squared.
    assert!(scaled(1.0 + 2e-5).pass());
    assert!(!scaled(1.0 + 5e-5).pass());
}

#[test]
fn entries_without_a_meaning_are_named() {
    let report = Draft::with(&["input.video", "vis.block.00", "vis.block.01"])
        .rename("vis.block.01", "vis.block.02")
        .compare(&common::tiny(DType::F32));
    assert_eq!(names(&report), ["vis.block.00"]);
    assert_eq!(report.unknown, ["vis.block.02"]);
}

#[test]
fn tokens_may_differ_only_where_the_reference_hardly_chose() {
    let model = common::tiny(DType::F32);
    let all = [
        "input.video",
        "input.text_ids",
        "dec.logits",
        "greedy.tokens",
        "greedy.top1_margin",
    ];
    let changed = || Draft::with(&all).i64("greedy.tokens", |ids| ids[3] ^= 1);
    let firm = changed().compare(&model);
    assert_eq!(firm.first_failure().unwrap().1.name, "greedy.tokens");
    // Id 3 was chosen by the third margin.
    let chance = changed().f32("greedy.top1_margin", |_, margins| margins[2] = 1e-9);
    assert!(chance.compare(&model).pass());
    let elsewhere = changed().f32("greedy.top1_margin", |_, margins| margins[1] = 1e-9);
    assert!(!elsewhere.compare(&model).pass());
    let shorter = Draft::with(&all).i64("greedy.tokens", |ids| ids.truncate(4));
    assert!(!shorter.compare(&model).pass());
    let padded = Draft::with(&all).i64("greedy.tokens", |ids| ids.extend([0, 0]));
    assert!(padded.compare(&model).pass());
}

#[test]
fn what_a_stage_needs_must_be_there() {
    let model = common::tiny(DType::F32);
    for (given, missing) in [
        (&["input.text_ids", "video.emb"][..], "input.video"),
        (&["input.video", "text.emb"], "input.text_ids"),
        (&["input.video", "dec.logits"], "input.text_ids"),
        (&["greedy.tokens"], "input.video"),
        (&["input.video", "greedy_prompt.tokens"], "input.prompt_ids"),
    ] {
        let message = Draft::with(given).refusal(&model);
        assert!(message.contains(&format!("not {missing}")), "{message}");
    }
    let message = Draft::with(&["input.video"]).refusal(&model);
    assert!(
        message.contains("no stage that can be compared"),
        "{message}"
    );
}

#[test]
fn wrong_shapes_types_and_values_are_named() {
    let model = common::tiny(DType::F32);
    let video = || Draft::with(&["input.video", "video.emb"]);
    let text = || Draft::with(&["input.text_ids", "text.emb"]);
    let other_shape = video().f32("video.emb", |shape, _| *shape = vec![192, 2]);
    let other_size = video().f32("input.video", |shape, _| *shape = vec![2, 3, 3, 10, 40]);
    let not_finite = video().f32("video.emb", |_, values| values[7] = f32::NAN);
    let other_type = video().rename("input.video", "x");
    let ids = Draft::with(&["input.text_ids"]).entries["input.text_ids"].clone();
    let mut ids_as_values = text();
    ids_as_values
        .entries
        .insert("text.emb".into(), (ids.0, vec![4, 13], ids.2));
    let mut values_as_ids = other_type;
    let pixels = values_as_ids.entries["x"].clone();
    values_as_ids
        .entries
        .insert("input.text_ids".into(), (pixels.0, vec![600, 12], pixels.2));
    let large_id = text().i64("input.text_ids", |ids| ids[1] = 96);
    let negative_id = text().i64("input.text_ids", |ids| ids[1] = -1);
    let no_start = Draft::with(&["input.video", "input.prompt_ids", "greedy_prompt.tokens"])
        .i64("input.prompt_ids", |ids| ids[0] = 5);
    for (draft, words) in [
        (other_shape, "video.emb: expected [2, 192], found [192, 2]"),
        (
            other_size,
            "input.video: expected (clips, frames, 3, 20, 20)",
        ),
        (not_finite, "video.emb holds values that are not finite"),
        (ids_as_values, "text.emb: expected [4, 192], found [4, 13]"),
        (values_as_ids, "input.text_ids: expected I64, found F32"),
        (large_id, "expected ids below 96, found 96"),
        (negative_id, "expected ids below 96, found -1"),
        (no_start, "input.prompt_ids: expected 94 as the first id"),
    ] {
        let message = draft.refusal(&model);
        assert!(message.contains(words), "{message:?} lacks {words:?}");
    }
}

#[test]
fn files_that_are_no_dumps_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    let whole = std::fs::read(REFERENCE).unwrap();
    for (name, content) in [
        ("empty", &[][..]),
        ("text", b"once upon a time"),
        ("huge_header", &[0xff; 64]),
        ("cut", &whole[..whole.len() - 100]),
    ] {
        let path = folder.path().join(name);
        std::fs::write(&path, content).unwrap();
        let message = Dump::open(&path).err().expect(name).to_string();
        assert!(message.contains(name), "{message}");
    }
    assert!(Dump::open(folder.path()).is_err());
    assert!(Dump::open(&folder.path().join("missing")).is_err());
}
