//! Texts that stand already, scored against the model's own logits; questions to the built-in model.

mod common;

use common::{gpu_with_bindings, tiny, tiny_on, wave};
use vcoca_gpu::Error;
use vcoca_gpu::generate::{BeamSearch, Options, Strategy, generate, score};
use vcoca_gpu::gpu::{DType, Tensor};
use vcoca_gpu::model::{CoCa, Taps};

fn context(model: &CoCa, seed: u64) -> Tensor {
    contexts(model, &[seed])
}

/// Those of several clips behind each other.
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

/// Ids of words, the same for the same seed.
fn words(model: &CoCa, seed: u32, count: usize) -> Vec<u32> {
    (0..count as u32)
        .map(|i| 1 + (i + 1).wrapping_mul(seed + 2_654_435_761) % (model.config().sot() - 1))
        .collect()
}

/// Log-probabilities from logits of every position that are read back and summed on the host.
fn naive(model: &CoCa, context: &Tensor, prompt: &[u32], text: &[u32]) -> Vec<f64> {
    let config = model.config();
    let ids = [&[config.sot()], prompt, text, &[config.eot()]].concat();
    let mut pass = model.gpu().pass();
    let on_gpu = pass.upload(&[1, ids.len()], DType::U32, &ids).unwrap();
    let tokens = model
        .encode_text(&mut pass, &on_gpu, &mut Taps::none())
        .unwrap()
        .tokens;
    let logits = model
        .decode(&mut pass, &tokens, context, &mut Taps::none())
        .unwrap();
    pass.submit().unwrap();
    let logits = model.gpu().read_f32(&logits).unwrap();
    (1 + prompt.len()..ids.len())
        .map(|at| {
            let row = logits.chunks(config.vocab).nth(at - 1).unwrap();
            let sum: f64 = row.iter().map(|&logit| f64::from(logit).exp()).sum();
            f64::from(row[ids[at] as usize]) - sum.ln()
        })
        .collect()
}

#[test]
fn scores_are_those_of_the_models_logits() {
    for (dtype, tolerance) in [(DType::F32, 1e-4), (DType::F16, 2e-2)] {
        let model = tiny(dtype);
        let context = context(&model, 3);
        let room = model.config().context_length - 2;
        for asked in [0, 1, 5] {
            let prompt = words(&model, 1, asked);
            // Lengths in no order, nothing at all and all that there is room for among them.
            let texts: Vec<_> = [3, 0, 1, room - asked, 2, 3]
                .iter()
                .enumerate()
                .map(|(i, &count)| words(&model, 10 + i as u32, count))
                .collect();
            let scores = score(&model, &context, &prompt, &texts).unwrap();
            for (text, got) in texts.iter().zip(&scores) {
                let want = naive(&model, &context, &prompt, text);
                assert_eq!(got.len(), text.len() + 1, "its ids and EOT");
                for (got, want) in got.iter().zip(&want) {
                    let off = (f64::from(*got) - want).abs();
                    assert!(off < tolerance, "{dtype} {text:?}: {got}, not {want}");
                }
            }
        }
    }
}

#[test]
fn texts_of_several_clips_are_scored_together() {
    let model = tiny(DType::F32);
    let (sot, eot) = (model.config().sot(), model.config().eot());
    let texts: Vec<_> = (0..6).map(|i| words(&model, i, 4)).collect();
    let ids: Vec<u32> = (texts.iter())
        .flat_map(|text| [&[sot], &text[..], &[eot]].concat())
        .collect();
    let context = contexts(&model, &[4, 9]);
    let mut pass = model.gpu().pass();
    let ids = pass.upload(&[6, 6], DType::U32, &ids).unwrap();
    let values = model.token_logprobs(&mut pass, &ids, 2, &context).unwrap();
    pass.submit().unwrap();
    assert_eq!(values.dims(), [6, 4], "the first id of each is given");
    let got = model.gpu().read_f32(&values).unwrap();
    for (i, (text, got)) in texts.iter().zip(got.chunks(4)).enumerate() {
        let clip = contexts(&model, &[[4, 9][i / 3]]);
        let want = naive(&model, &clip, &text[..1], &text[1..]);
        for (got, want) in got.iter().zip(want) {
            assert!((f64::from(*got) - want).abs() < 1e-4, "{i}: {got}, {want}");
        }
    }
}

