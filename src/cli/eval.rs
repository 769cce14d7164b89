//! `vcoca-gpu eval`.

mod work;

use std::path::PathBuf;
use std::process::ExitCode;

use clap::builder::{PossibleValuesParser, TypedValueParser};
use vcoca_gpu::datasets::{Clip, Dataset, Task, Videos};
use vcoca_gpu::engine::Pooling;
use vcoca_gpu::eval::{self, Located, Plan};

use super::{FAILED, ModelArgs, Stop, TemplateArgs, VideoArgs, WritingArgs};
use work::Work;

pub const EXAMPLES: &str = "\
Examples:
  vcoca-gpu eval captioning --dataset msrvtt --pooling flatten,mean,patches-only \\
      --annotations tests/data/world/msrvtt/MSRVTT_data.json \\
      --videos tests/data/world/msrvtt/videos
  vcoca-gpu eval classification --dataset ucf101 --out results \\
      --annotations tests/data/world/ucf101/classInd.txt \\
      tests/data/world/ucf101/testlist01.txt \\
      --videos tests/data/world/ucf101/videos

What each dataset's --annotations are:
  classification  kinetics        the csv of a split of Kinetics-400, 600 or 700
                  ucf101          classInd.txt and testlist01.txt
                  hmdb51          the folder of NAME_test_split1.txt and its like
                  charades        Charades_v1_test.csv and Charades_v1_classes.txt
  captioning      msrvtt          MSRVTT_data.json, or the csv of the 1k-A test split
  and retrieval   activitynet     val_1.json: events are captioned, paragraphs found
                  vatex           vatex_validation_v1.0.json
                  youcook2        youcookii_annotations_trainval.json; also lists of videos
  qa              msrvtt-qa       test_qa.json
                  msvd-qa         test_qa.json, and youtube_mapping.txt
                  activitynet-qa  test_q.json and test_a.json
                  ivqa            the csv of the test split (its layout is unconfirmed)

What is in --out DIR:
  results.json                    the figures, unrounded
  manifest.json                   what they were made of, by what; missing and corrupt videos
  items.jsonl                     what the model said of each clip
  captions-WAY.json, references.json   COCO's layouts, for pycocoevalcap
  activitynet-WAY.json            dense captions in ActivityNet's layout";

#[derive(clap::Args)]
pub struct Args {
    /// What to measure
    #[arg(value_name = "TASK",
          value_parser = PossibleValuesParser::new(["classification", "retrieval", "captioning", "qa"])
              .try_map(|name| name.parse::<Task>()))]
    task: Task,

    #[arg(long, value_name = "NAME", help = dataset_help(),
          value_parser = |name: &str| name.parse::<Dataset>().map_err(|error| error.to_string()))]
    dataset: Dataset,

    /// The dataset's annotation files as they are published
    #[arg(long, value_name = "PATH", required = true, num_args = 1..)]
    annotations: Vec<PathBuf>,

    /// The folder of the videos, which may have folders in it
    #[arg(long, value_name = "DIR")]
    videos: PathBuf,

    /// The part of the dataset to take, where a file has several: of msrvtt [default: test], youcook2
    /// [default: validation], hmdb51 [default: 1] or kinetics [default: all]
    #[arg(long, value_name = "NAME")]
    split: Option<String>,

    /// Keep what the model says, the results and their manifest in this folder; a run that was ended
    /// goes on there
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,

    /// Ways of making one clip of many frames, to compare: flatten, mean, patches-only
    #[arg(long, value_name = "WAYS", value_delimiter = ',', default_value = "flatten",
          value_parser = |name: &str| name.parse::<Pooling>().map_err(|error| error.to_string()))]
    pooling: Vec<Pooling>,

    /// Take the first N clips only
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    limit: Option<u32>,

    /// Go on without the videos that are not there
    #[arg(long)]
    skip_missing: bool,

    /// One JSON object with the results and their manifest
    #[arg(long)]
    json: bool,

    #[command(flatten)]
    frames: VideoArgs,

    #[command(flatten)]
    templates: TemplateArgs,

    #[command(flatten)]
    model: ModelArgs,

    #[command(flatten)]
    writing: WritingArgs,
}

fn dataset_help() -> String {
    let names: Vec<_> = Dataset::names().collect();
    format!(
        "Whose layout the annotations have: {}; also in other spellings, such as MSR-VTT",
        names.join(", ")
    )
}

/// How many names a message takes.
const NAMED: usize = 5;

pub fn run(args: &Args, quiet: bool) -> Result<ExitCode, Stop> {
    // All this before the model: nobody should download one for annotations that cannot be read.
    let split = args.split.as_deref();
    let items = (args.dataset)
        .read(args.task, &args.annotations, split)
        .map_err(Stop::refused)?;
    let limit = args.limit.map(|limit| limit as usize);
    let located = eval::locate(items, &Videos::list(&args.videos)?, limit);
    check_missing(args, &located)?;
    let options = args.writing.options()?;
    let templates = args.templates.read()?;
    let (source, engine) = args.model.load(quiet)?;
    let plan = Plan {
        task: args.task,
        dataset: args.dataset,
        ways: ways(&args.pooling),
        frames: args.frames.count(),
        sampling: args.frames.sampling(),
        options: args.writing.prompted(options, &engine)?,
        templates,
    };
    Work {
        args,
        plan,
        located,
        source,
        engine,
        quiet,
    }
    .run()
}

/// Each way once, in the order in which they were named.
fn ways(named: &[Pooling]) -> Vec<Pooling> {
    let mut ways = Vec::new();
    for &way in named {
        if !ways.contains(&way) {
            ways.push(way);
        }
    }
    ways
}

fn check_missing(args: &Args, located: &Located) -> Result<(), Stop> {
    let missing = &located.missing;
    let all = missing.len() + located.files.len();
    if missing.is_empty() {
        return Ok(());
    }
    let named: Vec<_> = missing.iter().take(NAMED).map(tried).collect();
    let more = match missing.len() > NAMED {
        true => format!(" and {} more", missing.len() - NAMED),
        false => String::new(),
    };
    let found = format!(
        "{}: {} of {all} videos are missing: {}{more}",
        args.videos.display(),
        missing.len(),
        named.join(", ")
    );
    match (args.skip_missing, located.files.is_empty()) {
        (true, false) => {
            log::warn!("{found}; going on without them");
            Ok(())
        }
        (true, true) => Err(Stop::Fault(FAILED, anyhow::anyhow!(found))),
        (false, _) => {
            let advice = "--skip-missing goes on without them";
            Err(Stop::Fault(FAILED, anyhow::anyhow!("{found}; {advice}")))
        }
    }
}

/// The names that a clip's file may have.
fn tried(clip: &Clip) -> String {
    let stems: Vec<_> = clip
        .places
        .iter()
        .map(|place| place.stem.escape_debug().to_string())
        .collect();
    stems.join(" or ")
}
