//! `embed` of the built-in model.

mod refused;

use std::collections::BTreeMap;
use std::fs;
use std::process::Stdio;

use image::{Rgb, RgbImage};
use tempfile::TempDir;

use super::*;

/// Pictures of discs on blue, `0.png` and so on, each of another size.
fn pictures(count: u32) -> (TempDir, Vec<String>) {
    let folder = tempfile::tempdir().unwrap();
    let paths = (0..count).map(|i| {
        let picture = RgbImage::from_fn(64, 48, |x, y| {
            let (dx, dy) = (x as f32 - 32.0, y as f32 - 24.0);
            match dx.hypot(dy) < 6.0 + 3.0 * i as f32 {
                true => Rgb([220, 20, 20]),
                false => Rgb([20, 30, 200]),
            }
        });
        let path = folder.path().join(format!("{i}.png"));
        picture.save(&path).unwrap();
        path.to_str().unwrap().to_owned()
    });
    let paths = paths.collect();
    (folder, paths)
}

/// `embed --out OUT --metadata jsonl` and more.
fn embed(out: &Path, args: &[&str]) -> Output {
    let out = out.to_str().unwrap();
    run(&[&["embed", "--out", out][..], args].concat())
}

/// Metadata that needs no feature.
const JSONL: [&str; 2] = ["--metadata", "jsonl"];

/// Every file below a folder, by its name there.
fn tree(folder: &Path) -> BTreeMap<String, Vec<u8>> {
    let files = walkdir::WalkDir::new(folder).into_iter();
    let files = files.map(Result::unwrap);
    files
        .filter(|entry| entry.file_type().is_file())
        .map(|entry| {
            let name = entry.path().strip_prefix(folder).unwrap();
            let content = fs::read(entry.path()).unwrap();
            (name.to_str().unwrap().to_owned(), content)
        })
        .collect()
}

fn lines(text: &[u8]) -> Vec<Value> {
    let text = std::str::from_utf8(text).unwrap();
    text.lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect()
}

fn embeddings(text: &[u8]) -> Vec<Vec<f64>> {
    lines(text)
        .iter()
        .map(|line| {
            let values = line["embedding"].as_array().unwrap().iter();
            values.map(|value| value.as_f64().unwrap()).collect()
        })
        .collect()
}

fn dot(a: &[f64], b: &[f64]) -> f64 {
    assert_eq!(a.len(), b.len());
    a.iter().zip(b).map(|(a, b)| a * b).sum()
}

#[test]
fn parts_are_the_same_each_time_and_are_made_once() {
    let (folder, mut paths) = pictures(3);
    let bad = folder.path().join("bad.mp4").to_str().unwrap().to_owned();
    fs::write(&bad, "no video\n".repeat(100)).unwrap();
    paths.insert(1, bad.clone());
    let [one, other] = ["one", "other"].map(|name| folder.path().join(name));
    let paths: Vec<&str> = paths.iter().map(String::as_str).collect();
    let args = [&JSONL[..], &["--part-size", "2"], &paths].concat();

    let output = embed(&one, &args);
    assert_code(&output, 1);
    let said: Vec<&str> = stdout(&output).lines().collect();
    assert_eq!(said.len(), 2);
    assert!(said[0].ends_with("img_emb_00000.npy: 1 row of 2 videos, 1 failed"));
    assert!(said[1].ends_with("img_emb_00001.npy: 2 rows of 2 videos"));
    assert_eq!(stderr(&output).matches("bad.mp4").count(), 1);
    let made = tree(&one);
    let names: Vec<&str> = made.keys().map(String::as_str).collect();
    assert_eq!(
        names,
        [
            "errors/errors_00000.jsonl",
            "img_emb/img_emb_00000.npy",
            "img_emb/img_emb_00001.npy",
            "metadata/metadata_00000.jsonl",
            "metadata/metadata_00001.jsonl",
            "parts/part_00000.json",
            "parts/part_00001.json",
            "settings.json",
        ]
    );
    let shape = String::from_utf8_lossy(&made["img_emb/img_emb_00001.npy"][..128]).into_owned();
    assert!(shape.contains("'<f4'") && shape.contains("(2, "), "{shape}");
    let rows = lines(&made["metadata/metadata_00001.jsonl"]);
    assert_eq!(
        rows[1],
        serde_json::json!({"video": paths[3], "start": 0.0, "end": 0.0})
    );
    let errors = lines(&made["errors/errors_00000.jsonl"]);
    assert_eq!(errors[0]["video"], bad);

    // Elsewhere, one at a time: the same bytes.
    assert_code(&embed(&other, &[&["--jobs", "1"], &args[..]].concat()), 1);
    assert!(tree(&other) == made);

    // Once more: nothing is made, and what failed has still failed.
    let output = embed(&one, &[&["-q"], &args[..]].concat());
    assert_code(&output, 1);
    assert_eq!(stdout(&output).matches("(was there)").count(), 2);
    assert_eq!(stderr(&output), "");
    assert!(tree(&one) == made);
}

