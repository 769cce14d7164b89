//! `vcoca-gpu embed`.

mod list;
mod read;
mod run;

use std::ffi::OsString;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::ValueEnum;
use serde_json::json;
use vcoca_gpu::engine::Engine;
use vcoca_gpu::export::{Columns, Element, Folder, Format, Layout, Settings, Table};
use vcoca_gpu::model::ModelSource;

use super::output::count;
use super::videos::WindowArgs;
use super::{FAILED, ModelArgs, Stop, model};
use list::Shard;
use read::Reader;
use run::Run;

pub const EXAMPLES: &str = "\
Examples:
  vcoca-gpu embed assets/*.mp4 --out embeddings
  find assets -name '*.mp4' | sort | vcoca-gpu embed --list - --windows 1s --out windows
  vcoca-gpu embed assets/*.mp4 --out shared --part-size 1 --shard 2/3    # of 3 machines
  echo \"a red star\" | vcoca-gpu embed --texts - --format jsonl --out texts

What is in --out DIR:
  settings.json                        what the embeddings were made with
  img_emb/img_emb_00000.npy            one row a window; text_emb/text_emb_00000.npy for texts
  metadata/metadata_00000.parquet      video, start and end of each row, in order
  embeddings/embeddings_00000.parquet  both in one, with --format parquet or jsonl
  errors/errors_00000.jsonl            inputs that failed, if some did; --list takes it
  parts/part_00000.json                there if the part is whole; without it, it is made again";

#[derive(clap::Args)]
#[group(id = "inputs", required = true)]
pub struct Args {
    #[command(flatten)]
    model: ModelArgs,

    /// Videos, images, or folders of images (each folder is one clip)
    #[arg(value_name = "PATH", group = "inputs")]
    paths: Vec<PathBuf>,

    /// A list of them: one path a line, or a JSON object a line with its "video"; - is stdin
    #[arg(long, value_name = "FILE", group = "inputs", conflicts_with_all = ["paths", "texts"])]
    list: Option<PathBuf>,

    /// Embed texts: one a line, or a JSON object a line with its "text"; - is stdin
    #[arg(long, value_name = "FILE", group = "inputs", conflicts_with_all = ["paths", "captions"])]
    texts: Option<PathBuf>,

    /// The folder that embeddings go to; parts that are there are not made again
    #[arg(long, value_name = "DIR")]
    out: PathBuf,

    /// The files that embeddings go to: a matrix with a table of metadata, or all in one table
    #[arg(long, value_name = "FORMAT", default_value = "npy")]
    format: Files,

    /// The table beside .npy and .safetensors: row i tells of row i there [default: parquet, if this
    /// program has it]
    #[arg(long, value_name = "FORMAT")]
    metadata: Option<Tables>,

    /// Element type of the embeddings in .npy and .safetensors
    #[arg(long, value_name = "TYPE", default_value = "f32")]
    element: model::Element,

    /// Write what each window shows, too
    #[arg(long)]
    captions: bool,

    #[command(flatten)]
    videos: WindowArgs,

    /// Videos or texts of one part
    #[arg(long, value_name = "N", default_value_t = 1000,
          value_parser = clap::value_parser!(u32).range(1..))]
    part_size: u32,

    /// Make every n-th part alone, from the i-th on: 1/4, 2/4, 3/4 and 4/4 make all of them
    #[arg(long, value_name = "i/n", default_value = "1/1")]
    shard: Shard,

    /// Videos read at the same time: while one is decoded, another is encoded
    #[arg(long, value_name = "N", default_value_t = 2,
          value_parser = clap::value_parser!(u16).range(1..=64))]
    jobs: u16,
}

#[derive(Clone, Copy, PartialEq, ValueEnum)]
enum Files {
    Npy,
    Safetensors,
    Parquet,
    Jsonl,
}

#[derive(Clone, Copy, PartialEq, ValueEnum)]
enum Tables {
    Parquet,
    Jsonl,
}

pub fn run(args: &Args, quiet: bool) -> Result<ExitCode, Stop> {
    // Before the model: nobody should wait for one and then hear of a wrong list.
    args.check()?;
    let options = args.videos.options()?;
    let inputs = args.inputs()?;
    let (source, engine) = args.model.load(quiet)?;
    let settings = args.settings(&source, &engine)?;
    let folder = Folder::open(&args.out, args.layout(&engine), settings)?;
    let reader = Reader {
        engine: &engine,
        options,
        captions: args.captions,
        jobs: usize::from(args.jobs),
    };
    let run = Run::new(reader, args.texts.is_some(), &folder);
    let failed = run.parts(&args.parts(&inputs), quiet)?;
    Ok(ExitCode::from(if failed > 0 { FAILED } else { 0 }))
}

impl Args {
    fn check(&self) -> Result<(), Stop> {
        let table = matches!(self.format, Files::Parquet | Files::Jsonl);
        let problem = if table && self.metadata.is_some() {
            "--metadata goes with --format npy and safetensors: the others have all in one table"
        } else if table && matches!(self.element, model::Element::F16) {
            "--element f16 goes with --format npy and safetensors"
        } else {
            return Ok(());
        };
        Err(Stop::misused(anyhow::anyhow!(problem)))
    }

    fn inputs(&self) -> Result<Vec<OsString>, Stop> {
        let read = match (&self.list, &self.texts) {
            (Some(list), _) => list::read(list, "video"),
            (_, Some(texts)) => list::read(texts, "text"),
            _ => Ok(self.paths.iter().map(OsString::from).collect()),
        };
        read.map_err(|error| Stop::Fault(FAILED, error))
    }

    /// This run's parts, with their numbers.
    fn parts<'a>(&self, inputs: &'a [OsString]) -> Vec<(usize, &'a [OsString])> {
        let parts = inputs.chunks(self.part_size as usize).enumerate();
        let shards = self.shard.count();
        if parts.len() < shards {
            log::warn!(
                "{} make {} of --part-size {}: {} of {shards} shards have nothing to do",
                count(inputs.len(), "input"),
                count(parts.len(), "part"),
                self.part_size,
                shards - parts.len(),
            );
        }
        parts.filter(|(part, _)| self.shard.has(*part)).collect()
    }

    fn layout(&self, engine: &Engine) -> Layout {
        let texts = self.texts.is_some();
        Layout {
            format: match self.format {
                Files::Npy => Format::Npy,
                Files::Safetensors => Format::Safetensors,
                Files::Parquet => Format::Parquet,
                Files::Jsonl => Format::Jsonl,
            },
            metadata: match self.metadata {
                Some(Tables::Parquet) => Table::Parquet,
                None if cfg!(feature = "parquet") => Table::Parquet,
                _ => Table::Jsonl,
            },
            element: match self.element {
                model::Element::F32 => Element::F32,
                model::Element::F16 => Element::F16,
            },
            columns: Columns {
                moments: !texts,
                captions: texts || self.captions,
            },
            width: engine.model().config().embed_dim,
        }
    }

    /// What else decides the bytes. Not the model's name: the hash tells more.
    fn settings(&self, source: &ModelSource, engine: &Engine) -> Result<Settings, Stop> {
        let mut settings = Settings::from([
            ("model".into(), json!(source.hash()?)),
            ("dtype".into(), json!(engine.model().dtype())),
            ("part_size".into(), json!(self.part_size)),
        ]);
        if self.texts.is_none() {
            let options = self.videos.options()?;
            settings.extend([
                ("windows".into(), json!(options.windows.to_string())),
                ("frames".into(), json!(options.frames)),
                ("sampling".into(), json!(options.sampling.to_string())),
            ]);
        }
        Ok(settings)
    }
}
