//! What `embed` does not take.

use super::*;

#[test]
fn another_list_is_refused_but_one_may_grow() {
    let (folder, paths) = pictures(3);
    let out = folder.path().join("out");
    let embed = |paths: &[String]| {
        let paths: Vec<&str> = paths.iter().map(String::as_str).collect();
        embed(&out, &[&JSONL[..], &["--part-size", "2"], &paths].concat())
    };
    assert_code(&embed(&paths[..1]), 0);
    let output = embed(&paths[1..]);
    assert_code(&output, 1);
    assert!(stderr(&output).contains("part_00000.json: the part was made of other inputs"));
    let output = embed(&paths);
    assert_code(&output, 0);
    assert!(stdout(&output).contains("img_emb_00000.npy: 2 rows of 2 videos\n"));
    assert!(stdout(&output).contains("img_emb_00001.npy: 1 row of 1 video\n"));
}

#[test]
fn what_cannot_be_embedded_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let here = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
    let out = here("out");
    let refused = |args: &[&str], code, words: &[&str]| {
        let args = [&["embed", "--out", &out][..], args].concat();
        assert_refuses(&args, code, words);
    };
    refused(&[], 2, &["PATH", "--list", "--texts"]);
    refused(&["x", "--list", "y"], 2, &["--list"]);
    refused(&["--texts", "x", "--list", "y"], 2, &["--list"]);
    refused(&["--texts", "x", "--captions"], 2, &["--captions"]);
    refused(&["x", "--shard", "0/4"], 2, &["--shard", "1/4"]);
    refused(&["x", "--part-size", "0"], 2, &["--part-size"]);
    refused(&["x", "--windows", "2s/4s"], 2, &["4s/2s"]);
    refused(&["x", "--format", "csv"], 2, &["npy", "jsonl"]);
    let jsonl = ["x", "--format", "jsonl"];
    refused(&[&jsonl[..], &JSONL].concat(), 2, &["--metadata"]);
    refused(&[&jsonl[..], &["--element", "f16"]].concat(), 2, &["f16"]);
    let keyframes = ["x", "--windows", "4s", "--sampling", "keyframes"];
    refused(&keyframes, 2, &["keyframes"]);
    assert_refuses(&["embed", "x"], 2, &["--out"]);

    // Before the model is asked for, which is not there.
    let nobody = ["--model", "nobody/nothing", "--offline"];
    refused(
        &[&nobody[..], &["--list", &here("none")]].concat(),
        1,
        &["none"],
    );
    let list = here("list.jsonl");
    fs::write(&list, "a.mp4\n{\"path\":\"b.mp4\"}\n").unwrap();
    let args = [&nobody[..], &["--list", &list]].concat();
    refused(
        &args,
        1,
        &["list.jsonl: line 2: expected a field \"video\""],
    );
    fs::write(&list, "\n \n").unwrap();
    refused(&args, 1, &["list.jsonl", "found none"]);
    assert!(!Path::new(&out).exists());
}
