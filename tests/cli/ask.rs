//! `ask` the built-in model.

use super::captions::folder;
use super::*;

#[cfg(feature = "gstreamer")]
const VIDEO: &str = "assets/red_star.mp4";

/// Runs `ask` where the paths of examples lead somewhere.
fn ask(args: &[&str]) -> Output {
    let mut command = program(&[&["ask"], args].concat());
    command.current_dir(ROOT).output().unwrap()
}

fn lines(args: &[&str]) -> Vec<Value> {
    let output = ask(args);
    assert_code(&output, 0);
    (stdout(&output).lines())
        .map(|line| serde_json::from_str(line).unwrap())
        .collect()
}

#[cfg(feature = "gstreamer")]
#[test]
fn the_examples_of_its_help_work_as_written() {
    let help = run(&["ask", "--help"]);
    assert_code(&help, 0);
    let examples: Vec<_> = (stdout(&help).lines())
        .filter_map(|line| line.strip_prefix("  vcoca-gpu ask "))
        .collect();
    assert_eq!(examples.len(), 2, "{}", stdout(&help));
    let answers: Vec<String> = (examples.iter())
        .map(|line| {
            // A shell would take the quotes away.
            let parts = line.split('"').enumerate();
            let words: Vec<&str> = parts
                .flat_map(|(i, part)| match i % 2 {
                    0 => part.split_whitespace().collect(),
                    _ => vec![part],
                })
                .collect();
            let output = ask(&words);
            assert_code(&output, 0);
            stdout(&output).to_owned()
        })
        .collect();
    assert_eq!(answers[0], "what color is the star? red\n");
    let rows: Vec<_> = answers[1].lines().collect();
    assert_eq!(rows[0], "what shape is the red object? star");
    assert!(rows[1].ends_with(" %  star"), "{rows:?}");
    assert_eq!(rows.len(), 4, "{rows:?}");
}

#[cfg(feature = "gstreamer")]
#[test]
fn every_question_gets_a_line_of_its_own() {
    let questions = [
        "how many\nobjects are there?",
        "what color is the star?",
        "what size is the star",
    ];
    let output = ask(&[&[VIDEO], &questions[..]].concat());
    assert_code(&output, 0);
    assert_eq!(
        stdout(&output),
        "how many\\nobjects are there? one\n\
         what color is the star? red\n\
         what size is the star medium\n"
    );
    assert!(!stderr(&output).contains("trained"), "{}", stderr(&output));

    let lines = lines(&[&["--json", "--frames", "3", VIDEO], &questions[..]].concat());
    assert_eq!(lines.len(), 3);
    for (line, (question, answer)) in lines
        .iter()
        .zip(questions.iter().zip(["one", "red", "medium"]))
    {
        assert_eq!(line["question"], **question);
        assert_eq!(line["answer"], answer);
        assert_eq!(line["tokens"].as_array().unwrap().len(), 2, "it and EOT");
        assert_eq!(line["frames"].as_array().unwrap().len(), 3);
        assert_eq!(line["trained_to_answer"], true);
        assert!(line["logprob"].as_f64().unwrap() < 0.0);
        assert!(line["timings_ms"]["answer"].as_f64().unwrap() > 0.0);
        assert!(line.get("choices").is_none() && line.get("candidates").is_none());
    }
}

#[test]
fn choices_come_by_their_shares() {
    let (_folder, disc) = folder();
    let question = "what color is the circle?";
    let args = ["--json", "--choices", "blue,green,Red", &disc, question];
    let line = lines(&args).remove(0);
    assert_eq!(line["answer"], "Red");
    let choices = line["choices"].as_array().unwrap();
    assert_eq!(choices.len(), 3);
    assert_eq!(choices[0]["choice"], "Red");
    assert_eq!(choices[0]["logprob"], line["logprob"]);
    let sum = |key: &str| -> f64 { choices.iter().map(|c| c[key].as_f64().unwrap()).sum() };
    assert!((sum("share") - 1.0).abs() < 1e-5);
    for choice in choices {
        let number = |key: &str| choice[key].as_f64().unwrap();
        let count = choice["tokens"].as_array().unwrap().len() as f64;
        assert!((number("mean_logprob") * count - number("logprob")).abs() < 1e-4);
    }
}

