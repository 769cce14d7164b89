//! `vcoca-gpu models`.

use std::process::ExitCode;

use serde::Serialize;
use vcoca_gpu::hub::Hub;
use vcoca_gpu::model::published::{self, PUBLISHED};

use super::{Stop, output};

#[derive(clap::Args)]
pub struct Args {
    /// One JSON object a line, for each model
    #[arg(long)]
    json: bool,
}

/// One line of `--json`.
#[derive(Serialize)]
struct Line {
    /// What `--model` takes.
    name: String,
    state: &'static str,
    /// On disk or in the program.
    bytes: Option<u64>,
    parameters: Option<u64>,
    licence: Option<&'static str>,
    good_for: Option<&'static str>,
    folder: Option<String>,
}

pub fn run(args: &Args) -> Result<ExitCode, Stop> {
    let hub = Hub::from_env();
    let lines = lines(&hub);
    if args.json {
        for line in &lines {
            output::json(line)?;
        }
        return Ok(ExitCode::SUCCESS);
    }
    let header = ["model", "state", "size", "licence", "good for"];
    let mut rows = vec![header.map(str::to_owned)];
    rows.extend(lines.iter().map(row));
    output::table(&rows, [true, true, false, true, true])?;
    output::line(format_args!(
        "\nSizes of models that are not here are those of their weights in f32. %: zero-shot accuracy \
         on ImageNet, as published.\nCache: {}",
        output::path(hub.cache())
    ))?;
    Ok(ExitCode::SUCCESS)
}

/// What is built in, then what is in the cache, then what else is known.
fn lines(hub: &Hub) -> Vec<Line> {
    let mut lines = Vec::new();
    #[cfg(feature = "shapes")]
    lines.push(shapes());
    let cached = published::cached(hub);
    lines.extend(cached.iter().map(|cached| {
        let known = published::find(&cached.repo);
        Line {
            name: cached.repo.to_string(),
            state: "cached",
            bytes: Some(cached.bytes),
            parameters: known.map(|known| known.parameters),
            licence: known.map(|known| known.licence),
            good_for: known.map(|known| known.good_for),
            folder: Some(cached.folder.display().to_string()),
        }
    }));
    let is_here = |name: &str| cached.iter().any(|cached| cached.repo.id() == name);
    let others = PUBLISHED.iter().filter(|known| !is_here(known.repo));
    lines.extend(others.map(|known| Line {
        name: known.repo.to_owned(),
        state: "not here",
        bytes: None,
        parameters: Some(known.parameters),
        licence: Some(known.licence),
        good_for: Some(known.good_for),
        folder: None,
    }));
    lines
}

#[cfg(feature = "shapes")]
fn shapes() -> Line {
    Line {
        name: vcoca_gpu::model::SHAPES.to_owned(),
        state: "built in",
        bytes: Some(vcoca_gpu::model::SHAPES_BYTES),
        parameters: Some(2_693_633),
        licence: Some("MIT"),
        good_for: Some("trying everything out: it knows coloured shapes alone"),
        folder: None,
    }
}

fn row(line: &Line) -> [String; 5] {
    let weights = line.parameters.map(|parameters| 4 * parameters);
    [
        line.name.clone(),
        line.state.to_owned(),
        line.bytes.or(weights).map(size).unwrap_or_default(),
        line.licence.unwrap_or("see its card").to_owned(),
        line.good_for.unwrap_or_default().to_owned(),
    ]
}

/// Bytes as file listings on the web have them.
fn size(bytes: u64) -> String {
    match bytes as f64 {
        bytes if bytes >= 1e9 => format!("{:.2} GB", bytes / 1e9),
        bytes => format!("{:.1} MB", bytes / 1e6),
    }
}
