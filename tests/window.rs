//! What the window draws and what the user's hands do, without a window.

#[path = "window/scene.rs"]
mod scene;

use std::time::Duration;

use eframe::egui::{Key, Pos2, Rect, Theme, pos2};
use egui_kittest::Harness;
use egui_kittest::kittest::Queryable;
use vcoca_gpu::Gpu;
use vcoca_gpu::frames::live::Condition;
use vcoca_gpu::live::window::{Screen, dress};
use vcoca_gpu::live::{Command, View};

/// A screen, what it draws, and what was asked of it.
struct Seen {
    screen: Screen,
    view: View,
    commands: Vec<Command>,
}

type Hands = Harness<'static, Seen>;

fn hands(view: View) -> Hands {
    sized(view, [1280.0, 800.0])
}

fn sized(view: View, size: [f32; 2]) -> Hands {
    let seen = Seen {
        screen: Screen::default(),
        view,
        commands: Vec::new(),
    };
    let mut hands = Harness::builder()
        .with_size(size)
        .with_context_setup(dress)
        .build_ui_state(
            |ui, seen: &mut Seen| {
                let commands = seen.screen.draw(ui, &seen.view, None);
                seen.commands.extend(commands);
            },
            seen,
        );
    hands.run();
    hands
}

fn press(hands: &mut Hands, key: Key) {
    hands.key_press(key);
    hands.run();
}

fn type_into(hands: &mut Hands, name: &str, text: &str) {
    hands.get_by_label(name).focus();
    hands.run();
    hands.get_by_label(name).type_text(text);
    hands.run();
}

/// Clicks a button by its name.
fn click(hands: &mut Hands, name: &str) {
    hands.get_by_label(name).click();
    hands.run();
}

fn shows(hands: &Hands, part: &str) -> bool {
    hands.query_all_by_label_contains(part).next().is_some()
}

/// Where a second is on the strip of the timeline.
fn second(hands: &Hands, second: f32) -> Pos2 {
    let area: Rect = hands.get_by_label_contains("Timeline").rect();
    let x = area.left() + area.width() * second / scene::REMEMBERED as f32;
    pos2(x, area.center().y)
}

fn click_at(hands: &mut Hands, place: Pos2) {
    hands.hover_at(place);
    hands.run();
    hands.drag_at(place);
    hands.drop_at(place);
    hands.run();
}

fn drag(hands: &mut Hands, from: Pos2, to: Pos2) {
    hands.drag_at(from);
    hands.run();
    hands.hover_at(from + (to - from) / 2.0);
    hands.run();
    hands.hover_at(to);
    hands.run();
    hands.drop_at(to);
    hands.run();
}

const SEARCH: &str = "Search what was seen";

#[test]
fn nothing_yet_says_what_happens() {
    let mut hands = hands(scene::empty());
    assert!(shows(&hands, "Getting ready"));
    assert!(shows(&hands, "No captions yet"));
    assert!(shows(&hands, "Everything stays on this machine"));
    assert!(shows(&hands, "shapes on llvmpipe (CPU)"));
    hands.state_mut().view.feed = scene::status(Condition::Connecting);
    hands.run();
    assert!(shows(&hands, "Connecting"));
}

#[test]
fn what_is_told_and_how_sure_the_labels_are_can_be_read() {
    let hands = hands(scene::watched());
    assert!(
        hands
            .query_by_label("0:55 a large red star moves from left to right")
            .is_some()
    );
    assert!(
        hands
            .query_by_label("red star: 71 %, at most 88 % of late")
            .is_some()
    );
    assert!(shows(&hands, "none of these"));
    assert!(shows(&hands, "Timeline, 0:00–1:24"));
}

