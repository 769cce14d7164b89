//! Captions in time: what players and YouTube want to see.

use std::io::{self, ErrorKind, Write};

use vcoca_gpu::frames::Seconds;
use vcoca_gpu::subtitles::{Cue, Format, Writer};

/// A cue whose times are fractions of a second.
fn cue(start: (i64, i64), end: (i64, i64), text: &str) -> Cue<'_> {
    Cue {
        start: Seconds::new(start.0, start.1),
        end: Seconds::new(end.0, end.1),
        text,
    }
}

fn written(format: Format, cues: &[Cue]) -> String {
    let mut writer = Writer::begin(Vec::new(), format).unwrap();
    for cue in cues {
        writer.cue(cue).unwrap();
    }
    String::from_utf8(writer.end().unwrap()).unwrap()
}

/// Sliding windows of 4 s, every 2 s.
fn sliding() -> [Cue<'static>; 3] {
    [
        cue((0, 1), (4, 1), "a red star"),
        cue((2, 1), (6, 1), "a star"),
        cue((4, 1), (8, 1), "a green cross"),
    ]
}

#[test]
fn webvtt_keeps_windows_that_overlap() {
    assert_eq!(
        written(Format::WebVtt, &sliding()),
        "WEBVTT\n\n\
         00:00:00.000 --> 00:00:04.000\na red star\n\n\
         00:00:02.000 --> 00:00:06.000\na star\n\n\
         00:00:04.000 --> 00:00:08.000\na green cross\n\n"
    );
}

#[test]
fn cues_of_srt_end_where_the_next_begins() {
    assert_eq!(
        written(Format::Srt, &sliding()),
        "1\n00:00:00,000 --> 00:00:02,000\na red star\n\n\
         2\n00:00:02,000 --> 00:00:04,000\na star\n\n\
         3\n00:00:04,000 --> 00:00:08,000\na green cross\n\n"
    );
    let gap = [cue((0, 1), (1, 1), "a"), cue((5, 1), (6, 1), "b")];
    assert!(written(Format::Srt, &gap).contains("00:00:00,000 --> 00:00:01,000\na\n"));
}

#[test]
fn cues_of_srt_that_begin_together_are_one() {
    let together = [
        cue((1, 1), (3, 1), "first"),
        cue((10_001, 10_000), (2, 1), "second"),
        cue((1, 1), (2, 1), "third"),
    ];
    assert_eq!(
        written(Format::Srt, &together),
        "1\n00:00:01,000 --> 00:00:03,000\nfirst\nsecond\nthird\n\n"
    );
}

#[test]
fn nothing_makes_an_empty_file() {
    assert_eq!(written(Format::WebVtt, &[]), "WEBVTT\n\n");
    assert_eq!(written(Format::Srt, &[]), "");
    assert_eq!(written(Format::Chapters, &[]), "");
}

#[test]
fn times_are_rounded_to_the_millisecond_without_floats() {
    let start = |time| {
        let text = written(Format::WebVtt, &[cue(time, (i64::MAX, 1), "x")]);
        text.lines().nth(2).unwrap()[..12].to_owned()
    };
    // A frame of NTSC's 29.97 a second, and where its 1000th begins.
    assert_eq!(start((1001, 30_000)), "00:00:00.033");
    assert_eq!(start((1000 * 1001, 30_000)), "00:00:33.367");
    assert_eq!(start((1, 2000)), "00:00:00.001", "halves go up");
    assert_eq!(start((4_999, 10_000_000)), "00:00:00.000");
    assert_eq!(start((9_999_999, 10_000_000)), "00:00:01.000");
    assert_eq!(start((3_599_999_500, 1_000_000)), "01:00:00.000");
    assert_eq!(start((-1, 25)), "00:00:00.000");
    // In f64 this one would be ...993.
    let long = cue((9_007_199_254_740_993, 1), (i64::MAX, 1), "x");
    assert!(written(Format::Srt, &[long]).contains("2501999792983:36:33,000 --> "));
}

#[test]
fn hours_take_more_digits_where_two_do_not_do() {
    let day = cue((99 * 3600, 1), (123 * 3600 + 61, 1), "x");
    assert!(written(Format::WebVtt, &[day]).contains("99:00:00.000 --> 123:01:01.000"));
    assert!(written(Format::Srt, &[day]).contains("99:00:00,000 --> 123:01:01,000"));
}

