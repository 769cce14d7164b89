//! How likely texts are that somebody else wrote.

use super::refuse;
use crate::gpu::{DType, Tensor};
use crate::model::{CoCa, Config};
use crate::tokenizer::PAD;
use crate::{Error, Result};

/// Natural logarithms of the probabilities of each id of each of `texts` and of the EOT that ends it,
/// as the model would write them behind SOT and `prompt` about the clip of `context` (1, Q-1, E) f32:
/// one more than the text has ids. Texts do not see each other. Blocks until done.
///
/// These are what [`generate`](super::generate) sums for the same text if it has written it.
///
/// Errors: [`Error::Argument`] for ids that are no words, and for texts that exceed the model's context
/// with their prompt; values that are not numbers; the device's.
pub fn score(
    model: &CoCa,
    context: &Tensor,
    prompt: &[u32],
    texts: &[Vec<u32>],
) -> Result<Vec<Vec<f32>>> {
    assert_eq!(context.dim(0), 1, "one clip, not {context:?}");
    fit(model.config(), prompt, texts)?;
    // Texts of about one length lie in one batch, so that little of it is padding.
    let mut order: Vec<usize> = (0..texts.len()).collect();
    order.sort_by_key(|&i| std::cmp::Reverse(texts[i].len()));
    let mut scores = vec![Vec::new(); texts.len()];
    let mut rest = &order[..];
    while let [longest, ..] = *rest {
        let width = texts[longest].len() + 1;
        let length = 1 + prompt.len() + width;
        let at_once = model.texts_at_once(length, width).min(rest.len());
        let (some, later) = rest.split_at(at_once);
        let values = read(model, context, prompt, texts, some, width)?;
        for (&i, values) in some.iter().zip(values.chunks(width)) {
            scores[i] = values[..=texts[i].len()].to_vec();
        }
        rest = later;
    }
    match scores.iter().flatten().all(|value| value.is_finite()) {
        true => Ok(scores),
        false => Err(Error::Overflow(model.dtype())),
    }
}

/// The values (`some`, `width`) of some of the texts; what stands behind a text's end means nothing.
fn read(
    model: &CoCa,
    context: &Tensor,
    prompt: &[u32],
    texts: &[Vec<u32>],
    some: &[usize],
    width: usize,
) -> Result<Vec<f32>> {
    let config = model.config();
    let first = 1 + prompt.len();
    let length = first + width;
    let mut ids = Vec::with_capacity(some.len() * length);
    for (row, &i) in some.iter().enumerate() {
        ids.push(config.sot());
        ids.extend(prompt.iter().chain(&texts[i]));
        ids.push(config.eot());
        ids.resize((row + 1) * length, PAD);
    }
    let mut pass = model.gpu().pass();
    let ids = pass.upload(&[some.len(), length], DType::U32, &ids)?;
    let values = model.token_logprobs(&mut pass, &ids, first, context)?;
    pass.submit()?;
    model.gpu().read_f32(&values)
}

/// Whether a model of this configuration can read each text behind the prompt.
pub(crate) fn fit(config: &Config, prompt: &[u32], texts: &[Vec<u32>]) -> Result<()> {
    for text in texts {
        // Beside them stand SOT and EOT.
        let (found, most) = (prompt.len() + text.len(), config.context_length - 2);
        if found > most {
            let expected = format!("at most {most} ids with its prompt");
            return refuse("text", expected, found);
        }
        if let Some(id) = prompt.iter().chain(text).find(|&&id| id >= config.sot()) {
            return refuse("text", format!("ids of words, below {}", config.sot()), id);
        }
    }
    Ok(())
}
