//! `classify`: labels of the built-in model's world.

use super::*;

/// A folder with a red disc on blue in `disc.png`.
fn disc() -> (tempfile::TempDir, String) {
    captions::folder()
}

fn json(output: &Output) -> Vec<Value> {
    let lines = stdout(output).lines();
    lines
        .map(|line| serde_json::from_str(line).unwrap())
        .collect()
}

const LABELS: &str = "a green star, a red circle,a blue ring";

#[test]
fn the_right_label_comes_first() {
    let (_folder, disc) = disc();
    let output = run(&["classify", "-q", &disc, "--labels", LABELS]);
    assert_code(&output, 0);
    let lines: Vec<&str> = stdout(&output).lines().collect();
    assert_eq!(lines.len(), 4, "the path and three labels");
    assert_eq!(lines[0], disc);
    assert!(lines[1].ends_with("%  a red circle"), "{lines:?}");

    let output = run(&["classify", "-q", &disc, "--labels", LABELS, "--json"]);
    assert_code(&output, 0);
    let line = &json(&output)[0];
    let labels = line["labels"].as_array().unwrap();
    assert_eq!(labels[0]["label"], "a red circle");
    let sum: f64 = (labels.iter())
        .map(|label| label["probability"].as_f64().unwrap())
        .sum();
    assert!((sum - 1.0).abs() < 1e-5);
    // The ratio of two probabilities is what the logits say.
    let of = |i: usize, key: &str| labels[i][key].as_f64().unwrap();
    let gap = (of(0, "probability") / of(1, "probability")).ln();
    assert!((gap - (of(0, "logit") - of(1, "logit"))).abs() < 1e-2);
    assert!(line.get("none").is_none());
    assert_eq!(
        (&line["model"], &line["video"]),
        (&"shapes".into(), &disc.clone().into())
    );
}

#[test]
fn none_of_these_wins_where_no_label_fits() {
    let (_folder, disc) = disc();
    let none = |labels: &str| {
        let output = run(&[
            "classify", "-q", &disc, "--none", "--json", "--labels", labels,
        ]);
        assert_code(&output, 0);
        let line = json(&output).remove(0);
        let labels = line["labels"].as_array().unwrap();
        let best = labels
            .first()
            .map_or(0.0, |label| label["probability"].as_f64().unwrap());
        (line["none"].as_f64().unwrap(), best)
    };
    let (unlikely, best) = none(LABELS);
    assert!(unlikely < best, "{unlikely} and {best} for the right label");
    let (likely, best) = none("a green star,a yellow bar,a blue ring");
    assert!(likely > best, "{likely} and {best} for wrong ones");

    let output = run(&[
        "classify",
        "-q",
        &disc,
        "--none",
        "--labels",
        "a green star",
    ]);
    assert!(
        stdout(&output)
            .lines()
            .nth(1)
            .unwrap()
            .ends_with("none of these")
    );
}

#[test]
fn labels_come_from_files_and_go_into_templates() {
    let (folder, disc) = disc();
    let file = |name: &str, content: &str| {
        let path = folder.path().join(name);
        std::fs::write(&path, content).unwrap();
        path.to_str().unwrap().to_owned()
    };
    let classes = file("classInd.txt", "1 GreenStar\n2 RedCircle\n");
    let templates = file("templates.txt", "a {}\nthere is a {}\n");
    for templates in [&templates, "kinetics", "openai"] {
        let args = [
            "--labels-file",
            &classes,
            "--templates",
            templates,
            "--top",
            "1",
        ];
        let output = run(&[&["classify", "-q", &disc][..], &args].concat());
        assert_code(&output, 0);
        let lines: Vec<&str> = stdout(&output).lines().collect();
        assert!(
            lines.len() == 2 && lines[1].ends_with("%  red circle"),
            "{lines:?}"
        );
    }
}

#[test]
fn wrong_lists_of_labels_end_with_2_before_anything_is_read() {
    let (folder, disc) = disc();
    let refuse = |args: &[&str], words: &[&str]| {
        assert_refuses(&[&["classify", &disc][..], args].concat(), 2, words);
    };
    refuse(&[], &["--labels <", "--labels-file <"]);
    refuse(&["--labels", "a,,b"], &["a label is empty"]);
    refuse(&["--labels", "a, a"], &["\"a\" stands there twice"]);
    refuse(
        &["--labels", "a", "--labels-file", "b"],
        &["cannot be used with"],
    );
    refuse(&["--labels-file", "nonesuch"], &["nonesuch"]);
    refuse(&["--labels", "a", "--top", "0"], &["--top"]);
    refuse(
        &["--labels", "a", "--templates", "nonesuch"],
        &["nonesuch", "kinetics and openai"],
    );
    let empty = folder.path().join("empty");
    std::fs::write(&empty, "").unwrap();
    refuse(&["--labels-file", empty.to_str().unwrap()], &["empty"]);
}

#[test]
fn a_bad_video_does_not_stop_the_others() {
    let (_folder, disc) = disc();
    let output = run(&["classify", "nonesuch", &disc, "--labels", "star,cross"]);
    assert_code(&output, 1);
    assert_eq!(stdout(&output).lines().next(), Some(disc.as_str()));
    assert!(stderr(&output).contains("error: nonesuch"));
}
