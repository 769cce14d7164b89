//! What is looked for, as the command line has it.

use std::fmt;
use std::path::{Path, PathBuf};

use vcoca_gpu::Result;
use vcoca_gpu::engine::Engine;
use vcoca_gpu::frames::{Sampling, sample};
use vcoca_gpu::index::{Sign, Term, combine, terms};

use crate::cli::Stop;

#[derive(clap::Args)]
#[group(required = true, multiple = false)]
pub struct QueryArgs {
    /// What to look for: "a red star", or a sum like "a star - red + blue" (blanks around the signs)
    #[arg(value_name = "TEXT")]
    text: Option<String>,

    /// Look for what is like this image
    #[arg(long, value_name = "FILE")]
    image: Option<PathBuf>,

    /// Look for what is like this video as a whole
    #[arg(long, value_name = "FILE")]
    video: Option<PathBuf>,
}

pub enum Query<'a> {
    Terms(Vec<Term>),
    Image(&'a Path),
    Video(&'a Path),
}

impl QueryArgs {
    pub fn parse(&self) -> Result<Query<'_>, Stop> {
        Ok(match (&self.text, &self.image, &self.video) {
            (_, Some(path), _) => Query::Image(path),
            (_, _, Some(path)) => Query::Video(path),
            (text, ..) => {
                let text = text.as_deref().unwrap_or_default();
                Query::Terms(terms(text).map_err(Stop::misused)?)
            }
        })
    }
}

impl Query<'_> {
    /// Its embedding, l2-normalised; `frames` of a video.
    pub fn embed(&self, engine: &Engine, frames: usize) -> Result<Vec<f32>> {
        let (path, frames) = match self {
            Self::Terms(terms) => {
                let texts: Vec<&str> = terms.iter().map(|term| term.text.as_str()).collect();
                let embeddings = engine.embed_texts(&texts)?;
                let signs = terms.iter().map(|term| term.sign);
                return combine(signs.zip(embeddings.iter().map(|embedding| &embedding[..])));
            }
            Self::Image(path) => (path, 1),
            Self::Video(path) => (path, frames),
        };
        let sampled = sample(path, frames, Sampling::Uniform)?;
        let clip = engine.encode_video(&sampled.frames)?;
        engine.read_embedding(&clip)
    }
}

impl fmt::Display for Query<'_> {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Image(path) | Self::Video(path) => write!(out, "like {}", path.display()),
            Self::Terms(terms) => {
                for (i, Term { sign, text }) in terms.iter().enumerate() {
                    out.write_str(match (i, sign) {
                        (0, Sign::Plus) => "",
                        (0, Sign::Minus) => "\u{2212} ",
                        (_, Sign::Plus) => " + ",
                        (_, Sign::Minus) => " \u{2212} ",
                    })?;
                    out.write_str(text)?;
                }
                Ok(())
            }
        }
    }
}
