//! Classes, and sets of labels by themselves.

use vcoca_gpu::datasets::labels;

use super::*;

#[test]
fn kinetics_names_files_by_times_of_six_digits() {
    let csv = "label,youtube_id,time_start,time_end,split,is_cc\n\
               \"waving, slowly\",-a_b,7,17,val,0\n\
               abseiling,xyz,101,111,val,0\n\
               abseiling,qqq,0,10,train,0\n";
    let content = [("val.csv", csv)];
    let items = read("Kinetics-400", Task::Classification, Some("val"), &content).unwrap();
    assert_eq!(
        places(&items),
        [
            [("-a_b_000007_000017", None), ("-a_b", span(700, 1700))],
            [("xyz_000101_000111", None), ("xyz", span(10100, 11100))]
        ]
    );
    let (names, found) = classes(items);
    assert_eq!(names, ["abseiling", "waving, slowly"]);
    assert_eq!(found[0], ("-a_b_000007_000017".into(), vec![1]));

    let items = read("kinetics", Task::Classification, None, &content).unwrap();
    assert_eq!(
        classes(items).1.len(),
        3,
        "no split said is all of the file"
    );
}

#[test]
fn kinetics_rows_of_another_split_may_lack_a_label() {
    let csv = "label,youtube_id,time_start,time_end,split\n\
               abseiling,xyz,101,111,val\n\
               ,qqq,0,10,test\n";
    let content = [("all.csv", csv)];
    let items = read("kinetics", Task::Classification, Some("val"), &content).unwrap();
    let (names, found) = classes(items);
    assert_eq!((names, found.len()), (owned(&["abseiling"]), 1));
    let said = read("kinetics", Task::Classification, Some("test"), &content).unwrap_err();
    assert!(said.to_string().contains("line 3: field label"), "{said}");
}

const CLASSES: (&str, &str) = (
    "classInd.txt",
    "1 ApplyEyeMakeup\r\n2 YoYo\r\n3 WatchingTV\r\n",
);

#[test]
fn ucf101_takes_its_lists_with_and_without_numbers() {
    let test = ("testlist01.txt", "YoYo/v_YoYo_g01_c01.avi\r\n");
    let train = (
        "trainlist01.txt",
        "ApplyEyeMakeup/v_Eye.avi 1\nWatchingTV/v_TV_g1.avi 3\n",
    );
    // In any order.
    let items = read(
        "ucf101",
        Task::Classification,
        None,
        &[test, CLASSES, train],
    )
    .unwrap();
    let (names, found) = classes(items);
    assert_eq!(names, ["apply eye makeup", "yo yo", "watching tv"]);
    assert_eq!(
        found,
        [
            ("v_YoYo_g01_c01".into(), vec![1]),
            ("v_Eye".into(), vec![0]),
            ("v_TV_g1".into(), vec![2])
        ]
    );
}

const HMDB: [(&str, &str); 3] = [
    (
        "splits/wave_test_split1.txt",
        "#20_Rhythm_(a).avi 2 \nother.avi 1 \nno.avi 0 \n",
    ),
    ("splits/brush_hair_test_split1.txt", "other.avi 2 \n"),
    ("splits/brush_hair_test_split2.txt", "second.avi 2 \n"),
];

#[test]
fn hmdb51_takes_the_test_videos_of_a_folder_of_splits() {
    let (folder, _) = files(&HMDB);
    let splits = [folder.path().join("splits")];
    let read = |split| Dataset::Hmdb51.read(Task::Classification, &splits, split);
    let (names, found) = classes(read(None).unwrap());
    assert_eq!(names, ["brush hair", "wave"]);
    assert_eq!(
        found,
        [
            ("brush_hair/other".into(), vec![0]),
            ("wave/#20_Rhythm_(a)".into(), vec![1])
        ]
    );
    let (names, found) = classes(read(Some("2")).unwrap());
    assert_eq!((names, found.len()), (owned(&["brush hair"]), 1));
    let said = read(Some("3")).unwrap_err().to_string();
    assert!(said.contains("NAME_test_split3.txt"), "{said}");
}

#[test]
fn hmdb51_takes_a_list_once_that_is_named_twice() {
    let (folder, files) = files(&HMDB);
    let both = [folder.path().join("splits"), files[1].clone()];
    let items = Dataset::Hmdb51
        .read(Task::Classification, &both, None)
        .unwrap();
    let (names, found) = classes(items);
    assert_eq!(names, ["brush hair", "wave"]);
    assert_eq!(found[0], ("brush_hair/other".into(), vec![0]));
}

#[test]
fn charades_has_several_actions_for_a_video_or_none() {
    let content = [
        (
            "Charades_v1_test.csv",
            "id,subject,scene,script,actions,length\n\
             AMT7R,EIWA,Kitchen,\"A person\nenters\",c001 11.90 21.20;c000 0.00 12.60;c001 1.00 2.00,30.96\n\
             0BX9N,0KZ7,Bed,Sleep,,12.5\n",
        ),
        (
            "Charades_v1_classes.txt",
            "c000 Holding some clothes\nc001 Opening a door\n",
        ),
    ];
    let items = read("charades", Task::Classification, None, &content).unwrap();
    let (names, found) = classes(items);
    assert_eq!(names, ["Holding some clothes", "Opening a door"]);
    assert_eq!(
        found,
        [("AMT7R".into(), vec![0, 1]), ("0BX9N".into(), vec![])]
    );
    assert!(Dataset::Charades.has_many_labels());
}

#[test]
fn labels_are_read_from_whatever_names_them() {
    let cases = [
        (
            CLASSES.0,
            CLASSES.1,
            &["apply eye makeup", "yo yo", "watching tv"][..],
        ),
        (
            "plain.txt",
            "\u{feff}a red star\r\n\r\n a blue ring \r\n",
            &["a red star", "a blue ring"],
        ),
        (
            "val.csv",
            "label,youtube_id,time_start,time_end,split\nb,x,1,2,val\na,y,1,2,val\nb,z,1,2,val\n",
            &["a", "b"],
        ),
        (
            "c.txt",
            "c000 Holding some clothes\nc001 Opening a door\n",
            &["Holding some clothes", "Opening a door"],
        ),
        // Numbers that do not count are words of the label.
        ("odd.txt", "1 apple\n3 pears\n", &["1 apple", "3 pears"]),
        (
            "climb_stairs_test_split3.txt",
            "x.avi 1\n",
            &["climb stairs"],
        ),
    ];
    for (name, content, expected) in cases {
        let (_folder, paths) = files(&[(name, content)]);
        assert_eq!(labels(&paths[0]).unwrap(), expected, "{name}");
    }
    let (folder, _) = files(&HMDB);
    let names = labels(&folder.path().join("splits")).unwrap();
    assert_eq!(names, ["brush hair", "wave"]);
}

#[test]
fn a_label_that_stands_twice_is_told_with_both_lines() {
    let (_folder, paths) = files(&[("labels.txt", "cat\ndog\n\ncat\n")]);
    let said = labels(&paths[0]).unwrap_err().to_string();
    assert!(said.contains("line 4: cat stands in line 1"), "{said}");
}
