//! How texts are written: the options of `caption` for it, some of which `ask` has, too.

use vcoca_gpu::Engine;
use vcoca_gpu::generate::{BeamSearch, Draw, Options, Scoring, Strategy};

use super::Stop;

#[derive(clap::Args)]
#[command(next_help_heading = "Writing")]
pub struct WritingArgs {
    /// Begin every text with these words
    #[arg(long, value_name = "TEXT")]
    prompt: Option<String>,

    #[command(flatten)]
    search: Search,

    /// Divide the logits of words that the text has already (multiply, below 0)
    #[arg(long, value_name = "R", default_value_t = 1.0)]
    repetition_penalty: f32,

    /// No end before this many tokens, the start among them [default: 5, or less than --max-length]
    #[arg(long, value_name = "N")]
    min_length: Option<usize>,

    /// At most this many tokens, start and end among them; no more than the model's context, which is
    /// 76 for the published ones
    #[arg(long, value_name = "N", default_value_t = 30,
          value_parser = clap::value_parser!(u16).range(2..))]
    max_length: u16,
}

/// How each word is chosen, and how many texts come of it.
#[derive(clap::Args)]
#[command(next_help_heading = "Writing")]
pub struct Search {
    /// Texts for each clip, the best first: of --beams, or drawn with --temperature and its like
    #[arg(long, value_name = "K", default_value_t = 1)]
    candidates: usize,

    /// Follow the N best texts side by side, instead of taking the likeliest word each time
    #[arg(long, value_name = "N", conflicts_with = "drawing")]
    beams: Option<usize>,

    /// Search with N/G beams: what OpenCLIP's groups, which do not differ, come to
    #[arg(long, value_name = "G", default_value_t = 1, requires = "beams")]
    groups: usize,

    /// What beams sum: log-probabilities, or logits as OpenCLIP up to 3.3.0 does
    #[arg(long, value_name = "HOW", default_value = "logp", requires = "beams")]
    scoring: Sums,

    #[command(flatten)]
    drawing: Drawing,
}

/// Any of these draws words instead of taking the likeliest.
#[derive(clap::Args)]
#[group(id = "drawing", multiple = true)]
struct Drawing {
    /// Draw words; above 1 more daring, below 1 less
    #[arg(long, value_name = "T")]
    temperature: Option<f32>,

    /// Draw from the K likeliest words
    #[arg(long, value_name = "K")]
    top_k: Option<usize>,

    /// Draw from the fewest words whose probability is P together
    #[arg(long, value_name = "P")]
    top_p: Option<f32>,

    /// Draw words; the same seed draws the same [default: 0]
    #[arg(long, value_name = "N")]
    seed: Option<u64>,
}

#[derive(Clone, Copy, clap::ValueEnum)]
enum Sums {
    Logp,
    Raw,
}

impl WritingArgs {
    /// All but the prompt, which takes the model's tokenizer.
    pub fn options(&self) -> Result<Options, Stop> {
        let seq_len = usize::from(self.max_length);
        let plain = Options::default();
        let options = Options {
            seq_len,
            min_seq_len: (self.min_length).unwrap_or(plain.min_seq_len.min(seq_len - 1)),
            repetition_penalty: self.repetition_penalty,
            ..self.search.options()
        };
        options.check().map_err(Stop::misused)?;
        Ok(options)
    }

    /// The same with the prompt, for a model; what it cannot do is the command line's fault.
    pub fn prompted(&self, mut options: Options, engine: &Engine) -> Result<Options, Stop> {
        if let Some(text) = &self.prompt {
            options.prompt = engine.tokenizer().ids(text).map_err(Stop::unusable)?;
        }
        (options.fits(engine.model().config())).map_err(Stop::misused)?;
        Ok(options)
    }
}

impl Search {
    /// The defaults, but for what is asked here.
    pub fn options(&self) -> Options {
        Options {
            strategy: self.strategy(),
            candidates: self.candidates,
            ..Options::default()
        }
    }

    fn strategy(&self) -> Strategy {
        if let Some(beams) = self.beams {
            return Strategy::Beams(BeamSearch {
                beams,
                groups: self.groups,
                scoring: match self.scoring {
                    Sums::Logp => Scoring::LogProbabilities,
                    Sums::Raw => Scoring::Logits,
                },
            });
        }
        let plain = Draw::default();
        match self.drawing {
            Drawing {
                temperature: None,
                top_k: None,
                top_p: None,
                seed: None,
            } => Strategy::Greedy,
            Drawing {
                temperature,
                top_k,
                top_p,
                seed,
            } => Strategy::Draw(Draw {
                temperature: temperature.unwrap_or(plain.temperature),
                top_k,
                top_p: top_p.unwrap_or(plain.top_p),
                seed: seed.unwrap_or(plain.seed),
            }),
        }
    }
}