#[test]
fn it_fits_small_windows_and_names_all_its_parts() {
    for size in [[1280.0, 800.0], [900.0, 600.0], [800.0, 560.0]] {
        let hands = sized(scene::searched(), size);
        assert_eq!(hands.unnamed_widgets(), Vec::<String>::new());
        let window = Rect::from_min_size(Pos2::ZERO, size.into());
        for name in [
            SEARCH,
            "What to ask",
            "Ask",
            "Pause",
            "Keys",
            "Captions",
            "Labels",
        ] {
            let part = hands.get_by_label(name).rect();
            assert!(window.contains_rect(part), "{name} at {part:?} of {size:?}");
        }
    }
}

#[test]
fn a_search_goes_out_while_it_is_typed() {
    let mut hands = hands(scene::watched());
    for text in ["red", " star"] {
        type_into(&mut hands, SEARCH, text);
    }
    let searched = ["red", "red star"].map(|text| Command::Search(text.into()));
    assert_eq!(hands.state().commands, searched);
}

#[test]
fn the_best_of_a_search_is_told_and_gone_to() {
    let mut hands = hands(scene::searched());
    let best = "“blue triangle” fits best at 0:42";
    click(&mut hands, best);
    assert!(shows(
        &hands,
        "What was seen at 0:42: a blue triangle turns slowly"
    ));
    assert!(shows(&hands, "Back to live"));
    press(&mut hands, Key::L);
    assert!(!shows(&hands, "Back to live"));
    // The return key goes there, too.
    type_into(&mut hands, SEARCH, "blue triangle");
    press(&mut hands, Key::Enter);
    assert!(shows(&hands, "What was seen at 0:42"));
}

#[test]
fn a_question_is_about_the_stretch_that_is_selected() {
    let mut hands = hands(scene::watched());
    type_into(&mut hands, "What to ask", "What is it?");
    click(&mut hands, "Ask");
    let ask = |question: &str, span| Command::Ask {
        question: question.into(),
        span,
    };
    assert_eq!(
        hands.state_mut().commands.pop(),
        Some(ask("What is it?", None))
    );
    let (from, to) = (second(&hands, 21.0), second(&hands, 42.0));
    drag(&mut hands, to, from);
    assert!(shows(&hands, "0:21–0:42 selected"));
    hands.get_by_label("What to ask").focus();
    hands.run();
    press(&mut hands, Key::Enter);
    let asked = hands.state_mut().commands.pop();
    let Some(Command::Ask {
        span: Some(span), ..
    }) = asked
    else {
        panic!("{asked:?}");
    };
    let apart = |time, second: f64| (vcoca_gpu::windows::to_f64(time) - second).abs();
    assert!(
        apart(span.start, 21.0) < 0.1 && apart(span.end, 42.0) < 0.1,
        "{span:?}"
    );
    press(&mut hands, Key::Escape);
    assert!(!shows(&hands, "selected"));
    assert!(shows(&hands, "about the latest seconds"));
}

#[test]
fn an_answer_is_waited_for() {
    let mut hands = hands(scene::searched());
    assert!(shows(&hands, "What turns?  (0:33–0:51)"));
    let answer = hands.state_mut().view.answer.as_mut().expect("an answer");
    (answer.text, answer.done) = (String::new(), false);
    hands.run();
    assert!(hands.query_by_label("…").is_some());
}

#[test]
fn labels_are_given_with_commas() {
    let mut hands = hands(scene::empty());
    type_into(
        &mut hands,
        "Labels to score, with commas between",
        "cat, dog ,",
    );
    assert_eq!(hands.state().commands, []);
    press(&mut hands, Key::Enter);
    let labels = Command::Labels(vec!["cat".into(), "dog".into()]);
    assert_eq!(hands.state().commands, [labels]);
}

