//! `eval` of the built-in model on the small sets of the shapes world, end to end.

mod troubles;

use std::collections::BTreeMap;
use std::fs;

use super::*;

const WORLD: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/data/world");

/// The arguments for a task on MSR-VTT's layout.
fn msrvtt<'a>(task: &'a str, videos: &'a str) -> Vec<&'a str> {
    const JSON: &str = concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/tests/data/world/msrvtt/MSRVTT_data.json"
    );
    vec![
        "eval",
        task,
        "--dataset",
        "msrvtt",
        "--annotations",
        JSON,
        "--videos",
        videos,
    ]
}

fn world(path: &str) -> String {
    format!("{WORLD}/{path}")
}

/// What `--json` prints.
fn report(args: &[&str]) -> Value {
    let output = run(&[args, &["--json"]].concat());
    assert_code(&output, 0);
    serde_json::from_str(stdout(&output)).unwrap()
}

fn json(folder: &Path, name: &str) -> Value {
    serde_json::from_slice(&fs::read(folder.join(name)).unwrap()).unwrap()
}

/// The lines of a folder of results, by clip.
fn items(folder: &Path) -> BTreeMap<String, Value> {
    let text = fs::read_to_string(folder.join("items.jsonl")).unwrap();
    let lines = text.lines().map(|line| {
        let item: Value = serde_json::from_str(line).unwrap();
        (item["id"].as_str().unwrap().to_owned(), item)
    });
    let by_id: BTreeMap<_, _> = lines.collect();
    assert_eq!(by_id.len(), text.lines().count(), "each clip once");
    by_id
}

#[test]
fn captions_are_compared_by_pooling_and_written_for_other_tools() {
    let folder = tempfile::tempdir().unwrap();
    let (out, videos) = (folder.path().join("new/out"), world("msrvtt/videos"));
    let args = [
        &msrvtt("captioning", &videos)[..],
        &[
            "--pooling",
            "flatten,mean,flatten",
            "--out",
            out.to_str().unwrap(),
        ],
    ]
    .concat();
    let output = run(&args);
    assert_code(&output, 0);
    let table: Vec<&str> = stdout(&output).lines().collect();
    assert_eq!(
        table[0],
        "msrvtt captioning, 10 clips, 8 frames each, shapes in f16"
    );
    let columns: Vec<_> = table[1].split_whitespace().collect();
    assert_eq!(columns, ["flatten", "mean"]);
    assert!(
        table[2].starts_with("BLEU-1  ") && table[7].starts_with("CIDEr   "),
        "{table:?}"
    );
    assert_eq!(table.len(), 8);
    assert!(stderr(&output).contains("METEOR and SPICE are not measured"));

    let manifest = json(&out, "manifest.json");
    assert_eq!(manifest["counts"]["clips"], 10);
    assert_eq!(manifest["counts"]["measured"], 10);
    assert_eq!(
        manifest["settings"]["pooling"],
        serde_json::json!(["flatten", "mean"])
    );
    assert_eq!(
        manifest["settings"]["annotations"][0]["sha256"]
            .as_str()
            .unwrap()
            .len(),
        64
    );
    assert_eq!(manifest["settings"]["model"], "shapes");
    for field in [
        "version", "adapter", "driver", "backend", "started", "ended",
    ] {
        assert!(manifest["sessions"][0][field].is_string(), "{field}");
    }
    let (captions, references) = (
        json(&out, "captions-mean.json"),
        json(&out, "references.json"),
    );
    let captions = captions.as_array().unwrap();
    assert_eq!(captions.len(), 10);
    let items = items(&out);
    for caption in captions {
        let id = caption["image_id"].as_str().unwrap();
        assert_eq!(caption["caption"], items[id]["by"]["mean"]["caption"]);
        let mut of = references["annotations"].as_array().unwrap().iter();
        assert!(of.any(|reference| reference["image_id"] == id), "{id}");
    }
    assert!(
        json(&out, "results.json")["flatten"]["cider"]
            .as_f64()
            .unwrap()
            > 3.0
    );

    // Once more: nothing is read again, and the answer is the same.
    let before = fs::read(out.join("items.jsonl")).unwrap();
    let again = run(&[&args[..], &["-v"]].concat());
    assert_code(&again, 0);
    assert_eq!(stdout(&again), stdout(&output));
    assert!(
        stderr(&again).contains("10 clips were there"),
        "{}",
        stderr(&again)
    );
    assert_eq!(fs::read(out.join("items.jsonl")).unwrap(), before);
    assert_eq!(
        json(&out, "manifest.json")["sessions"]
            .as_array()
            .unwrap()
            .len(),
        2
    );

    // Other settings are other results.
    assert_refuses(
        &[&args[..], &["--frames", "4"]].concat(),
        1,
        &["frames is 8 there, 4 here", "another folder"],
    );
}

#[test]
fn classes_are_ranked_as_the_kept_scores_say() {
    let folder = tempfile::tempdir().unwrap();
    let (classes, list) = (world("ucf101/classInd.txt"), world("ucf101/testlist01.txt"));
    let (videos, out) = (world("ucf101/videos"), folder.path().to_str().unwrap());
    let args = [
        "eval",
        "classification",
        "--dataset",
        "UCF101",
        "--annotations",
        &classes,
        &list,
        "--videos",
        &videos,
        "--out",
        out,
    ];
    let report = report(&args);
    let items = items(folder.path());
    assert_eq!(items.len(), 10);
    // `v_BlackCross_g01_c01` shows a black cross.
    let right = items.iter().filter(|(id, item)| {
        let said = item["by"]["flatten"]["top"][0][0]
            .as_str()
            .unwrap()
            .replace(' ', "");
        id[2..].to_lowercase().starts_with(&said)
    });
    let top_1 = report["results"]["flatten"]["top_1"].as_f64().unwrap();
    assert!(
        (top_1 - right.count() as f64 / 10.0).abs() < 1e-9,
        "{report}"
    );
    assert!(top_1 >= 0.8, "{report}");
    assert_eq!(report["manifest"], json(folder.path(), "manifest.json"));
}