#[test]
fn a_written_text_scores_what_it_was_written_with() {
    let model = tiny(DType::F32);
    let search = BeamSearch {
        beams: 4,
        groups: 1,
        ..BeamSearch::OPENCLIP
    };
    let mut compared = 0;
    for seed in 0..6 {
        let context = context(&model, seed);
        for strategy in [Strategy::Greedy, Strategy::Beams(search)] {
            let options = Options {
                seq_len: 12,
                prompt: words(&model, seed as u32, 2),
                strategy,
                ..Options::default()
            };
            let written = generate(&model, &context, &options).unwrap()[0].remove(0);
            let Some((end, text)) = written.tokens[3..].split_last() else {
                panic!("no text: {written:?}");
            };
            if *end != model.config().eot() {
                continue; // it ended otherwise
            }
            let scores = score(&model, &context, &options.prompt, &[text.to_vec()]).unwrap();
            let logprob: f32 = scores[0].iter().sum();
            let off = (logprob - written.logprob).abs();
            assert!(off < 1e-4, "{logprob}, but {written:?}");
            compared += 1;
        }
    }
    assert!(compared >= 6, "{compared}");
}

#[test]
fn many_texts_are_scored_as_each_alone() {
    let model = tiny(DType::F32);
    let context = context(&model, 8);
    let prompt = words(&model, 5, 3);
    // More than are read at once.
    let texts: Vec<_> = (0..150)
        .map(|i| words(&model, i, 1 + i as usize % 4))
        .collect();
    let together = score(&model, &context, &prompt, &texts).unwrap();
    for i in [0, 1, 2, 3, 63, 64, 100, 149] {
        let alone = score(&model, &context, &prompt, &texts[i..=i]).unwrap();
        assert_eq!(together[i].len(), alone[0].len());
        for (a, b) in together[i].iter().zip(&alone[0]) {
            assert!((a - b).abs() < 1e-4, "{i}: {a} and {b}");
        }
    }
    assert!(score(&model, &context, &prompt, &[]).unwrap().is_empty());
}

#[test]
fn texts_too_many_for_a_binding_are_read_in_portions() {
    const BYTES: u64 = 600_000; // the weights just fit
    let small = tiny_on(&gpu_with_bindings(BYTES), DType::F32);
    let room = small.config().context_length - 2;
    let texts: Vec<_> = (0..40).map(|i| words(&small, i, room)).collect();
    let hidden = texts.len() * (room + 1) * small.config().decoder.mlp * 4;
    assert!(hidden > BYTES as usize, "too few for this test");
    let scores = score(&small, &context(&small, 2), &[], &texts).unwrap();
    let model = tiny(DType::F32);
    let want = score(&model, &context(&model, 2), &[], &texts).unwrap();
    for (got, want) in scores.iter().flatten().zip(want.iter().flatten()) {
        assert!((got - want).abs() < 1e-4, "{got} and {want}");
    }
}

#[test]
fn what_is_no_text_of_the_model_is_refused() {
    let model = tiny(DType::F32);
    let context = context(&model, 8);
    let room = model.config().context_length - 2;
    let refused = |prompt: &[u32], text: Vec<u32>, words: &str| {
        let error = score(&model, &context, prompt, &[vec![1], text]).unwrap_err();
        assert!(matches!(error, Error::Argument { .. }), "{error}");
        assert!(error.to_string().contains(words), "{error}");
    };
    refused(&[1, 2], vec![3; room - 1], &format!("at most {room} ids"));
    refused(&[1], vec![model.config().eot()], "ids of words");
    refused(&[model.config().sot()], vec![1], "ids of words");
    assert!(score(&model, &context, &[1, 2], &[vec![3; room - 2]]).is_ok());
}

#[cfg(all(feature = "gstreamer", feature = "shapes"))]
mod shapes {
    use std::path::Path;

    use vcoca_gpu::engine::Clip;
    use vcoca_gpu::frames::{Sampling, sample};
    use vcoca_gpu::{Engine, ModelSource};

    use super::common::gpu;
    use super::*;

    fn engine(dtype: Option<DType>) -> Engine {
        Engine::load(gpu(), &ModelSource::Shapes, dtype).unwrap()
    }

    fn clip(engine: &Engine, name: &str) -> Clip {
        let path = Path::new(env!("CARGO_MANIFEST_DIR"))
            .join("assets")
            .join(name);
        let sampled = sample(&path, 4, Sampling::Uniform).unwrap();
        engine.encode_video(&sampled.frames).unwrap()
    }

    /// The demo clips with a single object: questions about one of several are beyond the model.
    const ASKED: [(&str, &str, &str, &[&str]); 7] = [
        ("red_star.mp4", "what color is the star?", "red", &COLORS),
        (
            "red_star.mp4",
            "what shape is the red object?",
            "star",
            &SHAPES,
        ),
        ("red_star.mp4", "what size is the star?", "medium", &SIZES),
        (
            "red_star.mp4",
            "how many objects are there?",
            "one",
            &COUNTS,
        ),
        (
            "green_cross.mp4",
            "What  colour is the cross",
            "green",
            &COLORS,
        ),
        (
            "green_cross.mp4",
            "what shape is the green object?",
            "cross",
            &SHAPES,
        ),
        (
            "circle_and_heart.mp4",
            "how many objects are there?",
            "two",
            &COUNTS,
        ),
    ];
    const COLORS: [&str; 4] = ["blue", "green", "red", "white"];
    const SHAPES: [&str; 4] = ["cross", "circle", "star", "heart"];
    const SIZES: [&str; 3] = ["small", "medium", "large"];
    const COUNTS: [&str; 3] = ["three", "two", "one"];

