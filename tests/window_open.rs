//! The window opens on the model's own device and shows textures of it.
//!
//! Windows want the main thread, so this is a program of its own. Without a display it runs itself again
//! under Xvfb.

#[path = "window/scene.rs"]
mod scene;

use std::cell::{Cell, RefCell};
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::time::Duration;

use vcoca_gpu::frames::live::Source;
use vcoca_gpu::frames::shapes;
use vcoca_gpu::live::window::{Ending, Opening, ThemePreference, Wake, open};
use vcoca_gpu::live::{Event, Options, View, Watcher};
use vcoca_gpu::windows::to_f64;
use vcoca_gpu::{Engine, Error, Gpu, ModelSource};

const SIZE: [u32; 2] = [900, 600];

fn main() {
    let gpu = Gpu::new().expect("tests need an adapter");
    if std::env::var_os("DISPLAY").is_none() {
        without_a_display_it_says_what_to_do(&gpu);
        let program = std::env::current_exe().expect("this program");
        let screen = ["-a", "-s", "-screen 0 1400x1000x24"];
        let run = Command::new("xvfb-run").args(screen).arg(program).status();
        let status = run.expect("tests need Xvfb; Debian: apt-get install xvfb");
        assert!(status.success(), "under Xvfb: {status}");
        return;
    }
    pictures_are_shown_and_let_go(&gpu);
    the_test_source_is_told_as_it_is_drawn(&gpu);
}

fn without_a_display_it_says_what_to_do(gpu: &Gpu) {
    let opened = open(
        gpu,
        Opening::default(),
        &Wake::default(),
        &View::default,
        &|_| {},
    );
    let error = opened.expect_err("there is no display");
    assert!(matches!(error, Error::Window(_)), "{error}");
    assert!(error.to_string().contains("live --headless"), "{error}");
}

/// As a watcher would, a thread gives a new picture many times a second.
fn pictures_are_shown_and_let_go(gpu: &Gpu) {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("window.png");
    let opening = Opening {
        size: SIZE.map(|side| side as f32),
        theme: ThemePreference::Dark,
        ending: Some(Ending {
            picture: Some(path.clone()),
            after: Duration::from_secs(2),
        }),
        ..Opening::default()
    };
    let (wake, stop) = (Wake::default(), AtomicBool::new(false));
    let given = RefCell::new(Vec::new());
    let most = Cell::new(0);
    let view = || {
        let shown = scene::shown(gpu, 0);
        let mut given = given.borrow_mut();
        given.push(Arc::downgrade(&shown.texture));
        let held = given.iter().filter(|picture| picture.strong_count() > 0);
        most.set(most.get().max(held.count()));
        View {
            picture: Some(shown),
            ..scene::watched()
        }
    };
    std::thread::scope(|scope| {
        scope.spawn(|| {
            while !stop.load(Relaxed) {
                wake.wake();
                std::thread::sleep(Duration::from_millis(10));
            }
        });
        let opened = open(gpu, opening, &wake, &view, &|_| {});
        stop.store(true, Relaxed);
        opened.expect("a window opens");
    });
    let drawn = given.borrow().len();
    assert!(drawn > 10, "woken many times, but drawn {drawn} times");
    // The one that is drawn, and the one that was drawn before.
    assert!(most.get() <= 2, "{} pictures were held at once", most.get());

    let image = image::open(&path).expect("a PNG").into_rgb8();
    assert_eq!([image.width(), image.height()], SIZE);
    // The disc of the picture has a colour that nothing else has.
    let disc = |pixel: &&image::Rgb<u8>| {
        let near = pixel.0.iter().zip([240, 104, 105]);
        near.into_iter()
            .all(|(found, wanted)| found.abs_diff(wanted) < 8)
    };
    let found = image.pixels().filter(disc).count();
    assert!(found > 1000, "{found} pixels of the disc");
}

/// All of it together: the drawn source, the built-in model, and the state that the window draws.
fn the_test_source_is_told_as_it_is_drawn(gpu: &Gpu) {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("live.png");
    let opening = Opening {
        ending: Some(Ending {
            picture: Some(path.clone()),
            after: Duration::from_secs(8),
        }),
        ..Opening::default()
    };
    let engine = Engine::load(gpu, &ModelSource::Shapes, None).expect("the built-in model");
    let wake = Wake::default();
    let waker = wake.clone();
    let listener = Box::new(move |_: Event| waker.wake());
    let (source, options) = (Source::Test, Options::default());
    let watcher = Watcher::start(Arc::new(engine), "shapes", &source, options, listener);
    let watcher = watcher.expect("it starts");
    let drawn = RefCell::new(View::default());
    let view = || {
        let view = watcher.view();
        drawn.borrow_mut().clone_from(&view);
        view
    };
    open(gpu, opening, &wake, &view, &|command| watcher.send(command)).expect("a window opens");
    let drawn = drawn.into_inner();
    assert_eq!(drawn.fault, None);
    assert!(!drawn.lines.is_empty(), "{drawn:?}");
    for line in &drawn.lines {
        let middle = to_f64((line.span.start + line.span.end) / 2);
        let shown = shapes::scene(Duration::from_secs_f64(middle));
        assert!(line.text.contains(shown), "{line:?}, but {shown} was drawn");
    }
    let shown = drawn.picture.expect("a picture");
    assert!(shown.number > 30, "only {} frames", shown.number);
    let image = image::open(&path).expect("a PNG").into_rgb8();
    // The shapes are bright, and all else is grey or the colour of bars and marks.
    let bright = |pixel: &&image::Rgb<u8>| {
        let [most, least] = [pixel.0.iter().max(), pixel.0.iter().min()];
        most.zip(least)
            .is_some_and(|(most, least)| most - least > 120)
    };
    let found = image.pixels().filter(bright).count();
    assert!(found > 10_000, "{found} pixels of a shape");
}
