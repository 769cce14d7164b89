//! How far two results are apart.

use serde::Serialize;

/// How far a stage's values are from the reference's.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Difference {
    /// Largest absolute error.
    pub max_abs: f64,
    /// Largest error over its reference value, or over the stage's root mean square where that is
    /// larger: next to zero, a quotient says nothing.
    pub max_rel: f64,
    /// Sum of squared errors over the sum of the reference's squares.
    pub nmse: f64,
    /// Least cosine between a row (last axis) of ours and the reference's.
    pub cosine: f64,
    /// Where the absolute error is largest.
    pub worst: Worst,
}

/// One value of a stage.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Worst {
    /// Its place, an index for each axis.
    pub index: Vec<usize>,
    pub ours: f32,
    pub reference: f32,
}

impl Difference {
    /// Compares values of shape `dims`, of which there is at least one. Values of ours that are
    /// not finite make every figure infinite or NaN, which no gate lets through.
    pub(super) fn of(ours: &[f32], reference: &[f32], dims: &[usize]) -> Self {
        assert_eq!(ours.len(), reference.len(), "values of one shape");
        let square = |&value: &f32| f64::from(value).powi(2);
        let power: f64 = reference.iter().map(square).sum();
        let rms = (power / reference.len() as f64).sqrt();
        let (mut error_power, mut max_abs, mut max_rel, mut worst) = (0.0, 0.0, 0.0_f64, 0);
        for (i, (&o, &r)) in ours.iter().zip(reference).enumerate() {
            let (o, r) = (f64::from(o), f64::from(r));
            let error = if o.is_finite() {
                (o - r).abs()
            } else {
                f64::INFINITY
            };
            error_power += error * error;
            if error > max_abs {
                (max_abs, worst) = (error, i);
            }
            if error > 0.0 {
                max_rel = max_rel.max(error / r.abs().max(rms));
            }
        }
        let columns = *dims.last().expect("a stage has axes");
        let rows = ours.chunks(columns).zip(reference.chunks(columns));
        Self {
            max_abs,
            max_rel,
            nmse: if error_power == 0.0 {
                0.0
            } else {
                error_power / power
            },
            cosine: rows.map(|(o, r)| cosine(o, r)).fold(1.0, least),
            worst: Worst {
                index: place(worst, dims),
                ours: ours[worst],
                reference: reference[worst],
            },
        }
    }
}

/// The smaller of two, NaN if one is.
fn least(a: f64, b: f64) -> f64 {
    if a.is_nan() || a < b { a } else { b }
}

fn cosine(a: &[f32], b: &[f32]) -> f64 {
    let dot = |a: &[f32], b: &[f32]| -> f64 {
        let products = a.iter().zip(b).map(|(&a, &b)| f64::from(a) * f64::from(b));
        products.sum()
    };
    if a == b {
        return 1.0; // rows of zeros, too
    }
    dot(a, b) / (dot(a, a) * dot(b, b)).sqrt()
}

fn place(mut flat: usize, dims: &[usize]) -> Vec<usize> {
    let mut index: Vec<_> = (dims.iter().rev())
        .map(|&dim| {
            let i = flat % dim;
            flat /= dim;
            i
        })
        .collect();
    index.reverse();
    index
}

/// How a written text differs from the reference's.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct TokenDifference {
    pub ours: Vec<u32>,
    pub reference: Vec<u32>,
    /// Where the first ids differ, if any do.
    pub first: Option<usize>,
    /// How far the reference's best logit was above its second there.
    pub margin: Option<f64>,
    /// The largest error among the logits; differences below it are chance.
    pub logit_error: Option<f64>,
}

impl TokenDifference {
    /// `margins[i]` belongs to id i + 1: the first id is given.
    pub(super) fn of(
        ours: Vec<u32>,
        reference: Vec<u32>,
        margins: Option<&[f32]>,
        logit_error: Option<f64>,
    ) -> Self {
        let [ours, reference] = [ours, reference].map(without_padding);
        let same = (ours.iter().zip(&reference)).take_while(|(o, r)| o == r);
        let same = same.count();
        let first = (same < ours.len().max(reference.len())).then_some(same);
        let margin = first
            .and_then(|first| margins?.get(first.checked_sub(1)?))
            .map(|&margin| f64::from(margin));
        Self {
            ours,
            reference,
            first,
            margin,
            logit_error,
        }
    }

    /// Whether the texts are equal, or part where the reference itself hardly chose.
    pub(super) fn tolerable(&self) -> bool {
        match (self.first, self.margin, self.logit_error) {
            (None, ..) => true,
            (Some(_), Some(margin), Some(error)) => margin < error,
            _ => false,
        }
    }
}

/// Ids without the 0 at their end: a dump cannot tell an id 0 from padding.
fn without_padding(mut ids: Vec<u32>) -> Vec<u32> {
    let kept = ids
        .iter()
        .rposition(|&id| id != 0)
        .map_or(0, |last| last + 1);
    ids.truncate(kept);
    ids
}
