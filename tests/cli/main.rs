//! The program as a black box: what it prints where, and how it ends.

#[cfg(feature = "shapes")]
mod ask;
mod bench;
#[cfg(feature = "shapes")]
mod captions;
#[cfg(feature = "shapes")]
mod classify;
#[cfg(feature = "shapes")]
mod embed;
#[cfg(all(feature = "gstreamer", feature = "shapes"))]
mod eval;
#[cfg(all(
    unix,
    feature = "gstreamer",
    feature = "index",
    feature = "parquet",
    feature = "shapes"
))]
mod examples;
mod help;
#[cfg(all(feature = "index", feature = "shapes", feature = "gstreamer"))]
mod index;
#[cfg(all(feature = "index", feature = "shapes", feature = "gstreamer"))]
mod live;
#[cfg(feature = "shapes")]
mod names;
#[cfg(all(feature = "index", feature = "shapes", feature = "gstreamer"))]
mod search;
mod tune;
#[cfg(all(feature = "index", feature = "shapes", feature = "gstreamer"))]
mod world;
#[cfg(feature = "shapes")]
mod writing;

use std::path::{Path, PathBuf};
use std::process::Output;

use assert_cmd::Command;
use serde_json::Value;

const ROOT: &str = env!("CARGO_MANIFEST_DIR");

/// Runs `vcoca-gpu` with nothing of the caller's environment that changes what it prints.
fn program(args: &[&str]) -> Command {
    let mut command = Command::new(assert_cmd::cargo::cargo_bin!("vcoca-gpu"));
    command.args(args).env_remove("RUST_LOG");
    command.timeout(std::time::Duration::from_secs(60));
    command
}

fn run(args: &[&str]) -> Output {
    program(args).output().unwrap()
}

fn stdout(output: &Output) -> &str {
    std::str::from_utf8(&output.stdout).unwrap()
}

fn stderr(output: &Output) -> &str {
    std::str::from_utf8(&output.stderr).unwrap()
}

fn assert_code(output: &Output, code: i32) {
    assert_eq!(
        output.status.code(),
        Some(code),
        "stdout: {}\nstderr: {}",
        stdout(output),
        stderr(output)
    );
    assert!(!stderr(output).contains("panicked"), "{}", stderr(output));
}

/// Ends with `code`, an error that has all of `words`, and nothing on stdout.
fn assert_refuses(args: &[&str], code: i32, words: &[&str]) {
    let output = run(args);
    assert_code(&output, code);
    assert_eq!(stdout(&output), "", "{args:?}");
    for word in words {
        assert!(
            stderr(&output).contains(word),
            "{args:?}: {:?} lacks {word:?}",
            stderr(&output)
        );
    }
}

#[test]
fn a_wrong_command_line_ends_with_2() {
    assert_refuses(
        &["caption", "--frames", "0", "x"],
        2,
        &["--frames", "1..=4096"],
    );
    assert_refuses(
        &["caption", "--sampling", "often", "x"],
        2,
        &["uniform", "keyframes"],
    );
    assert_refuses(&["caption", "--dtype", "f8", "x"], 2, &["f32", "f16"]);
    assert_refuses(&["caption"], 2, &["PATH"]);
    assert_refuses(&["parity", "--model", "x"], 2, &["--reference"]);
    assert_refuses(&["caption", "-q", "-v", "x"], 2, &["--quiet"]);
    assert_refuses(&["explain"], 2, &["explain"]);
    assert_refuses(&[], 2, &["Usage"]);
}

#[test]
fn devices_marks_the_one_that_is_used() {
    let output = run(&["devices"]);
    assert_code(&output, 0);
    assert!(stdout(&output).contains("used: the first in order"));
    assert!(stdout(&output).contains("Order: "));

    let output = run(&["devices", "--json"]);
    assert_code(&output, 0);
    let lines: Vec<Value> = stdout(&output)
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    assert_eq!(lines.iter().filter(|line| line["used"] == true).count(), 1);
    for line in &lines {
        assert!(line["name"].is_string() && line["why"].is_string());
        assert!(line["f16"].is_boolean() && line["binding_bytes"].is_u64());
    }
}

#[test]
fn an_adapter_that_is_not_there_is_unusable() {
    let output = program(&["devices"])
        .env("WGPU_ADAPTER_NAME", "nonesuch")
        .output();
    let output = output.unwrap();
    assert_code(&output, 3);
    assert!(stderr(&output).contains("WGPU_ADAPTER_NAME=nonesuch matches none of"));
}

#[test]
fn a_backend_that_is_not_ours_is_refused_by_name() {
    for backend in ["nonesuch", "gl"] {
        let output = program(&[
            "parity",
            "--model",
            "tests/data/tiny",
            "--reference",
            "tests/data/tiny/reference.safetensors",
        ])
        .current_dir(ROOT)
        .env("WGPU_BACKEND", backend)
        .output()
        .unwrap();
        assert_code(&output, 3);
        let said = stderr(&output);
        assert!(
            said.contains("WGPU_BACKEND: expected vulkan, metal or dx12"),
            "{said}"
        );
    }
}

