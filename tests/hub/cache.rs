//! What is taken from the cache, and when.

use super::*;

#[test]
fn a_cached_model_is_only_looked_up() {
    let world = World::new();
    world.open().unwrap();
    world.server.seen();
    let source = world.open().unwrap();
    world.assert_has_weights(&source);
    let lookup = format!("GET /api/models/{REPO}/revision/main");
    assert_eq!(paths(&world.server.seen()), [lookup]);

    world.open_offline().unwrap();
    assert_eq!(paths(&world.server.seen()), [""; 0], "offline is offline");
}

#[test]
fn a_commit_that_is_cached_needs_no_network() {
    let world = World::new();
    let pinned = format!("{REPO}@{}", world.commit);
    let source = ModelSource::open(&pinned, &world.hub()).unwrap();
    assert_eq!(source.name(), pinned);
    world.server.seen();
    let source = ModelSource::open(&pinned, &world.hub()).unwrap();
    world.assert_has_weights(&source);
    assert_eq!(paths(&world.server.seen()), [""; 0]);
}

#[test]
fn without_a_network_the_message_says_how_to_place_files_by_hand() {
    let world = World::new();
    // A port that nobody listens on.
    let hub = Hub::new(world.cache.path()).endpoint("http://127.0.0.1:9");
    let (unreachable, message) = problem(ModelSource::open(REPO, &hub));
    assert!(
        matches!(unreachable, Problem::Unreachable { .. }),
        "{unreachable:?}"
    );
    let folder = world.folder().join("snapshots/main");
    assert_names(
        &message,
        &[
            "http://127.0.0.1:9/test/coca/tree/main",
            CONFIG,
            WEIGHTS,
            "open_clip_pytorch_model.bin",
            "tokenizer.json",
            folder.to_str().unwrap(),
            "cannot be reached",
        ],
    );
    assert!(!message.contains("index.json"), "too long: {message}");

    // Whoever does as told can go on, with and without --offline.
    fs::create_dir_all(&folder).unwrap();
    fs::write(folder.join(CONFIG), COCA).unwrap();
    fs::write(folder.join(WEIGHTS), &world.weights).unwrap();
    world.assert_has_weights(&ModelSource::open(REPO, &hub).unwrap());
    world.assert_has_weights(&world.open_offline().unwrap());
}

#[test]
fn offline_without_a_cache_says_the_same() {
    let world = World::new();
    let (absent, message) = problem(world.open_offline());
    assert!(matches!(absent, Problem::NotCached(_)), "{absent:?}");
    assert_names(
        &message,
        &["--offline", "HF_HUB_OFFLINE", CONFIG, "snapshots"],
    );
    assert_eq!(paths(&world.server.seen()), [""; 0]);

    // Of a published model it is known which files those are.
    let known = &published::PUBLISHED[0];
    let (_, message) = problem(ModelSource::open(known.repo, &world.hub().offline(true)));
    assert_names(
        &message,
        &["by hand: open_clip_pytorch_model.safetensors, from"],
    );
}

#[test]
fn when_the_hub_is_down_what_was_fetched_before_has_to_do() {
    let world = World::new();
    world.open().unwrap();
    world.server.break_down("503 Service Unavailable");
    world.assert_has_weights(&world.open().unwrap());
    let hub = world.hub().endpoint("http://127.0.0.1:9");
    world.assert_has_weights(&ModelSource::open(REPO, &hub).unwrap());

    let (down, message) = problem(ModelSource::open("test/another", &world.hub()));
    assert!(
        matches!(down, Problem::Busy { status: 503, .. }),
        "{down:?}"
    );
    assert_names(&message, &["503 (Service Unavailable)", "later"]);
    assert!(!message.contains("by hand"), "{message}");
}