#[test]
fn every_cue_takes_some_time() {
    // A still image, and a window that ends before it begins.
    for still in [cue((0, 1), (0, 1), "x"), cue((0, 1), (-5, 1), "x")] {
        let text = written(Format::WebVtt, &[still]);
        assert!(text.contains("00:00:00.000 --> 00:00:00.001"), "{text}");
    }
}

#[test]
fn no_text_can_end_a_cue_or_begin_one() {
    let text = "one & <two>\r\n\r\n \t\n1\n00:00:09.000 --> 00:00:10.000\u{0}\u{2028}three";
    let hostile = cue((0, 1), (1, 1), text);
    assert_eq!(
        written(Format::WebVtt, &[hostile]),
        "WEBVTT\n\n00:00:00.000 --> 00:00:01.000\none &amp; &lt;two&gt;\n1\n\
         00:00:09.000 --&gt; 00:00:10.000  three\n\n"
    );
    assert_eq!(
        written(Format::Srt, &[hostile]),
        "1\n00:00:00,000 --> 00:00:01,000\none & <two>\n1\n00:00:09.000 → 00:00:10.000  three\n\n"
    );
    assert_eq!(
        written(Format::Chapters, &[hostile]),
        "00:00 one & <two> 1 00:00:09.000 --> 00:00:10.000  three\n"
    );
}

#[test]
fn blank_texts_make_no_cues_and_take_no_numbers() {
    let cues = [
        cue((0, 1), (1, 1), "a"),
        cue((1, 1), (2, 1), " \n\r\n"),
        cue((2, 1), (3, 1), "b"),
    ];
    assert_eq!(written(Format::WebVtt, &cues).matches("-->").count(), 2);
    assert!(written(Format::Srt, &cues).contains("\n\n2\n00:00:02,000"));
}

#[test]
fn chapters_begin_at_0_and_ascend() {
    let cues = [
        cue((3, 25), (10, 1), "title\nin two lines"),
        cue((299, 10), (40, 1), "cut to the second"),
        cue((2999, 100), (40, 1), "in the same second"),
        cue((3599, 1), (3600, 1), "below an hour"),
        cue((3600, 1), (3601, 1), "an hour"),
        cue((100 * 3600 + 61, 1), (101 * 3600, 1), "days"),
    ];
    assert_eq!(
        written(Format::Chapters, &cues),
        "00:00 title in two lines\n00:29 cut to the second\n59:59 below an hour\n\
         1:00:00 an hour\n100:01:01 days\n"
    );
    let late = [cue((7, 1), (8, 1), "late"), cue((9, 1), (10, 1), "later")];
    assert_eq!(
        written(Format::Chapters, &late),
        "00:00 late\n00:09 later\n"
    );
}

#[test]
fn cues_out_of_order_are_refused() {
    for format in [Format::WebVtt, Format::Srt, Format::Chapters] {
        let mut writer = Writer::begin(Vec::new(), format).unwrap();
        writer.cue(&cue((5, 1), (6, 1), "x")).unwrap();
        writer.cue(&cue((5, 1), (6, 1), "at once")).unwrap();
        let error = writer.cue(&cue((4, 1), (6, 1), "x")).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidInput);
        let said = error.to_string();
        assert!(said.contains("00:00:04.000 after 00:00:05.000"), "{said}");
    }
}

#[test]
fn webvtt_is_there_as_soon_as_it_is_given() {
    let mut written = Vec::new();
    let mut writer = Writer::begin(&mut written, Format::WebVtt).unwrap();
    writer.cue(&cue((0, 1), (1, 1), "now")).unwrap();
    drop(writer);
    assert!(String::from_utf8(written).unwrap().contains("now"));
}

#[test]
fn a_disk_that_is_full_is_an_error() {
    #[derive(Debug)]
    struct Full;
    impl Write for Full {
        fn write(&mut self, _: &[u8]) -> io::Result<usize> {
            Err(ErrorKind::StorageFull.into())
        }
        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }
    let mut srt = Writer::begin(Full, Format::Srt).unwrap();
    srt.cue(&cue((0, 1), (1, 1), "held")).unwrap();
    assert_eq!(srt.end().unwrap_err().kind(), ErrorKind::StorageFull);
    assert!(Writer::begin(Full, Format::WebVtt).is_err());
}
