//! Files on their way into the cache: whole, interrupted, spoilt.

use super::*;

#[test]
fn a_fresh_model_is_downloaded_into_the_layout_that_all_tools_share() {
    let world = World::new();
    let source = world.open().unwrap();
    world.assert_has_weights(&source);
    assert_eq!(source.name(), REPO);

    let snapshot = world.folder().join("snapshots").join(&world.commit);
    let ModelSource::Repo { folder, .. } = &source else {
        panic!("{source:?}")
    };
    assert_eq!(*folder, snapshot);
    assert_eq!(fs::read(snapshot.join(CONFIG)).unwrap(), COCA);
    assert!(snapshot.join("tokenizer.json").exists());
    assert!(!snapshot.join("README.md").exists());
    let main = fs::read_to_string(world.folder().join("refs/main")).unwrap();
    assert_eq!(main, world.commit);
    assert_eq!(fs::read(world.blob()).unwrap(), world.weights);
    #[cfg(unix)]
    assert_eq!(
        fs::read_link(snapshot.join(WEIGHTS)).unwrap(),
        Path::new("../../blobs").join(sha256(&world.weights))
    );
}

#[test]
fn a_new_version_is_found_and_shares_what_did_not_change() {
    let world = World::new();
    let old = world.open().unwrap();
    let newer = noise(2, 1000);
    (world.server).publish(REPO, &[(CONFIG, COCA), (WEIGHTS, &newer)]);
    world.server.seen();
    let new = world.open().unwrap();
    assert_eq!(fs::read(new.file(WEIGHTS)).unwrap(), newer);
    assert_eq!(new.file(CONFIG), new.file("").join(CONFIG));
    // Of the configuration, which is the same, the hash was asked but not the content.
    let asked = paths(&world.server.seen());
    assert!(
        !asked
            .iter()
            .any(|line| line.starts_with("GET") && line.ends_with(CONFIG))
    );
    world.assert_has_weights(&old);
}

#[cfg(unix)]
#[test]
fn whoever_reads_a_branch_while_it_moves_sees_a_whole_commit() {
    let world = World::new();
    world.open().unwrap();
    let mut reader = fs::File::open(world.folder().join("refs/main")).unwrap();
    (world.server).publish(REPO, &[(CONFIG, COCA), (WEIGHTS, b"newer")]);
    world.open().unwrap();
    let seen = std::io::read_to_string(&mut reader).unwrap();
    assert_eq!(seen, world.commit);
    let names = |folder| fs::read_dir(world.folder().join(folder)).unwrap().count();
    assert_eq!((names("refs"), names("")), (1, 3), "nothing is left over");
}

#[test]
fn a_connection_that_is_cut_is_taken_up_where_it_ended() {
    let world = World::new();
    world.server.fail(Fault::Cut(300_000));
    world.server.fail(Fault::Cut(100_000));
    let source = world.open().unwrap();
    world.assert_has_weights(&source);
    let ranges: Vec<_> = (world.server.seen_by_store().into_iter())
        .map(|seen| seen.range)
        .collect();
    let from = |byte: usize| Some(format!("bytes={byte}-"));
    assert_eq!(ranges, [None, from(300_000), from(400_000)]);
}

#[test]
fn an_interrupted_download_is_no_model_and_the_next_run_goes_on() {
    let world = World::new();
    world.open().unwrap();
    // As if the process had ended after 250,000 bytes.
    fs::remove_file(world.blob()).unwrap();
    fs::write(world.partial(), &world.weights[..250_000]).unwrap();
    let (offline, _) = problem(world.open_offline());
    assert!(matches!(offline, Problem::NotCached(_)), "{offline:?}");

    world.server.seen();
    let done = Arc::new(Mutex::new(Vec::new()));
    let hub = world.hub().progress({
        let done = done.clone();
        move |progress| {
            assert_eq!((progress.file, progress.size), (WEIGHTS, 700_000));
            done.lock().unwrap().push(progress.done);
        }
    });
    world.assert_has_weights(&ModelSource::open(REPO, &hub).unwrap());
    let asked = world.server.seen_by_store();
    assert_eq!(asked.len(), 1);
    assert_eq!(asked[0].range.as_deref(), Some("bytes=250000-"));
    let done = done.lock().unwrap();
    assert_eq!((done[0], *done.last().unwrap()), (250_000, 700_000));
    assert!(done.is_sorted());
}

