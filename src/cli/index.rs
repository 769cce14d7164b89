//! `vcoca-gpu index`.

mod add;
mod list;
mod made;

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::Subcommand;

use super::{Stop, help, output};
pub use made::{ModelArgs, recipe};

pub const EXAMPLES: &str = "\
Examples:
  vcoca-gpu index add --index videos.index assets
  vcoca-gpu search --index videos.index \"a red star\"
  vcoca-gpu index update --index videos.index
  vcoca-gpu index ls --index videos.index
  vcoca-gpu index verify --index videos.index
  vcoca-gpu index rm --index videos.index assets/red_star.mp4";

#[derive(clap::Args)]
pub struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Read videos and images into an index; what it knows already is passed over
    #[command(after_help = help(EXAMPLES))]
    Add(add::Args),
    /// Read again what has changed of all that an index knows
    #[command(after_help = help(EXAMPLES))]
    Update(add::UpdateArgs),
    /// List what an index knows
    #[command(after_help = help(EXAMPLES))]
    Ls(list::LsArgs),
    /// Forget videos
    #[command(after_help = help(EXAMPLES))]
    Rm(list::RmArgs),
    /// Check an index, and whether its videos are as they were
    #[command(after_help = help(EXAMPLES))]
    Verify(list::VerifyArgs),
}

#[derive(clap::Args)]
pub struct IndexArgs {
    /// The file that is the index
    #[arg(long, value_name = "FILE")]
    pub index: PathBuf,
}

pub fn run(args: &Args, quiet: bool) -> Result<ExitCode, Stop> {
    match &args.command {
        Command::Add(args) => add::run(args, quiet),
        Command::Update(args) => add::update(args, quiet),
        Command::Ls(args) => list::ls(args),
        Command::Rm(args) => list::rm(args),
        Command::Verify(args) => list::verify(args),
    }
}

/// A path from here, if it lies below.
pub fn from_here(path: &Path) -> &Path {
    static HERE: std::sync::OnceLock<Option<PathBuf>> = std::sync::OnceLock::new();
    let here = HERE.get_or_init(|| std::env::current_dir().ok()?.canonicalize().ok());
    let below = here.as_ref().and_then(|here| path.strip_prefix(here).ok());
    below
        .filter(|path| !path.as_os_str().is_empty())
        .unwrap_or(path)
}

/// A path of an index as people see it.
pub fn shown(path: &Path) -> String {
    output::path(from_here(path))
}