#[test]
fn several_answers_can_be_asked_for() {
    let (_folder, disc) = folder();
    let question = "what color is the circle?";
    let output = ask(&["--beams", "3", "--candidates", "2", &disc, question]);
    assert_code(&output, 0);
    let rows: Vec<_> = stdout(&output).lines().collect();
    assert_eq!(rows.len(), 3, "{rows:?}");
    assert_eq!(rows[0], "what color is the circle? red");
    assert!(rows[1].ends_with("  red") && !rows[2].ends_with("  red"));
}

#[test]
fn a_model_that_may_not_have_learned_to_answer_is_pointed_out() {
    let (_folder, disc) = folder();
    let args = ["--model", "models/shapes", &disc, "what shape is it?"];
    let output = ask(&args);
    assert_code(&output, 0);
    let warning = "warning: model models/shapes may never have been trained to answer questions";
    assert_eq!(
        stderr(&output).matches(warning).count(),
        1,
        "{}",
        stderr(&output)
    );
    let line = lines(&[&["--json"], &args[..]].concat()).remove(0);
    assert_eq!(line["trained_to_answer"], Value::Null);
}

/// The files of the built-in model, under the name of one that is published.
#[test]
fn a_model_that_never_learned_to_answer_is_pointed_out() {
    let (cache, name) = (
        tempfile::tempdir().unwrap(),
        "laion/CoCa-ViT-B-32-laion2B-s13B-b90k",
    );
    let repo = format!("models--{}", name.replace('/', "--"));
    let snapshot = cache.path().join(repo).join("snapshots/main");
    std::fs::create_dir_all(&snapshot).unwrap();
    for file in [
        "open_clip_config.json",
        "model.safetensors",
        "tokenizer.json",
    ] {
        let from = Path::new(ROOT).join("models/shapes").join(file);
        std::fs::copy(from, snapshot.join(file)).unwrap();
    }
    let (_folder, disc) = folder();
    let args = [
        "ask",
        "--json",
        "--model",
        name,
        "--offline",
        &disc,
        "what?",
    ];
    let output = program(&args).env("HF_HUB_CACHE", cache.path()).output();
    let output = output.unwrap();
    assert_code(&output, 0);
    let warning = format!("warning: model {name} was never trained to answer questions");
    assert!(stderr(&output).contains(&warning), "{}", stderr(&output));
    let line: Value = serde_json::from_str(stdout(&output)).unwrap();
    assert_eq!(line["trained_to_answer"], false);
}

#[test]
fn what_cannot_be_asked_ends_with_2() {
    let refused = |args: &[&str], words: &[&str]| {
        assert_refuses(&[&["ask", "x.png"], args].concat(), 2, words);
    };
    refused(&[], &["QUESTION"]);
    refused(&[""], &["QUESTION"]);
    refused(&["what?", " \t"], &["question", "words"]);
    refused(&[&"star ".repeat(20)], &["question", "at most 17 tokens"]);
    refused(&["--choices", "red", "what?"], &["choices", "at least 2"]);
    refused(&["--choices", "red,,blue", "what?"], &["choice", "words"]);
    refused(&["--choices", "red, RED", "what?"], &["choices", "once"]);
    refused(&["--choices", "a,b", "--beams", "2", "what?"], &["--beams"]);
    refused(&["--choices", "a,b", "--seed", "2", "what?"], &["--seed"]);
    refused(&["--max-length", "1", "what?"], &["--max-length"]);
    // Before the model is asked for, which is not there.
    let nowhere = ["--model", "nobody/nothing", "--offline"];
    refused(
        &[&nowhere, &["--candidates", "2", "what?"][..]].concat(),
        &["candidates"],
    );
}

#[test]
fn a_video_that_cannot_be_read_ends_with_1() {
    let folder = tempfile::tempdir().unwrap();
    let empty = folder.path().join("empty.mp4");
    std::fs::write(&empty, "").unwrap();
    for path in ["nonesuch.mp4", empty.to_str().unwrap()] {
        assert_refuses(&["ask", path, "what?"], 1, &[path]);
    }
}
