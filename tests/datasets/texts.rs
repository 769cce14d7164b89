//! Captions and pairs for retrieval.

use super::*;

const MSRVTT: &str = r#"{
  "info": {"year": "2016"},
  "sentences": [
    {"caption": " a goat climbs a stair ", "video_id": "video7", "sen_id": 0},
    {"caption": "two kites cross", "video_id": "video3", "sen_id": 1},
    {"caption": "a goat on steps", "video_id": "video7", "sen_id": 2}],
  "videos": [
    {"video_id": "video3", "split": "train", "start time": 1.5, "end time": 9.25, "category": 2, "id": 3},
    {"video_id": "video7", "split": "test", "start time": 137.72, "end time": 149.44, "id": 7}]}"#;

#[test]
fn msrvtt_keeps_the_sentences_of_a_split() {
    let content = [("MSRVTT_data.json", MSRVTT)];
    let items = read("msrvtt", Task::Captioning, None, &content).unwrap();
    assert_eq!(
        places(&items),
        [[("video7", None)]],
        "files are cut already"
    );
    let goat = owned(&["a goat climbs a stair", "a goat on steps"]);
    assert_eq!(texts(items), [("video7".into(), goat)]);

    let items = read("MSR-VTT", Task::Retrieval, Some("train"), &content).unwrap();
    let kites = owned(&["two kites cross"]);
    assert_eq!(texts(items), [("video3".into(), kites)]);

    let error = read("msrvtt", Task::Captioning, Some("validate"), &content).unwrap_err();
    let said = error.to_string();
    assert!(
        said.contains("split validate, found those of test, train"),
        "{said}"
    );
}

#[test]
fn msrvtt_1k_a_is_a_csv_with_a_sentence_for_each_video() {
    let csv = "\u{feff}key,vid_key,video_id,sentence\r\n\
               ret0,msr9770,video9770,a fox waits\r\n\
               ret1,msr9771,video9771,\"rain, and a boat\"\r\n";
    let content = [("1ka.csv", csv)];
    let items = read("msrvtt", Task::Retrieval, None, &content).unwrap();
    assert_eq!(
        texts(items),
        [
            ("video9770".into(), owned(&["a fox waits"])),
            ("video9771".into(), owned(&["rain, and a boat"]))
        ]
    );
    assert!(read("msrvtt", Task::Retrieval, Some("test"), &content).is_err());
}

const ACTIVITYNET: &str = r#"{
  "v_bakes": {"duration": 82.73, "timestamps": [[0.83, 19.86], [60.5, 17.37]],
              "sentences": ["Dough is mixed.", " Bread rises."]},
  "v_swims": {"duration": 12.0, "timestamps": [[0, 12]], "sentences": ["A lap is swum."]}}"#;

#[test]
fn activitynet_has_events_for_captions_and_paragraphs_for_retrieval() {
    let content = [("val_1.json", ACTIVITYNET)];
    let items = read("activitynet", Task::Captioning, None, &content).unwrap();
    // The second event is published the wrong way round.
    let parts = [span(83, 1986), span(1737, 6050), span(0, 1200)];
    assert_eq!(
        places(&items),
        [
            [("v_bakes", parts[0]), ("bakes", parts[0])],
            [("v_bakes", parts[1]), ("bakes", parts[1])],
            [("v_swims", parts[2]), ("swims", parts[2])]
        ]
    );
    assert_eq!(
        texts(items),
        [
            ("v_bakes 0.83-19.86".into(), owned(&["Dough is mixed."])),
            ("v_bakes 17.37-60.5".into(), owned(&["Bread rises."])),
            ("v_swims 0-12".into(), owned(&["A lap is swum."]))
        ]
    );

    let items = read("activitynet", Task::Retrieval, None, &content).unwrap();
    assert_eq!(places(&items)[1], [("v_swims", None), ("swims", None)]);
    let paragraph = owned(&["Dough is mixed. Bread rises."]);
    assert_eq!(texts(items)[0], ("v_bakes".into(), paragraph));
}

#[test]
fn two_files_of_activitynet_are_two_people_who_watched_the_same_videos() {
    let other = r#"{"v_swims": {"timestamps": [[1, 5]], "sentences": ["Water."]}}"#;
    let content = [("val_1.json", ACTIVITYNET), ("val_2.json", other)];
    let items = read("activitynet", Task::Retrieval, None, &content).unwrap();
    let swims = owned(&["A lap is swum.", "Water."]);
    assert_eq!(texts(items)[1], ("v_swims".into(), swims));
}

#[test]
fn vatex_splits_names_from_the_right() {
    let json =
        r#"[{"videoID": "Ptf_2V-_000122_000132", "enCap": ["a lamp", "light"], "chCap": ["灯"]}]"#;
    let items = read("vatex", Task::Captioning, None, &[("v.json", json)]).unwrap();
    assert_eq!(
        places(&items),
        [[
            ("Ptf_2V-_000122_000132", None),
            ("Ptf_2V-", span(12200, 13200))
        ]]
    );
    let lamp = owned(&["a lamp", "light"]);
    assert_eq!(texts(items), [("Ptf_2V-_000122_000132".into(), lamp)]);
}

const YOUCOOK: &str = r#"{"database": {
  "soup-1": {"subset": "validation", "recipe_type": "113", "duration": 300, "annotations": [
     {"id": 0, "segment": [41, 54], "sentence": "chop an onion"},
     {"id": 1, "segment": [60, 75.5], "sentence": "boil water"}]},
  "soup_2": {"subset": "validation", "recipe_type": "113", "annotations": [
     {"id": 0, "segment": [1, 2], "sentence": "salt"}]},
  "cake": {"subset": "training", "recipe_type": "7", "annotations": []}}}"#;

#[test]
fn youcook2_has_a_clip_for_each_step() {
    let content = [("youcookii_annotations_trainval.json", YOUCOOK)];
    let items = read("youcook2", Task::Captioning, None, &content).unwrap();
    assert_eq!(places(&items)[1], [("soup-1", span(6000, 7550))]);
    let found = texts(items);
    assert_eq!(found.len(), 3);
    assert_eq!(found[0], ("soup-1 41-54".into(), owned(&["chop an onion"])));
}

#[test]
fn youcook2_takes_lists_of_the_videos_that_are_wanted() {
    let list = ("val_list.txt", "113/soup_2\r\n");
    let content = [("trainval.json", YOUCOOK), list];
    let items = read("youcook2", Task::Captioning, None, &content).unwrap();
    assert_eq!(texts(items), [("soup_2 1-2".into(), owned(&["salt"]))]);
}
