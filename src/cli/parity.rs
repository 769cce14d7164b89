//! `vcoca-gpu parity`.

use std::io;
use std::path::PathBuf;
use std::process::ExitCode;

use serde::Serialize;
use vcoca_gpu::gpu::DType;
use vcoca_gpu::model::CoCa;
use vcoca_gpu::parity::{Dump, Outcome, Report, Stage, TokenDifference, compare};

use super::hub::HubArgs;
use super::model::{Element, open};
use super::{FAILED, Stop, output};

#[derive(clap::Args)]
pub struct Args {
    /// "shapes", a directory with open_clip_config.json and weights, or a repository on Hugging Face:
    /// owner/name or owner/name@revision
    #[arg(long, value_name = "MODEL")]
    model: String,

    #[command(flatten)]
    hub: HubArgs,

    /// The reference dump (tools/reference.py writes one)
    #[arg(long, value_name = "FILE")]
    reference: PathBuf,

    /// Element type of weights and activations
    #[arg(long, value_name = "TYPE", default_value = "f32")]
    dtype: Element,

    /// One JSON object for the whole comparison
    #[arg(long)]
    json: bool,
}

/// What `--json` prints.
#[derive(Serialize)]
struct Line<'a> {
    model: String,
    reference: std::borrow::Cow<'a, str>,
    adapter: &'a str,
    pass: bool,
    first_failure: Option<&'a str>,
    #[serde(flatten)]
    report: &'a Report,
}

pub fn run(args: &Args, quiet: bool) -> Result<ExitCode, Stop> {
    let dump = Dump::open(&args.reference)?;
    let dtype = DType::from(args.dtype);
    let (source, model) = open(&args.model, &args.hub, quiet, |gpu, source, progress| {
        CoCa::load_with(gpu, source, dtype, progress)
    })?;
    let report = compare(&model, &dump)?;
    let adapter = &model.gpu().caps().name;
    if args.json {
        output::json(&Line {
            model: source.name(),
            reference: args.reference.to_string_lossy(),
            adapter,
            pass: report.pass(),
            first_failure: report.first_failure().map(|(_, stage)| stage.name.as_str()),
            report: &report,
        })?;
    } else {
        output::line(format_args!(
            "{} against {}, {dtype} on {adapter}\n",
            source.name(),
            output::path(&args.reference),
        ))?;
        show(&report)?;
    }
    Ok(ExitCode::from(if report.pass() { 0 } else { FAILED }))
}

fn show(report: &Report) -> io::Result<()> {
    let header = [
        "#", "stage", "shape", "max abs", "max rel", "NMSE", "cosine", "",
    ];
    let mut rows = vec![header.map(str::to_owned)];
    rows.extend(
        report
            .stages
            .iter()
            .enumerate()
            .map(|(i, stage)| row(i, stage)),
    );
    output::table(&rows, [false, true, true, false, false, false, false, true])?;
    for name in &report.unknown {
        output::line(format_args!("not known: {name}"))?;
    }
    let gates = report.gates;
    output::line(match report.first_failure() {
        None => format!(
            "\nPASS: {} stages, each with NMSE <= {:.0e}; embeddings and logits with cosine >= {}",
            report.stages.len(),
            gates.nmse,
            gates.cosine,
        ),
        Some((i, stage)) => {
            let failed = report.stages.iter().filter(|stage| !stage.pass).count();
            format!(
                "\nFAIL: {failed} of {} stages; the first is #{i} {}: {} (gates: NMSE <= {:.0e}, \
                 cosine of embeddings and logits >= {})",
                report.stages.len(),
                stage.name,
                reason(stage),
                gates.nmse,
                gates.cosine,
            )
        }
    })
}

fn row(index: usize, stage: &Stage) -> [String; 8] {
    let shape: Vec<_> = stage.shape.iter().map(ToString::to_string).collect();
    let figures = match &stage.outcome {
        Outcome::Values(d) => [
            short(d.max_abs),
            short(d.max_rel),
            short(d.nmse),
            format!("{:.7}", d.cosine),
        ],
        Outcome::Tokens(d) => [tokens(d), String::new(), String::new(), String::new()],
    };
    let [abs, rel, nmse, cosine] = figures;
    let verdict = if stage.pass { "ok" } else { "FAIL" };
    [
        index.to_string(),
        stage.name.clone(),
        shape.join("x"),
        abs,
        rel,
        nmse,
        cosine,
        verdict.to_owned(),
    ]
}

/// Two digits are enough to see how far off something is.
fn short(figure: f64) -> String {
    if figure == 0.0 {
        "0".to_owned()
    } else {
        format!("{figure:.1e}")
    }
}

fn tokens(difference: &TokenDifference) -> String {
    match difference.first {
        None => "equal".to_owned(),
        Some(at) => format!("differ at {at}"),
    }
}

fn reason(stage: &Stage) -> String {
    match &stage.outcome {
        Outcome::Values(d) => format!(
            "NMSE {}, cosine {:.7}, worst at {:?}: {} where the reference has {}",
            short(d.nmse),
            d.cosine,
            d.worst.index,
            d.worst.ours,
            d.worst.reference,
        ),
        Outcome::Tokens(d) => format!(
            "{}: {:?} where the reference has {:?}{}",
            tokens(d),
            d.ours,
            d.reference,
            match (d.margin, d.logit_error) {
                (Some(margin), Some(error)) => {
                    format!(", and leads by {margin:.1e} with logits within {error:.1e}")
                }
                _ => String::new(),
            },
        ),
    }
}
