//! `vcoca-gpu eval`.

use std::io;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::builder::{PossibleValuesParser, TypedValueParser};
use serde::Serialize;
use serde_json::{Map, Value, json};
use vcoca_gpu::datasets::{Clip, Dataset, Task, Videos};
use vcoca_gpu::engine::{Engine, Pooling};
use vcoca_gpu::eval::{self, Counts, Event, Failed, Located, Manifest, Measures, Plan, Store};
use vcoca_gpu::{Error, ModelSource};

use super::{
    FAILED, ModelArgs, Stop, TemplateArgs, VideoArgs, WritingArgs, output, progress, report,
};

pub const EXAMPLES: &str = "\
Examples:
  vcoca-gpu eval captioning --dataset msrvtt --pooling flatten,mean,patches-only \\
      --annotations tests/data/world/msrvtt/MSRVTT_data.json --videos tests/data/world/msrvtt/videos
  vcoca-gpu eval classification --dataset ucf101 --annotations classInd.txt testlist01.txt \\
      --videos UCF-101 --out results

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

    /// Whose layout the annotations have; also in other spellings, such as MSR-VTT or kinetics400
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
        .map_err(|error| match error {
            Error::Argument { .. } => Stop::misused(error),
            _ => error.into(),
        })?;
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

/// An evaluation that is ready to run.
struct Work<'a> {
    args: &'a Args,
    plan: Plan,
    located: Located,
    source: ModelSource,
    engine: Engine,
    quiet: bool,
}

/// What `--json` prints.
#[derive(Serialize)]
struct Report<'a> {
    results: Value,
    manifest: &'a Manifest,
}

impl Work<'_> {
    fn run(self) -> Result<ExitCode, Stop> {
        let Self {
            args,
            plan,
            located,
            engine,
            ..
        } = &self;
        let settings = eval::Settings::new(
            plan,
            &args.annotations,
            args.split.as_deref(),
            &self.source,
            engine,
        )?;
        let mut store = match &args.out {
            Some(folder) => Store::open(folder, &settings)?,
            None => Store::in_memory(),
        };
        let mut manifest = self.begin(settings)?;
        let failed = self.walk(&mut store)?;
        let measured = (0..located.items.len())
            .filter(|&i| store.get(&located.items.clip(i).id).is_some())
            .count();
        manifest.counts = Counts {
            clips: located.files.len() + located.missing.len(),
            truths: (located.items).truths(|clip| store.get(&clip.id).is_some()),
            measured,
            missing: located.missing.len(),
            failed: failed.len(),
        };
        manifest.missing = located.missing.iter().map(|clip| clip.id.clone()).collect();
        manifest.failed = failed;
        let measures = match measured {
            0 => None,
            _ => Some(self.measure(&store)?),
        };
        if let Some(session) = manifest.sessions.last_mut() {
            session.ended = Some(eval::now());
        }
        let results = measures.as_ref().map(|measures| self.results(measures));
        if let Some(folder) = &args.out {
            if let Some(results) = &results {
                eval::write_results(folder, results)?;
            }
            eval::export(folder, plan, &located.items, &store)?;
            manifest.write(folder)?;
        }
        let Some((measures, results)) = measures.zip(results) else {
            return Err(Stop::Fault(
                FAILED,
                anyhow::anyhow!("no video could be read"),
            ));
        };
        match args.json {
            true => output::json(&Report {
                results,
                manifest: &manifest,
            })?,
            false => self.show(&measures, &manifest)?,
        }
        self.tell_of_other_tools();
        Ok(ExitCode::from(if manifest.failed.is_empty() {
            0
        } else {
            FAILED
        }))
    }

    /// The manifest of this session, on disk before the first record.
    fn begin(&self, settings: eval::Settings) -> Result<Manifest, Stop> {
        let caps = self.engine.model().gpu().caps();
        let session = eval::Session::start(caps, &self.args.videos);
        let earlier = match &self.args.out {
            Some(folder) => Manifest::read(folder)?,
            None => None,
        };
        let mut manifest = earlier.unwrap_or_else(|| Manifest::new(settings));
        manifest.sessions.push(session);
        if let Some(folder) = &self.args.out {
            manifest.write(folder)?;
        }
        Ok(manifest)
    }

    fn walk(&self, store: &mut Store) -> Result<Vec<Failed>, Stop> {
        let bar = progress::bar(self.located.files.len(), self.quiet);
        let mut kept = 0;
        let failed = eval::run(
            &self.engine,
            &self.plan,
            &self.located.items,
            &self.located.files,
            store,
            &mut |event| {
                match event {
                    Event::Kept(_) => kept += 1,
                    Event::Done(clip) => bar.set_message(clip.id.clone()),
                    Event::Failed(_, error) => bar.suspend(|| report(error)),
                }
                bar.inc(1);
            },
        );
        bar.finish_and_clear();
        log::info!("{kept} clips were there from an earlier run");
        Ok(failed?)
    }

    fn measure(&self, store: &Store) -> Result<Vec<Measures>, Stop> {
        let bar = progress::bar(self.located.items.truths(|_| true), self.quiet);
        bar.set_message("texts");
        let measures = eval::measure(
            &self.engine,
            &self.plan,
            &self.located.items,
            store,
            &mut |done| bar.set_position(done as u64),
        );
        bar.finish_and_clear();
        Ok(measures?)
    }

    /// The figures by way of pooling.
    fn results(&self, measures: &[Measures]) -> Value {
        let ways = self.plan.ways.iter().map(ToString::to_string);
        let by_way = ways.zip(measures.iter().map(|measures| json!(measures)));
        Value::Object(by_way.collect::<Map<_, _>>())
    }

    /// A table: a row for each figure, a column for each way of pooling.
    fn show(&self, measures: &[Measures], manifest: &Manifest) -> io::Result<()> {
        let Counts {
            clips, measured, ..
        } = manifest.counts;
        let of = match measured == clips {
            true => String::new(),
            false => format!(" of {clips}"),
        };
        output::line(format_args!(
            "{} {}, {measured}{of} clips, {} frames each, {} in {}",
            self.plan.dataset,
            self.plan.task,
            self.plan.frames,
            self.source.name(),
            self.engine.model().dtype(),
        ))?;
        let head = std::iter::once(String::new());
        let mut rows = vec![
            head.chain(self.plan.ways.iter().map(ToString::to_string))
                .collect(),
        ];
        let columns: Vec<_> = measures.iter().map(Measures::figures).collect();
        for (i, figure) in columns[0].iter().enumerate() {
            let values = columns
                .iter()
                .map(|column| format!("{:.1}", column[i].value));
            let row: Vec<String> = std::iter::once(figure.name.into()).chain(values).collect();
            rows.push(row);
        }
        let left: Vec<bool> = (0..rows[0].len()).map(|column| column == 0).collect();
        output::table(&rows, left)
    }

    /// No figure is left out without a word.
    fn tell_of_other_tools(&self) {
        if self.plan.task != Task::Captioning {
            return;
        }
        let files = match &self.args.out {
            Some(folder) => format!(
                "give {}/captions-*.json and references.json to pycocoevalcap",
                folder.display()
            ),
            None => "--out DIR writes the files that pycocoevalcap takes".into(),
        };
        log::warn!("METEOR and SPICE are not measured here, for they are Java programs: {files}");
    }
}
