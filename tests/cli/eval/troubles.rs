//! Runs with videos that are missing or corrupt, runs that are killed, and what is refused.

use std::collections::BTreeMap;
use std::fs;
use std::process::Stdio;
use std::time::Duration;

use tempfile::TempDir;

use super::*;

/// A copy of the videos of MSR-VTT's layout, to spoil.
fn copy_of_videos() -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    for entry in fs::read_dir(world("msrvtt/videos")).unwrap() {
        let path = entry.unwrap().path();
        fs::copy(&path, folder.path().join(path.file_name().unwrap())).unwrap();
    }
    folder
}

#[test]
fn missing_videos_are_named_or_left_out_and_counted() {
    let folder = copy_of_videos();
    for name in ["video3.mp4", "video5.mp4"] {
        fs::remove_file(folder.path().join(name)).unwrap();
    }
    let args = msrvtt("captioning", folder.path().to_str().unwrap());
    assert_refuses(
        &args,
        1,
        &[
            "2 of 10 videos are missing: video3, video5",
            "--skip-missing",
        ],
    );
    let args = [&args[..], &["--skip-missing"]].concat();
    let report = report(&args);
    let manifest = &report["manifest"];
    assert_eq!(manifest["missing"], serde_json::json!(["video3", "video5"]));
    assert_eq!(
        (
            &manifest["counts"]["missing"],
            &manifest["counts"]["measured"]
        ),
        (&2.into(), &8.into())
    );
    let output = run(&args);
    assert!(stdout(&output).starts_with("msrvtt captioning, 8 of 10 clips"));
    assert!(stderr(&output).contains("warning: ") && stderr(&output).contains("2 of 10"));
    let empty = tempfile::tempdir().unwrap();
    let args = msrvtt("captioning", empty.path().to_str().unwrap());
    assert_refuses(
        &[&args[..], &["--skip-missing"]].concat(),
        1,
        &["10 of 10 videos", "and 5 more"],
    );
}

#[test]
fn a_corrupt_video_is_told_and_the_run_goes_on() {
    let folder = copy_of_videos();
    fs::write(folder.path().join("video4.mp4"), [7; 5000]).unwrap();
    fs::write(folder.path().join("video6.mp4"), "").unwrap();
    let out = folder.path().join("out");
    let args = msrvtt("captioning", folder.path().to_str().unwrap());
    let args = [&args[..], &["--out", out.to_str().unwrap()]].concat();
    let output = run(&args);
    assert_code(&output, 1);
    assert!(stdout(&output).starts_with("msrvtt captioning, 8 of 10 clips"));
    assert!(stderr(&output).contains("video4.mp4") && stderr(&output).contains("is empty"));
    let manifest = json(&out, "manifest.json");
    assert_eq!(manifest["counts"]["failed"], 2);
    assert_eq!(manifest["failed"][0]["id"], "video4");
    assert!(
        manifest["failed"][1]["reason"]
            .as_str()
            .unwrap()
            .contains("is empty")
    );
    // A file that has been mended is read the next time.
    for name in ["video4.mp4", "video6.mp4"] {
        fs::copy(
            world(&format!("msrvtt/videos/{name}")),
            folder.path().join(name),
        )
        .unwrap();
    }
    assert_code(&run(&args), 0);
    assert_eq!(json(&out, "manifest.json")["counts"]["measured"], 10);
}

#[cfg(unix)]
#[test]
fn a_video_in_a_folder_whose_name_is_no_text_is_measured() {
    use std::os::unix::ffi::OsStrExt;
    let folder = tempfile::tempdir().unwrap();
    let odd = std::ffi::OsStr::from_bytes(b"\xff\n");
    let videos = folder.path().join(odd);
    fs::create_dir(&videos).unwrap();
    fs::copy(world("msrvtt/videos/video2.mp4"), videos.join("video2.mp4")).unwrap();
    let out = folder.path().join("out");
    let args = msrvtt("retrieval", folder.path().to_str().unwrap());
    let more = ["--skip-missing", "--frames", "1", "-q", "--out"];
    let output = run(&[&args[..], &more, &[out.to_str().unwrap()]].concat());
    assert_code(&output, 0);
    let file = &items(&out)["video2"]["file"];
    assert!(file.as_str().unwrap().ends_with("\u{fffd}\n/video2.mp4"));
}