#[test]
fn the_power_preference_turns_the_order_of_gpus() {
    for (preference, order) in [
        ("low", "integrated before discrete GPUs"),
        ("high", "discrete before integrated GPUs"),
    ] {
        let output = program(&["devices"])
            .env("WGPU_POWER_PREF", preference)
            .output()
            .unwrap();
        assert_code(&output, 0);
        assert!(stdout(&output).contains(order), "{}", stdout(&output));
    }
}

#[test]
fn a_model_that_cannot_be_used_ends_with_3() {
    let folder = tempfile::tempdir().unwrap();
    let here = folder.path().to_str().unwrap();
    let caption = |words: &[&str]| assert_refuses(&["caption", "--model", here, "x"], 3, words);
    assert_refuses(
        &["caption", "--model", "nonesuch", "x"],
        3,
        &["nonesuch", "a directory"],
    );
    caption(&["open_clip_config.json"]);
    copy("open_clip_config.json", folder.path());
    caption(&["safetensors"]);
    let weights = copy("model.safetensors", folder.path());
    caption(&["tokenizer.json"]);
    let whole = std::fs::read(&weights).unwrap();
    std::fs::write(&weights, &whole[..whole.len() / 2]).unwrap();
    caption(&["model.safetensors"]);
}

#[cfg(not(feature = "hub"))]
#[test]
fn without_downloads_a_repository_has_to_be_in_the_cache() {
    let home = tempfile::tempdir().unwrap();
    let output = program(&["caption", "--model", "test/coca", "x"])
        .env("HF_HOME", home.path())
        .env_remove("HF_HUB_CACHE")
        .output()
        .unwrap();
    assert_code(&output, 3);
    for word in [
        "test/coca",
        "without the feature",
        "by hand",
        "hub/models--test--coca",
    ] {
        assert!(stderr(&output).contains(word), "{}", stderr(&output));
    }
}

/// Copies a file of the tiny model.
fn copy(name: &str, into: &Path) -> PathBuf {
    let path = into.join(name);
    std::fs::copy(Path::new(ROOT).join("tests/data/tiny").join(name), &path).unwrap();
    path
}

#[test]
fn parity_passes_on_the_committed_dump() {
    let model = format!("{ROOT}/tests/data/tiny");
    let reference = format!("{model}/reference.safetensors");
    let args = ["parity", "--model", &model, "--reference", &reference];
    let output = run(&args);
    assert_code(&output, 0);
    let table = stdout(&output);
    assert!(table.contains("PASS: 35 stages"), "{table}");
    let rows = table.lines().filter(|line| line.ends_with("  ok"));
    assert_eq!(rows.count(), 35);

    let output = run(&[&args[..], &["--json"]].concat());
    assert_code(&output, 0);
    let report: Value = serde_json::from_str(stdout(&output)).unwrap();
    assert_eq!(report["pass"], true);
    assert_eq!(report["first_failure"], Value::Null);
    assert_eq!(report["stages"].as_array().unwrap().len(), 35);
    assert_eq!(report["stages"][0]["name"], "vis.patch_embed");
    assert!(report["stages"][0]["values"]["nmse"].as_f64().unwrap() <= 1e-9);
}

#[test]
fn parity_fails_where_the_weights_differ() {
    let folder = tempfile::tempdir().unwrap();
    copy("open_clip_config.json", folder.path());
    let weights = copy("model.safetensors", folder.path());
    // The file ends with weights of the vision tower; halving some keeps them finite.
    let mut bytes = std::fs::read(&weights).unwrap();
    let end = bytes.len();
    for high in bytes[end - 20_000..].iter_mut().skip(1).step_by(2) {
        *high &= !0x04;
    }
    std::fs::write(&weights, bytes).unwrap();
    let model = folder.path().to_str().unwrap();
    let reference = format!("{ROOT}/tests/data/tiny/reference.safetensors");
    let output = run(&["parity", "--model", model, "--reference", &reference]);
    assert_code(&output, 1);
    assert!(
        stdout(&output).contains("the first is #"),
        "{}",
        stdout(&output)
    );
    assert!(stdout(&output).contains("where the reference has"));
}

#[test]
fn parity_refuses_what_is_no_dump() {
    let model = format!("{ROOT}/tests/data/tiny");
    let weights = format!("{model}/model.safetensors");
    let run = |reference: &str, words: &[&str]| {
        let args = ["parity", "--model", &model, "--reference", reference];
        assert_refuses(&args, 1, words);
    };
    run("nonesuch", &["nonesuch"]);
    run(&weights, &["no stage that can be compared"]);
    run(&format!("{model}/open_clip_config.json"), &["safetensors"]);
}
