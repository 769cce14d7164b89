//! `vcoca-gpu embed`.

mod list;
mod read;

use std::ffi::OsString;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Instant;

use clap::ValueEnum;
use indicatif::{HumanDuration, ProgressBar, ProgressStyle};
use serde_json::json;
use vcoca_gpu::Error;
use vcoca_gpu::engine::Engine;
use vcoca_gpu::export::{
    Columns, Element, Folder, Format, Layout, Moment, Part, Record, Row, Settings, State, Table,
};
use vcoca_gpu::model::ModelSource;
use vcoca_gpu::windows::Windows;

use super::{FAILED, ModelArgs, Stop, VideoArgs, model, output, report};
use list::Shard;
use read::{Found, Reader};

/// Texts read together; one that is refused is found by reading each of them alone.
const TEXTS: usize = 64;

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

    #[arg(long, default_value = "npy")]
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
    videos: VideoArgs,

    /// How videos are cut, each window into a row: whole, shots, a length like 4s, or a length and a
    /// stride like 4s/2s
    #[arg(long, value_name = "HOW", default_value_t)]
    windows: Windows,

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
    let options = args.videos.windows(args.windows)?;
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
    let mut run = Run {
        reader,
        texts: args.texts.is_some(),
        folder: &folder,
        bar: ProgressBar::hidden(),
        made: 0,
        failed: 0,
    };
    let parts = args.parts(&inputs);
    if !quiet {
        run.bar = bar(parts.iter().map(|(_, inputs)| inputs.len()).sum());
    }
    run.parts(&parts)?;
    Ok(ExitCode::from(if run.failed > 0 { FAILED } else { 0 }))
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
        Err(Stop::Fault(super::MISUSED, anyhow::anyhow!(problem)))
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
        let (count, shards) = (parts.len(), self.shard.count());
        if count < shards {
            log::warn!(
                "{} inputs make {count} of --part-size {}: {} of {shards} shards have nothing to do",
                inputs.len(),
                self.part_size,
                shards - count,
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
            let options = self.videos.windows(self.windows)?;
            settings.extend([
                ("windows".into(), json!(options.windows.to_string())),
                ("frames".into(), json!(options.frames)),
                ("sampling".into(), json!(options.sampling.to_string())),
            ]);
        }
        Ok(settings)
    }
}

/// A bar on stderr where that is a terminal.
fn bar(count: usize) -> ProgressBar {
    let style =
        ProgressStyle::with_template("{bar:24} {pos}/{len}, {per_sec}, {eta} left  {wide_msg}");
    ProgressBar::new(count as u64).with_style(style.expect("the template is well formed"))
}

/// One run over its parts.
struct Run<'a> {
    reader: Reader<'a>,
    texts: bool,
    folder: &'a Folder,
    bar: ProgressBar,
    /// Inputs read by this run.
    made: usize,
    /// Inputs that failed, in this run or in an earlier one.
    failed: usize,
}

impl Run<'_> {
    fn parts(&mut self, parts: &[(usize, &[OsString])]) -> Result<(), Stop> {
        let clock = Instant::now();
        for (i, (number, inputs)) in parts.iter().enumerate() {
            let (record, there) = match self.folder.part(*number, inputs)? {
                State::Taken => {
                    self.skip(inputs);
                    let name = self.folder.name(*number);
                    self.say(|| log::warn!("{name}: another process is at it; left to that"));
                    continue;
                }
                State::Done(record) => {
                    self.skip(inputs);
                    (record, true)
                }
                State::Open(mut part) => {
                    self.fill(&mut part, inputs)?;
                    self.made += inputs.len();
                    (part.finish()?, false)
                }
            };
            self.failed += record.failed;
            self.show(*number, &record, there)?;
            let left: usize = parts[i + 1..].iter().map(|(_, inputs)| inputs.len()).sum();
            if !there && left > 0 {
                let rate = self.made as f64 / clock.elapsed().as_secs_f64();
                let time = std::time::Duration::from_secs_f64(left as f64 / rate);
                let time = HumanDuration(time);
                self.say(|| log::info!("  {rate:.2} a second; {left} to go, {time}"));
            }
        }
        self.bar.finish_and_clear();
        Ok(())
    }

    fn fill(&self, part: &mut Part, inputs: &[OsString]) -> Result<(), Stop> {
        match self.texts {
            true => self.texts(part, inputs),
            false => self.reader.each(inputs, |video, found| {
                self.video(part, &video.to_string_lossy(), found)
            }),
        }
    }

    /// All rows of a video, or none.
    fn video(
        &self,
        part: &mut Part,
        video: &str,
        found: vcoca_gpu::Result<Vec<Found>>,
    ) -> Result<(), Stop> {
        match found {
            Ok(found) => {
                for Found {
                    span,
                    caption,
                    embedding,
                } in &found
                {
                    let row = Row {
                        moment: Some(Moment {
                            video,
                            start: span.start,
                            end: span.end,
                        }),
                        caption: caption.as_deref(),
                    };
                    part.row(&row, embedding)?;
                }
            }
            Err(error) => self.failed(part, video, error)?,
        }
        self.bar.set_message(video.to_owned());
        self.bar.inc(1);
        Ok(())
    }

    fn texts(&self, part: &mut Part, inputs: &[OsString]) -> Result<(), Stop> {
        for some in inputs.chunks(TEXTS) {
            let texts: Vec<_> = some.iter().map(|text| text.to_string_lossy()).collect();
            let engine = self.reader.engine;
            let read = |text| engine.embed_texts(&[text]).map(|mut read| read.remove(0));
            let embeddings: Vec<_> = match engine.embed_texts(&texts) {
                Ok(embeddings) => embeddings.into_iter().map(Ok).collect(),
                Err(_) => texts.iter().map(read).collect(),
            };
            for (text, embedding) in texts.iter().zip(embeddings) {
                match embedding {
                    Ok(embedding) => {
                        let row = Row {
                            moment: None,
                            caption: Some(text),
                        };
                        part.row(&row, &embedding)?;
                    }
                    Err(error) => self.failed(part, text, error)?,
                }
            }
            self.bar.inc(some.len() as u64);
        }
        Ok(())
    }

    /// Notes an input that failed; the run goes on if the device does.
    fn failed(&self, part: &mut Part, input: &str, error: Error) -> Result<(), Stop> {
        if let Error::DeviceLost(_) = error {
            return Err(error.into());
        }
        part.failed(input, &error.to_string())?;
        self.say(|| report(&error));
        Ok(())
    }

    fn show(&self, number: usize, record: &Record, there: bool) -> Result<(), Stop> {
        let failed = match record.failed {
            0 => String::new(),
            failed => format!(", {failed} failed"),
        };
        let line = format!(
            "{}: {} rows of {} {}{failed}{}",
            self.folder.path(&self.folder.name(number)).display(),
            record.rows,
            record.inputs,
            if self.texts { "texts" } else { "videos" },
            if there { " (was there)" } else { "" },
        );
        Ok(self.bar.suspend(|| output::line(line))?)
    }

    /// Moves the bar over inputs that take no time, and forgets them for the rate.
    fn skip(&self, inputs: &[OsString]) {
        self.bar.inc(inputs.len() as u64);
        self.bar.reset_eta();
    }

    fn say(&self, say: impl FnOnce()) {
        self.bar.suspend(say);
    }
}
