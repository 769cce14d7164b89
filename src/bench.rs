//! Measurements: each is verified first and then timed.

mod compile;
mod kernels;
mod pipeline;
mod sources;
mod stages;
mod texts;

use std::fmt;
use std::time::Instant;

use serde::Serialize;

pub use kernels::{Ceilings, kernels, measure};
pub use pipeline::pipeline;
pub use stages::stages;
pub use texts::{text, texts};

use crate::Result;
use crate::gpu::DType;

/// What was measured of one thing.
#[derive(Clone, Debug, Serialize)]
pub struct Measured {
    /// "kernels", "model" or "pipeline".
    pub suite: &'static str,
    pub name: String,
    pub shape: String,
    /// Of decoding there is none.
    pub dtype: Option<DType>,
    /// Whether its results were right. What is wrong is not timed.
    pub verified: bool,
    /// What was wrong.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub problem: Option<String>,
    /// Median of the runs, in milliseconds: of the GPU's own clock for kernels where it has one, else
    /// wall time from recording to the end; of one clip or window where a run takes several.
    pub ms_median: Option<f64>,
    /// The range of the runs over their median.
    pub ms_spread: Option<f64>,
    pub gflops: Option<f64>,
    pub gbps: Option<f64>,
    /// The time that the adapter's own ceilings allow over the median: of multiply-adds or of bytes,
    /// whichever is longer.
    pub share_of_ceiling: Option<f64>,
    #[serde(flatten)]
    pub figures: Option<Figures>,
}

/// What is told of some things besides.
#[derive(Clone, Copy, Debug, Serialize)]
#[serde(untagged)]
pub enum Figures {
    /// Of writing texts.
    Texts {
        ms_per_token: f64,
        dispatches_per_token: f64,
        /// Of a whole text, read-backs included.
        submissions: u64,
    },
    /// Of a folder of clips.
    Folder {
        clips_per_second: f64,
        /// The part of the wall time in which the GPU was at work, by its own clock; none where it has
        /// none.
        gpu_share: Option<f64>,
    },
    /// Of a video that is cut.
    Windows { windows_per_second: f64 },
    /// Of compiling.
    Compiled { kernels: usize },
}

impl fmt::Display for Figures {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            Self::Texts {
                ms_per_token,
                dispatches_per_token,
                submissions,
            } => write!(
                out,
                "{ms_per_token:>8.3} {dispatches_per_token:>10.1} {submissions:>5}"
            ),
            Self::Folder {
                clips_per_second,
                gpu_share: Some(share),
            } => write!(
                out,
                "{clips_per_second:.1} clips/s, GPU {:.0}%",
                100.0 * share
            ),
            Self::Folder {
                clips_per_second, ..
            } => write!(out, "{clips_per_second:.1} clips/s"),
            Self::Windows { windows_per_second } => {
                write!(out, "{windows_per_second:.1} windows/s")
            }
            Self::Compiled { kernels } => write!(out, "{kernels} kernels"),
        }
    }
}

impl fmt::Display for Measured {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let number = |value: Option<f64>, digits: usize| {
            value.map_or_else(String::new, |value| format!("{value:.digits$}"))
        };
        let percent =
            |share: Option<f64>| share.map_or_else(String::new, |s| format!("{:.0}%", 100.0 * s));
        let (name, shape) = (&self.name, &self.shape);
        let dtype = self
            .dtype
            .map_or_else(String::new, |dtype| dtype.to_string());
        if let Some(problem) = &self.problem {
            return write!(out, "{dtype:<4} {:62} {name} {shape}: {problem}", "WRONG");
        }
        write!(
            out,
            "{dtype:<4} {:>10} {:>7} {:>8} {:>7} {:>8} ",
            number(self.ms_median, 3),
            percent(self.ms_spread),
            number(self.gflops, 1),
            number(self.gbps, 1),
            percent(self.share_of_ceiling),
        )?;
        let figures = self
            .figures
            .map_or_else(String::new, |more| more.to_string());
        write!(out, "{figures:>25}  {name} {shape}")
    }
}

impl Measured {
    /// What stands above lines of [`Display`](fmt::Display): `id` figures are those of one id of a text.
    pub const HEADER: &str =
        "type  median ms  spread  GFLOP/s    GB/s  ceiling    ms/id dispatch/id submits  what";

    fn new(
        suite: &'static str,
        name: &str,
        shape: String,
        dtype: impl Into<Option<DType>>,
    ) -> Self {
        Self {
            suite,
            name: name.to_owned(),
            shape,
            dtype: dtype.into(),
            verified: false,
            problem: None,
            ms_median: None,
            ms_spread: None,
            gflops: None,
            gbps: None,
            share_of_ceiling: None,
            figures: None,
        }
    }

