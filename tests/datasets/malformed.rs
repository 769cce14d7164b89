//! Spoilt annotation files: the error names the file, the record and the field.

use super::*;

/// The error of reading one file has all of the words, after the file's name.
fn refuses(dataset: &str, content: &[(&str, &str)], words: &[&str]) {
    let task = dataset.parse::<Dataset>().unwrap().tasks()[0];
    let said = read(dataset, task, None, content).unwrap_err().to_string();
    for word in words {
        assert!(said.contains(word), "{dataset}: {said:?} lacks {word:?}");
    }
}

fn json(dataset: &str, text: &str, words: &[&str]) {
    refuses(dataset, &[("a.json", text)], words);
}

fn csv(dataset: &str, text: &str, words: &[&str]) {
    refuses(dataset, &[("a.csv", text)], words);
}

#[test]
fn a_field_that_is_missing_is_named_with_its_record() {
    json(
        "msrvtt",
        r#"{"videos": [], "sentences": [{"caption": "a", "video_id": "v"}, {"sen_id": 3, "video_id": "v"}]}"#,
        &["a.json: sentences[1]: expected the field caption, found sen_id, video_id"],
    );
    json("msrvtt", r#"{"videos": []}"#, &["found no sentences"]);
    json(
        "activitynet",
        r#"{"v_a": {"sentences": ["x"]}}"#,
        &["record v_a: expected the field timestamps, found sentences"],
    );
    json(
        "vatex",
        r#"[{"videoID": "a_000001_000002"}]"#,
        &["record 0", "field enCap"],
    );
    json(
        "youcook2",
        r#"{"database": {"a": {"subset": "validation", "annotations": [{"segment": [1, 2]}]}}}"#,
        &["database.a.annotations[0]", "field sentence, found segment"],
    );
    json(
        "msrvtt-qa",
        r#"[{"id": 1, "video_id": 2, "answer": "x"}]"#,
        &["record 0", "question"],
    );
    json(
        "msvd-qa",
        r#"[{}]"#,
        &["record 0: expected the field video_id, found none"],
    );
}

#[test]
fn a_field_of_another_type_is_named_with_what_it_has() {
    json(
        "msrvtt",
        r#"{"videos": [{"video_id": 3}], "sentences": []}"#,
        &["videos[0]: field video_id: expected a text, found 3"],
    );
    json(
        "activitynet",
        r#"{"v_a": {"sentences": ["x"], "timestamps": [[0.5, "end"]]}}"#,
        &["record v_a: field timestamps[0]: expected two times in seconds, found a list"],
    );
    json(
        "activitynet",
        r#"{"v_a": {"sentences": ["x", "y"], "timestamps": [[0, 1]]}}"#,
        &["record v_a: expected as many timestamps as sentences, found 1 and 2"],
    );
    json(
        "activitynet",
        r#"[{"sentences": []}]"#,
        &["record 0", "an object of records"],
    );
    json(
        "vatex",
        r#"[{"videoID": "a_000001_000002", "enCap": ["x", null]}]"#,
        &["record 0: field enCap[1]: expected a text, found null"],
    );
    json(
        "vatex",
        r#"[{"videoID": "abc_1", "enCap": []}]"#,
        &["ID_START_END", "abc_1"],
    );
    json(
        "vatex",
        r#"["abc"]"#,
        &["record 0: expected an object", "abc"],
    );
    json(
        "msrvtt-qa",
        r#"[{"id": 1, "video_id": -2, "question": "?", "answer": "x"}]"#,
        &["record 0: field video_id: expected a whole number, found -2"],
    );
}

#[test]
fn rows_are_named_by_their_lines() {
    let header = "label,youtube_id,time_start,time_end,split\n";
    csv(
        "kinetics",
        "youtube_id,split\nx,test\n",
        &["line 1", "column label", "youtube_id, split"],
    );
    let row = |row| format!("{header}a,x,1,2,val\n{row}\n");
    csv(
        "kinetics",
        &row("b,y,soon,2,val"),
        &["line 3: field time_start", "seconds", "soon"],
    );
    csv(
        "kinetics",
        &row("b,y,NaN,2,val"),
        &["line 3: field time_start", "NaN"],
    );
    csv(
        "kinetics",
        &row(",y,1,2,val"),
        &["line 3: field label: expected a text, found nothing"],
    );
    csv(
        "kinetics",
        &row("b,y,1"),
        &["line: 3", "3 fields", "5 fields"],
    );
    csv("kinetics", header, &["names no video"]);
    csv(
        "msrvtt",
        "key,video_id\nret0,video1\n",
        &["line 1", "column sentence"],
    );
    csv(
        "ivqa",
        "video_id,start,end,question,answer1\nx,1,2,?,\n",
        &["column answer2"],
    );
    csv(
        "ivqa",
        "video_id,start,end,question,answer1,answer2,answer3,answer4,answer5\nx,1,2,?,,,,,\n",
        &["line 2", "expected an answer, found none"],
    );
}

#[test]
fn a_class_that_is_not_listed_is_named_with_its_line() {
    let classes = ("classInd.txt", "1 ApplyEyeMakeup\n");
    let list = ("testlist01.txt", "ApplyEyeMakeup/a.avi\nFlying/b.avi\n");
    refuses(
        "ucf101",
        &[classes, list],
        &["testlist01.txt: line 2: class Flying", "1 in "],
    );
    refuses(
        "ucf101",
        &[classes, ("l.txt", "Eye/a.avi\n\nEye\n")],
        &["line 1", "class Eye"],
    );
    refuses(
        "ucf101",
        &[("c.txt", "1 Eye\n3 Nose\n"), ("l.txt", "Eye/a.avi\n")],
        &["c.txt: line 2", "expected 2"],
    );
    refuses("ucf101", &[list, list], &["0 files of classes and 2 lists"]);
    let videos = ("test.csv", "id,actions\nA,c000 1 2;c007 3 4\n");
    let classes = ("classes.txt", "c000 Holding\n");
    refuses(
        "charades",
        &[videos, classes],
        &["test.csv: line 2: field actions: class c007"],
    );
    let twice = ("test.csv", "id,actions\nA,\nA,\n");
    refuses(
        "charades",
        &[twice, classes],
        &["line 3: A stands in line 2"],
    );
    refuses(
        "hmdb51",
        &[("wave_test_split1.txt", "a.avi 2\nb.avi 3\n")],
        &["line 2", "b.avi 3"],
    );
    refuses(
        "hmdb51",
        &[("wave.txt", "a.avi 2\n")],
        &["wave.txt", "NAME_test_splitN.txt"],
    );
    refuses(
        "youcook2",
        &[("list.txt", "113\n")],
        &["list.txt: line 1", "RECIPE_TYPE/ID"],
    );
}

#[test]
fn what_is_no_text_or_empty_or_cut_short_is_told() {
    for dataset in Dataset::names() {
        let named: Dataset = dataset.parse().unwrap();
        assert_eq!(named.to_string(), dataset);
        for spoilt in [&b" \r\n"[..], b"\xef\xbb\xbf", b"[\"\xff\"]"] {
            let folder = tempfile::tempdir().unwrap();
            let path = folder.path().join("wave_test_split1.txt");
            std::fs::write(&path, spoilt).unwrap();
            let paths = match named {
                Dataset::ActivityNetQa | Dataset::Charades => vec![path.clone(), path],
                _ => vec![path],
            };
            let error = named.read(named.tasks()[0], &paths, None).unwrap_err();
            let said = error.to_string();
            let expected = match spoilt.last() {
                Some(b']') => "expected UTF-8, found the byte 0xff at offset 2",
                _ => "is empty",
            };
            assert!(said.ends_with(expected), "{dataset}: {said}");
        }
    }
    let cut = r#"[{"videoID": "a_000001_000002", "enCap": ["x"]}, {"videoID": "b"#;
    refuses("vatex", &[("a.json", cut)], &["record 1: EOF", "line 1"]);
    refuses(
        "vatex",
        &[("a.json", "[] trailing")],
        &["trailing characters"],
    );
    refuses(
        "vatex",
        &[("a.json", "3")],
        &["a list or an object of records"],
    );
    let deep = "[".repeat(100_000);
    refuses("vatex", &[("a.json", &deep)], &["recursion limit"]);
}

#[test]
fn tasks_and_files_that_do_not_fit_are_told_what_does() {
    let refused = |dataset, task, split, content: &[_], word: &str| {
        let said = read(dataset, task, split, content).unwrap_err().to_string();
        assert!(said.contains(word), "{said:?} lacks {word:?}");
    };
    let empty = [("a.json", "[]")];
    refused(
        "vatex",
        Task::Qa,
        None,
        &empty,
        "captioning or retrieval, found qa",
    );
    refused("msrvtt-qa", Task::Qa, Some("test"), &empty, "split");
    refused(
        "msrvtt",
        Task::Captioning,
        None,
        &[empty[0], empty[0]],
        "found 2 files",
    );
    refused(
        "charades",
        Task::Classification,
        None,
        &empty,
        "Charades_v1_classes.txt, found one file",
    );
    refused("imagenet", Task::Qa, None, &empty, "kinetics, ucf101");
    assert!("Describing".parse::<Task>().is_err());
    let read = Dataset::Vatex.read(Task::Captioning, &["/nonesuch".into()], None);
    assert!(read.unwrap_err().to_string().contains("/nonesuch"));
}
