//! Times search over synthetic indexes, after checking its scores against plain loops.
//!
//! `cargo bench --profile dev --bench search` takes 10,000 and 100,000 windows of 768 values, and as many
//! more as numbers are given after `--` (1,000,000 take 1.6 GB of disk). Under `cargo test --benches`, or
//! with `--test`, a small index is checked and nothing is timed.

use std::path::Path;
use std::process::ExitCode;
use std::time::Instant;

use vcoca_gpu::Result;
use vcoca_gpu::engine::Pooling;
use vcoca_gpu::frames::{Sampling, Seconds};
use vcoca_gpu::gpu::{DType, Gpu};
use vcoca_gpu::index::{Entry, Identity, Index, Recipe, Stamp, Wanted};
use vcoca_gpu::ops::score::score_rows;
use vcoca_gpu::windows::{Span, Windows};

const WIDTH: usize = 768;
/// Windows of a video: some half an hour, a window every two seconds.
const WINDOWS: usize = 1000;
const RUNS: usize = 7;
const MB: f64 = 1e6;

fn main() -> Result<ExitCode> {
    let args: Vec<_> = std::env::args().skip(1).collect();
    let has = |flag: &str| args.iter().any(|a| a == flag);
    // Cargo says `--bench` when it benches, and nothing when it tests.
    let test = has("--test") || !has("--bench");
    let more = args.iter().filter_map(|arg| arg.parse().ok());
    let sizes: Vec<usize> = match test {
        true => vec![1234],
        false => [10_000, 100_000].into_iter().chain(more).collect(),
    };

    let gpu = Gpu::new()?;
    let caps = gpu.caps();
    println!("{} ({}, {})", caps.name, caps.driver, caps.backend);
    if caps.software() {
        println!("a software adapter: these are figures of the CPU, not of any GPU");
    }
    println!("best of {RUNS} runs, in milliseconds; the file is in the system's cache");
    println!(
        "{:>9} {:>8} {:>9} {:>9} {:>9} {:>9} {:>11} {:>6}",
        "windows", "file MB", "made", "read", "gpu", "query", "windows/s", "error"
    );
    for count in sizes {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let clock = Instant::now();
        let path = folder.path().join("bench.index");
        let index = fill(&path, count)?;
        let made = clock.elapsed().as_secs_f64() * 1e3;
        let query = unit(count as u64 / 2);
        let error = match check(&gpu, &index, count, &query)? {
            Ok(error) => error,
            Err(problem) => {
                println!("{count:>9} WRONG: {problem}");
                return Ok(ExitCode::FAILURE);
            }
        };
        if test {
            println!("{count:>9} right");
            continue;
        }
        let wanted = Wanted {
            top: 10,
            min_score: None,
        };
        let read = time(|| index.read_through().map(drop))?;
        let computed = time_gpu(&gpu, count, &query)?;
        let whole = time(|| index.search(&gpu, &query, &wanted).map(drop))?;
        let bytes = std::fs::metadata(&path).map_or(0, |meta| meta.len());
        println!(
            "{count:>9} {:>8.1} {made:>9.0} {read:>9.1} {computed:>9.1} {whole:>9.1} {:>11.0} {error:>6.0e}",
            bytes as f64 / MB,
            count as f64 / whole * 1e3,
        );
    }
    Ok(ExitCode::SUCCESS)
}

/// The least milliseconds: other work only ever adds.
fn time(mut work: impl FnMut() -> Result<()>) -> Result<f64> {
    let mut least = f64::INFINITY;
    for _ in 0..RUNS {
        let clock = Instant::now();
        work()?;
        least = least.min(clock.elapsed().as_secs_f64() * 1e3);
    }
    Ok(least)
}

/// What the GPU takes for rows that it has already: chunks as a search makes them.
fn time_gpu(gpu: &Gpu, count: usize, query: &[f32]) -> Result<f64> {
    let chunk = count.min((32 << 20) / (2 * WIDTH));
    let mut pass = gpu.pass();
    let rows = pass.tensor(&[chunk, WIDTH], DType::F16)?;
    pass.clear(&rows);
    let query = pass.upload_f32(&[WIDTH], DType::F32, query)?;
    pass.submit()?.wait()?;
    time(|| {
        for _ in 0..count.div_ceil(chunk) {
            let mut pass = gpu.pass();
            score_rows(&mut pass, &rows, &query)?;
            pass.submit()?.wait()?;
        }
        Ok(())
    })
}

/// An index of `count` windows.
fn fill(path: &Path, count: usize) -> Result<Index> {
    let recipe = Recipe {
        model: "none".into(),
        model_hash: "0".repeat(64),
        width: WIDTH,
        windows: Windows::Whole,
        frames: 8,
        sampling: Sampling::Uniform,
        pooling: Pooling::Flatten,
    };
    let mut index = Index::open_or_create(path, &recipe)?;
    for first in (0..count).step_by(WINDOWS) {
        let windows = first..count.min(first + WINDOWS);
        let entries: Vec<Entry> = windows
            .map(|i| {
                let start = Seconds::from(2 * (i - first) as i64);
                Entry {
                    span: Span {
                        start,
                        end: start + Seconds::from(4),
                    },
                    embedding: unit(i as u64),
                    caption: None,
                }
            })
            .collect();
        let video = path.with_file_name(format!("{first}.mp4"));
        let identity = Identity {
            stamp: Stamp { size: 1, mtime: 0 },
            sha256: std::array::from_fn(|i| (first >> (i % 8)) as u8),
        };
        index.put(&video, &identity, false, &entries)?;
    }
    Ok(index)
}

/// The embedding of window `seed`: a random direction.
fn unit(seed: u64) -> Vec<f32> {
    let mut state = (seed + 1).wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1;
    let mut next = || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        (state >> 40) as f32 / (1u64 << 23) as f32 - 1.0
    };
    let values: Vec<f32> = (0..WIDTH).map(|_| next()).collect();
    let length = values.iter().map(|value| value * value).sum::<f32>().sqrt();
    values.iter().map(|value| value / length).collect()
}

/// The largest error of some scores, or what is wrong.
fn check(
    gpu: &Gpu,
    index: &Index,
    count: usize,
    query: &[f32],
) -> Result<std::result::Result<f64, String>> {
    let scores = index.scores(gpu, query)?;
    if scores.len() != count {
        return Ok(Err(format!("{} scores", scores.len())));
    }
    let kept = |value: f32| f64::from(half::f16::from_f32(value).to_f32());
    let mut worst = 0f64;
    for i in (0..count).step_by(97).chain([count - 1]) {
        let pairs = unit(i as u64).into_iter().zip(query);
        let want: f64 = pairs.map(|(a, &b)| kept(a) * f64::from(b)).sum();
        let error = (f64::from(scores[i]) - want).abs();
        if error > 1e-5 {
            return Ok(Err(format!("score {i} is {}, not {want}", scores[i])));
        }
        worst = worst.max(error);
    }
    Ok(Ok(worst))
}
