//! Writing texts: against OpenCLIP's `generate`, and what must hold of any way to write.

mod common;

use std::collections::HashMap;

use common::{contexts, openclip_texts, tiny};
use serde_json::Value;
use vcoca_gpu::generate::{BeamSearch, Draw, Generated, Options, Scoring, Strategy, generate};
use vcoca_gpu::gpu::{DType, Gpu, Tensor};
use vcoca_gpu::model::CoCa;
use vcoca_gpu::{Error, reference};

fn ids(value: &Value) -> Vec<u32> {
    serde_json::from_value(value.clone()).expect("a list of ids")
}

fn number(line: &Value, key: &str) -> usize {
    line[key].as_u64().expect("a number") as usize
}

/// How a line of the reference was written.
fn options(line: &Value) -> Options {
    let strategy = match number(line, "num_beams") {
        0 => Strategy::Greedy,
        beams => Strategy::Beams(BeamSearch {
            beams,
            groups: number(line, "num_beam_groups"),
            scoring: match line["scoring"].as_str() {
                Some("logp") => Scoring::LogProbabilities,
                _ => Scoring::Logits,
            },
        }),
    };
    Options {
        seq_len: number(line, "seq_len"),
        min_seq_len: number(line, "min_seq_len"),
        prompt: ids(&line["prompt"]),
        repetition_penalty: line["repetition_penalty"].as_f64().expect("a number") as f32,
        strategy,
        candidates: 1,
    }
}

#[test]
fn every_text_is_openclips() {
    // Texts that are written in the same way about different clips, together.
    let mut ways: HashMap<String, Vec<Value>> = HashMap::new();
    for line in openclip_texts().filter(|line| line.get("ids").is_some()) {
        ways.entry(format!("{:?}", options(&line)))
            .or_default()
            .push(line);
    }
    assert_eq!(ways.values().map(Vec::len).sum::<usize>(), 360);
    for dtype in [DType::F32, DType::F16] {
        let model = tiny(dtype);
        let mut wrong = Vec::new();
        for lines in ways.values_mut() {
            if dtype == DType::F16 {
                // Only where noise of 1 % on the context changes nothing.
                lines.retain(|line| line["firm"] == true);
            }
            let seeds: Vec<u64> = lines
                .iter()
                .map(|line| number(line, "seed") as u64)
                .collect();
            let Some(first) = lines.first() else {
                continue;
            };
            let texts = generate(&model, &contexts(&model, &seeds), &options(first)).unwrap();
            for (line, text) in lines.iter().zip(&texts) {
                // The reference cannot tell a last id 0 from padding.
                let mut got = text[0].tokens.clone();
                got.truncate(
                    got.iter()
                        .rposition(|&id| id != 0)
                        .map_or(0, |last| last + 1),
                );
                if got != ids(&line["ids"]) {
                    wrong.push(format!("{line}, but {got:?}"));
                }
            }
        }
        assert!(wrong.is_empty(), "{dtype}, {}: {wrong:#?}", wrong.len());
    }
}

/// Logits of the ids after the third one of a text, and the dispatches that they took.
fn next(gpu: &Gpu) -> (Vec<f32>, usize) {
    let model = common::tiny_on(gpu, DType::F32);
    let context = contexts(&model, &[1, 2]);
    let mut pass = gpu.pass();
    let ids = pass
        .upload(&[2, 5], DType::U32, &[7u32, 3, 9, 12, 0, 7, 1, 4, 2, 0])
        .unwrap();
    let cache = model.text_cache(&mut pass, &context, 1, 5).unwrap();
    model
        .next_logits(&mut pass, &ids, 0, 3, &cache, None)
        .unwrap();
    let before = pass.dispatches();
    let logits = model
        .next_logits(&mut pass, &ids, 3, 1, &cache, None)
        .unwrap();
    let dispatches = pass.dispatches() - before;
    pass.submit().unwrap();
    (gpu.read_f32(&logits).unwrap(), dispatches)
}

