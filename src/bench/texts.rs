//! Writing texts, verified by the log-probability of each read whole.

use super::{Figures, Measured, Settings};
use crate::Result;
use crate::generate::{BeamSearch, Generated, Options, Scoring, Strategy, generate};
use crate::gpu::{DType, Tensor};
use crate::model::{CoCa, Taps};

/// Times greedy texts and beams, about one clip and several, and tells of each.
///
/// Errors: as [`text`].
pub fn texts(model: &CoCa, settings: &Settings, tell: &mut dyn FnMut(Measured)) -> Result<()> {
    let beams = Strategy::Beams(BeamSearch {
        beams: 6,
        groups: 1,
        scoring: Scoring::LogProbabilities,
    });
    for (name, strategy, clips) in [
        ("caption_greedy", Strategy::Greedy, 1),
        ("caption_greedy", Strategy::Greedy, 8),
        ("caption_6_beams", beams, 1),
    ] {
        let measured = text(model, settings, name, strategy, clips)?;
        measured.into_iter().for_each(&mut *tell);
    }
    Ok(())
}

/// Times one way of writing about so many clips together, if the settings want it. Texts are as long as
/// they may be, at most 29 ids behind SOT; contexts (B, Q-1, E) are no clip's but a formula.
///
/// Errors: the device's. A wrong result is no error.
pub fn text(
    model: &CoCa,
    settings: &Settings,
    name: &str,
    strategy: Strategy,
    clips: usize,
) -> Result<Option<Measured>> {
    let seq_len = model.config().context_length.min(30);
    let shape = format!("{clips} x {} ids", seq_len - 1);
    if !settings.wants(name, &shape) {
        return Ok(None);
    }
    let measured = Measured::new("model", name, shape, model.dtype());
    let options = Options {
        seq_len,
        min_seq_len: seq_len - 1,
        strategy,
        ..Options::default()
    };
    let (gpu, contexts) = (model.gpu(), contexts(model, clips)?);
    let before = gpu.work();
    let texts = generate(model, &contexts, &options)?;
    let after = gpu.work();
    let allowed = match model.dtype() {
        DType::F16 => 0.02,
        _ => 1e-4,
    } * seq_len as f32;
    for (clip, texts) in texts.iter().enumerate() {
        let whole = log_probability(model, &contexts, clip, &texts[0])?;
        let error = (texts[0].logprob - whole).abs();
        if error.is_nan() || error > allowed {
            return Ok(Some(measured.wrong(format!(
                "clip {clip}: log-probability {}, but {whole} where the text is read whole",
                texts[0].logprob
            ))));
        }
    }
    let times = settings.time_wall(|| generate(model, &contexts, &options).map(drop))?;
    let ids = (seq_len - 1) as f64;
    let figures = Figures::Texts {
        ms_per_token: times.median / ids,
        dispatches_per_token: (after.dispatches - before.dispatches) as f64 / ids,
        submissions: after.submissions - before.submissions,
    };
    let measured = measured.right().timed(&times, 0.0, 0.0, None);
    Ok(Some(measured.with(figures)))
}

/// (clips, Q-1, E) f32.
fn contexts(model: &CoCa, clips: usize) -> Result<Tensor> {
    let config = model.config();
    let dims = [clips, config.queries - 1, config.embed_dim];
    let values: Vec<f32> = (0..dims.iter().product())
        .map(|i: usize| (0.37 * i as f64 + (i / (dims[1] * dims[2])) as f64).sin() as f32)
        .collect();
    let mut pass = model.gpu().pass();
    let contexts = pass.upload_f32(&dims, DType::F32, &values)?;
    pass.submit()?;
    Ok(contexts)
}

/// The natural logarithm of the probability of a text about one of the clips of `contexts` (B, Q-1, E),
/// without caches: the text is read whole.
fn log_probability(model: &CoCa, contexts: &Tensor, clip: usize, text: &Generated) -> Result<f32> {
    let gpu = model.gpu();
    let (rows, width) = (contexts.dim(1), contexts.dim(2));
    let values = gpu.read_f32(contexts)?;
    let own = &values[clip * rows * width..][..rows * width];
    let mut pass = gpu.pass();
    let context = pass.upload_f32(&[1, rows, width], DType::F32, own)?;
    let ids = pass.upload(&[1, text.tokens.len()], DType::U32, &text.tokens)?;
    let read = model.encode_text(&mut pass, &ids, &mut Taps::none())?;
    let logits = model.decode(&mut pass, &read.tokens, &context, &mut Taps::none())?;
    pass.submit()?;
    let logits = gpu.read_f32(&logits)?;
    Ok((logits.chunks(model.config().vocab).zip(&text.tokens[1..]))
        .map(|(row, &id)| {
            let most = row.iter().copied().fold(f32::MIN, f32::max);
            let sum: f32 = row.iter().map(|logit| (logit - most).exp()).sum();
            row[id as usize] - most - sum.ln()
        })
        .sum())
}