#[test]
fn several_labels_of_a_video_are_measured_by_average_precision() {
    let folder = tempfile::tempdir().unwrap();
    let (classes, csv) = (
        folder.path().join("classes.txt"),
        folder.path().join("test.csv"),
    );
    fs::write(
        &classes,
        "c000 a red circle\nc001 a black cross\nc002 a cyan star\n",
    )
    .unwrap();
    // The only red circle does nothing: it must not count against those that are called one.
    let rows = "id,actions\n\
                v_RedCircle_g01_c01,\n\
                v_BlackCross_g01_c01,c001 0 1;c000 0.00 1.50\n\
                v_OrangeRing_g01_c01,c000 0.00 1.50;c000 2.00 2.10\n";
    fs::write(&csv, rows).unwrap();
    let (videos, paths) = (
        world("ucf101/videos"),
        [&classes, &csv].map(|path| path.to_str().unwrap()),
    );
    let report = report(&[
        "eval",
        "classification",
        "--dataset",
        "charades",
        "--annotations",
        paths[0],
        paths[1],
        "--videos",
        &videos,
    ]);
    let found = &report["results"]["flatten"];
    assert_eq!(found["map"], 1.0, "{report}");
    assert_eq!(
        (&found["videos"], &found["classes"]),
        (&3.into(), &2.into())
    );
}

#[test]
fn an_answer_that_one_of_five_gave_is_half_right() {
    let folder = tempfile::tempdir().unwrap();
    let csv = folder.path().join("test.csv");
    let rows = "video_id,start,end,question,answer1,answer2,answer3,answer4,answer5\n\
                video2,0,1.5,what color is the triangle?,yellow,amber,gold,,\n";
    fs::write(&csv, rows).unwrap();
    let videos = world("msrvtt/videos");
    let report = report(&[
        "eval",
        "qa",
        "--dataset",
        "ivqa",
        "--annotations",
        csv.to_str().unwrap(),
        "--videos",
        &videos,
    ]);
    assert_eq!(report["results"]["flatten"]["accuracy"], 0.5, "{report}");
}

#[test]
fn texts_and_videos_find_each_other() {
    let videos = world("msrvtt/videos");
    let report = report(&[&msrvtt("retrieval", &videos)[..], &["--limit", "5"]].concat());
    let both = &report["results"]["flatten"];
    assert_eq!(both["video_to_text"]["queries"], 5);
    assert!(
        both["text_to_video"]["queries"].as_u64().unwrap() > 5,
        "several sentences each"
    );
    assert!(
        both["text_to_video"]["recall_at_1"].as_f64().unwrap() >= 0.8,
        "{report}"
    );
    assert_eq!(report["manifest"]["counts"]["clips"], 5);
}

#[test]
fn questions_are_answered() {
    let (json, videos) = (world("msrvtt-qa/test_qa.json"), world("msrvtt/videos"));
    let args = [
        "eval",
        "qa",
        "--dataset",
        "msrvtt-qa",
        "--annotations",
        &json,
        "--videos",
        &videos,
    ];
    let report = report(&args);
    let answered = &report["results"]["flatten"];
    assert_eq!(
        answered["questions"],
        report["manifest"]["counts"]["truths"]
    );
    assert!(answered["accuracy"].as_f64().unwrap() >= 0.6, "{report}");
}

#[test]
fn events_are_read_from_their_part_of_the_video() {
    let folder = tempfile::tempdir().unwrap();
    let annotations = folder.path().join("val_1.json");
    // What `moments.jsonl` says of the clip, an event before it, and one behind the video's end.
    let json_text = r#"{"v_long_000": {"duration": 20.0,
        "timestamps": [[13.7, 17.1], [0, 2.5], [900, 901]],
        "sentences": ["a small yellow ring", "something else", "nothing"]}}"#;
    fs::write(&annotations, json_text).unwrap();
    let out = folder.path().join("out");
    let videos = world("moments/videos");
    let output = run(&[
        "eval",
        "captioning",
        "--dataset",
        "activitynet",
        "--annotations",
        annotations.to_str().unwrap(),
        "--videos",
        &videos,
        "--out",
        out.to_str().unwrap(),
    ]);
    assert_code(&output, 1);
    assert!(stderr(&output).contains("there is no part from 900 s to 901 s"));
    let items = items(&out);
    for (id, from, to) in [
        ("v_long_000 13.7-17.1", 13.7, 17.1),
        ("v_long_000 0-2.5", 0.0, 2.5),
    ] {
        let times = items[id]["frames"].as_array().unwrap();
        let inside = |time: &Value| (from..to).contains(&time.as_f64().unwrap());
        assert!(
            times.len() == 8 && times.iter().all(inside),
            "{id}: {times:?}"
        );
    }
    let said = items["v_long_000 13.7-17.1"]["by"]["flatten"]["caption"]
        .as_str()
        .unwrap();
    assert!(said.contains("yellow ring"), "{said}");
    let dense = json(&out, "activitynet-flatten.json");
    let events = dense["results"]["v_long_000"].as_array().unwrap();
    assert_eq!(events.len(), 2);
    assert_eq!(events[0]["timestamp"], serde_json::json!([13.7, 17.1]));
    assert_eq!(events[0]["sentence"], said);
}
