//! `vcoca-gpu classify`.

use std::borrow::Cow;
use std::collections::HashSet;
use std::io;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use serde::Serialize;
use vcoca_gpu::engine::{Engine, Opened, Window};
use vcoca_gpu::gpu::DType;
use vcoca_gpu::labels::{Labels, NoneOfThese, softmax};
use vcoca_gpu::windows::to_f64;
use vcoca_gpu::{Error, datasets};

use super::videos::Coming;
use super::{FAILED, ModelArgs, Stop, TemplateArgs, VideoArgs, output, progress, report};

pub const EXAMPLES: &str = "\
Examples:
  vcoca-gpu classify assets/red_star.mp4 --labels \"a red star,a green cross\"
  vcoca-gpu classify assets/*.mp4 --labels star,cross --templates openai --none
  vcoca-gpu classify assets/red_star.mp4 \\
      --labels-file tests/data/world/ucf101/classInd.txt --top 3

The numbers are the softmax over all labels, with the checkpoint's own scale: they are 100 % together.
\"None of these\" is as likely as a label that has come 0.6 of the way from words that say nothing to
the caption that the model itself writes about the video.";

#[derive(clap::Args)]
#[group(id = "names", required = true)]
pub struct Args {
    #[command(flatten)]
    model: ModelArgs,

    #[command(flatten)]
    videos: VideoArgs,

    /// What a video may show
    #[arg(long, value_name = "A,B,C", value_delimiter = ',', group = "names")]
    labels: Vec<String>,

    /// A file with the labels: one a line, or what Kinetics, UCF101, HMDB51 and Charades come with
    #[arg(long, value_name = "FILE", group = "names", conflicts_with = "labels")]
    labels_file: Option<PathBuf>,

    #[command(flatten)]
    templates: TemplateArgs,

    /// Labels to show of each video, the likeliest first
    #[arg(long, value_name = "K", default_value_t = 5, value_parser = clap::value_parser!(u16).range(1..))]
    top: u16,

    /// Add "none of these"
    #[arg(long)]
    none: bool,

    /// One JSON object a line, for each VIDEO
    #[arg(long)]
    json: bool,

    /// Videos, images, or folders of images (each folder is one clip)
    #[arg(required = true, value_name = "VIDEO")]
    paths: Vec<PathBuf>,
}

/// One line of `--json`.
#[derive(Serialize)]
struct Line<'a> {
    video: Cow<'a, str>,
    /// The likeliest first.
    labels: Vec<Ranked<'a>>,
    /// The probability that it shows none of the labels, where that was asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    none: Option<f32>,
    /// The presentation times of the frames, in seconds.
    frames: Vec<f64>,
    model: &'a str,
    adapter: &'a str,
    dtype: DType,
}

#[derive(Serialize)]
struct Ranked<'a> {
    label: &'a str,
    probability: f32,
    /// Cosine times the checkpoint's scale.
    logit: f32,
}

/// What labels a video is held against.
struct Classifier<'a> {
    engine: &'a Engine,
    labels: Labels,
    none: Option<NoneOfThese>,
    top: usize,
}

/// How likely each label is.
struct Judged {
    window: Window,
    logits: Vec<f32>,
    /// As many, and one more if there is `none`.
    probabilities: Vec<f32>,
}

pub fn run(args: &Args, quiet: bool) -> Result<ExitCode, Stop> {
    // Before the model: nobody should wait for one and then hear of a wrong list.
    let names = args.names()?;
    let templates = args.templates.read()?;
    let (source, engine) = args.model.load(quiet)?;
    let classifier = Classifier {
        engine: &engine,
        labels: Labels::new(&engine, names, &templates)?,
        none: match args.none {
            true => Some(NoneOfThese::new(&engine, &templates)?),
            false => None,
        },
        top: usize::from(args.top),
    };
    let model = source.name();
    let bar = progress::bar(args.paths.len(), quiet);
    let mut failed = false;
    let prepare = |engine: &Engine, frames| engine.model().prepare(frames);
    let mut coming = Coming::new(&args.paths, args.videos.whole(), &engine, prepare)?;
    for path in &args.paths {
        bar.set_message(output::path(path));
        let judged = coming.next().and_then(|opened| classifier.judge(opened));
        match judged {
            Ok(judged) => bar.suspend(|| match args.json {
                true => output::json(&classifier.line(path, &judged, &model)),
                false => classifier.text(path, &judged),
            })?,
            // Nothing more can come of this device.
            Err(error @ Error::DeviceLost(_)) => return Err(error.into()),
            Err(error) => {
                failed = true;
                bar.suspend(|| report(&error));
            }
        }
        bar.inc(1);
    }
    bar.finish_and_clear();
    coming.finish()?;
    Ok(ExitCode::from(if failed { FAILED } else { 0 }))
}

impl Args {
    fn names(&self) -> Result<Vec<String>, Stop> {
        if let Some(path) = &self.labels_file {
            return datasets::labels(path).map_err(Stop::misused);
        }
        let names: Vec<String> = (self.labels.iter())
            .map(|label| label.trim().to_owned())
            .collect();
        let mut seen = HashSet::new();
        let problem = names.iter().find_map(|label| match label.as_str() {
            "" => Some("--labels: a label is empty".to_owned()),
            label if !seen.insert(label) => Some(format!("--labels: {label:?} stands there twice")),
            _ => None,
        });
        match problem {
            Some(problem) => Err(Stop::misused(anyhow::anyhow!(problem))),
            None => Ok(names),
        }
    }
}

impl Classifier<'_> {
    fn judge(&self, opened: Opened) -> vcoca_gpu::Result<Judged> {
        let mut windows = self.engine.windows_of(opened)?;
        let window = windows.next().expect("a whole video is one window")?;
        let logits = self.labels.logits(&window.embedding);
        let mut all = logits.clone();
        if let Some(none) = &self.none {
            all.push(none.logit(self.engine, &window.clip, &window.embedding)?);
        }
        Ok(Judged {
            window,
            logits,
            probabilities: softmax(&all),
        })
    }

    /// The likeliest labels by their numbers; "none of these" comes behind the last label.
    fn ranks(&self, judged: &Judged) -> Vec<usize> {
        let mut order: Vec<usize> = (0..judged.probabilities.len()).collect();
        // Equally likely ones stay in their order.
        order.sort_by(|&a, &b| judged.probabilities[b].total_cmp(&judged.probabilities[a]));
        order.truncate(self.top);
        order
    }

    fn text(&self, path: &Path, judged: &Judged) -> io::Result<()> {
        output::line(output::path(path))?;
        for i in self.ranks(judged) {
            let name = self.labels.names().get(i);
            let percent = 100.0 * judged.probabilities[i];
            let name = output::plain(name.map_or("none of these", String::as_str));
            output::line(format_args!("  {percent:5.1} %  {name}"))?;
        }
        Ok(())
    }

    fn line<'a>(&'a self, path: &'a Path, judged: &'a Judged, model: &'a str) -> Line<'a> {
        let names = self.labels.names();
        let ranked = |i: usize| Ranked {
            label: &names[i],
            probability: judged.probabilities[i],
            logit: judged.logits[i],
        };
        let labels = self.ranks(judged).into_iter();
        Line {
            video: path.to_string_lossy(),
            labels: labels.filter(|&i| i < names.len()).map(ranked).collect(),
            none: judged.probabilities.get(names.len()).copied(),
            frames: judged.window.frames.iter().copied().map(to_f64).collect(),
            model,
            adapter: &self.engine.model().gpu().caps().name,
            dtype: self.engine.model().dtype(),
        }
    }
}
