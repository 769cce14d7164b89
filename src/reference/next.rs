//! Twins of choosing the next id.

use super::choose::log_sum_exp;
use crate::ops::next::{Draw, Rules, Scale};

/// Texts being written: (R, capacity) tokens and log-probabilities, (R) flags.
#[derive(Clone)]
pub struct Written {
    pub tokens: Vec<u32>,
    pub logprobs: Vec<f32>,
    pub done: Vec<u32>,
}

impl Written {
    /// Appends what `choose` takes for each row that is not done yet, unless the end is forced.
    fn append(
        &mut self,
        logits: &[f32],
        len: usize,
        rules: &Rules,
        choose: impl Fn(usize) -> usize,
    ) {
        let rows = self.done.len();
        let capacity = self.tokens.len() / rows;
        for (r, row) in logits.chunks(logits.len() / rows).enumerate() {
            let place = r * capacity + len;
            if self.done[r] != 0 {
                self.tokens[place] = 0;
                self.logprobs[place] = 0.0;
                continue;
            }
            let token = match len + 1 == rules.seq_len {
                true => rules.eos as usize,
                false => choose(r),
            };
            self.tokens[place] = token as u32;
            self.logprobs[place] = (f64::from(row[token]) - log_sum_exp(row)) as f32;
            self.done[r] = u32::from(token == 0 || token == rules.eos as usize);
        }
    }
}

/// Appends the arg-max of every row of `logits` at column `len` under `rules`.
pub fn greedy_step(logits: &[f32], written: &mut Written, len: usize, rules: &Rules) {
    let width = logits.len() / written.done.len();
    written.append(logits, len, rules, |r| {
        let row = &logits[r * width..][..width];
        let allowed = |&i: &usize| len >= rules.min_len || i != rules.eos as usize;
        let best = |best: usize, i: usize| if row[i] > row[best] { i } else { best };
        (0..width)
            .filter(allowed)
            .reduce(best)
            .expect("a token besides EOS")
    });
}

/// Scores of rows of `logits` (.., `width`) for texts (.., capacity) of `len` ids.
pub fn score_tokens(
    logits: &[f32],
    width: usize,
    tokens: &[u32],
    len: usize,
    rules: &Rules,
    scale: Scale,
) -> Vec<f32> {
    let capacity = tokens.len() / (logits.len() / width);
    let mut scores = Vec::with_capacity(logits.len());
    for (row, text) in logits.chunks(width).zip(tokens.chunks(capacity)) {
        let shift = match scale {
            Scale::Logits => 0.0,
            Scale::Probabilities => log_sum_exp(row),
        };
        scores.extend(row.iter().enumerate().map(|(id, &logit)| {
            if id == rules.eos as usize && len < rules.min_len {
                return -1e30;
            }
            let score = f64::from(logit) - shift;
            let penalty = f64::from(rules.penalty);
            let score = match text[..len].contains(&(id as u32)) {
                true if score < 0.0 => score * penalty,
                true => score / penalty,
                false => score,
            };
            (score + shift) as f32
        }));
    }
    scores
}

/// Which ids a draw leaves in the race, by sorting (transformers' `TopKLogitsWarper`,
/// `TopPLogitsWarper`).
pub fn kept(scores: &[f32], draw: &Draw) -> Vec<bool> {
    let mut order: Vec<usize> = (0..scores.len()).collect();
    order.sort_by(|&i, &j| scores[j].total_cmp(&scores[i]));
    let least = scores[order[draw.top_k.unwrap_or(scores.len()).min(scores.len()) - 1]];
    order.retain(|&i| scores[i] >= least);
    let most = f64::from(scores[order[0]]);
    let mass = |i: usize| (f64::from(scores[i]) - most).exp();
    let total: f64 = order.iter().map(|&i| mass(i)).sum();
    let mut kept = vec![false; scores.len()];
    let mut above = 0.0;
    for &i in &order {
        // An id stays if the better ones alone do not hold top_p.
        if above < f64::from(draw.top_p) * total || draw.top_p >= 1.0 {
            kept[i] = true;
        }
        above += mass(i);
    }
    kept
}

