//! What a hub, or whoever poses as one, must not be able to do, and what it cannot help.

use std::sync::mpsc;
use std::time::Duration;

use super::*;

/// Opens the model with a cache of its own inside of `world.cache`, beside which nothing may appear.
/// Fails where there is no end to it.
fn open_beside(world: &World) -> vcoca_gpu::Result<ModelSource> {
    let hub = Hub::new(world.cache.path().join("hub"))
        .endpoint(&world.server.endpoint)
        .patience(Duration::from_secs(2));
    let (send, receive) = mpsc::channel();
    std::thread::spawn(move || send.send(ModelSource::open(REPO, &hub)));
    let outcome = receive.recv_timeout(Duration::from_secs(60));
    for entry in fs::read_dir(world.cache.path()).unwrap() {
        assert_eq!(entry.unwrap().file_name(), "hub", "outside of the cache");
    }
    outcome.expect("an end")
}

fn refuses(world: &World, words: &[&str]) {
    let (strange, message) = problem(open_beside(world));
    assert!(matches!(strange, Problem::Answer { .. }), "{strange:?}");
    assert_names(&message, words);
}

#[test]
fn an_etag_names_no_file_elsewhere() {
    let world = World::new();
    for etag in [
        "\"../../../outside\"",
        "W/\"../../../outside\"",
        "/outside",
        "..",
        "\"\"",
        "a b",
    ] {
        world.server.fail(Fault::Etag(etag));
        refuses(&world, &["expected an ETag"]);
    }
    assert!(!world.cache.path().join("hub").exists());
}

#[test]
fn a_commit_names_no_directory_elsewhere() {
    let world = World::new();
    let upper = "A".repeat(40).leak();
    for commit in ["../../../outside", "main", "", "abc", upper] {
        world.server.fail(Fault::Commit(commit));
        refuses(&world, &["expected a commit", commit]);
    }
    assert!(!world.cache.path().join("hub").exists());
}

#[test]
fn a_part_from_elsewhere_is_not_taken() {
    let world = World::new();
    world.server.fail(Fault::Cut(300_000));
    world.server.fail(Fault::WrongRange);
    refuses(
        &world,
        &["expected the bytes from 300000 on", "bytes 299999-"],
    );
    let source = open_beside(&world).unwrap();
    world.assert_has_weights(&source);
    let last = world.server.seen_by_store().pop().unwrap();
    assert_eq!(last.range.as_deref(), Some("bytes=300000-"));
}

#[test]
fn redirects_come_to_an_end() {
    let world = World::new();
    world.server.fail(Fault::Redirect(LOOP));
    refuses(&world, &["redirects without end"]);
    for location in ["ftp://127.0.0.1/a", "elsewhere", ""] {
        world.server.fail(Fault::Redirect(location));
        refuses(&world, &["redirects to", location]);
    }
}

#[test]
fn a_store_that_falls_silent_is_asked_again() {
    let world = World::new();
    world.server.fail(Fault::Stall(300_000));
    world.assert_has_weights(&open_beside(&world).unwrap());
    let asked = world.server.seen_by_store();
    assert_eq!(asked.len(), 2);
    assert_eq!(asked[1].range.as_deref(), Some("bytes=300000-"));
}

#[test]
fn a_hub_that_hangs_up_is_asked_again_but_not_for_ever() {
    let world = World::new();
    world.server.fail(Fault::HangUp("GET"));
    world.server.fail(Fault::HangUp("HEAD"));
    world.assert_has_weights(&open_beside(&world).unwrap());

    for _ in 0..5 {
        world.server.fail(Fault::HangUp("GET"));
    }
    world.server.seen();
    let (broken, message) = problem(world.open());
    assert!(matches!(broken, Problem::Interrupted { .. }), "{broken:?}");
    assert_names(&message, &[&world.server.endpoint, "broke", "by hand"]);
    assert_eq!(world.server.seen().len(), 5);
}

#[test]
fn a_hub_that_is_overrun_is_left_alone_for_a_while() {
    let world = World::new();
    world.server.break_down("429 Too Many Requests");
    let (busy, message) = problem(world.open());
    assert!(
        matches!(busy, Problem::Busy { status: 429, .. }),
        "{busy:?}"
    );
    assert_names(&message, &["429 (Too Many Requests); try again later"]);
    assert!(!message.contains("by hand"), "{message}");
    assert_eq!(world.server.seen().len(), 1);
}
