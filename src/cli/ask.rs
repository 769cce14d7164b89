//! `vcoca-gpu ask`.

use std::borrow::Cow;
use std::io;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Instant;

use clap::builder::NonEmptyStringValueParser;
use serde::Serialize;
use vcoca_gpu::ModelSource;
use vcoca_gpu::engine::{Caption, Choice, Clip, Engine};
use vcoca_gpu::generate::Options;
use vcoca_gpu::gpu::DType;
use vcoca_gpu::windows::to_f64;

use super::output::to_microseconds;
use super::writing::Search;
use super::{ModelArgs, Stop, VideoArgs, output};

pub const EXAMPLES: &str = "\
Examples:
  vcoca-gpu ask assets/red_star.mp4 \"what color is the star?\"
  vcoca-gpu ask assets/red_star.mp4 \"what shape is the red object?\" --choices circle,star,heart

An answer is what the model writes behind \"question: … answer:\". Choices are ordered by how likely
they are there: by the mean log-probability of their tokens and of the end. Before each stands its
share of the softmax of these means: all shares are 100 % together.";

#[derive(clap::Args)]
pub struct Args {
    #[command(flatten)]
    model: ModelArgs,

    #[command(flatten)]
    videos: VideoArgs,

    /// Order these answers, two or more, instead of writing one
    #[arg(
        long,
        value_name = "A,B,C",
        value_delimiter = ',',
        conflicts_with_all = ["candidates", "beams", "drawing", "max_length"]
    )]
    choices: Vec<String>,

    /// One JSON object a line, for each QUESTION
    #[arg(long)]
    json: bool,

    /// A video, an image, or a folder of images (which is one clip)
    video: PathBuf,

    /// What to ask of it, each on its own
    #[arg(required = true, value_name = "QUESTION", value_parser = NonEmptyStringValueParser::new())]
    questions: Vec<String>,

    #[command(flatten)]
    search: Search,

    /// At most this many tokens in an answer, start and end among them; question and answer have to fit
    /// the model's context, which is 76 for the published ones
    #[arg(long, value_name = "N", default_value_t = 30, help_heading = "Writing",
          value_parser = clap::value_parser!(u16).range(2..))]
    max_length: u16,
}

/// What there is to say to a question.
enum Reply {
    /// The best first.
    Written(Vec<Caption>),
    Chosen(Vec<Choice>),
}

/// One line of `--json`.
#[derive(Serialize)]
struct Line<'a> {
    video: Cow<'a, str>,
    question: &'a str,
    answer: &'a str,
    tokens: &'a [u32],
    logprob: f32,
    /// All answers, the best first, where several were written.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    candidates: Vec<Candidate<'a>>,
    /// All choices, the likeliest first, where they were given.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    choices: Vec<Ranked<'a>>,
    /// Whether the model was trained on questions; null where that is not known.
    trained_to_answer: Option<bool>,
    /// The presentation times of the frames, in seconds.
    frames: &'a [f64],
    model: &'a str,
    adapter: &'a str,
    dtype: DType,
    timings_ms: Timings,
}

#[derive(Serialize)]
struct Candidate<'a> {
    answer: &'a str,
    tokens: &'a [u32],
    logprob: f32,
    /// What they are ordered by.
    score: f32,
}

#[derive(Serialize)]
struct Ranked<'a> {
    choice: &'a str,
    share: f32,
    tokens: &'a [u32],
    logprob: f32,
    /// What they are ordered by.
    mean_logprob: f32,
}

/// Wall time of each stage: all but the last are of the video, for all questions together.
#[derive(Clone, Copy, Serialize)]
struct Timings {
    decode: f64,
    preprocess: f64,
    encode: f64,
    pool: f64,
    answer: f64,
}

/// A video that has been read, and who is asked about it.
struct Session<'a> {
    args: &'a Args,
    engine: &'a Engine,
    source: &'a ModelSource,
    clip: Clip,
    /// The presentation times of the frames, in seconds.
    times: Vec<f64>,
    /// Milliseconds of decoding.
    decode: f64,
}

pub fn run(args: &Args, started: Instant, quiet: bool) -> Result<ExitCode, Stop> {
    // Before the model: nobody should download one for options that make no sense.
    let options = Options {
        seq_len: usize::from(args.max_length),
        min_seq_len: 0,
        ..args.search.options()
    };
    options.check().map_err(Stop::misused)?;
    let (source, engine) = args.model.load(quiet)?;
    for question in &args.questions {
        (engine.check_question(question, &args.choices)).map_err(Stop::refused)?;
    }
    (options.fits(engine.model().config())).map_err(Stop::misused)?;
    warn_of(&source);

    let session = Session::open(args, &engine, &source)?;
    for (i, question) in args.questions.iter().enumerate() {
        let clock = Instant::now();
        let reply = session.ask(question, &options)?;
        let taken = clock.elapsed().as_secs_f64() * 1e3;
        match args.json {
            true => session.show_json(question, &reply, taken)?,
            false => session.show(question, &reply)?,
        }
        if i == 0 {
            let seconds = started.elapsed().as_secs_f64();
            log::info!("first answer {seconds:.2} s after the start");
        }
    }
    Ok(ExitCode::SUCCESS)
}