    #[test]
    fn questions_are_answered_freely_and_by_choice() {
        for dtype in [DType::F32, DType::F16] {
            let engine = engine(Some(dtype));
            for (name, question, right, choices) in ASKED {
                let clip = clip(&engine, name);
                let options = Options::default();
                let answer = engine.answer(&clip, question, &options).unwrap();
                assert_eq!(answer.text, right, "{dtype} {name}: {question}");

                let ranked = engine.rank_choices(&clip, question, choices).unwrap();
                assert_eq!(
                    choices[ranked[0].index], right,
                    "{dtype} {name}: {question}"
                );
                assert!(ranked.is_sorted_by(|a, b| a.scored.mean() >= b.scored.mean()));
                let total: f32 = ranked.iter().map(|choice| choice.share).sum();
                assert!((total - 1.0).abs() < 1e-5, "{ranked:?}");
                // The answer was written word by word with the probability that it is scored.
                let scored = &ranked[0].scored;
                assert_eq!(answer.tokens, scored.tokens);
                assert!((scored.logprob - answer.logprob).abs() < 0.02, "{scored:?}");
            }
        }
    }

    #[test]
    fn an_answer_of_many_words_is_no_worse_for_its_length() {
        let engine = engine(None);
        let clip = clip(&engine, "red_star.mp4");
        let texts = ["a medium red star", "blue", "a photo of a medium red star"];
        let scored = engine.score(&clip, "", &texts).unwrap();
        assert_eq!(scored[0].tokens.len(), 5, "four words and EOT");
        assert_eq!(scored[0].mean(), scored[0].logprob / 5.0);
        assert!(scored[0].mean() > scored[1].mean());
        assert!(scored[0].logprob > scored[2].logprob);
        let caption = engine.caption(&clip, &Options::default()).unwrap();
        assert_eq!(caption.text, texts[0]);
        assert!((scored[0].logprob - caption.logprob).abs() < 0.02);
    }

    #[test]
    fn long_answers_and_questions_keep_to_the_models_context() {
        let engine = engine(None);
        let clip = clip(&engine, "red_star.mp4");
        let limited = Options {
            seq_len: 3,
            min_seq_len: 0,
            ..Options::default()
        };
        let answer = engine.answer(&clip, "star?", &limited).unwrap();
        assert!(answer.text.split(' ').count() <= 1, "{answer:?}");
        // "question", ":", "?", "answer" and ":" take five of the seventeen ids before a word and EOT.
        let fits = "star ".repeat(12);
        assert!(engine.answer(&clip, &fits, &Options::default()).is_ok());
        let error = engine.answer(&clip, &"star ".repeat(13), &Options::default());
        let error = error.unwrap_err().to_string();
        assert!(error.contains("question: expected at most 17"), "{error}");
    }

    #[test]
    fn questions_and_choices_that_mean_nothing_are_refused() {
        let engine = engine(None);
        let refused = |question: &str, choices: &[&str], words: &[&str]| {
            let error = engine.check_question(question, choices).unwrap_err();
            let clip = clip(&engine, "red_star.mp4");
            let same = match choices {
                [] => (engine.answer(&clip, question, &Options::default())).unwrap_err(),
                _ => (engine.rank_choices(&clip, question, choices)).unwrap_err(),
            };
            assert_eq!(error.to_string(), same.to_string());
            for word in words {
                assert!(error.to_string().contains(word), "{error} lacks {word}");
            }
        };
        refused(" \n", &[], &["question", "words"]);
        refused("what?", &["red"], &["choices", "at least 2", "found 1"]);
        refused("what?", &["red", " \t"], &["choice", "words", r#"" \t""#]);
        refused(
            "what?",
            &["red", "blue", "Red "],
            &["once", r#""red" and "Red ""#],
        );
        refused("what?", &["red", &"star ".repeat(13)], &["at most 18 ids"]);
        refused("what?", &["red", "<end_of_text>"], &["ids of words"]);
        assert!(engine.check_question("what?", &["red", "blue"]).is_ok());
    }

    #[test]
    fn models_tell_whether_they_learned_to_answer() {
        assert_eq!(ModelSource::Shapes.answers_questions(), Some(true));
        let repo = |name: &str| ModelSource::Repo {
            repo: name.parse().unwrap(),
            folder: "x".into(),
        };
        let published = repo("laion/CoCa-ViT-B-32-laion2B-s13B-b90k");
        assert_eq!(published.answers_questions(), Some(false));
        assert_eq!(repo("somebody/else").answers_questions(), None);
        assert_eq!(ModelSource::Directory("x".into()).answers_questions(), None);
    }
}
