//! `bench`: the short form, and what its JSON says.

use super::*;

fn report(args: &[&str]) -> Value {
    let output = run(&[&["bench", "--quick", "--json", "-q"], args].concat());
    assert_code(&output, 0);
    assert_eq!(stderr(&output), "");
    serde_json::from_str(stdout(&output)).unwrap()
}

fn names(report: &Value, suite: &str) -> Vec<String> {
    let results = report["results"].as_array().unwrap().iter();
    results
        .filter(|row| row["suite"] == suite)
        .map(|row| row["name"].as_str().unwrap().to_owned())
        .collect()
}

#[cfg(feature = "shapes")]
#[test]
fn a_model_is_verified_and_timed_from_frames_to_texts() {
    let report = report(&["--suite", "model", "--frames", "3"]);
    assert_eq!(
        names(&report, "model"),
        [
            "preprocess",
            "encode_frames",
            "pool",
            "clip",
            "clips",
            "window",
            "caption_greedy",
            "caption_greedy",
            "caption_6_beams"
        ]
    );
    for row in report["results"].as_array().unwrap() {
        assert_eq!(row["verified"], true, "{row}");
        assert!(row["ms_median"].as_f64().unwrap() > 0.0, "{row}");
    }
    let encode = &report["results"][3];
    assert_eq!(encode["name"], "encode_frames");
    // 3 frames of the built-in model, by hand from its configuration.
    let flops = encode["gflops"].as_f64().unwrap() * encode["ms_median"].as_f64().unwrap() * 1e6;
    let layer = 2 * 65 * 128 * (4 * 128 + 2 * 512) + 4 * 65 * 65 * 128;
    let want = 3 * (4 * layer + 2 * 64 * 3 * 64 * 128 + 2 * 65 * 128 * 2 * 128);
    assert!(
        (flops / f64::from(want) - 1.0).abs() < 1e-6,
        "{flops} {want}"
    );
    let model = &report["model"];
    let (weights, peak) = (&model["weights_bytes"], &model["peak_bytes"]);
    assert!(weights.as_u64().unwrap() > 1_000_000);
    assert!(peak.as_u64() > weights.as_u64());
}

#[test]
fn kernels_are_held_against_the_ceilings() {
    let report = report(&["--suite", "kernels", "--filter", "shapes_mlp_down"]);
    let kernels = names(&report, "kernels");
    assert_eq!(kernels[..2], ["ceiling_multiply_add", "ceiling_copy"]);
    let row = &report["results"][2];
    assert_eq!(
        (&row["name"], &row["verified"]),
        (&"linear_add".into(), &true.into())
    );
    let number = |value: &Value| value.as_f64().unwrap();
    let ms = |amount: f64, rate: &Value| amount / number(rate);
    let (flops, bytes) = (
        number(&row["gflops"]) * number(&row["ms_median"]),
        number(&row["gbps"]) * number(&row["ms_median"]),
    );
    let ceilings = &report["ceilings"];
    let least = ms(flops, &ceilings["gflops"]).max(ms(bytes, &ceilings["gbps"]));
    let share = least / number(&row["ms_median"]);
    assert!((share / number(&row["share_of_ceiling"]) - 1.0).abs() < 1e-6);
}

#[test]
fn sizes_that_nobody_published_are_refused() {
    let output = run(&["bench", "--random", "coca_ViT-XXL"]);
    assert_code(&output, 2);
    assert!(
        stderr(&output).contains("coca_ViT-B-32"),
        "{}",
        stderr(&output)
    );
    for wrong in ["--frames=0", "--runs=0", "--suite=no", "--quick=1"] {
        assert_code(&run(&["bench", wrong]), 2);
    }
    let both = [
        "bench",
        "--random",
        "coca_ViT-B-32",
        "--model",
        "tests/data/tiny",
    ];
    assert_code(&run(&both), 2);
}