#[test]
fn a_click_on_the_timeline_shows_what_was_seen_then() {
    let mut hands = hands(scene::watched());
    let place = second(&hands, 20.5);
    click_at(&mut hands, place);
    assert!(shows(
        &hands,
        "What was seen at 0:20: a yellow circle moves right"
    ));
    press(&mut hands, Key::ArrowRight);
    assert!(shows(&hands, "What was seen at 0:21"));
    for _ in 0..10 {
        press(&mut hands, Key::ArrowLeft);
    }
    assert!(shows(&hands, "What was seen at 0:11"));
    click(&mut hands, "Back to live");
    assert!(!shows(&hands, "What was seen at"));
    // A caption leads to its time, too.
    click(&mut hands, "0:31 a blue triangle turns slowly");
    assert!(shows(&hands, "What was seen at 0:31"));
}

#[test]
fn the_timeline_is_for_the_keyboard_too() {
    let mut hands = hands(scene::watched());
    hands.get_by_label_contains("Timeline").focus();
    hands.run();
    press(&mut hands, Key::ArrowLeft);
    assert!(shows(&hands, "What was seen at 1:23"));
    press(&mut hands, Key::ArrowLeft);
    assert!(shows(&hands, "What was seen at 1:22"));
    assert!(hands.get_by_label_contains("Timeline").is_focused());
}

#[test]
fn space_holds_the_picture_while_the_watching_goes_on() {
    let gpu = Gpu::new().expect("tests need an adapter");
    let mut hands = hands(View {
        picture: Some(scene::shown(&gpu, 60)),
        ..scene::watched()
    });
    press(&mut hands, Key::Space);
    hands.state_mut().view.picture = Some(scene::shown(&gpu, 80));
    hands.run();
    let seen = hands.state();
    let held = seen.screen.picture(&seen.view).expect("a picture");
    assert_eq!(held.number, 60);
    assert!(shows(&hands, "Back to live"));
    press(&mut hands, Key::Space);
    let seen = hands.state();
    assert_eq!(
        seen.screen.picture(&seen.view).map(|shown| shown.number),
        Some(80)
    );
}

#[test]
fn keys_are_letters_in_a_box_to_type_in() {
    let mut hands = hands(scene::watched());
    press(&mut hands, Key::Slash);
    let text = "mlo?";
    hands.get_by_label(SEARCH).type_text(text);
    for key in [Key::M, Key::L, Key::O, Key::Questionmark] {
        press(&mut hands, key);
    }
    assert_eq!(hands.state().commands, [Command::Search(text.into())]);
    assert!(!shows(&hands, "Mirror the picture") && !shows(&hands, "to caption"));
    press(&mut hands, Key::Escape);
    press(&mut hands, Key::O);
    assert!(shows(&hands, "to caption"));
}

#[test]
fn the_help_lists_the_keys_and_goes_away() {
    let mut hands = hands(scene::watched());
    press(&mut hands, Key::Questionmark);
    assert!(shows(&hands, "Mirror the picture"));
    press(&mut hands, Key::Escape);
    assert!(!shows(&hands, "Mirror the picture"));
}

#[test]
fn figures_and_theme_are_switched() {
    let mut hands = hands(scene::watched());
    click(&mut hands, "Figures");
    assert!(shows(&hands, "30.0 fps, 640×360"));
    assert!(shows(&hands, "148 MB"));
    assert_eq!(hands.ctx.theme(), Theme::Dark);
    press(&mut hands, Key::T);
    assert_eq!(hands.ctx.theme(), Theme::Light);
}

#[test]
fn what_is_wrong_stands_above_the_picture() {
    let lost = Condition::Lost {
        why: "the camera was unplugged".into(),
        retry: Duration::from_secs(2),
    };
    let hands = hands(View {
        feed: scene::status(lost),
        fault: Some("GPU device lost".into()),
        complaint: Some("labels: expected at most 256".into()),
        ..scene::watched()
    });
    assert!(shows(
        &hands,
        "the camera was unplugged. It is opened again after 2 s"
    ));
    assert!(shows(&hands, "Stopped: GPU device lost"));
    assert!(shows(&hands, "labels: expected at most 256"));
    // What was told is still there.
    assert!(shows(&hands, "a large red star moves from left to right"));
}
