//! Questions and answers.

use vcoca_gpu::datasets::Question;

use super::*;

fn questions(items: Items) -> Vec<(String, Vec<Question>)> {
    match items {
        Items::Questions(items) => pairs(items),
        other => panic!("{other:?}"),
    }
}

fn question(id: &str, text: &str, answers: &[&str]) -> Question {
    Question {
        id: id.into(),
        text: text.into(),
        answers: owned(answers),
    }
}

#[test]
fn msrvtt_qa_groups_the_questions_about_a_video() {
    let json = r#"[
      {"answer": "goat", "category_id": 14, "id": 158581, "question": "what climbs?", "video_id": 7010},
      {"answer": "two", "category_id": 1, "id": 158582, "question": "how many kites?", "video_id": 7011},
      {"answer": "stair", "category_id": 14, "id": 158583, "question": "what does it climb?", "video_id": 7010}]"#;
    let items = read("msrvtt-qa", Task::Qa, None, &[("test_qa.json", json)]).unwrap();
    assert_eq!(
        questions(items),
        [
            (
                "video7010".into(),
                vec![
                    question("158581", "what climbs?", &["goat"]),
                    question("158583", "what does it climb?", &["stair"])
                ]
            ),
            (
                "video7011".into(),
                vec![question("158582", "how many kites?", &["two"])]
            )
        ]
    );
}

#[test]
fn msvd_qa_finds_files_by_number_or_by_the_mapped_name() {
    let json = r#"[{"id": 0, "video_id": 1, "question": "who sings?", "answer": "bird"},
                   {"id": 1, "video_id": 2, "question": "what falls?", "answer": "rain"}]"#;
    let mapping = ("youtube_mapping.txt", "-4wsuPCjDBc_5_15 vid1\r\n");
    let content = [mapping, ("test_qa.json", json)];
    let items = read("msvd-qa", Task::Qa, None, &content).unwrap();
    assert_eq!(
        places(&items),
        [
            vec![("vid1", None), ("-4wsuPCjDBc_5_15", None)],
            vec![("vid2", None)]
        ]
    );
    let said = read("msvd-qa", Task::Qa, None, &[mapping]).unwrap_err();
    assert!(said.to_string().contains("a file of questions"), "{said}");
}

const ASKED: (&str, &str) = (
    "test_q.json",
    r#"[{"video_name": "bakes", "question": "is it bread", "question_id": "v_bakes_1"}]"#,
);

#[test]
fn activitynet_qa_joins_its_two_files() {
    let answered = (
        "test_a.json",
        r#"[{"answer": "yes", "type": 3, "question_id": "v_bakes_1"}]"#,
    );
    for content in [[ASKED, answered], [answered, ASKED]] {
        let items = read("activitynet-qa", Task::Qa, None, &content).unwrap();
        assert_eq!(places(&items), [[("bakes", None), ("v_bakes", None)]]);
        let bread = vec![question("v_bakes_1", "is it bread", &["yes"])];
        assert_eq!(questions(items), [("bakes".into(), bread)]);
    }
    let other = (
        "test_a.json",
        r#"[{"answer": "no", "question_id": "v_bakes_2"}]"#,
    );
    let error = read("activitynet-qa", Task::Qa, None, &[ASKED, other]).unwrap_err();
    let said = error.to_string();
    assert!(
        said.contains("test_a.json: expected an answer to question v_bakes_1"),
        "{said}"
    );
}

#[test]
fn ivqa_keeps_the_answer_of_each_person() {
    let csv = "video_id,start,end,question,answer1,answer2,answer3,answer4,answer5,extra\n\
               wx_1,12,20.5,what is cut?,onion,onion,an onion,,bulb,7\n";
    let items = read("ivqa", Task::Qa, None, &[("test.csv", csv)]).unwrap();
    assert_eq!(
        places(&items),
        [[("wx_1_12_20.5", None), ("wx_1", span(1200, 2050))]]
    );
    let answers = ["onion", "onion", "an onion", "bulb"];
    let cut = vec![question("line 2", "what is cut?", &answers)];
    assert_eq!(questions(items), [("wx_1_12_20.5".into(), cut)]);
}
