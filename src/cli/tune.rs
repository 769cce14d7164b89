//! `vcoca-gpu tune`.

use std::process::ExitCode;

use serde::Serialize;
use vcoca_gpu::Gpu;
use vcoca_gpu::gpu::{Caps, DType};
use vcoca_gpu::ops::tuning::{self, Table};
use vcoca_gpu::tune::{self, Candidate, Outcome};

use super::{FAILED, Stop, output, progress};

pub const EXAMPLES: &str = "\
Examples:
  vcoca-gpu tune --quick
  vcoca-gpu tune --forget";

#[derive(clap::Args)]
pub struct Args {
    /// One JSON object for all
    #[arg(long)]
    json: bool,

    /// Tune two small kinds of products only, with few runs
    #[arg(long)]
    quick: bool,

    /// Remove what was kept for this adapter, and tune nothing
    #[arg(long, conflicts_with = "quick")]
    forget: bool,
}

/// What `--json` prints.
#[derive(Serialize)]
struct Report<'a> {
    adapter: &'a str,
    driver: &'a str,
    backend: &'a str,
    /// These are figures of the CPU.
    software: bool,
    /// Where the winners are kept.
    table: String,
    results: Vec<Line<'a>>,
}

#[derive(Serialize)]
struct Line<'a> {
    rows: &'a str,
    size: &'a str,
    dtype: DType,
    /// M, K and N of the product that was timed.
    product: [usize; 3],
    default: String,
    default_ms: Option<f64>,
    winner: String,
    winner_ms: Option<f64>,
    /// How many times as fast the winner is.
    gain: Option<f64>,
    candidates: &'a [Candidate],
}

/// What `--forget --json` prints.
#[derive(Serialize)]
struct Forgotten {
    table: String,
    forgotten: bool,
}

pub fn run(args: &Args, quiet: bool) -> Result<ExitCode, Stop> {
    let gpu = Gpu::new().map_err(Stop::unusable)?;
    let caps = gpu.caps();
    let path = tuning::path(caps).ok_or_else(|| {
        Stop::Fault(
            FAILED,
            anyhow::anyhow!("there is no cache directory to keep a table in: set HOME"),
        )
    })?;
    if args.forget {
        return forget(&path, args.json);
    }
    // The buckets that are not tuned now keep what is known of them.
    let mut table = match Table::load(&path, caps) {
        Ok(table) => table.unwrap_or_else(|| Table::new(caps)),
        Err(_) => Table::new(caps),
    };
    let runs = if args.quick { 3 } else { 7 };
    let buckets = tune::buckets(&gpu, args.quick);
    let bar = progress::bar(buckets.len(), quiet);
    let mut outcomes = Vec::with_capacity(buckets.len());
    for bucket in buckets {
        bar.set_message(format!(
            "{} rows, {}, {}",
            bucket.rows.name(),
            bucket.size.name(),
            bucket.elem
        ));
        let outcome = tune::tune(&gpu, bucket, runs)?;
        table.set(bucket, outcome.winner().map(|(tiling, _)| tiling));
        // After each, so that what was found is kept when the rest is not waited for.
        table.save(&path)?;
        outcomes.push(outcome);
        bar.inc(1);
    }
    bar.finish_and_clear();
    match args.json {
        true => output::json(&report(caps, &path, &outcomes))?,
        false => print(caps, &path, &outcomes)?,
    }
    Ok(code(&outcomes))
}

/// A kernel that is wrong here is not used, but somebody should know.
fn code(outcomes: &[Outcome]) -> ExitCode {
    let mut code = ExitCode::SUCCESS;
    for (outcome, candidate) in outcomes
        .iter()
        .flat_map(|outcome| outcome.candidates.iter().map(move |c| (outcome, c)))
    {
        if let Some(wrong) = &candidate.wrong {
            let (bucket, tiling) = (outcome.bucket, candidate.tiling);
            super::report(format_args!(
                "{tiling} is wrong in {} for {:?}: {wrong}",
                bucket.elem,
                bucket.extents()
            ));
            code = ExitCode::from(FAILED);
        }
    }
    code
}

fn forget(path: &std::path::Path, json: bool) -> Result<ExitCode, Stop> {
    let forgotten = match std::fs::remove_file(path) {
        Ok(()) => true,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => false,
        Err(error) => {
            let error = anyhow::anyhow!("{}: {error}", path.display());
            return Err(Stop::Fault(FAILED, error));
        }
    };
    let table = path.display().to_string();
    if json {
        output::json(&Forgotten { table, forgotten })?;
    } else if forgotten {
        output::line(format_args!("Removed {}", output::path(path)))?;
    } else {
        output::line(format_args!("Nothing is kept at {}", output::path(path)))?;
    }
    Ok(ExitCode::SUCCESS)
}

fn line(outcome: &Outcome) -> Line<'_> {
    let at = outcome.bucket.extents();
    let default_ms = outcome.usual_ms();
    let (winner, winner_ms) = match outcome.winner() {
        Some((tiling, ms)) => (tiling, Some(ms)),
        None => (outcome.usual, default_ms),
    };
    Line {
        rows: outcome.bucket.rows.name(),
        size: outcome.bucket.size.name(),
        dtype: outcome.bucket.elem,
        product: [at.m, at.k, at.n],
        default: outcome.usual.to_string(),
        default_ms,
        winner: winner.to_string(),
        winner_ms,
        gain: default_ms.zip(winner_ms).map(|(usual, ms)| usual / ms),
        candidates: &outcome.candidates,
    }
}

fn report<'a>(caps: &'a Caps, path: &std::path::Path, outcomes: &'a [Outcome]) -> Report<'a> {
    Report {
        adapter: &caps.name,
        driver: &caps.driver,
        backend: &caps.backend,
        software: caps.software(),
        table: path.display().to_string(),
        results: outcomes.iter().map(line).collect(),
    }
}

fn print(caps: &Caps, path: &std::path::Path, outcomes: &[Outcome]) -> Result<(), Stop> {
    output::line(format_args!(
        "{} ({}, {})",
        output::plain(&caps.name),
        output::plain(&caps.driver),
        caps.backend
    ))?;
    if caps.software() {
        output::line("A software adapter: these are figures of the CPU, not of any GPU.")?;
    }
    if !caps.timestamps {
        output::line("No timestamps: times are those of the wall, with submission.")?;
    }
    let header = [
        "rows",
        "size",
        "type",
        "M × K × N",
        "tried",
        "default",
        "ms",
        "winner",
        "ms",
        "gain",
    ];
    let mut rows = vec![header.map(str::to_owned)];
    rows.extend(outcomes.iter().map(row));
    let left = [
        true, true, true, true, false, true, false, true, false, false,
    ];
    output::table(&rows, left)?;
    output::line(format_args!("Kept in {}", output::path(path)))?;
    Ok(())
}

fn row(outcome: &Outcome) -> [String; 10] {
    let line = line(outcome);
    let ms = |ms: Option<f64>| ms.map_or("wrong".into(), |ms| format!("{ms:.3}"));
    let [m, k, n] = line.product;
    let changed = outcome.winner().is_some();
    [
        line.rows.to_owned(),
        line.size.to_owned(),
        line.dtype.to_string(),
        format!("{m} × {k} × {n}"),
        line.candidates.len().to_string(),
        line.default,
        ms(line.default_ms),
        if changed {
            line.winner
        } else {
            "the default".into()
        },
        ms(line.winner_ms),
        line.gain
            .filter(|_| changed)
            .map_or("".into(), |gain| format!("{gain:.2} ×")),
    ]
}