#[test]
fn on_hardware_an_id_takes_five_dispatches_a_block() {
    let software = common::gpu();
    let hardware = software.with_caps(|caps| caps.kind = "discrete");
    let ((want, more), (got, dispatches)) = (next(software), next(&hardware));
    // Two blocks of the text tower; two of the decoder and as many that see the clip.
    let (embedding, logits, blocks) = (1, 1, 2 + 2 * 2);
    assert_eq!(dispatches, embedding + 5 * blocks + logits);
    // Norms on their own.
    assert_eq!(more, dispatches + 2 * blocks + 1);
    for (got, want) in got.iter().zip(&want) {
        assert!(
            (got - want).abs() < 1e-4 * want.abs().max(1.0),
            "{got}, not {want}"
        );
    }
}

/// Ways to write, one of each kind.
fn ways() -> Vec<Options> {
    let of = |strategy, candidates, penalty| Options {
        seq_len: 13,
        min_seq_len: 3,
        prompt: vec![7],
        repetition_penalty: penalty,
        strategy,
        candidates,
    };
    let draw = Draw {
        temperature: 1.5,
        top_k: Some(40),
        top_p: 0.95,
        seed: 5,
    };
    let search = BeamSearch {
        beams: 4,
        groups: 1,
        scoring: Scoring::LogProbabilities,
    };
    vec![
        of(Strategy::Greedy, 1, 1.0),
        of(Strategy::Greedy, 1, 1.4),
        of(Strategy::Draw(draw), 3, 1.0),
        of(Strategy::Beams(search), 3, 1.1),
    ]
}

#[test]
fn clips_together_get_the_texts_of_each_alone() {
    let model = tiny(DType::F32);
    let seeds: Vec<u64> = (1..=9).collect();
    for options in ways() {
        let together = generate(&model, &contexts(&model, &seeds), &options).unwrap();
        for (texts, &seed) in together.iter().zip(&seeds) {
            let alone = generate(&model, &contexts(&model, &[seed]), &options).unwrap();
            assert_eq!(tokens(texts), tokens(&alone[0]), "clip {seed}, {options:?}");
            for (a, b) in texts.iter().zip(&alone[0]) {
                assert!((a.logprob - b.logprob).abs() < 1e-3, "{a:?} against {b:?}");
            }
        }
    }
}

fn tokens(texts: &[Generated]) -> Vec<&[u32]> {
    texts.iter().map(|text| &text.tokens[..]).collect()
}

#[test]
fn the_same_seed_draws_the_same_and_another_does_not() {
    let model = tiny(DType::F32);
    let context = contexts(&model, &[2]);
    let drawn = |seed, candidates| {
        let options = Options {
            strategy: Strategy::Draw(Draw {
                seed,
                ..Draw::default()
            }),
            candidates,
            ..Options::default()
        };
        generate(&model, &context, &options).unwrap().remove(0)
    };
    let first = drawn(1, 4);
    assert_eq!(first, drawn(1, 4));
    assert_ne!(first, drawn(2, 4));
    let mut apart = tokens(&first);
    apart.dedup();
    assert_eq!(apart.len(), 4, "candidates are drawn differently");
    assert!(first.is_sorted_by(|a, b| a.logprob >= b.logprob));
    // More candidates are further draws.
    let more = drawn(1, 9);
    assert!(
        tokens(&first)
            .iter()
            .all(|text| tokens(&more).contains(text))
    );
}

#[test]
fn candidates_of_a_beam_search_are_its_best_texts_with_their_probabilities() {
    let model = tiny(DType::F32);
    let context = contexts(&model, &[24]);
    for scoring in [Scoring::LogProbabilities, Scoring::Logits] {
        let options = |candidates| Options {
            strategy: Strategy::Beams(BeamSearch {
                beams: 5,
                groups: 1,
                scoring,
            }),
            candidates,
            min_seq_len: 0,
            ..Options::default()
        };
        let all = generate(&model, &context, &options(5)).unwrap().remove(0);
        assert_eq!(all.len(), 5);
        assert!(all.is_sorted_by(|a, b| a.score >= b.score));
        let best = generate(&model, &context, &options(1)).unwrap().remove(0);
        assert_eq!(best[..], all[..1]);
        for text in &all {
            assert!((text.logprob - logprob_of(&model, &context, text)).abs() < 1e-3);
        }
    }
}

