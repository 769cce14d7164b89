//! What is looked for: texts and their arithmetic.

use crate::{Error, Result};

/// Whether a term is added or taken away.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sign {
    Plus,
    Minus,
}

/// A part of a query.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Term {
    pub sign: Sign,
    pub text: String,
}

/// Splits "a dog - a leash + a ball" at every " + ", " - " and " − " (the minus sign): blanks on both
/// sides make an operator, so that "hand-made" stays whole. The first term may have a sign before it.
///
/// # Errors
///
/// [`Error::Argument`] if a term has no text.
pub fn terms(query: &str) -> Result<Vec<Term>> {
    let mut terms: Vec<Term> = Vec::new();
    let mut sign = Sign::Plus;
    let mut words: Vec<&str> = Vec::new();
    // The end closes the last term as a sign would.
    let words_then_end = query.split_whitespace().map(Some).chain([None]);
    for (place, word) in words_then_end.enumerate() {
        let next = match word {
            Some("+") => Some(Sign::Plus),
            Some("-" | "\u{2212}") => Some(Sign::Minus),
            Some(word) => {
                words.push(word);
                continue;
            }
            None => None,
        };
        let first = place == 0 && next.is_some();
        if words.is_empty() && !first {
            return Err(Error::Argument {
                what: "query",
                expected: "a text on both sides of each + and -".into(),
                found: format!("{query:?}"),
            });
        }
        if !first {
            let text = std::mem::take(&mut words).join(" ");
            terms.push(Term { sign, text });
        }
        sign = next.unwrap_or(sign);
    }
    Ok(terms)
}

/// The sum of signed embeddings, l2-normalised.
///
/// # Errors
///
/// [`Error::Argument`] if nothing is left of them.
pub fn combine<'a>(signed: impl IntoIterator<Item = (Sign, &'a [f32])>) -> Result<Vec<f32>> {
    let mut sum: Vec<f64> = Vec::new();
    for (sign, embedding) in signed {
        sum.resize(embedding.len(), 0.0);
        for (sum, &value) in sum.iter_mut().zip(embedding) {
            *sum += match sign {
                Sign::Plus => f64::from(value),
                Sign::Minus => -f64::from(value),
            };
        }
    }
    let norm = sum.iter().map(|value| value * value).sum::<f64>().sqrt();
    // Terms are of length 1: what is below this is their rounding.
    if norm < 1e-5 {
        return Err(Error::Argument {
            what: "query",
            expected: "terms that differ".into(),
            found: "terms that cancel each other".into(),
        });
    }
    Ok(sum.iter().map(|value| (value / norm) as f32).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn split(query: &str) -> Vec<(char, String)> {
        let sign = |sign| match sign {
            Sign::Plus => '+',
            Sign::Minus => '-',
        };
        let terms = terms(query).unwrap();
        terms
            .into_iter()
            .map(|term| (sign(term.sign), term.text))
            .collect()
    }

    #[test]
    fn signs_stand_between_blanks() {
        assert_eq!(split("a red star"), [('+', "a red star".into())]);
        let three = [
            ('+', "a dog".into()),
            ('-', "a leash".into()),
            ('+', "a hand-made ball".into()),
        ];
        assert_eq!(split("a dog - a leash + a hand-made ball"), three);
        assert_eq!(split(" a dog \u{2212} a  leash + a hand-made ball "), three);
        assert_eq!(split("C++ and 2-1"), [('+', "C++ and 2-1".into())]);
        assert_eq!(split("- a dog"), [('-', "a dog".into())]);
        for bad in ["", "  ", "a +", "a + - b", "+", "- - a"] {
            assert!(terms(bad).is_err(), "{bad:?}");
        }
    }

    #[test]
    fn sums_have_length_one_or_are_refused() {
        let (a, b) = ([0.6, 0.8], [0.8, 0.6]);
        let signed = |sign| [(Sign::Plus, &a[..]), (sign, &b[..])];
        let difference = combine(signed(Sign::Minus)).unwrap();
        let half = 0.5f32.sqrt();
        for (value, want) in difference.iter().zip([-half, half]) {
            assert!((value - want).abs() < 1e-6, "{difference:?}");
        }
        assert!(combine([(Sign::Plus, &a[..]), (Sign::Minus, &a[..])]).is_err());
    }
}
