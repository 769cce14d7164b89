//! Tuning in its short form, and what becomes of a table.

use super::*;

/// The program with a cache directory of its own.
fn with_cache(args: &[&str], cache: &Path) -> Output {
    program(args)
        .env("XDG_CACHE_HOME", cache)
        .env("HOME", cache)
        .output()
        .unwrap()
}

fn json(output: &Output) -> Value {
    assert_code(output, 0);
    serde_json::from_str(stdout(output)).unwrap()
}

#[test]
fn tuning_tells_what_it_tried_and_keeps_the_winners() {
    let cache = tempfile::tempdir().unwrap();
    let run = |args: &[&str]| with_cache(args, cache.path());

    let report = json(&run(&["tune", "--quick", "--json"]));
    let table = PathBuf::from(report["table"].as_str().unwrap());
    assert!(table.starts_with(cache.path()) && table.is_file());
    assert!(report["adapter"].is_string() && report["software"].is_boolean());
    let results = report["results"].as_array().unwrap();
    assert_eq!(results.len(), 2);
    for result in results {
        let candidates = result["candidates"].as_array().unwrap();
        assert!((6..=12).contains(&candidates.len()), "{result}");
        for candidate in candidates {
            assert!(candidate["ms"].as_f64().unwrap() > 0.0, "{candidate}");
            assert_eq!(candidate["wrong"], Value::Null);
        }
        assert!(result["gain"].as_f64().unwrap() >= 1.0, "{result}");
        let tiling = |of: &str| result[of].as_str().unwrap().to_owned();
        let tried = |name: String| candidates.iter().any(|c| c["tiling"] == *name);
        assert!(tried(tiling("default")) && tried(tiling("winner")));
    }

    let output = run(&["tune", "--quick"]);
    assert_code(&output, 0);
    let said = stdout(&output);
    assert!(said.contains("tried") && said.contains("gain"), "{said}");
    let software = report["software"] == true;
    assert_eq!(said.contains("figures of the CPU"), software, "{said}");
    assert!(said.contains(&format!("Kept in {}", table.display())));

    let forget = ["tune", "--forget", "--json"];
    assert_eq!(json(&run(&forget))["forgotten"], true);
    assert!(!table.exists());
    assert_eq!(json(&run(&forget))["forgotten"], false);
}

#[test]
fn quick_and_forget_exclude_each_other() {
    assert_refuses(&["tune", "--quick", "--forget"], 2, &["--forget"]);
}

#[cfg(feature = "shapes")]
#[test]
fn a_kept_table_is_used_and_a_broken_one_does_no_harm() {
    let cache = tempfile::tempdir().unwrap();
    let run = |args: &[&str]| with_cache(args, cache.path());
    let (_folder, image) = captions::folder();
    let caption = || run(&["caption", "-v", &image]);
    let untuned = caption();
    assert_code(&untuned, 0);

    let report = json(&run(&["tune", "--quick", "--json"]));
    let table = report["table"].as_str().unwrap();
    let kept = std::fs::read(table).unwrap();
    let mut winners: Value = serde_json::from_slice(&kept).unwrap();
    let line = |dtype| serde_json::json!({"rows": "9-128", "size": "small", "dtype": dtype, "tiling": "register-8x8"});
    winners["winners"] = serde_json::json!([line("f32"), line("f16")]);
    std::fs::write(table, winners.to_string()).unwrap();
    let tuned = caption();
    assert_code(&tuned, 0);
    assert_eq!(stdout(&tuned), stdout(&untuned));
    let said = format!("kernels chosen as tuned in {table}: 2");
    assert!(stderr(&tuned).contains(&said), "{}", stderr(&tuned));

    std::fs::write(table, &kept[..kept.len() / 2]).unwrap();
    let broken = caption();
    assert_code(&broken, 0);
    assert_eq!(stdout(&broken), stdout(&untuned));
    let said = stderr(&broken);
    assert!(
        said.contains("not tuned") && said.contains("vcoca-gpu tune"),
        "{said}"
    );
}
