//! Writing texts: against OpenCLIP's `generate`, and what must hold of any way to write.

mod common;

use std::collections::HashMap;

use common::{gpu, tiny};
use serde_json::Value;
use vcoca_gpu::generate::{BeamSearch, Draw, Generated, Options, Scoring, Strategy, generate};
use vcoca_gpu::gpu::{DType, Gpu, Tensor};
use vcoca_gpu::model::CoCa;
use vcoca_gpu::ops::next::{self, Written, sample_step};
use vcoca_gpu::{Error, reference};

/// The context that `tools/generate_reference.py` computes by the same formula, behind each other for
/// several seeds.
fn contexts(model: &CoCa, seeds: &[u64]) -> Tensor {
    let config = model.config();
    let dims = [seeds.len(), config.queries - 1, config.embed_dim];
    let values: Vec<f32> = (seeds.iter())
        .flat_map(|&seed| wave(seed, dims[1] * dims[2]))
        .collect();
    let mut pass = model.gpu().pass();
    let context = pass.upload_f32(&dims, DType::F32, &values).unwrap();
    pass.submit().unwrap();
    context
}

fn wave(seed: u64, count: usize) -> impl Iterator<Item = f32> {
    (0..count).map(move |i| {
        let (i, seed) = (i as f64, seed as f64);
        (0.37 * i + 0.11 * seed + 0.003 * i * seed).sin() as f32
    })
}

/// The lines of the committed reference.
fn lines() -> impl Iterator<Item = Value> {
    include_str!("data/tiny/generate.jsonl")
        .lines()
        .map(|line| serde_json::from_str(line).expect("a line of JSON"))
}

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
    for line in lines().filter(|line| line.get("ids").is_some()) {
        ways.entry(format!("{:?}", options(&line)))
            .or_default()
            .push(line);
    }
    assert!(ways.values().map(Vec::len).sum::<usize>() > 250);
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

#[test]
fn limits_keep_what_transformers_keeps() {
    let mut seen = 0;
    for line in lines().filter(|line| line.get("kept").is_some()) {
        let scores: Vec<f32> = wave(line["seed"].as_u64().unwrap(), 96)
            .map(|v| 4.0 * v)
            .collect();
        let draw = next::Draw {
            top_k: line["top_k"].as_u64().map(|k| k as usize),
            top_p: line["top_p"].as_f64().unwrap() as f32,
            temperature: 1.0,
            key: 0,
            candidates: 1,
        };
        let want = ids(&line["kept"]);
        let twin: Vec<u32> = (reference::kept(&scores, &draw).iter().zip(0..))
            .filter_map(|(&kept, id)| kept.then_some(id))
            .collect();
        assert_eq!(twin, want, "the twin, {line}");
        // Heat makes every id that is left as likely as any other, and each turns up.
        let hot = next::Draw {
            temperature: 1e4,
            ..draw
        };
        let drawn: Vec<u32> = draws(&scores, hot, 64 * want.len()).into_keys().collect();
        let mut drawn: Vec<u32> = drawn.into_iter().collect();
        drawn.sort_unstable();
        assert_eq!(drawn, want, "{line}");
        seen += 1;
    }
    assert!(seen > 20);
}

#[test]
fn ids_are_drawn_as_often_as_they_are_likely() {
    let scores: Vec<f32> = wave(3, 96).map(|v| 3.0 * v).collect();
    let count = 60_000;
    for temperature in [0.5, 1.0, 2.0] {
        let draw = next::Draw {
            top_k: None,
            top_p: 1.0,
            temperature,
            key: 11,
            candidates: 1,
        };
        let drawn = draws(&scores, draw, count);
        let hot: Vec<f32> = scores.iter().map(|s| s / temperature).collect();
        let likely = reference::softmax(&hot, hot.len());
        // Pearson's statistic over ids that are expected often enough; its mean is their number, and
        // its deviation the root of twice that.
        let (mut statistic, mut cells) = (0.0, 0.0f64);
        for (id, p) in likely.iter().enumerate() {
            let expected = f64::from(*p) * count as f64;
            if expected >= 5.0 {
                let got = *drawn.get(&(id as u32)).unwrap_or(&0) as f64;
                statistic += (got - expected).powi(2) / expected;
                cells += 1.0;
            }
        }
        let apart = (statistic - cells) / (2.0 * cells).sqrt();
        assert!(
            apart.abs() < 4.0,
            "{statistic} over {cells} ids at {temperature}"
        );
    }
}

/// How often each id is drawn from one row of scores; every draw is another candidate.
fn draws(scores: &[f32], draw: next::Draw, count: usize) -> HashMap<u32, usize> {
    let gpu: &Gpu = gpu();
    let width = scores.len();
    let mut found = HashMap::new();
    let most = 30_000; // workgroups of one dispatch
    for first in (0..count).step_by(most) {
        let rows = most.min(count - first);
        let mut pass = gpu.pass();
        let logits = pass
            .upload(&[rows, width], DType::F32, &scores.repeat(rows))
            .unwrap();
        let written = Written {
            tokens: pass.tensor(&[rows, 1], DType::U32).unwrap(),
            logprobs: pass.tensor(&[rows, 1], DType::F32).unwrap(),
            done: pass.tensor(&[rows], DType::U32).unwrap(),
        };
        pass.clear(&written.done);
        let rules = next::Rules {
            eos: 95,
            min_len: 0,
            seq_len: 9,
            penalty: 1.0,
        };
        let draw = next::Draw {
            key: draw.key + first as u32,
            candidates: rows,
            ..draw
        };
        sample_step(&mut pass, &logits, &logits, &written, 0, &rules, &draw).unwrap();
        pass.submit().unwrap();
        for id in gpu.read_u32(&written.tokens).unwrap() {
            *found.entry(id).or_default() += 1;
        }
    }
    found
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
    // A beam that was left open at the end was not asked whether it ends.
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
                min_seq_len: 13,
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
    let cases = [
        (
            "seq_len",
            Options {
                seq_len: 1,
                ..plain()
            },
        ),
        (
            "prompt",
            Options {
                prompt: vec![3; 40],
                ..plain()
            },
        ),
        (
            "prompt",
            Options {
                prompt: vec![9_999],
                ..plain()
            },
        ),
        (
            "repetition_penalty",
            Options {
                repetition_penalty: 0.0,
                ..plain()
            },
        ),
        (
            "repetition_penalty",
            Options {
                repetition_penalty: f32::NAN,
                ..plain()
            },
        ),
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