#[test]
fn shards_make_together_what_one_run_makes() {
    let (folder, paths) = pictures(5);
    let list = folder.path().join("list.txt");
    fs::write(&list, paths.join("\n")).unwrap();
    let list = ["--list", list.to_str().unwrap(), "--part-size", "2"];
    let [whole, shards] = ["whole", "shards"].map(|name| folder.path().join(name));
    let args = [&JSONL[..], &list].concat();
    assert_code(&embed(&whole, &args), 0);

    let second = embed(&shards, &[&args[..], &["--shard", "2/2"]].concat());
    assert_code(&second, 0);
    assert!(stdout(&second).contains("img_emb_00001.npy: 2 rows of 2 videos"));
    assert_eq!(stdout(&second).lines().count(), 1);
    let first = embed(&shards, &[&args[..], &["--shard", "1/2"]].concat());
    assert_code(&first, 0);
    assert_eq!(stdout(&first).lines().count(), 2);
    assert!(tree(&shards) == tree(&whole));

    let idle = embed(&shards, &[&args[..], &["--shard", "4/4"]].concat());
    assert_code(&idle, 0);
    assert!(stderr(&idle).contains("1 of 4 shards have nothing to do"));
}

#[test]
fn a_run_that_was_killed_is_gone_on_with() {
    let (folder, paths) = pictures(8);
    let [whole, killed] = ["whole", "killed"].map(|name| folder.path().join(name));
    let paths: Vec<&str> = paths.iter().map(String::as_str).collect();
    let args = [&JSONL[..], &["--part-size", "2"], &paths].concat();
    assert_code(&embed(&whole, &args), 0);

    let mut child = std::process::Command::new(assert_cmd::cargo::cargo_bin!("vcoca-gpu"))
        .args(["embed", "--out", killed.to_str().unwrap()])
        .args(&args)
        .stdout(Stdio::null())
        .spawn()
        .unwrap();
    let record = killed.join("parts/part_00000.json");
    while !record.exists() && child.try_wait().unwrap().is_none() {
        std::thread::sleep(std::time::Duration::from_millis(1));
    }
    child.kill().unwrap();
    child.wait().unwrap();
    assert!(record.exists());
    // A kill may come in the middle of a part, too, whenever it comes here.
    fs::write(killed.join("img_emb/img_emb_00003.npy.incomplete"), "cut").unwrap();

    let output = embed(&killed, &args);
    assert_code(&output, 0);
    assert!(
        stdout(&output)
            .lines()
            .next()
            .unwrap()
            .ends_with("(was there)")
    );
    let names = |tree: BTreeMap<String, Vec<u8>>| tree.into_keys().collect::<Vec<_>>();
    assert_eq!(names(tree(&killed)), names(tree(&whole)));
    assert!(tree(&killed) == tree(&whole));
}

