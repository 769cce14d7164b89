//! What the hub refuses, and what it is not asked for.

use super::*;

#[test]
fn a_model_that_is_gated_or_private_says_what_to_do() {
    let world = World::new();
    world.server.demand("hf_secret");
    let (refused, message) = problem(world.open());
    assert!(matches!(
        refused,
        Problem::Refused {
            status: 401,
            token: false,
            ..
        }
    ));
    let page = format!("{}/{REPO}", world.server.endpoint);
    assert_names(
        &message,
        &[REPO, "restricted", "accept its terms", &page, "HF_TOKEN"],
    );

    let hub = world.hub().token(Some("hf_wrong".into()));
    let (_, message) = problem(ModelSource::open(REPO, &hub));
    assert_names(&message, &["the one it was sent may not"]);
    assert!(!message.contains("hf_wrong"));
}

#[test]
fn the_token_goes_to_the_hub_and_to_nobody_else() {
    let world = World::new();
    world.server.demand("hf_secret");
    let hub = world.hub().token(Some(" hf_secret\n".into()));
    let source = ModelSource::open(REPO, &hub).unwrap();
    world.assert_has_weights(&source);
    let seen = world.server.seen();
    assert!(seen.iter().any(|seen| seen.store));
    for seen in seen {
        assert_eq!(seen.authorization.is_some(), !seen.store, "{seen:?}");
    }
    assert!(!format!("{hub:?}").contains("hf_secret"));
}

#[test]
fn what_is_not_there_is_named() {
    let world = World::new();
    for (name, what) in [
        ("test/nonesuch", "such repository"),
        ("test/coca@v2", "revision v2"),
        ("test/coca@refs/pr/1", "revision refs/pr/1"),
    ] {
        let (absent, message) = problem(ModelSource::open(name, &world.hub()));
        assert!(matches!(absent, Problem::NotFound { .. }), "{absent:?}");
        assert_names(&message, &[name, what, &world.server.endpoint]);
    }
    let asked = paths(&world.server.seen());
    assert!(asked.last().unwrap().ends_with("/revision/refs%2Fpr%2F1"));
}

#[test]
fn other_models_are_not_downloaded() {
    let world = World::new();
    for (files, missing) in [
        (&[("config.json", &b"{}"[..]), (WEIGHTS, b"1")][..], CONFIG),
        (&[(CONFIG, COCA), ("model.onnx", b"1")], WEIGHTS),
    ] {
        world.server.publish("test/other", files);
        let (other, message) = problem(ModelSource::open("test/other", &world.hub()));
        assert!(matches!(other, Problem::NotAModel { .. }), "{other:?}");
        assert_names(&message, &[missing]);
    }
    assert!(
        !world
            .cache
            .path()
            .join("models--test--other/snapshots")
            .exists()
    );
}

#[test]
fn names_that_are_no_repository_are_refused_without_asking() {
    let world = World::new();
    for name in [
        "nonesuch",
        "a/b/c",
        "../up",
        "a/..",
        "/absolute/path",
        "a/b@",
        "a/b@../c",
        "a/b@/c",
        "a/b@c//d",
        "a--b/c",
        ".a/b",
        "a/b ",
        "a/b?c",
        "a/ü",
        "https://huggingface.co/a/b",
    ] {
        let error = ModelSource::open(name, &world.hub()).unwrap_err();
        assert!(matches!(error, Error::Model { .. }), "{name}: {error:?}");
        let message = error.to_string();
        assert_names(&message, &[name, "a directory", "owner/name@revision"]);
    }
    assert_eq!(paths(&world.server.seen()), [""; 0]);
}

#[test]
fn a_directory_goes_before_a_repository() {
    // Tests run where Cargo.toml is.
    let world = World::new();
    let source = ModelSource::open("tests/data", &world.hub()).unwrap();
    assert_eq!(source, ModelSource::Directory("tests/data".into()));
    let error = ModelSource::open("src/hub.rs", &world.hub()).unwrap_err();
    assert_names(&error.to_string(), &["found a file"]);
    assert_eq!(paths(&world.server.seen()), [""; 0]);
}

#[test]
fn settings_that_make_no_sense_are_named() {
    let world = World::new();
    for endpoint in ["nonsense", "ftp://127.0.0.1", "http://"] {
        let (_, message) = problem(ModelSource::open(REPO, &world.hub().endpoint(endpoint)));
        assert_names(&message, &["HF_ENDPOINT"]);
    }
    let hub = world.hub().token(Some("two\nlines".into()));
    let (_, message) = problem(ModelSource::open(REPO, &hub));
    assert_names(&message, &["HF_TOKEN"]);
    assert_eq!(paths(&world.server.seen()), [""; 0]);
}
