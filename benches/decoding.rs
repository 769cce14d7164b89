//! Times the writing of texts, after checking them: each text's log-probability, summed id by id over
//! the caches, against that of the whole text read at once.
//!
//! `cargo bench --profile dev --bench decoding -- DIRECTORY` takes another model than the tests' tiny
//! one. Contexts are no clip's but a formula. Under `cargo test --benches`, or with `--test`, each runs
//! once.

use std::path::PathBuf;
use std::process::ExitCode;

use vcoca_gpu::Result;
use vcoca_gpu::bench::{Measured, Settings, text};
use vcoca_gpu::generate::{BeamSearch, Draw, Scoring, Strategy};
use vcoca_gpu::gpu::{DType, Gpu};
use vcoca_gpu::model::{CoCa, ModelSource};

fn main() -> Result<ExitCode> {
    let args: Vec<_> = std::env::args().skip(1).collect();
    let has = |flag: &str| args.iter().any(|arg| arg == flag);
    let test = has("--test") || !has("--bench");
    let settings = Settings {
        runs: if test { 1 } else { 7 },
        ..Settings::default()
    };
    let model = (args.iter().find(|arg| !arg.starts_with('-'))).map_or_else(
        || PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/data/tiny"),
        PathBuf::from,
    );
    let gpu = Gpu::new()?;
    let caps = gpu.caps();
    println!("{} ({}, {})", caps.name, caps.driver, caps.backend);
    if caps.software() {
        println!("a software adapter: these are figures of the CPU, not of any GPU");
    }
    println!("{}", Measured::HEADER);
    let mut wrong = false;
    for dtype in [DType::F32, DType::F16] {
        if dtype == DType::F16 && !caps.f16 {
            continue;
        }
        let model = CoCa::load(&gpu, &ModelSource::Directory(model.clone()), dtype)?;
        for (name, strategy) in strategies() {
            for clips in [1, 8] {
                if let Some(row) = text(&model, &settings, name, strategy, clips)? {
                    wrong |= !row.verified;
                    println!("{row}");
                }
            }
        }
    }
    Ok(ExitCode::from(u8::from(wrong)))
}

fn strategies() -> [(&'static str, Strategy); 4] {
    let draw = |top_k, top_p| {
        Strategy::Draw(Draw {
            top_k,
            top_p,
            ..Draw::default()
        })
    };
    let beams = Strategy::Beams(BeamSearch {
        beams: 6,
        groups: 1,
        scoring: Scoring::LogProbabilities,
    });
    [
        ("greedy", Strategy::Greedy),
        ("drawn", draw(None, 1.0)),
        ("drawn, top 50, 0.9", draw(Some(50), 0.9)),
        ("6 beams", beams),
    ]
}