#[test]
fn texts_are_embedded_beside_videos() {
    let (folder, _) = pictures(0);
    let list = folder.path().join("texts.txt");
    fs::write(
        &list,
        "a red star\n{\"text\":\"two\\nlines\"}\r\n\na red star\n",
    )
    .unwrap();
    let out = folder.path().join("out");
    let texts = ["--texts", list.to_str().unwrap(), "--format", "jsonl"];
    let output = embed(&out, &texts);
    assert_code(&output, 0);
    assert!(stdout(&output).ends_with("embeddings_00000.jsonl: 3 rows of 3 texts\n"));
    let rows = &tree(&out)["embeddings/embeddings_00000.jsonl"];
    let captions: Vec<Value> = lines(rows)
        .iter()
        .map(|row| row["caption"].clone())
        .collect();
    assert_eq!(captions, ["a red star", "two\nlines", "a red star"]);
    let embeddings = embeddings(rows);
    assert_eq!(embeddings[0], embeddings[2]);
    assert!((dot(&embeddings[0], &embeddings[0]) - 1.0).abs() < 1e-3);
    assert!(dot(&embeddings[0], &embeddings[1]) < 0.999);

    let safetensors = [&texts[..2], &JSONL, &["--format", "safetensors"]].concat();
    let out = folder.path().join("halves");
    assert_code(
        &embed(&out, &[&safetensors[..], &["--element", "f16"]].concat()),
        0,
    );
    let bytes = &tree(&out)["text_emb/text_emb_00000.safetensors"];
    let read = safetensors::SafeTensors::deserialize(bytes).unwrap();
    let tensor = read.tensor("embeddings").unwrap();
    assert_eq!(tensor.shape(), [3, embeddings[0].len()]);
    assert_eq!(tensor.dtype(), safetensors::Dtype::F16);
    let (_, header) = safetensors::SafeTensors::read_metadata(bytes).unwrap();
    assert_eq!(header.metadata().as_ref().unwrap()["model"].len(), 64);
}

#[test]
fn a_text_that_is_refused_does_not_stop_the_others() {
    let (folder, _) = pictures(0);
    let list = folder.path().join("texts.txt");
    let long = "star ".repeat(20_000);
    fs::write(&list, format!("a red star\n{long}\na green cross\n")).unwrap();
    let out = folder.path().join("out");
    let texts = ["--texts", list.to_str().unwrap()];
    let output = embed(&out, &[&texts[..], &JSONL].concat());
    assert_code(&output, 1);
    assert!(stdout(&output).ends_with("text_emb_00000.npy: 2 rows of 3 texts, 1 failed\n"));
    assert!(stderr(&output).contains("error: star star"));
    let errors = lines(&tree(&out)["errors/errors_00000.jsonl"]);
    assert_eq!(errors[0]["text"], long);
    let rows = lines(&tree(&out)["metadata/metadata_00000.jsonl"]);
    assert_eq!(rows[1]["caption"], "a green cross");
}

#[cfg(feature = "gstreamer")]
#[test]
fn a_videos_embedding_is_nearest_to_its_text() {
    let folder = tempfile::tempdir().unwrap();
    let texts = ["a circle and a heart", "a green cross", "a red star"];
    let list = folder.path().join("texts.txt");
    fs::write(&list, texts.join("\n")).unwrap();
    let clips = ["circle_and_heart", "green_cross", "red_star"];
    let clips = clips.map(|clip| format!("{ROOT}/assets/{clip}.mp4"));
    let [videos, said] = ["videos", "texts"].map(|name| folder.path().join(name));
    let clips: Vec<&str> = clips.iter().map(String::as_str).collect();
    assert_code(
        &embed(
            &videos,
            &[&["--format", "jsonl", "--captions"], &clips[..]].concat(),
        ),
        0,
    );
    let list = list.to_str().unwrap();
    assert_code(&embed(&said, &["--format", "jsonl", "--texts", list]), 0);
    let read = |out: &Path| tree(out)["embeddings/embeddings_00000.jsonl"].clone();
    let (videos, texts) = (read(&videos), embeddings(&read(&said)));
    for (i, video) in embeddings(&videos).iter().enumerate() {
        let likeness: Vec<f64> = texts.iter().map(|text| dot(video, text)).collect();
        let best = likeness.iter().copied().fold(f64::MIN, f64::max);
        assert_eq!(likeness[i], best, "{}: {likeness:?}", clips[i]);
    }
    let rows = lines(&videos);
    assert!(rows[2]["caption"].as_str().unwrap().contains("red star"));
    assert_eq!(rows[1]["start"], 0.0);
}

