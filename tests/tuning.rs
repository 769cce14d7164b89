//! Tables of tuning: kept, read back, held against the adapter, and used.

mod common;

use std::path::PathBuf;

use serde_json::{Value, json};
use vcoca_gpu::Gpu;
use vcoca_gpu::cases::linear::{By, Operands};
use vcoca_gpu::gpu::{Constant, DType};
use vcoca_gpu::ops::linear::{Extents, Op, TILINGS, Tiling};
use vcoca_gpu::ops::tuning::{self, Bucket, Rows, Size, Table};
use vcoca_gpu::tune::{Candidate, Outcome};

const BUCKET: Bucket = Bucket {
    rows: Rows::Tens,
    size: Size::Small,
    elem: DType::F32,
};

/// A product of the bucket.
const AT: Extents = Extents {
    m: 50,
    n: 100,
    k: 36,
};

fn named(name: &str) -> Tiling {
    Tiling::named(name).unwrap()
}

/// A table of this adapter with one winner.
fn table(winner: &str) -> Table {
    let mut table = Table::new(common::gpu().caps());
    table.set(BUCKET, Some(named(winner)));
    table
}

/// A file with the table, which `change` has been at.
fn file(change: impl FnOnce(&mut Value)) -> (tempfile::TempDir, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a/b/table.json");
    table("register-8x8").save(&path).unwrap();
    let mut file: Value = serde_json::from_slice(&std::fs::read(&path).unwrap()).unwrap();
    change(&mut file);
    std::fs::write(&path, file.to_string()).unwrap();
    (folder, path)
}

#[test]
fn a_table_comes_back_as_it_was_kept() {
    let caps = common::gpu().caps();
    let (_folder, path) = file(|_| ());
    let table = Table::load(&path, caps).unwrap().unwrap();
    assert_eq!(table.len(), 1);
    let winner = |at, elem| table.winner(caps, at, elem);
    assert_eq!(winner(AT, DType::F32), Some(named("register-8x8")));
    assert_eq!(winner(AT, DType::F16), None);
    assert_eq!(winner(Extents { m: 129, ..AT }, DType::F32), None);

    let nowhere = path.with_file_name("nonesuch.json");
    assert!(Table::load(&nowhere, caps).unwrap().is_none());
}

#[test]
fn every_tiling_has_a_name_of_its_own() {
    for tiling in TILINGS {
        assert_eq!(Tiling::named(&tiling.to_string()), Some(*tiling));
    }
}

#[test]
fn a_table_of_something_else_is_refused() {
    let caps = common::gpu().caps();
    for (field, value) in [
        ("format", json!(2)),
        ("adapter", json!("another\u{1b}[2J")),
        ("driver", json!("newer")),
        ("kernels", json!("0123456789abcdef")),
    ] {
        let (_folder, path) = file(|file| file[field] = value);
        let error = Table::load(&path, caps).unwrap_err().to_string();
        assert!(error.contains(&format!("the {field}: expected")), "{error}");
        assert!(!error.contains('\u{1b}'), "{error}");
    }
}

#[test]
fn what_is_no_table_is_refused() {
    let caps = common::gpu().caps();
    let (_folder, path) = file(|_| ());
    let whole = std::fs::read(&path).unwrap();
    for bytes in [
        &whole[..whole.len() / 2],
        b"",
        b"[]",
        b"\xff\0",
        b"{\"format\": -1}",
    ] {
        std::fs::write(&path, bytes).unwrap();
        let error = Table::load(&path, caps).unwrap_err().to_string();
        assert!(error.starts_with("tuning "), "{error}");
    }
    std::fs::write(&path, vec![b' '; 2 << 20]).unwrap();
    Table::load(&path, caps).unwrap_err();
    Table::load(path.parent().unwrap(), caps).unwrap_err();
}

#[test]
fn a_line_that_names_what_is_not_there_is_passed_over() {
    let caps = common::gpu().caps();
    let (_folder, path) = file(|file| {
        let winners = file["winners"].as_array_mut().unwrap();
        for (field, value) in [
            ("rows", "0"),
            ("size", "huge"),
            ("dtype", "u32"),
            ("tiling", "tile-64x64-4x5"),
        ] {
            let mut line = winners[0].clone();
            line[field] = json!(value);
            winners.insert(0, line);
            winners.rotate_left(1);
        }
        winners.rotate_right(1);
    });
    let table = Table::load(&path, caps).unwrap().unwrap();
    assert_eq!(table.len(), 1);
    let winner = table.winner(caps, AT, DType::F32);
    assert_eq!(winner, Some(named("register-8x8")));
}

