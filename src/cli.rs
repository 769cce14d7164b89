//! The command line: arguments, messages and exit codes. Results go to stdout, all else to stderr.

mod ask;
mod bench;
mod caption;
mod classify;
mod devices;
mod embed;
mod eval;
mod hub;
#[cfg(feature = "index")]
mod index;
#[cfg(all(feature = "gstreamer", feature = "index"))]
mod live;
mod model;
mod models;
mod output;
mod parity;
mod progress;
#[cfg(feature = "index")]
mod search;
mod templates;
mod tune;
mod videos;
mod writing;

use std::io::Write;
use std::process::ExitCode;
use std::time::Instant;

use clap::{ArgAction, Parser, Subcommand};
use log::{Level, LevelFilter};
use vcoca_gpu::Error;

use model::ModelArgs;
use templates::TemplateArgs;
use videos::VideoArgs;
use writing::WritingArgs;

/// Some inputs failed, or a comparison did.
const FAILED: u8 = 1;
/// The command line is wrong; clap's own code for it.
const MISUSED: u8 = 2;
/// The model or the adapter cannot be used.
const UNUSABLE: u8 = 3;

const AFTER_HELP: &str = "\
Exit codes:
  0  all went well
  1  an input failed (the others did not), or a comparison did
  2  the command line is wrong
  3  the model or the adapter cannot be used

Environment:
  WGPU_BACKEND       vulkan, metal or dx12: use no other
  WGPU_ADAPTER_NAME  use an adapter whose name contains this, in any case
  WGPU_POWER_PREF    low: prefer integrated GPUs; high: discrete ones (the default)
  VCOCA_COOP         1: cooperative matrices, where `tune` finds them right and faster (experimental);
                     all: for attention, too, wherever they are right
  HF_HOME            where Hugging Face's tools keep files (else ~/.cache/huggingface)
  HF_HUB_CACHE       where models are kept (else $HF_HOME/hub)
  HF_TOKEN           the token for private and gated models (else what HF_TOKEN_PATH has)
  HF_TOKEN_PATH      the file with the token (else $HF_HOME/token)
  HF_ENDPOINT        the server to ask (else https://huggingface.co)
  HF_HUB_OFFLINE     1: as --offline
  HTTPS_PROXY        the proxy for downloads; NO_PROXY: hosts that need none
  SSL_CERT_FILE      on Linux, the certificates to trust in place of the system's
  RUST_LOG           finer choice of messages than -q and -v
  NO_COLOR           no colours";

/// What stands below the help of a command that has examples.
fn help(examples: &str) -> String {
    format!("{examples}\n\n{AFTER_HELP}")
}

/// Captions, labels, search and answers for videos and images, on any GPU.
#[derive(Parser)]
#[command(name = "vcoca-gpu", version, after_help = AFTER_HELP, max_term_width = 100)]
struct Cli {
    #[command(subcommand)]
    command: Command,

    /// Print results and errors alone
    #[arg(
        short,
        long,
        global = true,
        display_order = 100,
        conflicts_with = "verbose"
    )]
    quiet: bool,

    /// Tell what is done and how long it takes; twice: in detail
    #[arg(short, long, global = true, display_order = 101, action = ArgAction::Count)]
    verbose: u8,
}

#[derive(Subcommand)]
enum Command {
    /// Say what videos and images show
    #[command(after_help = help(caption::EXAMPLES))]
    Caption(caption::Args),
    /// Say which of given labels videos show
    #[command(after_help = help(classify::EXAMPLES))]
    Classify(classify::Args),
    /// Answer questions about a video
    #[command(after_help = help(ask::EXAMPLES))]
    Ask(ask::Args),
    /// Write embeddings of videos or texts: .npy, safetensors, Parquet or JSON lines
    #[command(after_help = help(embed::EXAMPLES))]
    Embed(embed::Args),
    /// Keep embeddings of videos in a file, for `search`
    #[cfg(feature = "index")]
    #[command(after_help = help(index::EXAMPLES))]
    Index(index::Args),
    /// Find moments in the videos of an index
    #[cfg(feature = "index")]
    #[command(after_help = help(search::EXAMPLES))]
    Search(search::Args),
    /// Watch a camera, a stream, the screen or a file: captions and labels while it goes on
    #[cfg(all(feature = "gstreamer", feature = "index"))]
    #[command(after_help = help(live::EXAMPLES))]
    Live(live::Args),
    /// Measure what the model reaches on a public benchmark
    #[command(after_help = help(eval::EXAMPLES))]
    Eval(eval::Args),
    /// List the adapters, what each can do, which one is used and why
    #[command(after_help = AFTER_HELP)]
    Devices(devices::Args),
    /// List the models that are built in, downloaded, or known
    #[command(after_help = AFTER_HELP)]
    Models(models::Args),
    /// Verify kernels and a model, then time them
    #[command(after_help = help(bench::EXAMPLES))]
    Bench(bench::Args),
    /// Find the fastest kernels for the adapter at hand, and keep the choice
    #[command(after_help = help(tune::EXAMPLES))]
    Tune(tune::Args),
    /// Compare a model with a reference dump, stage by stage
    #[command(after_help = AFTER_HELP)]
    Parity(parity::Args),
}