#[cfg(feature = "gstreamer")]
#[test]
fn each_window_is_a_row() {
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("out");
    let clip = format!("{ROOT}/assets/green_cross.mp4");
    let windows = ["--windows", "1s/500ms", "--frames", "2"];
    let args = [&windows[..], &["--format", "jsonl", &clip]].concat();
    assert_code(&embed(&out, &args), 0);
    let rows = lines(&tree(&out)["embeddings/embeddings_00000.jsonl"]);
    assert!(rows.len() >= 3, "{rows:?}");
    for (i, row) in rows.iter().enumerate() {
        assert_eq!(row["video"], clip);
        assert_eq!(row["start"], i as f64 * 0.5);
    }
    let refused = embed(&out, &["--windows", "1s", "--format", "jsonl", &clip]);
    assert_code(&refused, 1);
    for word in [
        "settings.json",
        "frames 2, this run has 8",
        "another folder",
    ] {
        assert!(stderr(&refused).contains(word), "{}", stderr(&refused));
    }
}

#[test]
fn a_list_of_what_failed_is_a_list_to_try_again() {
    let (folder, paths) = pictures(1);
    let name = folder.path().join("new\nline \"ü\".png");
    let missing = name.to_str().unwrap();
    let out = folder.path().join("out");
    let output = embed(&out, &[&JSONL[..], &[missing]].concat());
    assert_code(&output, 1);
    assert!(stdout(&output).ends_with("0 rows of 1 video, 1 failed\n"));
    fs::copy(&paths[0], &name).unwrap();
    let errors = fs::read(out.join("errors/errors_00000.jsonl")).unwrap();
    let again = folder.path().join("again");
    let args = ["embed", "--out", again.to_str().unwrap(), "--list", "-"];
    let output = program(&[&args[..], &JSONL].concat())
        .write_stdin(errors)
        .output()
        .unwrap();
    assert_code(&output, 0);
    let rows = lines(&tree(&again)["metadata/metadata_00000.jsonl"]);
    assert_eq!(rows[0]["video"], missing);
}

#[cfg(feature = "parquet")]
#[test]
fn metadata_is_parquet_if_nothing_else_is_said() {
    use parquet::file::reader::{FileReader, SerializedFileReader};
    let (folder, paths) = pictures(2);
    let count = |path: &Path| {
        let reader = SerializedFileReader::new(fs::File::open(path).unwrap()).unwrap();
        let columns = reader
            .metadata()
            .file_metadata()
            .schema()
            .get_fields()
            .len();
        (reader.get_row_iter(None).unwrap().count(), columns)
    };
    let out = folder.path().join("npy");
    assert_code(&embed(&out, &[&paths[0], &paths[1]]), 0);
    assert_eq!(count(&out.join("metadata/metadata_00000.parquet")), (2, 3));
    let out = folder.path().join("parquet");
    assert_code(
        &embed(&out, &["--format", "parquet", &paths[0], &paths[1]]),
        0,
    );
    let path = out.join("embeddings/embeddings_00000.parquet");
    assert_eq!(count(&path), (2, 4));
}
