//! Times the writing of texts, after checking them: each text's log-probability, summed id by id over
//! the caches, against that of the whole text read at once.
//!
//! `cargo bench --profile dev --bench decoding -- DIRECTORY` takes another model than the tests' tiny
//! one. Contexts are no clip's but a formula. Under `cargo test --benches`, or with `--test`, nothing is
//! timed.

use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Instant;

use vcoca_gpu::Result;
use vcoca_gpu::generate::{BeamSearch, Draw, Generated, Options, Scoring, Strategy, generate};
use vcoca_gpu::gpu::{DType, Gpu, Tensor};
use vcoca_gpu::model::{CoCa, ModelSource, Taps};

const RUNS: usize = 7;

fn main() -> Result<ExitCode> {
    let args: Vec<_> = std::env::args().skip(1).collect();
    let has = |flag: &str| args.iter().any(|arg| arg == flag);
    let test = has("--test") || !has("--bench");
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
    println!(
        "{:<28} {:>5} {:>6} {:>5} {:>10} {:>8} {:>7} {:>14} {:>12} {:>7}",
        "texts",
        "type",
        "clips",
        "ids",
        "ms/id best",
        "median",
        "spread",
        "dispatches/id",
        "submissions",
        "error"
    );
    let mut wrong = false;
    for dtype in [DType::F32, DType::F16] {
        if dtype == DType::F16 && !caps.f16 {
            continue;
        }
        let model = CoCa::load(&gpu, &ModelSource::Directory(model.clone()), dtype)?;
        for (name, strategy) in strategies() {
            for clips in [1, 8] {
                wrong |= !row(&model, name, strategy, clips, test)?;
            }
        }
    }
    Ok(if wrong {
        ExitCode::FAILURE
    } else {
        ExitCode::SUCCESS
    })
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

/// Checks and times one way to write; whether it is right.
fn row(model: &CoCa, name: &str, strategy: Strategy, clips: usize, test: bool) -> Result<bool> {
    let seq_len = model.config().context_length.min(30);
    let options = Options {
        seq_len,
        min_seq_len: seq_len - 1, // every text is as long as it may be
        strategy,
        ..Options::default()
    };
    let (gpu, context) = (model.gpu(), contexts(model, clips)?);
    let before = gpu.work();
    let texts = generate(model, &context, &options)?;
    let after = gpu.work();
    let mut error = 0f32;
    for (clip, texts) in texts.iter().enumerate() {
        error = error.max((texts[0].logprob - whole(model, clips, clip, &texts[0])?).abs());
    }
    let allowed = match model.dtype() {
        DType::F16 => 0.02,
        _ => 1e-4,
    } * seq_len as f32;
    print!(
        "{name:<28} {:>5} {clips:>6} {:>5} ",
        model.dtype(),
        seq_len - 1
    );
    if error.is_nan() || error > allowed {
        println!("WRONG: log-probabilities are {error} apart");
        return Ok(false);
    }
    if test {
        println!("right");
        return Ok(true);
    }
    let mut times = Vec::new();
    for _ in 0..RUNS {
        let begin = Instant::now();
        generate(model, &context, &options)?;
        times.push(begin.elapsed().as_secs_f64() * 1e3 / (seq_len - 1) as f64);
    }
    times.sort_by(f64::total_cmp);
    let (best, median) = (times[0], times[RUNS / 2]);
    println!(
        "{best:>10.3} {median:>8.3} {:>6.0}% {:>14.1} {:>12} {:>7.2}",
        100.0 * (times[RUNS - 1] - best) / median,
        (after.dispatches - before.dispatches) as f64 / (seq_len - 1) as f64,
        after.submissions - before.submissions,
        error / allowed,
    );
    Ok(true)
}

/// (clips, Q-1, E) f32.
fn contexts(model: &CoCa, clips: usize) -> Result<Tensor> {
    let config = model.config();
    let dims = [clips, config.queries - 1, config.embed_dim];
    let values: Vec<f32> = (0..dims.iter().product())
        .map(|i: usize| (0.37 * i as f64 + (i / (dims[1] * dims[2])) as f64).sin() as f32)
        .collect();
    let mut pass = model.gpu().pass();
    let context = pass.upload_f32(&dims, DType::F32, &values)?;
    pass.submit()?;
    Ok(context)
}

/// The log-probability of a text about one of the clips, without caches: the text read whole.
fn whole(model: &CoCa, clips: usize, clip: usize, text: &Generated) -> Result<f32> {
    let gpu = model.gpu();
    let context = contexts(model, clips)?;
    let (rows, width) = (context.dim(1), context.dim(2));
    let values = gpu.read_f32(&context)?;
    let own = &values[clip * rows * width..][..rows * width];
    let mut pass = gpu.pass();
    let context = pass.upload_f32(&[1, rows, width], DType::F32, own)?;
    let ids = pass.upload(&[1, text.tokens.len()], DType::U32, &text.tokens)?;
    let read = model.encode_text(&mut pass, &ids, &mut Taps::none())?;
    let logits = model.decode(&mut pass, &read.tokens, &context, &mut Taps::none())?;
    pass.submit()?;
    let logits = gpu.read_f32(&logits)?;
    Ok((logits.chunks(model.config().vocab).zip(&text.tokens[1..]))
        .map(|(row, &id)| {
            let most = row.iter().copied().fold(f32::MIN, f32::max);
            let sum: f32 = row.iter().map(|logit| (logit - most).exp()).sum();
            row[id as usize] - most - sum.ln()
        })
        .sum())
}
