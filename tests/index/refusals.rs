//! What is refused, and in which words.

use std::fs;
use std::time::Duration;

use vcoca_gpu::windows::Windows;

use super::*;

/// The message of opening this file, which fails.
fn told(path: &Path) -> String {
    match Index::open_within(path, Duration::from_millis(50)) {
        Ok(_) => panic!("{} opens", path.display()),
        Err(error) => error.to_string(),
    }
}

fn assert_told(path: &Path, words: &str) {
    let told = told(path);
    let named = told.contains(path.to_str().unwrap());
    assert!(
        named && told.contains(words),
        "{words:?} is not in {told:?}"
    );
}

#[test]
fn embeddings_of_two_recipes_are_not_mixed() {
    let (_folder, path) = place();
    index(&path, 4);
    let refused = |change: &dyn Fn(&mut Recipe), words: &[&str]| {
        let mut other = recipe(4);
        change(&mut other);
        let error = Index::open_or_create(&path, &other)
            .err()
            .unwrap()
            .to_string();
        for word in words {
            assert!(error.contains(word), "{word:?} is not in {error:?}");
        }
    };
    let hash = "fedcba9876543210".repeat(4);
    refused(
        &|recipe| (recipe.model, recipe.model_hash) = ("other".into(), hash.clone()),
        &[
            "the model shapes (sha256 0123456789ab)",
            "not of other (sha256 fedcba987654)",
            "another index",
        ],
    );
    refused(&|recipe| recipe.width = 5, &["width 4, not 5"]);
    refused(
        &|recipe| recipe.windows = Windows::Whole,
        &["windows 4s/2s, not whole"],
    );
    refused(&|recipe| recipe.frames = 9, &["frames 8, not 9"]);
    refused(
        &|recipe| recipe.sampling = Sampling::Keyframes,
        &["sampling uniform"],
    );
    refused(
        &|recipe| recipe.pooling = Pooling::Mean,
        &["pooling flatten, not mean"],
    );
    // The same model by another name.
    let mut other = recipe(4);
    other.model = "./shapes".into();
    assert!(Index::open_or_create(&path, &other).is_ok());
}

#[test]
fn what_is_no_index_is_refused() {
    let (folder, path) = place();
    assert_told(&path, "No such file");
    fs::write(&path, "").unwrap();
    assert_told(&path, "is empty");
    fs::write(&path, "no index at all\n".repeat(1000)).unwrap();
    assert_told(&path, "is no index");
    // It is not written over, either.
    assert!(Index::open_or_create(&path, &recipe(4)).is_err());
    assert!(fs::read(&path).unwrap().starts_with(b"no index"));
    // Nor is a file that SQLite would take for an empty database.
    fs::write(&path, "x").unwrap();
    assert!(Index::open_or_create(&path, &recipe(4)).is_err());
    assert_eq!(fs::read(&path).unwrap(), b"x");
    assert_told(folder.path(), "found a directory");

    let other = path.with_file_name("other.db");
    let db = rusqlite::Connection::open(&other).unwrap();
    db.execute_batch("CREATE TABLE t (x); INSERT INTO t VALUES (1);")
        .unwrap();
    assert_told(&other, "another program");
    assert!(Index::open_or_create(&other, &recipe(4)).is_err());
}

#[test]
fn a_newer_format_is_refused() {
    let (_folder, path) = place();
    index(&path, 4);
    let db = rusqlite::Connection::open(&path).unwrap();
    db.pragma_update(None, "user_version", 2).unwrap();
    assert_told(
        &path,
        "version 2 of the format, this program reads version 1",
    );
}

#[test]
fn values_that_no_program_of_ours_writes_are_refused() {
    let (_folder, path) = place();
    let video = path.with_file_name("v.mp4");
    let mut made = index(&path, 4);
    made.put(&video, &identity(1), false, &entries(1, 1, 4))
        .unwrap();
    drop(made);
    let db = rusqlite::Connection::open(&path).unwrap();
    for (name, value) in [
        ("width", "0"),
        ("width", "18446744073709551615"),
        ("frames", "-1"),
        ("windows", "sometimes"),
        ("pooling", ""),
    ] {
        let select = "SELECT value FROM recipe WHERE name = ?1";
        let good: String = db.query_row(select, [name], |row| row.get(0)).unwrap();
        let update = "UPDATE recipe SET value = ?2 WHERE name = ?1";
        db.execute(update, (name, value)).unwrap();
        assert_told(&path, &format!("does not say its {name}"));
        db.execute(update, (name, good)).unwrap();
    }
    let opened = Index::open(&path).unwrap();
    for times in [
        "start_den = 0",
        "start_num = -9223372036854775808",
        "end_den = -5",
    ] {
        db.execute(&format!("UPDATE windows SET {times}"), [])
            .unwrap();
        assert!(opened.entries(&video).is_err(), "{times}");
        let good = "UPDATE windows SET start_num = 0, start_den = 1, end_den = 500";
        db.execute(good, []).unwrap();
        assert!(opened.entries(&video).is_ok());
    }
    db.execute("DELETE FROM recipe WHERE name = 'model'", [])
        .unwrap();
    assert_told(&path, "does not say its model");
}

#[test]
fn a_damaged_index_is_an_error_at_any_cut() {
    let (_folder, path) = place();
    let mut whole = index(&path, 64);
    for i in 0..20 {
        let video = path.with_file_name(format!("{i}.mp4"));
        whole
            .put(&video, &identity(i), false, &entries(i, 30, 64))
            .unwrap();
    }
    drop(whole);
    let bytes = fs::read(&path).unwrap();
    assert!(bytes.len() > 100_000);
    for cut in [
        1,
        50,
        100,
        1000,
        16384,
        bytes.len() / 2,
        bytes.len() - 16384,
        bytes.len() - 1,
    ] {
        fs::write(&path, &bytes[..cut]).unwrap();
        let told = told(&path);
        assert!(
            told.contains("is damaged") || told.contains("is no index"),
            "{cut}: {told}"
        );
    }
    // Damage in the middle leaves the beginning readable; verify finds it.
    let mut hurt = bytes.clone();
    let middle = bytes.len() / 2;
    hurt[middle..middle + 20_000].fill(0x5a);
    fs::write(&path, hurt).unwrap();
    let found = Index::open(&path).and_then(|index| index.verify());
    assert!(
        found.as_ref().map_or(true, |faults| !faults.is_empty()),
        "{found:?}"
    );
}

#[test]
fn a_locked_index_is_an_error_in_the_end() {
    let (_folder, path) = place();
    index(&path, 4);
    let db = rusqlite::Connection::open(&path).unwrap();
    db.execute_batch("BEGIN EXCLUSIVE").unwrap();
    assert_told(&path, "is locked by another process");
    db.execute_batch("COMMIT").unwrap();
    assert!(Index::open(&path).is_ok());
}

#[cfg(unix)]
#[test]
fn an_index_that_may_not_be_written_can_be_read() {
    use std::os::unix::fs::PermissionsExt;
    let (_folder, path) = place();
    let video = path.with_file_name("v.mp4");
    index(&path, 4)
        .put(&video, &identity(1), false, &entries(1, 1, 4))
        .unwrap();
    fs::set_permissions(&path, fs::Permissions::from_mode(0o444)).unwrap();
    let mut index = Index::open(&path).unwrap();
    assert_eq!(index.videos().unwrap().len(), 1);
    // Root may write whatever the permissions say.
    match index.put(&video, &identity(2), false, &entries(1, 1, 4)) {
        Ok(()) => {}
        Err(error) => assert!(error.to_string().contains("read-only"), "{error}"),
    }
}