#[test]
fn the_environment_is_read_as_documented() {
    let folder = tempfile::tempdir().unwrap();
    let home = folder.path();
    fs::write(home.join("token"), "from the home\n").unwrap();
    fs::write(home.join("elsewhere"), "from the path\n").unwrap();
    let with = |variables: &[(&str, &Path)]| {
        Hub::from_variables(|name| {
            let found = variables.iter().find(|(key, _)| *key == name);
            found.map(|(_, value)| value.into())
        })
    };
    let cache = with(&[("XDG_CACHE_HOME", home)]).cache().to_owned();
    assert_eq!(cache, home.join("huggingface/hub"));
    let hub = with(&[("HF_HOME", home), ("HF_HUB_CACHE", Path::new(""))]);
    assert_eq!(hub.cache(), home.join("hub"));
    assert!(!hub.is_offline());
    let cache = home.join("c");
    let hub = with(&[("HF_HOME", home), ("HF_HUB_CACHE", &cache)]);
    assert_eq!(hub.cache(), cache);
    for (text, offline) in [
        ("1", true),
        ("YES", true),
        ("on", true),
        ("True", true),
        ("0", false),
    ] {
        let hub = with(&[("HF_HUB_OFFLINE", Path::new(text))]);
        assert_eq!(hub.is_offline(), offline, "{text}");
    }

    // Which token a hub has only a server can tell.
    let server = Loopback::start();
    let endpoint = Path::new(&server.endpoint);
    let elsewhere = home.join("elsewhere");
    let all = [
        ("HF_ENDPOINT", endpoint),
        ("HF_HOME", home),
        ("HF_TOKEN_PATH", &elsewhere),
        ("HF_TOKEN", Path::new("from the variable")),
    ];
    for (variables, token) in [
        (&all[..2], "from the home"),
        (&all[..3], "from the path"),
        (&all[..4], "from the variable"),
    ] {
        problem(ModelSource::open(REPO, &with(variables)));
        let seen = server.seen();
        assert_eq!(seen[0].authorization, Some(format!("Bearer {token}")));
    }
}

#[test]
fn cached_models_are_listed_if_they_are_whole_and_cocas() {
    let world = World::new();
    let list = || -> Vec<String> {
        let cached = published::cached(&world.hub());
        cached
            .iter()
            .map(|cached| cached.repo.to_string())
            .collect()
    };
    assert_eq!(list(), [""; 0]);
    world.open().unwrap();
    assert_eq!(list(), [REPO]);
    let cached = &published::cached(&world.hub())[0];
    assert_eq!(cached.bytes, 700_000 + COCA.len() as u64 + 2);

    // Another model that a tool of Hugging Face's has fetched, and leftovers of an older version.
    (world.server).publish(
        "test/clip",
        &[(CONFIG, br#"{"model_cfg": {}}"#), (WEIGHTS, b"1")],
    );
    ModelSource::open("test/clip", &world.hub()).unwrap();
    (world.server).publish(REPO, &[(CONFIG, COCA), (WEIGHTS, b"1")]);
    world.open().unwrap();
    assert_eq!(
        list(),
        [REPO.to_owned(), format!("{REPO}@{}", world.commit)]
    );
    fs::remove_file(world.blob()).unwrap();
    assert_eq!(list(), [REPO]);
}

#[test]
fn a_model_that_is_here_twice_is_listed_once() {
    let world = World::new();
    let fetched = world.open().unwrap();
    // Placed by hand, and then there was a network after all.
    let by_hand = world.folder().join("snapshots/main");
    fs::create_dir_all(&by_hand).unwrap();
    fs::write(by_hand.join(CONFIG), COCA).unwrap();
    fs::write(by_hand.join(WEIGHTS), b"1").unwrap();
    let cached = published::cached(&world.hub());
    let found: Vec<_> = (cached.iter())
        .map(|cached| (cached.repo.to_string(), cached.folder.clone()))
        .collect();
    assert_eq!(found, [(REPO.to_owned(), fetched.file(""))]);
    assert_eq!(world.open_offline().unwrap(), fetched);

    fs::remove_file(world.blob()).unwrap();
    let cached = published::cached(&world.hub());
    assert_eq!((cached.len(), &cached[0].folder), (1, &by_hand));
}

#[test]
fn published_models_without_a_configuration_are_known_by_their_sizes() {
    let world = World::new();
    for known in &published::PUBLISHED {
        (world.server).publish(known.repo, &[(WEIGHTS, known.repo.as_bytes())]);
        let source = ModelSource::open(known.repo, &world.hub()).unwrap();
        let json = source.config_json().unwrap();
        let config = vcoca_gpu::model::Config::parse(&source.file(CONFIG), &json).unwrap();
        let large = known.repo.contains("L-14");
        assert_eq!(config.embed_dim, if large { 768 } else { 512 });
        assert_eq!(config.tokens(), if large { 257 } else { 50 });
        assert_eq!((config.context_length, config.vocab), (76, 49408));
    }
    assert_eq!(published::cached(&world.hub()).len(), 4);
}