/// The log-probability of a text, read whole: each id under the logits of the position before it.
fn logprob_of(model: &CoCa, context: &Tensor, text: &Generated) -> f32 {
    let config = model.config();
    let ids = &text.tokens;
    let mut pass = model.gpu().pass();
    let cache = model
        .text_cache(&mut pass, context, 1, config.context_length)
        .unwrap();
    let row = pass.upload(&[1, ids.len()], DType::U32, ids).unwrap();
    let logits: Vec<Tensor> = (0..ids.len() - 1)
        .map(|at| {
            model
                .next_logits(&mut pass, &row, at, 1, &cache, None)
                .unwrap()
        })
        .collect();
    pass.submit().unwrap();
    (logits.iter().zip(&ids[1..]))
        .map(|(logits, &id)| {
            let logits = model.gpu().read_f32(logits).unwrap();
            reference::softmax(&logits, logits.len())[id as usize].ln()
        })
        .sum()
}

#[test]
fn beams_continue_a_prompt() {
    let model = tiny(DType::F32);
    let options = Options {
        prompt: vec![5, 17],
        strategy: Strategy::Beams(BeamSearch::OPENCLIP),
        ..Options::default()
    };
    let texts = generate(&model, &contexts(&model, &[1]), &options).unwrap();
    assert_eq!(texts[0][0].tokens[..3], [94, 5, 17]);
    assert!(texts[0][0].tokens.len() > 4);
}

#[test]
fn more_ids_need_no_more_submissions() {
    // A device of its own: other tests submit to the shared one meanwhile.
    let gpu = Gpu::new().unwrap();
    let model = common::tiny_on(&gpu, DType::F32);
    let context = contexts(&model, &[2]);
    for options in ways() {
        let submissions = |seq_len| {
            let options = Options {
                seq_len,
                min_seq_len: seq_len - 1,
                ..options.clone()
            };
            let before = gpu.work();
            generate(&model, &context, &options).unwrap();
            gpu.work().submissions - before.submissions
        };
        assert_eq!(submissions(5), submissions(9), "{options:?}");
    }
}

#[test]
fn what_contradicts_itself_is_refused() {
    let model = tiny(DType::F32);
    let context = contexts(&model, &[1]);
    let refusal = |options: Options| match generate(&model, &context, &options) {
        Err(Error::Argument { what, .. }) => what,
        other => panic!("{options:?}: {other:?}"),
    };
    let plain = Options::default;
    let of = |strategy, candidates| Options {
        strategy,
        candidates,
        ..plain()
    };
    let search = BeamSearch::OPENCLIP;
    let beams = |beams, groups| {
        Strategy::Beams(BeamSearch {
            beams,
            groups,
            ..search
        })
    };
    let draw = |change: fn(&mut Draw)| {
        let mut draw = Draw::default();
        change(&mut draw);
        of(Strategy::Draw(draw), 1)
    };
    let prompt = |ids: &[u32]| Options {
        prompt: ids.to_vec(),
        ..plain()
    };
    let lengths = |min_seq_len, seq_len| Options {
        seq_len,
        min_seq_len,
        ..plain()
    };
    let penalty = |repetition_penalty| Options {
        repetition_penalty,
        ..plain()
    };
    let cases = [
        ("seq_len", lengths(0, 1)),
        ("min_seq_len", lengths(6, 6)),
        ("prompt", prompt(&[3; 40])),
        ("prompt", prompt(&[9_999])),
        ("prompt", prompt(&[7, 95])),
        ("prompt", prompt(&[94, 7])),
        ("prompt", prompt(&[7, 0])),
        ("repetition_penalty", penalty(0.0)),
        ("repetition_penalty", penalty(f32::NAN)),
        ("temperature", draw(|d| d.temperature = 0.0)),
        ("temperature", draw(|d| d.temperature = f32::INFINITY)),
        ("top_p", draw(|d| d.top_p = 0.0)),
        ("top_p", draw(|d| d.top_p = 1.5)),
        ("top_k", draw(|d| d.top_k = Some(0))),
        ("beams", of(beams(0, 1), 1)),
        ("beams", of(beams(64, 1), 1)),
        ("groups", of(beams(6, 0), 1)),
        ("groups", of(beams(6, 4), 1)),
        ("candidates", of(Strategy::Greedy, 2)),
        ("candidates", of(Strategy::Greedy, 0)),
        ("candidates", of(Strategy::Beams(search), 3)),
        ("candidates", of(Strategy::Draw(Draw::default()), 10_000)),
    ];
    for (what, options) in cases {
        assert_eq!(refusal(options.clone()), what, "{options:?}");
    }
}