    fn wrong(self, problem: String) -> Self {
        Self {
            problem: Some(problem),
            ..self
        }
    }

    fn right(self) -> Self {
        Self {
            verified: true,
            ..self
        }
    }

    fn with(self, figures: Figures) -> Self {
        Self {
            figures: Some(figures),
            ..self
        }
    }

    /// With times, and the rates at which so many operations and bytes went. `least` are the
    /// milliseconds that the ceilings allow.
    fn timed(self, times: &Times, flops: f64, bytes: f64, least: Option<f64>) -> Self {
        let rate = |amount: f64| (amount > 0.0).then_some(amount / times.median * 1e-6);
        Self {
            ms_median: Some(times.median),
            ms_spread: Some(times.spread),
            gflops: rate(flops),
            gbps: rate(bytes),
            share_of_ceiling: least.map(|least| least / times.median),
            ..self
        }
    }
}

/// How much is measured.
#[derive(Clone, Debug)]
pub struct Settings {
    /// Runs of each thing, at most; fewer, but at least [`FEWEST`](Self::FEWEST), once they took long.
    pub runs: usize,
    /// Only what takes little work: for a look whether everything is right.
    pub quick: bool,
    /// Only what has this in its name or shape.
    pub filter: Option<String>,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            runs: 9,
            quick: false,
            filter: None,
        }
    }
}

impl Settings {
    /// Runs of a thing that takes long.
    pub const FEWEST: usize = 3;

    /// Seconds after which a thing took long.
    const LONG: f64 = 10.0;

    fn wants(&self, name: &str, shape: &str) -> bool {
        (self.filter.as_ref()).is_none_or(|part| name.contains(part) || shape.contains(part))
    }

    /// Runs something, which tells its milliseconds, as often as it should be.
    fn time(&self, mut once: impl FnMut() -> Result<f64>) -> Result<Times> {
        let begin = Instant::now();
        let mut ms = Vec::with_capacity(self.runs);
        while ms.len() < self.runs.max(1) {
            ms.push(once()?);
            if ms.len() >= Self::FEWEST && begin.elapsed().as_secs_f64() > Self::LONG {
                break;
            }
        }
        Ok(Times::of(ms))
    }

    /// The same for something whose wall time counts.
    fn time_wall(&self, mut once: impl FnMut() -> Result<()>) -> Result<Times> {
        self.time(|| {
            let begin = Instant::now();
            once()?;
            Ok(begin.elapsed().as_secs_f64() * 1e3)
        })
    }
}

/// Milliseconds of several runs.
#[derive(Clone, Copy, Debug)]
struct Times {
    median: f64,
    /// Range over median.
    spread: f64,
}

impl Times {
    fn of(mut ms: Vec<f64>) -> Self {
        ms.sort_by(f64::total_cmp);
        let median = ms[ms.len() / 2];
        Self {
            median,
            spread: (ms[ms.len() - 1] - ms[0]) / median,
        }
    }

    /// Of each of so many equal parts.
    fn each(self, parts: usize) -> Self {
        Self {
            median: self.median / parts as f64,
            ..self
        }
    }

    /// How many a second.
    fn rate(&self) -> f64 {
        1e3 / self.median
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_median_is_of_sorted_times() {
        let times = Times::of(vec![9.0, 1.0, 4.0]);
        assert_eq!((times.median, times.spread), (4.0, 2.0));
    }

    #[test]
    fn what_takes_long_runs_less_often() {
        let settings = Settings {
            runs: 5,
            ..Settings::default()
        };
        let mut runs = 0;
        let count = |runs: &mut i32| {
            *runs += 1;
            Ok(1.0)
        };
        settings.time(|| count(&mut runs)).unwrap();
        assert_eq!(runs, 5);
    }

    #[test]
    fn a_share_is_of_the_nearer_ceiling() {
        let most = Ceilings {
            gflops: 100.0,
            gbps: 10.0,
            coop_gflops: Some(400.0),
        };
        let times = Times {
            median: 20.0,
            spread: 0.0,
        };
        let row = || Measured::new("kernels", "x", String::new(), DType::F32);
        // A billion operations take 10 ms, 150 MB take 15.
        let share = |flops, bytes, cooperative| {
            let least = most.ms(flops, bytes, cooperative);
            row()
                .timed(&times, flops, bytes, Some(least))
                .share_of_ceiling
        };
        assert_eq!(share(1e9, 1.5e8, false), Some(0.75));
        assert_eq!(share(1e9, 5e7, false), Some(0.5));
        // Cooperative matrices do them in 2.5 ms, the bytes take 5.
        assert_eq!(share(1e9, 5e7, true), Some(0.25));
        assert_eq!(share(4e9, 5e7, true), Some(0.5));
        assert_eq!(row().timed(&times, 0.0, 1e8, None).gflops, None);
    }
}
