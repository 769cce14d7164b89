//! Where the picture changes for good.

use crate::frames::Seconds;
use crate::labels::dot;

/// The least change that may begin a scene: 1 minus the cosine with the scene so far. That of
/// [`Windows::Shots`](crate::windows::Windows::Shots).
const LEAST: f32 = 0.1;

/// A change that begins a scene is this many times what is usual in the scene so far.
const FACTOR: f32 = 3.0;

/// How much the latest frame counts for the scene, and for what is usual.
const LATEST: f32 = 0.2;

/// Where frames are farther apart, a single one that differs begins a scene.
const SPARSE: Seconds = Seconds::new_raw(1, 1);

/// Follows the embeddings of frames. A flash of one frame makes no scene: the second frame in a row that
/// differs does, and it begins at the first.
#[derive(Debug, Default)]
pub(super) struct Scenes {
    /// A running mean of the embeddings of the scene, not normalised; empty before the first frame.
    mean: Vec<f32>,
    usual: f32,
    /// A frame that differs, which nothing has confirmed yet.
    strange: Option<(Seconds, Vec<f32>)>,
    last: Option<Seconds>,
}

impl Scenes {
    /// The beginning of a new scene, if it is certain with this frame, whose embedding (E) is
    /// l2-normalised.
    pub fn see(&mut self, time: Seconds, embedding: &[f32]) -> Option<Seconds> {
        let last = self.last.replace(time);
        let Some(last) = last else {
            self.begin(&[embedding]);
            return Some(time);
        };
        let length = dot(&self.mean, &self.mean).sqrt().max(1e-12);
        let change = 1.0 - dot(&self.mean, embedding) / length;
        if change < LEAST || change < FACTOR * self.usual {
            self.strange = None;
            self.usual += LATEST * (change.max(0.0) - self.usual);
            for (mean, &value) in self.mean.iter_mut().zip(embedding) {
                *mean += LATEST * (value - *mean);
            }
            return None;
        }
        // One from before a loss confirms nothing.
        match self.strange.take().filter(|_| time - last <= SPARSE) {
            Some((start, first)) => {
                self.begin(&[&first, embedding]);
                Some(start)
            }
            None if time - last > SPARSE => {
                self.begin(&[embedding]);
                Some(time)
            }
            None => {
                self.strange = Some((time, embedding.to_vec()));
                None
            }
        }
    }

    fn begin(&mut self, embeddings: &[&[f32]]) {
        self.mean = embeddings[0].to_vec();
        for embedding in &embeddings[1..] {
            (self.mean.iter_mut().zip(*embedding)).for_each(|(mean, value)| *mean += value);
        }
        let count = embeddings.len() as f32;
        self.mean.iter_mut().for_each(|mean| *mean /= count);
        self.usual = 0.0;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Frames every quarter second that look into these directions, in degrees.
    fn scenes(angles: &[f32]) -> Vec<usize> {
        let mut scenes = Scenes::default();
        let mut starts = Vec::new();
        for (i, angle) in angles.iter().enumerate() {
            let angle = angle.to_radians();
            let time = Seconds::new(i as i64, 4);
            if let Some(start) = scenes.see(time, &[angle.cos(), angle.sin()]) {
                starts.push((start * 4).to_integer() as usize);
            }
        }
        starts
    }

    #[test]
    fn a_scene_begins_at_the_first_of_two_frames_that_differ() {
        assert_eq!(scenes(&[0.0, 1.0, 0.0, 60.0, 61.0, 60.0]), [0, 3]);
    }

    #[test]
    fn a_flash_and_a_slow_turn_make_none() {
        assert_eq!(scenes(&[0.0, 1.0, 70.0, 0.0, 1.0, 70.0, 0.0]), [0]);
        let turn: Vec<f32> = (0..60).map(|i| 3.0 * i as f32).collect();
        assert_eq!(scenes(&turn), [0]);
    }

    #[test]
    fn frames_far_apart_need_no_second_one() {
        let mut scenes = Scenes::default();
        let at = Seconds::from_integer;
        assert_eq!(scenes.see(at(0), &[1.0, 0.0]), Some(at(0)));
        assert_eq!(scenes.see(at(3), &[0.0, 1.0]), Some(at(3)));
    }
}
