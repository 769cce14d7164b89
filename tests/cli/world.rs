//! Search in the long video of the shapes world, which shows what is asked for in one of its shots only.

use super::*;

const MOMENTS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/data/world/moments");

/// Seconds of a field.
fn time(of: &Value, field: &str) -> f64 {
    of[field].as_f64().unwrap()
}

#[test]
fn a_moment_of_a_long_video_is_found_within_a_second() {
    let meant = std::fs::read_to_string(format!("{MOMENTS}/moments.jsonl")).unwrap();
    let meant: Value = serde_json::from_str(meant.trim()).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let index = folder.path().join("videos.index");
    let index = ["-q", "--index", index.to_str().unwrap()];
    for windows in ["2s/1s", "shots"] {
        let videos = format!("{MOMENTS}/videos");
        let add = run(&[
            &["index", "add"],
            &index[..],
            &["--windows", windows, &videos],
        ]
        .concat());
        assert_code(&add, 0);
        let query = meant["query"].as_str().unwrap();
        let search = run(&[&["search"], &index[..], &["--json", "--top", "1", query]].concat());
        assert_code(&search, 0);
        let found: Value = serde_json::from_str(stdout(&search)).unwrap();
        let name = found["video"].as_str().unwrap().rsplit('/').next();
        assert_eq!(name, meant["video"].as_str());
        for end in ["start", "end"] {
            let off = time(&found, end) - time(&meant, end);
            assert!(off.abs() <= 1.0, "{windows}, {end}: {found}, not {meant}");
        }
        std::fs::remove_file(index[2]).unwrap();
    }
}