#[test]
fn a_winner_that_does_not_fit_is_not_taken() {
    let gpu = common::gpu();
    let winner = |table: &Table, gpu: &Gpu, at| table.winner(gpu.caps(), at, DType::F32);

    // Stores four columns at a time.
    let tile = table("tile-128x128-8x8");
    let large = gpu.with_caps(|caps| caps.workgroup_bytes = 32 << 10);
    assert!(winner(&tile, &large, AT).is_some());
    assert_eq!(winner(&tile, &large, Extents { n: 101, ..AT }), None);
    let small = gpu.with_caps(|caps| caps.workgroup_bytes = 16 << 10);
    assert_eq!(winner(&tile, &small, AT), None);

    // 256 invocations.
    let mut few = Table::new(gpu.caps());
    let rows = Rows::One;
    few.set(Bucket { rows, ..BUCKET }, Some(named("split-row-8x32")));
    let narrow = gpu.with_caps(|caps| caps.workgroup_invocations = 128);
    assert!(winner(&few, gpu, Extents { m: 1, ..AT }).is_some());
    assert_eq!(winner(&few, &narrow, Extents { m: 1, ..AT }), None);

    // Needs subgroups of a certain kind.
    let broadcast = table("broadcast-1");
    let hardware = gpu.with_caps(|caps| caps.kind = "discrete");
    assert_eq!(winner(&broadcast, &hardware, AT), None);

    // One more workgroup than a grid can have.
    let mut many = Table::new(gpu.caps());
    let rows = Rows::Thousands;
    many.set(Bucket { rows, ..BUCKET }, Some(named("register-8x8")));
    let most = Extents { m: 8 * 65535, ..AT };
    assert!(winner(&many, gpu, most).is_some());
    let more = Extents {
        m: most.m + 1,
        ..AT
    };
    assert_eq!(winner(&many, gpu, more), None);
}

/// The rows a workgroup makes, of each kernel from registers that a device compiled.
fn registers(gpu: &Gpu) -> Vec<Constant> {
    let compiled = gpu.compiled().into_iter();
    compiled
        .filter(|(name, ..)| *name == "linear_register")
        .flat_map(|(_, _, constants)| constants)
        .filter_map(|(name, value)| (name == "ROWS").then_some(value))
        .collect()
}

#[test]
fn products_are_made_by_the_tiling_of_the_table() {
    let gpu = Gpu::new().unwrap();
    assert!(tuning::install(&gpu, table("register-8x8")));
    let check = |m| {
        let operands = Operands::new(&gpu, DType::F32, Op::Gelu, [m, AT.k, AT.n]).unwrap();
        operands.product(By::Choice).check(&gpu).unwrap().unwrap();
    };
    check(AT.m);
    assert_eq!(registers(&gpu), [Constant::U32(8)]);
    assert_eq!(gpu.compiled().len(), 1);
    // Another bucket is as it was.
    check(200);
    assert_eq!(registers(&gpu).len(), 1);
    assert_eq!(gpu.compiled().len(), 2);
    assert!(!tuning::install(&gpu, table("register-8x16")), "too late");
}

#[test]
fn a_winner_is_right_and_clearly_faster() {
    let usual = named("broadcast-4");
    let outcome = |candidates: &[(&str, Option<f64>)]| {
        let candidate = |&(name, ms): &(&str, Option<f64>)| Candidate {
            tiling: named(name),
            ms,
            wrong: ms.is_none().then(|| "row 0".to_owned()),
        };
        let candidates = candidates.iter().map(candidate).collect();
        let bucket = BUCKET;
        let outcome = Outcome {
            bucket,
            candidates,
            usual,
        };
        outcome.winner().map(|(tiling, _)| tiling)
    };
    let own = ("broadcast-4", Some(1.0));
    let other = named("broadcast-2");
    assert_eq!(outcome(&[own, ("broadcast-2", Some(0.9))]), Some(other));
    assert_eq!(outcome(&[own, ("broadcast-2", Some(0.96))]), None);
    assert_eq!(outcome(&[own, ("broadcast-2", None)]), None);
    let wrong = ("broadcast-4", None);
    assert_eq!(outcome(&[wrong, ("broadcast-2", Some(9.0))]), Some(other));
}
