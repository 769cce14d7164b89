//! How old and how frequent things are, measured over the latest of them.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use super::Ages;

/// How many of the latest count.
const KEPT: usize = 256;

/// Seconds over which a rate is counted.
const SPAN: Duration = Duration::from_secs(3);

/// The latest durations of something.
#[derive(Debug, Default)]
pub(super) struct Latest(VecDeque<Duration>);

impl Latest {
    pub fn push(&mut self, duration: Duration) {
        if self.0.len() == KEPT {
            self.0.pop_front();
        }
        self.0.push_back(duration);
    }

    /// By nearest rank; zero before there are any.
    pub fn ages(&self) -> Ages {
        let mut sorted: Vec<Duration> = self.0.iter().copied().collect();
        sorted.sort_unstable();
        let rank = |percent: usize| {
            let at = (sorted.len() * percent).div_ceil(100).saturating_sub(1);
            sorted.get(at).copied().unwrap_or_default()
        };
        Ages {
            p50: rank(50),
            p95: rank(95),
        }
    }
}

/// How often something happens.
#[derive(Debug, Default)]
pub(super) struct Rate(VecDeque<Instant>);

impl Rate {
    pub fn tick(&mut self, now: Instant) {
        self.0.push_back(now);
        self.forget(now);
    }

    /// Times a second, over the last three seconds or as long as it has been going on.
    pub fn per_second(&mut self, now: Instant) -> f32 {
        self.forget(now);
        let Some(first) = self.0.front() else {
            return 0.0;
        };
        let span = now.saturating_duration_since(*first).as_secs_f32();
        match self.0.len() {
            1 => 1.0 / span.max(1.0),
            count => (count - 1) as f32 / span.max(1e-3),
        }
    }

    fn forget(&mut self, now: Instant) {
        while (self.0.front()).is_some_and(|first| now.saturating_duration_since(*first) > SPAN) {
            self.0.pop_front();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ages_are_ranks_of_the_latest_durations() {
        let mut latest = Latest::default();
        assert_eq!(latest.ages(), Ages::default());
        (1..=1000).for_each(|ms| latest.push(Duration::from_millis(1001 - ms)));
        // Of 1 to 256 ms.
        let ages = latest.ages();
        assert_eq!([ages.p50, ages.p95].map(|age| age.as_millis()), [128, 244]);
    }

    #[test]
    fn a_rate_forgets() {
        let (mut rate, start) = (Rate::default(), Instant::now());
        let at = |ms| start + Duration::from_millis(ms);
        assert_eq!(rate.per_second(start), 0.0);
        (0..=50).for_each(|i| rate.tick(at(100 * i)));
        assert!((rate.per_second(at(5000)) - 10.0).abs() < 0.1);
        assert_eq!(rate.per_second(at(9000)), 0.0);
    }
}
