//! Drawing the next id: which ids are left, and how often each is drawn.

mod common;

use std::collections::HashMap;

use common::{gpu, openclip_texts, wave};
use vcoca_gpu::gpu::DType;
use vcoca_gpu::ops::next::{self, Written, sample_step};
use vcoca_gpu::reference;

#[test]
fn limits_keep_what_transformers_keeps() {
    let mut seen = 0;
    for line in openclip_texts().filter(|line| line.get("kept").is_some()) {
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
        let want: Vec<u32> = serde_json::from_value(line["kept"].clone()).unwrap();
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

#[test]
fn candidates_draw_apart_from_each_other() {
    // Noise that is the same for candidate a and id b as for candidate b and id a would show: if one
    // draws the other's number, the other often draws the one's.
    let scores = [0.5; 96];
    let mut mutual = 0;
    for key in 0..40 {
        let draw = next::Draw {
            top_k: None,
            top_p: 1.0,
            temperature: 1.0,
            key,
            candidates: 96,
        };
        let drawn = drawn(&scores, draw);
        let other = |a: &usize| drawn[*a] as usize;
        mutual += (0..96)
            .filter(|a| other(a) != *a && drawn[other(a)] == *a as u32)
            .count();
    }
    // 40 are expected, one for each key.
    assert!((10..80).contains(&mutual), "{mutual}");
}

/// How often each id is drawn from one row of scores; every draw is another candidate.
fn draws(scores: &[f32], draw: next::Draw, count: usize) -> HashMap<u32, usize> {
    let mut found = HashMap::new();
    let most = 30_000; // workgroups of one dispatch
    for first in (0..count).step_by(most) {
        let draw = next::Draw {
            key: draw.key + first as u32,
            candidates: most.min(count - first),
            ..draw
        };
        for id in drawn(scores, draw) {
            *found.entry(id).or_default() += 1;
        }
    }
    found
}

/// What each candidate draws from the same scores.
fn drawn(scores: &[f32], draw: next::Draw) -> Vec<u32> {
    let (gpu, rows, width) = (gpu(), draw.candidates, scores.len());
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
    sample_step(&mut pass, &logits, &logits, &written, 0, &rules, &draw).unwrap();
    pass.submit().unwrap();
    gpu.read_u32(&written.tokens).unwrap()
}
