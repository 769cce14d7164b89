//! Comparison of a model with a reference dump, stage by stage.
//!
//! A dump is one safetensors file of inputs and of what another implementation made of them
//! (`tools/reference.py` writes it with OpenCLIP). It may hold any subset of the stages.

mod difference;
mod dump;
mod run;
mod stages;

pub use difference::{Difference, TokenDifference, Worst};
pub use dump::Dump;

use serde::Serialize;

use crate::gpu::DType;
use crate::model::CoCa;
use crate::{Error, Result};
use run::Ours;
use stages::{Inputs, Spec, Tokens};

/// What a stage may differ by.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Gates {
    /// Most squared error of a stage over the reference's squared length.
    pub nmse: f64,
    /// Least cosine between rows of the model's results: embeddings and logits.
    pub cosine: f64,
}

impl Gates {
    /// The gates of a model that runs in `dtype`.
    pub fn of(dtype: DType) -> Self {
        match dtype {
            DType::F16 => Self {
                nmse: 1e-5,
                cosine: 0.9999,
            },
            _ => Self {
                nmse: 1e-9,
                cosine: 0.999_99,
            },
        }
    }
}

/// How a model compares with a dump.
#[derive(Clone, Debug, Serialize)]
pub struct Report {
    pub dtype: DType,
    pub gates: Gates,
    /// In the order in which a model computes them.
    pub stages: Vec<Stage>,
    /// Entries that nothing is known of.
    pub unknown: Vec<String>,
}

/// One stage of a [`Report`].
#[derive(Clone, Debug, Serialize)]
pub struct Stage {
    pub name: String,
    pub shape: Vec<usize>,
    pub pass: bool,
    #[serde(flatten)]
    pub outcome: Outcome,
}

/// What was compared, and how it came out.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    Values(Difference),
    Tokens(TokenDifference),
}

impl Report {
    /// Whether every stage passed.
    pub fn pass(&self) -> bool {
        self.first_failure().is_none()
    }

    /// The first stage that failed, with its index: what to look at.
    pub fn first_failure(&self) -> Option<(usize, &Stage)> {
        (self.stages.iter().enumerate()).find(|(_, stage)| !stage.pass)
    }
}

/// Runs `model` on a dump's inputs and compares whatever the dump holds. Blocks until done.
///
/// # Errors
///
/// [`Error::Reference`] if the dump has nothing to compare, lacks an input of something it has, or
/// holds a tensor of another shape or type than this model's; the device's errors.
pub fn compare(model: &CoCa, dump: &Dump) -> Result<Report> {
    let inputs = Inputs::read(model.config(), dump)?;
    let specs = stages::values(model.config(), &inputs, dump)?;
    let tokens = stages::tokens(model.config(), dump)?;
    if specs.is_empty() && tokens.is_empty() {
        return Err(dump.error("holds no stage that can be compared with this model"));
    }
    let unknown = stages::unknown(dump, &specs);
    let gates = Gates::of(model.dtype());
    let mut ours = Ours::run(model, &inputs, &specs, &tokens)?;
    let mut stages = Vec::with_capacity(specs.len() + tokens.len());
    for spec in specs {
        let values = ours.take(&spec);
        stages.push(values_stage(dump, spec, &values, gates)?);
    }
    let logit_error = stages.iter().find_map(|stage| match &stage.outcome {
        Outcome::Values(difference) if stage.name == "dec.logits" => Some(difference.max_abs),
        _ => None,
    });
    for (tokens, ours) in tokens.into_iter().zip(ours.tokens) {
        stages.push(tokens_stage(tokens, ours, logit_error));
    }
    Ok(Report {
        dtype: model.dtype(),
        gates,
        stages,
        unknown,
    })
}

fn values_stage(dump: &Dump, spec: Spec, ours: &[f32], gates: Gates) -> Result<Stage> {
    let reference = dump.f32(&spec.name)?;
    if reference.iter().any(|value| !value.is_finite()) {
        return Err(dump.error(format!("{} holds values that are not finite", spec.name)));
    }
    let difference = Difference::of(ours, &reference, &spec.dims);
    Ok(Stage {
        pass: difference.nmse <= gates.nmse && (!spec.result || difference.cosine >= gates.cosine),
        name: spec.name,
        shape: spec.dims,
        outcome: Outcome::Values(difference),
    })
}

fn tokens_stage(reference: Tokens, ours: Vec<u32>, logit_error: Option<f64>) -> Stage {
    let difference = TokenDifference::of(
        ours,
        reference.ids,
        reference.margins.as_deref(),
        logit_error,
    );
    Stage {
        pass: difference.tolerable(),
        name: reference.name,
        shape: vec![difference.reference.len()],
        outcome: Outcome::Tokens(difference),
    }
}

impl Dump {
    /// An error about this dump.
    fn error(&self, problem: impl Into<String>) -> Error {
        Error::Reference {
            path: self.path().to_owned(),
            problem: problem.into(),
        }
    }
}