#[test]
fn a_server_without_ranges_sends_it_all_again() {
    let world = World::new();
    world.server.fail(Fault::Cut(300_000));
    world.server.fail(Fault::IgnoreRange);
    world.assert_has_weights(&world.open().unwrap());
}

#[test]
fn a_partial_file_that_is_too_long_is_begun_anew() {
    let world = World::new();
    fs::create_dir_all(world.folder().join("blobs")).unwrap();
    fs::write(world.partial(), noise(3, 700_001)).unwrap();
    world.assert_has_weights(&world.open().unwrap());
}

#[test]
fn wrong_bytes_are_found_out_and_the_next_try_works() {
    let world = World::new();
    world.server.fail(Fault::Spoil);
    let (wrong, message) = problem(world.open());
    let Problem::Checksum { expected, .. } = wrong else {
        panic!("{message}")
    };
    assert_eq!(expected, sha256(&world.weights));
    assert_names(&message, &[REPO, WEIGHTS, &expected, "run this again"]);
    assert!(!world.blob().exists() && !world.partial().exists());
    problem(world.open_offline());
    world.assert_has_weights(&world.open().unwrap());
}

#[test]
fn a_partial_file_of_something_else_is_found_out() {
    let world = World::new();
    fs::create_dir_all(world.folder().join("blobs")).unwrap();
    fs::write(world.partial(), noise(3, 1000)).unwrap();
    let (wrong, _) = problem(world.open());
    assert!(matches!(wrong, Problem::Checksum { .. }), "{wrong:?}");
    world.assert_has_weights(&world.open().unwrap());
}

#[test]
fn two_at_once_download_once() {
    let world = World::new();
    let both = std::thread::scope(|scope| {
        [(); 2]
            .map(|()| scope.spawn(|| world.open().unwrap()))
            .map(|thread| thread.join().unwrap())
    });
    assert_eq!(both[0], both[1]);
    world.assert_has_weights(&both[0]);
    assert_eq!(world.server.seen_by_store().len(), 1);
}

#[test]
fn weights_in_several_files_come_whole() {
    let world = World::new();
    const INDEX: &str = "open_clip_model.safetensors.index.json";
    let index = |second: &str| {
        let map = serde_json::json!({"a": "part-1.safetensors", "b": second});
        serde_json::json!({ "weight_map": map }).to_string()
    };
    let files = [
        (CONFIG, COCA),
        ("part-1.safetensors", b"one"),
        ("part-2.safetensors", b"two"),
    ];
    let publish = |second| {
        let index = index(second);
        let files = [&files[..], &[(INDEX, index.as_bytes())]].concat();
        world.server.publish("test/parts", &files);
        ModelSource::open("test/parts", &world.hub())
    };
    let source = publish("part-2.safetensors").unwrap();
    assert_eq!(fs::read(source.file("part-2.safetensors")).unwrap(), b"two");
    let offline = || ModelSource::open("test/parts", &world.hub().offline(true));
    assert_eq!(offline().unwrap(), source);
    fs::remove_file(source.file("part-1.safetensors")).unwrap();
    problem(offline());

    for outside in [
        "../part-2.safetensors",
        "/etc/passwd",
        "a/b",
        ".hidden",
        "a?b",
        "",
    ] {
        let (bad, message) = problem(publish(outside));
        assert!(matches!(bad, Problem::Answer { .. }), "{bad:?}");
        assert_names(&message, &["plain name of a file", outside]);
    }
}
