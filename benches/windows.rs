//! Times sliding windows, after checking them: what a window costs, against how many frames it shows.
//!
//! Windows of more and more frames slide over one video by one frame each, with the built-in model or
//! the one in DIRECTORY. Each is checked against encoding its own frames alone; then what it costs is
//! compared with that.
//!
//! `cargo bench --profile dev --bench windows -- DIRECTORY`. Under `cargo test --benches`, or with
//! `--test`, nothing is timed.

use std::path::Path;
use std::process::ExitCode;
use std::time::Instant;

use vcoca_gpu::engine::WindowOptions;
use vcoca_gpu::frames::{self, Frame, Sampling, Seconds};
use vcoca_gpu::gpu::Gpu;
use vcoca_gpu::hub::Hub;
use vcoca_gpu::windows::Windows;
use vcoca_gpu::{Engine, ModelSource, Result};

/// Seconds from one frame to the next.
const STEP: Seconds = Seconds::new_raw(1, 4);

/// Frames of a window.
const LENGTHS: [usize; 5] = [4, 8, 16, 32, 64];

/// Windows that are timed of each length, behind the first.
const COUNT: usize = 24;

/// Embeddings in f16 differ by no more, whatever is merged in which order.
const NEAR: f32 = 4e-3;

fn main() -> Result<ExitCode> {
    let args: Vec<_> = std::env::args().skip(1).collect();
    let has = |flag: &str| args.iter().any(|arg| arg == flag);
    let test = has("--test") || !has("--bench");
    let model = args.iter().find(|arg| !arg.starts_with('-'));
    let model = model.map_or("shapes", String::as_str);
    let gpu = Gpu::new()?;
    let caps = gpu.caps();
    println!("{} ({}, {})", caps.name, caps.driver, caps.backend);
    if caps.software() {
        println!("a software adapter: these are figures of the CPU, not of any GPU");
    }
    let engine = Engine::load(&gpu, &ModelSource::open(model, &Hub::from_env())?, None)?;
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let video = root.join("tests/data/world/moments/videos/long_000.mp4"); // 30 s
    let stream = frames::stream(&video, STEP)?.expect("a video");
    let all: Vec<Frame> = stream.collect::<Result<_>>()?;

    println!("{model} in {}", engine.model().dtype());
    println!(
        "{:>6} {:>10} {:>12} {:>14} {:>10}",
        "frames", "error", "ms/window", "ms alone", "decoding"
    );
    let mut wrong = false;
    for frames in LENGTHS {
        wrong |= !row(&engine, &video, &all, frames, test)?;
        if test {
            break;
        }
    }
    Ok(match wrong {
        true => ExitCode::FAILURE,
        false => ExitCode::SUCCESS,
    })
}

/// One length; whether its windows are right.
fn row(engine: &Engine, video: &Path, all: &[Frame], frames: usize, test: bool) -> Result<bool> {
    let options = WindowOptions {
        windows: Windows::Sliding {
            length: STEP * frames as i64,
            stride: STEP,
        },
        frames,
        sampling: Sampling::Uniform,
    };
    let mut windows = engine.windows(video, &options)?;
    // The first window pays for all of its frames.
    let first = windows.next().expect("a window")?;
    let (mut error, mut spent, mut decoded) = (0.0f32, Vec::new(), 0.0);
    for i in 1..=if test { 2 } else { COUNT } {
        let clock = Instant::now();
        let window = windows.next().expect("the video is long enough")?;
        let elapsed = clock.elapsed().as_secs_f64() * 1e3;
        decoded += window.clip.timings.decode;
        spent.push(elapsed - window.clip.timings.decode);
        let alone = engine.encode_video(&all[i..i + frames])?;
        let alone = engine.read_embedding(&alone)?;
        let differences = (window.embedding.iter().zip(&alone)).map(|(a, b)| (a - b).abs());
        error = differences.fold(error, f32::max);
    }
    drop(first);
    let right = error <= NEAR;
    let verdict = if right { "" } else { "  WRONG" };
    if test || !right {
        println!("{frames:>6} {error:>10.1e}{verdict}");
        return Ok(right);
    }
    let mut whole = Vec::new();
    for i in 0..5 {
        let clock = Instant::now();
        engine.read_embedding(&engine.encode_video(&all[i..i + frames])?)?;
        whole.push(clock.elapsed().as_secs_f64() * 1e3);
    }
    println!(
        "{frames:>6} {error:>10.1e} {:>12.1} {:>14.1} {:>10.1}",
        median(spent),
        median(whole),
        decoded / COUNT as f64
    );
    Ok(right)
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_unstable_by(f64::total_cmp);
    values[values.len() / 2]
}