/// Tells of a model that has not learned to answer.
fn warn_of(source: &ModelSource) {
    let what = match source.answers_questions() {
        Some(true) => return,
        Some(false) => "was never trained to answer questions",
        None => "may never have been trained to answer questions: nothing is known of it",
    };
    log::warn!(
        "model {} {what}; one that was not goes on with the words of a caption, and its order of choices \
         says little",
        source.name()
    );
}

impl<'a> Session<'a> {
    fn open(
        args: &'a Args,
        engine: &'a Engine,
        source: &'a ModelSource,
    ) -> vcoca_gpu::Result<Self> {
        let clock = Instant::now();
        let sampled = args.videos.sample(&args.video)?;
        let decode = clock.elapsed().as_secs_f64() * 1e3;
        Ok(Self {
            args,
            engine,
            source,
            clip: engine.encode_video(&sampled.frames)?,
            times: (sampled.frames.iter().map(|frame| to_f64(frame.pts))).collect(),
            decode,
        })
    }

    fn ask(&self, question: &str, options: &Options) -> vcoca_gpu::Result<Reply> {
        let choices = &self.args.choices;
        Ok(match choices.is_empty() {
            true => Reply::Written(self.engine.answers(&self.clip, question, options)?),
            false => Reply::Chosen(self.engine.rank_choices(&self.clip, question, choices)?),
        })
    }

    /// Prints the question with its answer; below, all of them if there are several.
    fn show(&self, question: &str, reply: &Reply) -> io::Result<()> {
        let head = |answer: &str| {
            let line = format!("{} {}", output::plain(question), output::plain(answer));
            output::line(line.trim_end())
        };
        match reply {
            Reply::Written(answers) => {
                head(&answers[0].text)?;
                if answers.len() > 1 {
                    for Caption { text, logprob, .. } in answers {
                        let text = output::plain(text);
                        output::line(format_args!("  {logprob:7.2}  {text}"))?;
                    }
                }
            }
            Reply::Chosen(ranked) => {
                head(self.name(&ranked[0]))?;
                for choice in ranked {
                    let (percent, name) = (100.0 * choice.share, output::plain(self.name(choice)));
                    output::line(format_args!("  {percent:5.1} %  {name}"))?;
                }
            }
        }
        Ok(())
    }

    /// A choice in the words of the command line.
    fn name(&self, choice: &Choice) -> &str {
        &self.args.choices[choice.index]
    }

    fn show_json(&self, question: &str, reply: &Reply, taken: f64) -> io::Result<()> {
        let (mut candidates, mut choices) = (Vec::new(), Vec::new());
        let (answer, tokens, logprob) = match reply {
            Reply::Written(answers) => {
                if answers.len() > 1 {
                    candidates.extend(answers.iter().map(Candidate::of));
                }
                let best = &answers[0];
                (best.text.as_str(), &best.tokens, best.logprob)
            }
            Reply::Chosen(ranked) => {
                let ranks = (ranked.iter()).map(|choice| Ranked::of(choice, self.name(choice)));
                choices.extend(ranks);
                let best = &ranked[0];
                let scored = &best.scored;
                (self.name(best), &scored.tokens, scored.logprob)
            }
        };
        let (model, clip) = (self.engine.model(), self.clip.timings);
        output::json(&Line {
            video: self.args.video.to_string_lossy(),
            question,
            answer,
            tokens,
            logprob,
            candidates,
            choices,
            trained_to_answer: self.source.answers_questions(),
            frames: &self.times,
            model: &self.source.name(),
            adapter: &model.gpu().caps().name,
            dtype: model.dtype(),
            timings_ms: Timings {
                decode: to_microseconds(self.decode),
                preprocess: to_microseconds(clip.preprocess),
                encode: to_microseconds(clip.encode),
                pool: to_microseconds(clip.pool),
                answer: to_microseconds(taken),
            },
        })
    }
}

impl<'a> Candidate<'a> {
    fn of(answer: &'a Caption) -> Self {
        Self {
            answer: &answer.text,
            tokens: &answer.tokens,
            logprob: answer.logprob,
            score: answer.score,
        }
    }
}

impl<'a> Ranked<'a> {
    fn of(choice: &'a Choice, name: &'a str) -> Self {
        Self {
            choice: name,
            share: choice.share,
            tokens: &choice.scored.tokens,
            logprob: choice.scored.logprob,
            mean_logprob: choice.scored.mean(),
        }
    }
}
