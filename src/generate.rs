//! Writing text: how the next id is chosen, and when to stop.

use crate::gpu::{DType, Tensor};
use crate::model::CoCa;
use crate::ops::next::{Rules, Written, greedy_step};
use crate::{Error, Result};

/// How a caption is written; the defaults are those of OpenCLIP's `generate`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Options {
    /// Most ids in all, the first (SOT) and the last (EOT) included; capped by the model's context.
    pub seq_len: usize,
    /// No end before this many ids.
    pub min_seq_len: usize,
    /// Ids that follow SOT and are continued.
    pub prompt: Vec<u32>,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            seq_len: 30,
            min_seq_len: 5,
            prompt: Vec::new(),
        }
    }
}

/// One text as it was written.
#[derive(Clone, Debug, PartialEq)]
pub struct Generated {
    /// SOT, the prompt, what was written, EOT; no padding.
    pub tokens: Vec<u32>,
    /// Natural logarithm of the probability of what was written.
    pub logprob: f32,
}

/// Steps recorded in one submission before looking whether every text has ended.
const STEPS_AT_ONCE: usize = 8;

/// Always the likeliest id (`generate` with `top_k` = 1; coca_model.py).
///
/// `context` is (B, Q-1, E) f32. EOT cannot come before `min_seq_len` ids and is forced as the last
/// of `seq_len`; a text ends on EOT or on id 0. Blocks until all B texts have ended.
///
/// Errors: a prompt that leaves no room or has ids outside the vocabulary; logits that are not
/// numbers; the device's.
pub fn greedy(model: &CoCa, context: &Tensor, options: &Options) -> Result<Vec<Generated>> {
    let config = model.config();
    let seq_len = options.seq_len.min(config.context_length);
    let start = 1 + options.prompt.len();
    if seq_len < 2 {
        return Err(Error::Argument {
            what: "seq_len",
            expected: "at least 2".into(),
            found: seq_len.to_string(),
        });
    }
    if start >= seq_len {
        return Err(Error::Argument {
            what: "prompt",
            expected: format!("at most {} ids", seq_len - 2),
            found: options.prompt.len().to_string(),
        });
    }
    if let Some(id) = options.prompt.iter().find(|&&id| id >= config.vocab as u32) {
        return Err(Error::Argument {
            what: "prompt",
            expected: format!("ids below {}", config.vocab),
            found: id.to_string(),
        });
    }
    let rules = Rules {
        eos: config.eot(),
        min_len: options.min_seq_len,
        seq_len,
        penalty: 1.0,
    };

    let gpu = model.gpu();
    let texts = context.dim(0);
    let mut pass = gpu.pass();
    let mut first = vec![0; seq_len];
    first[0] = config.sot();
    first[1..start].copy_from_slice(&options.prompt);
    let written = Written {
        tokens: pass.upload(&[texts, seq_len], DType::U32, &first.repeat(texts))?,
        logprobs: pass.tensor(&[texts, seq_len], DType::F32)?,
        done: pass.tensor(&[texts], DType::U32)?,
    };
    pass.clear(&written.logprobs);
    pass.clear(&written.done);
    let cache = model.text_cache(&mut pass, context, seq_len)?;

    let (mut seen, mut len) = (0, start);
    while len < seq_len {
        for _ in 0..STEPS_AT_ONCE.min(seq_len - len) {
            let logits = model.next_logits(&mut pass, &written.tokens, seen, len - seen, &cache)?;
            greedy_step(&mut pass, &logits, &written, len, &rules)?;
            (seen, len) = (len, len + 1);
        }
        pass.submit()?;
        if gpu.read_u32(&written.done)?.iter().all(|&done| done != 0) {
            break;
        }
        pass = gpu.pass();
    }

    let tokens = gpu.read_u32(&written.tokens)?;
    let logprobs = gpu.read_f32(&written.logprobs)?;
    if !logprobs.iter().all(|logprob| logprob.is_finite()) {
        return Err(Error::Overflow(model.dtype()));
    }
    Ok(tokens
        .chunks(seq_len)
        .zip(logprobs.chunks(seq_len))
        .map(|(tokens, logprobs)| {
            let end = |id: u32| id == rules.eos || id == 0;
            let written = tokens[start..len].iter().position(|&id| end(id));
            let (last, kept) = match written {
                Some(i) if tokens[start + i] == 0 => (start + i + 1, start + i),
                Some(i) => (start + i + 1, start + i + 1),
                None => (len, len),
            };
            Generated {
                tokens: tokens[..kept].to_vec(),
                logprob: logprobs[start..last].iter().sum(),
            }
        })
        .collect())
}