#[test]
fn a_killed_run_loses_nothing_that_was_kept() {
    let folder = tempfile::tempdir().unwrap();
    let videos = world("msrvtt/videos");
    let args = |out: &str| {
        let out = folder.path().join(out).to_str().unwrap().to_owned();
        let args = msrvtt("captioning", &videos).into_iter().map(str::to_owned);
        args.chain(["--out".into(), out]).collect::<Vec<String>>()
    };
    let whole = args("whole");
    assert_code(
        &run(&whole.iter().map(String::as_str).collect::<Vec<_>>()),
        0,
    );
    let (killed, lines) = (folder.path().join("killed"), || {
        let text = fs::read_to_string(folder.path().join("killed/items.jsonl"));
        text.map_or(0, |text| text.lines().count())
    });
    let mut kept = BTreeMap::new();
    // After so many lines, and then at moments of no meaning.
    for (round, wanted) in [1, 2, 4, 5, 7].into_iter().enumerate() {
        let mut child = std::process::Command::new(assert_cmd::cargo::cargo_bin!("vcoca-gpu"))
            .args(args("killed"))
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        while lines() < wanted && child.try_wait().unwrap().is_none() {
            std::thread::sleep(Duration::from_millis(1));
        }
        std::thread::sleep(Duration::from_millis(17 * round as u64));
        child.kill().unwrap();
        child.wait().unwrap();
        let text = fs::read(killed.join("items.jsonl")).unwrap();
        let end = text
            .iter()
            .rposition(|&byte| byte == b'\n')
            .map_or(0, |end| end + 1);
        // What a kill in the middle of a line would leave.
        fs::write(
            killed.join("items.jsonl"),
            [&text[..end], b"{\"id\":\"vid"].concat(),
        )
        .unwrap();
        let now = text[..end]
            .split(|&byte| byte == b'\n')
            .filter(|line| !line.is_empty());
        let now: BTreeMap<String, Value> = now
            .map(|line| serde_json::from_slice::<Value>(line).unwrap())
            .map(|item| (item["id"].to_string(), item))
            .collect();
        assert!(
            kept.iter().all(|(id, item)| now.get(id) == Some(item)),
            "a line was lost"
        );
        kept = now;
    }
    let last = args("killed");
    let output = run(&last.iter().map(String::as_str).collect::<Vec<_>>());
    assert_code(&output, 0);
    assert!(
        stderr(&output).contains("dropping a line"),
        "{}",
        stderr(&output)
    );
    assert_eq!(items(&killed), items(&folder.path().join("whole")));
    let results = |name: &str| json(&folder.path().join(name), "results.json");
    assert_eq!(results("killed"), results("whole"));
}

#[cfg(unix)]
#[test]
fn a_full_disk_ends_the_run_and_loses_nothing_that_was_kept() {
    let folder = tempfile::tempdir().unwrap();
    let (out, videos) = (folder.path().join("out"), world("msrvtt/videos"));
    let args = msrvtt("retrieval", &videos);
    let args = [&args[..], &["--out", out.to_str().unwrap()]].concat();
    // No file may be larger than 2 or 4 KiB, as the shell counts: the manifest is not.
    let limited = "trap '' XFSZ; ulimit -f 4; exec \"$0\" \"$@\"";
    let output = std::process::Command::new("sh")
        .args(["-c", limited])
        .arg(assert_cmd::cargo::cargo_bin!("vcoca-gpu"))
        .args(&args)
        .output()
        .unwrap();
    assert_code(&output, 1);
    assert!(
        stderr(&output).contains("items.jsonl: File too large"),
        "{}",
        stderr(&output)
    );
    let kept = items(&out);
    assert!(!kept.is_empty() && kept.len() < 10, "{}", kept.len());
    assert_code(&run(&args), 0);
    let all = items(&out);
    assert_eq!(all.len(), 10);
    assert!(kept.iter().all(|(id, item)| all[id] == *item));
}

#[test]
fn what_cannot_be_evaluated_is_refused_before_the_model() {
    let videos = world("msrvtt/videos");
    let nonesuch = ["--model", "nonesuch"];
    let with = |args: &[&'static str]| {
        let all = [&msrvtt("captioning", &videos)[..], &nonesuch, args].concat();
        all.iter().map(|arg| (*arg).to_owned()).collect::<Vec<_>>()
    };
    let refuses = |args: Vec<String>, code, words: &[&str]| {
        assert_refuses(
            &args.iter().map(String::as_str).collect::<Vec<_>>(),
            code,
            words,
        );
    };
    refuses(with(&["--split", "dev"]), 1, &["split dev, found those of"]);
    refuses(
        with(&["--pooling", "max"]),
        2,
        &["flatten, mean or patches-only"],
    );
    refuses(with(&["--limit", "0"]), 2, &["--limit"]);
    let mut other = with(&[]);
    other[1] = "qa".into();
    refuses(other, 2, &["captioning or retrieval, found qa"]);
    let mut other = with(&[]);
    other[3] = "imagenet".into();
    refuses(other, 2, &["msrvtt, activitynet", "imagenet"]);
    let mut other = with(&[]);
    other[7] = "nowhere".into();
    refuses(other, 1, &["nowhere"]);
    refuses(with(&[]), 3, &["nonesuch"]);
}
