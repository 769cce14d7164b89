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
    // Measured only where somebody asks for cooperative matrices.
    assert!(ceilings.as_object().unwrap().contains_key("coop_gflops"));
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

/// A folder of pictures, which is one clip in every build.
#[cfg(feature = "shapes")]
fn pictures() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    for red in [40, 120, 200] {
        let picture = image::RgbImage::from_pixel(64, 48, image::Rgb([red, 30, 30]));
        let path = folder.path().join(format!("{red}.png"));
        picture.save(path).unwrap();
    }
    folder
}

#[cfg(feature = "shapes")]
#[test]
fn the_pipeline_goes_from_files_to_captions() {
    let folder = pictures();
    let path = folder.path().to_str().unwrap();
    let report = report(&["--suite", "pipeline", "--frames", "3", "--videos", path]);
    assert_eq!(report["ceilings"], Value::Null);
    assert_eq!(report["model"]["name"], "shapes");
    let rows = report["results"].as_array().unwrap();
    for row in rows {
        assert_eq!(row["verified"], true, "{row}");
        assert!(row["ms_median"].as_f64().unwrap() > 0.0, "{row}");
    }
    let named = |name: &str| rows.iter().find(|row| row["name"] == name).unwrap();
    assert!(named("compile")["kernels"].as_u64().unwrap() > 20);
    let decoding = named("file_to_frames");
    assert_eq!(
        decoding["shape"],
        *folder.path().file_name().unwrap().to_str().unwrap()
    );
    assert_eq!(decoding["dtype"], Value::Null);
    let clips = named("folder");
    assert_eq!(clips["shape"], "3 x 3 frames");
    let rate = clips["clips_per_second"].as_f64().unwrap();
    assert!((rate * clips["ms_median"].as_f64().unwrap() / 1e3 - 1.0).abs() < 1e-9);
    let share = &clips["gpu_share"];
    assert!(
        share.is_null() || (0.0..=1.0).contains(&share.as_f64().unwrap()),
        "{share}"
    );
    // Pictures have no times to cut.
    assert!(!names(&report, "pipeline").contains(&"windows".to_owned()));
}

#[cfg(all(feature = "gstreamer", feature = "shapes"))]
#[test]
fn a_clip_is_built_in_for_the_pipeline() {
    // Not in the name of what is compiled, nor in the shape of a folder.
    let report = report(&["--suite", "pipeline", "--filter", "star"]);
    let rows = report["results"].as_array().unwrap();
    assert_eq!(names(&report, "pipeline"), ["file_to_frames", "windows"]);
    assert_eq!(rows[0]["shape"], "red_star.mp4");
    for row in rows {
        assert_eq!(row["verified"], true, "{row}");
    }
    let rate = rows[1]["windows_per_second"].as_f64().unwrap();
    assert!((rate * rows[1]["ms_median"].as_f64().unwrap() / 1e3 - 1.0).abs() < 1e-9);
}

#[cfg(feature = "shapes")]
#[test]
fn a_file_that_cannot_be_read_leaves_the_others_measured() {
    let (good, bad) = (pictures(), tempfile::tempdir().unwrap());
    let empty = bad.path().join("empty.mp4");
    std::fs::write(&empty, "").unwrap();
    let nothing = bad.path().join("nothing");
    std::fs::create_dir(&nothing).unwrap();
    let missing = bad.path().join("missing.mp4");
    let videos = [&missing, &empty, &nothing, &good.path().to_owned()];
    let videos = videos.map(|path| path.to_str().unwrap());
    let start = ["bench", "--quick", "-q", "--suite", "pipeline", "--filter"];
    let output = run(&[&start[..], &["fi", "--json", "--videos"], &videos].concat());
    assert_code(&output, 1);
    let report: Value = serde_json::from_str(stdout(&output)).unwrap();
    let rows = report["results"].as_array().unwrap();
    for (row, problem) in rows
        .iter()
        .zip(["No such file", "is empty", "with neither"])
    {
        assert_eq!(
            (&row["verified"], &row["ms_median"]),
            (&false.into(), &Value::Null)
        );
        let path = bad.path().join(row["shape"].as_str().unwrap());
        let told = row["problem"].as_str().unwrap();
        assert!(
            told.contains(path.to_str().unwrap()) && told.contains(problem),
            "{told}"
        );
    }
    assert_eq!((rows.len(), &rows[3]["verified"]), (4, &true.into()));

    // The table has a line for each, too.
    let output = run(&[&start[..], &["fi", "--videos", videos[0], videos[3]]].concat());
    assert_code(&output, 1);
    let table = stdout(&output);
    assert!(
        table.contains("WRONG") && table.contains("missing.mp4: No such file"),
        "{table}"
    );
}

#[test]
fn videos_are_for_the_pipeline() {
    let args = ["bench", "--suite", "kernels", "--videos", "assets"];
    assert_refuses(&args, 2, &["--suite pipeline"]);
}