/// Why a command ends before its end.
enum Stop {
    /// Nobody reads the results any more.
    ClosedPipe,
    /// This exit code, after this message.
    Fault(u8, anyhow::Error),
}

impl Stop {
    /// The model or the adapter cannot be used.
    fn unusable(error: Error) -> Self {
        Self::Fault(UNUSABLE, error.into())
    }

    /// The command line asks for what cannot be.
    fn misused(error: impl Into<anyhow::Error>) -> Self {
        Self::Fault(MISUSED, error.into())
    }

    /// Arguments that a call refuses were the command line's; other errors are what they are.
    fn refused(error: Error) -> Self {
        match error {
            Error::Argument { .. } => Self::misused(error),
            _ => error.into(),
        }
    }
}

impl From<std::io::Error> for Stop {
    fn from(error: std::io::Error) -> Self {
        match error.kind() {
            std::io::ErrorKind::BrokenPipe => Self::ClosedPipe,
            _ => Self::Fault(FAILED, anyhow::anyhow!("writing results: {error}")),
        }
    }
}

impl From<Error> for Stop {
    fn from(error: Error) -> Self {
        match error {
            Error::NoAdapter(_)
            | Error::AdapterLimit { .. }
            | Error::DeviceLost(_)
            | Error::Gpu(_)
            | Error::Hub { .. }
            | Error::Model { .. } => Self::unusable(error),
            _ => Self::Fault(FAILED, error.into()),
        }
    }
}

/// Runs the command line.
pub fn run() -> ExitCode {
    let started = Instant::now();
    let cli = Cli::parse();
    start_log(cli.quiet, cli.verbose);
    silence_contained_panics();
    let outcome = match cli.command {
        Command::Caption(args) => caption::run(&args, started, cli.quiet),
        Command::Classify(args) => classify::run(&args, cli.quiet),
        Command::Ask(args) => ask::run(&args, started, cli.quiet),
        Command::Embed(args) => embed::run(&args, cli.quiet),
        #[cfg(feature = "index")]
        Command::Index(args) => index::run(&args, cli.quiet),
        #[cfg(feature = "index")]
        Command::Search(args) => search::run(&args, cli.quiet),
        #[cfg(all(feature = "gstreamer", feature = "index"))]
        Command::Live(args) => live::run(&args, cli.quiet),
        Command::Eval(args) => eval::run(&args, cli.quiet),
        Command::Devices(args) => devices::run(&args),
        Command::Models(args) => models::run(&args),
        Command::Bench(args) => bench::run(&args, cli.quiet),
        Command::Tune(args) => tune::run(&args, cli.quiet),
        Command::Parity(args) => parity::run(&args, cli.quiet),
    };
    match outcome {
        Ok(code) => code,
        Err(Stop::ClosedPipe) => ExitCode::SUCCESS,
        Err(Stop::Fault(code, error)) => {
            report(error);
            ExitCode::from(code)
        }
    }
}

/// A number for an option that compares with it: nothing is less or more than NaN.
fn number(text: &str) -> Result<f32, String> {
    match text.parse::<f32>() {
        Ok(number) if !number.is_nan() => Ok(number),
        _ => Err("not a number".into()),
    }
}

/// Tells of an error, whatever the verbosity. Messages of the library name their cause themselves.
fn report(error: impl std::fmt::Display) {
    // Where stderr is closed, too, the exit code has to do.
    let _ = writeln!(
        std::io::stderr(),
        "error: {}",
        output::plain(&error.to_string())
    );
}

fn start_log(quiet: bool, verbose: u8) {
    let ours = match (quiet, verbose) {
        (true, _) => LevelFilter::Error,
        (_, 0) => LevelFilter::Warn,
        (_, 1) => LevelFilter::Info,
        _ => LevelFilter::Debug,
    };
    // What drivers and wgpu log as errors comes back as an error of ours.
    let theirs = match verbose {
        0 => LevelFilter::Off,
        _ => LevelFilter::Error,
    };
    env_logger::Builder::new()
        .filter_level(theirs)
        .filter_module("vcoca_gpu", ours)
        .parse_default_env()
        .format(|out, record| {
            let style = out.default_level_style(record.level());
            let label = match record.level() {
                Level::Error => "error: ",
                Level::Warn => "warning: ",
                _ => "",
            };
            let text = record.args().to_string();
            writeln!(out, "{style}{label}{style:#}{}", output::plain(&text))
        })
        .init();
}

/// A crafted tokenizer's panic is reported as an error and need not be shown as a panic, too.
fn silence_contained_panics() {
    let usual = std::panic::take_hook();
    std::panic::set_hook(Box::new(move |info| {
        if !vcoca_gpu::tokenizer::panic_is_contained() {
            usual(info);
        }
    }));
}