/// Appends a drawn id to every row at column `len`.
pub fn sample_step(
    logits: &[f32],
    scores: &[f32],
    written: &mut Written,
    len: usize,
    rules: &Rules,
    draw: &Draw,
) {
    let width = logits.len() / written.done.len();
    written.append(logits, len, rules, |r| {
        let row = &scores[r * width..][..width];
        let key = scramble(draw.key ^ scramble((r % draw.candidates) as u32));
        let lead = |i: usize| {
            let score = f64::from(row[i]);
            if draw.temperature == 0.0 {
                return score;
            }
            let u = (f64::from(scramble(key ^ scramble(i as u32)) >> 9) + 0.5) / f64::from(1 << 23);
            let time = -(-u).ln_1p();
            score / f64::from(draw.temperature) - time.ln()
        };
        let kept = kept(row, draw);
        (0..width)
            .filter(|&i| kept[i])
            .reduce(|best, i| if lead(i) > lead(best) { i } else { best })
            .expect("the best score is kept")
    });
}

fn scramble(x: u32) -> u32 {
    let mut h = x;
    h = (h ^ h >> 16).wrapping_mul(0x85eb_ca6b);
    h = (h ^ h >> 13).wrapping_mul(0xc2b2_ae35);
    h ^ h >> 16
}

/// The `count` best ids of every row: id, score, log-probability.
pub fn beam_candidates(
    logits: &[f32],
    scores: &[f32],
    width: usize,
    count: usize,
    scale: Scale,
) -> Vec<[f32; 3]> {
    let (values, columns) = super::top_k(scores, width, count);
    (values.iter().zip(&columns).enumerate())
        .map(|(i, (&score, &id))| {
            let row = &logits[i / count * width..][..width];
            let log_sum = log_sum_exp(row);
            let shift = match scale {
                Scale::Logits => 0.0,
                Scale::Probabilities => log_sum,
            };
            let score = (f64::from(score) - shift) as f32;
            let logprob = (f64::from(row[id as usize]) - log_sum) as f32;
            [id as f32, score, logprob]
        })
        .collect()
}

/// The beams of one clip.
#[derive(Clone, Debug, Default)]
pub struct Beams {
    /// Ids, the rows their keys lie in, score, log-probability.
    pub open: Vec<Beam>,
    /// By the place they were put in.
    pub finished: Vec<Beam>,
    pub done: bool,
}

#[derive(Clone, Debug, Default)]
pub struct Beam {
    pub tokens: Vec<u32>,
    pub history: Vec<u32>,
    pub score: f32,
    pub logprob: f32,
    /// Of finished ones: grows from one to the next.
    pub age: usize,
}

/// Takes a clip's beams one id further; `candidates` (beams, 2·beams) are theirs, `first` is the row
/// of its first beam in the caches.
pub fn beam_step(candidates: &[[f32; 3]], clip: &mut Beams, first: u32, eos: u32) {
    if clip.done {
        return;
    }
    let beams = clip.open.len();
    let length = clip.open[0].tokens.len() as f32 + 1.0;
    let mut all: Vec<Beam> = (candidates.iter().enumerate())
        .map(|(i, &[id, score, logprob])| {
            let parent = &clip.open[i / (2 * beams)];
            let mut beam = parent.clone();
            beam.tokens.push(id as u32);
            beam.score += score;
            beam.logprob += logprob;
            beam
        })
        .collect();
    all.sort_by(|a, b| b.score.total_cmp(&a.score)); // stable: of equals the lower beam
    let best = all[0].score;
    let mut open = Vec::new();
    for (rank, mut beam) in all.into_iter().enumerate().take(2 * beams) {
        if open.len() == beams {
            break;
        }
        if beam.tokens.last() != Some(&eos) {
            beam.history.push(first + open.len() as u32);
            open.push(beam);
        } else if rank < beams {
            beam.tokens.pop();
            beam.score /= length;
            beam.age = beam.tokens.len() * 2 * beams + rank;
            if clip.finished.len() < beams {
                clip.finished.push(beam);
                continue;
            }
            let worst = (clip.finished.iter_mut())
                .min_by(|a, b| a.score.total_cmp(&b.score).then(a.age.cmp(&b.age)))
                .expect("at least one beam");
            if beam.score > worst.score {
                *worst = beam;
            }
        }
    }
    clip.open = open;
    clip.done = clip.finished.len() == beams
        && clip.finished.iter().all(|text| text.score >= best / length);
}
