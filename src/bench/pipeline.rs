//! From files to answers, as users wait for it.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Instant;

use super::compile::compile;
use super::sources::{self, sources};
use super::stages::{apart, needs_frames};
use super::{Figures, Measured, Settings};
use crate::engine::{Engine, Opened, WindowOptions};
use crate::frames::{self, Frame, Method, Sampled, Sampling, Seconds, ahead, sample};
use crate::generate::Options;
use crate::gpu::BusyClock;
use crate::preprocess::layout::Layout;
use crate::windows::Windows;
use crate::{Error, Result};

pub(super) const SUITE: &str = "pipeline";

/// Windows that are taken of a video, at most.
const WINDOWS: usize = 60;

/// Windows that are held against their frames encoded alone.
const CHECKED: usize = 3;

/// The longest window, in seconds.
const LONGEST: Seconds = Seconds::new_raw(4, 1);

/// Times the compiling of a caption's kernels; the decoding of each video; captions of all of them, one
/// decoded while another is told; and windows of the longest one. `frames` frames are taken of a clip or
/// a window. Tells of each.
///
/// A path is a video, an image, or a folder: of videos, at any depth, or of images, which are one clip.
/// Without any path there is a built-in clip; without the feature `gstreamer`, compiling alone.
///
/// What is wrong with a file is told in its row, and the others go on.
///
/// Errors: no frames, or more than [`sample`] takes; a folder for temporary files that cannot be
/// written; the device's.
pub fn pipeline(
    engine: &Engine,
    paths: &[PathBuf],
    frames: usize,
    settings: &Settings,
    tell: &mut dyn FnMut(Measured),
) -> Result<()> {
    needs_frames(frames)?;
    compile(engine, frames, settings, tell)?;
    let pipeline = Pipeline {
        engine,
        settings,
        whole: WindowOptions {
            windows: Windows::Whole,
            frames,
            sampling: Sampling::Uniform,
        },
    };
    if !paths.is_empty() {
        return pipeline.run(paths, tell);
    }
    #[cfg(feature = "gstreamer")]
    {
        let folder = sources::temporary_folder()?;
        pipeline.run(&[sources::built_in(folder.path())?], tell)
    }
    #[cfg(not(feature = "gstreamer"))]
    {
        log::warn!("this build cannot decode video: without images, compiling is all there is");
        Ok(())
    }
}

struct Pipeline<'a> {
    engine: &'a Engine,
    settings: &'a Settings,
    whole: WindowOptions,
}

/// A video that can be read.
struct Readable {
    path: PathBuf,
    duration: Option<Seconds>,
}

impl Pipeline<'_> {
    fn run(&self, paths: &[PathBuf], tell: &mut dyn FnMut(Measured)) -> Result<()> {
        let mut readable = Vec::new();
        for path in paths {
            match sources(path) {
                Ok(files) => {
                    for file in files {
                        readable.extend(self.decode(file, tell)?);
                    }
                }
                Err(error) => tell(decoding(path).wrong(error.to_string())),
            }
        }
        self.folder(&readable, tell)?;
        match readable.iter().max_by_key(|video| video.duration) {
            Some(longest) => self.windows(longest, tell),
            None => Ok(()),
        }
    }

    /// Reads a video, and times that if it is wanted and right; tells what is wrong in any case.
    fn decode(&self, path: PathBuf, tell: &mut dyn FnMut(Measured)) -> Result<Option<Readable>> {
        let row = decoding(&path);
        let wanted = self.settings.wants(&row.name, &row.shape);
        let read = || sample(&path, self.whole.frames, self.whole.sampling);
        let mut duration = None;
        let row = told(row, |row| {
            let sampled = read()?;
            duration = sampled.duration;
            if let Some(problem) = no_clip(&sampled, self.whole.frames)? {
                return Ok(row.wrong(problem));
            }
            drop(sampled);
            if !wanted {
                return Ok(row.right());
            }
            let times = self.settings.time_wall(|| read().map(drop))?;
            Ok(row.right().timed(&times, 0.0, 0.0, None))
        })?;
        let readable = row.verified.then_some(Readable { path, duration });
        if wanted || readable.is_none() {
            tell(row);
        }
        Ok(readable)
    }

    /// Clips from files to captions, one decoded while another is told.
    fn folder(&self, videos: &[Readable], tell: &mut dyn FnMut(Measured)) -> Result<()> {
        let clips = match self.settings.quick {
            true => 3,
            false => videos.len().max(8),
        };
        let paths = videos.iter().map(|video| video.path.clone());
        let paths: Vec<PathBuf> = paths.cycle().take(clips).collect();
        let (name, shape) = ("folder", format!("{clips} x {} frames", self.whole.frames));
        if paths.is_empty() || !self.settings.wants(name, &shape) {
            return Ok(());
        }
        let dtype = self.engine.model().dtype();
        tell(told(Measured::new(SUITE, name, shape, dtype), |row| {
            let options = self.whole;
            let opened =
                |paths: Vec<PathBuf>| paths.into_iter().map(move |path| options.open(&path));
            let together = || self.captions(ahead(opened(paths.clone())));
            let alone = self.captions(opened(paths.clone()))?;
            if together()? != alone {
                return Ok(row.wrong("captions differ from those made one by one".into()));
            }
            let (busy, clock) = (self.engine.model().gpu().busy_clock(), Instant::now());
            let times = self.settings.time_wall(|| together().map(drop))?;
            let wall = clock.elapsed().as_secs_f64() * 1e3;
            let busy = busy.map(BusyClock::stop).transpose()?;
            let each = times.each(clips);
            let figures = Figures::Folder {
                clips_per_second: each.rate(),
                gpu_share: busy.map(|busy| busy / wall),
            };
            Ok(row.right().timed(&each, 0.0, 0.0, None).with(figures))
        })?);
        Ok(())
    }

    /// The ids of the caption of each clip.
    fn captions(&self, opened: impl Iterator<Item = Result<Opened>>) -> Result<Vec<Vec<u32>>> {
        let caption = |opened: Result<Opened>| {
            let mut windows = self.engine.windows_of(opened?)?;
            let clip = windows.next().expect("a whole video is one window")?.clip;
            Ok(self.engine.caption(&clip, &Options::default())?.tokens)
        };
        opened.map(caption).collect()
    }

    /// Windows that slide over a video, each frame of it encoded once.
    fn windows(&self, video: &Readable, tell: &mut dyn FnMut(Measured)) -> Result<()> {
        let Some(cut) = video
            .duration
            .and_then(|duration| Cut::of(duration, self.whole.frames))
        else {
            return Ok(());
        };
        let windows = Windows::Sliding {
            length: cut.step * cut.frames as i64,
            stride: cut.step * cut.slide as i64,
        };
        let (name, shape) = (
            "windows",
            format!("{windows} {}", sources::name(&video.path)),
        );
        if !self.settings.wants(name, &shape) {
            return Ok(());
        }
        let dtype = self.engine.model().dtype();
        tell(told(Measured::new(SUITE, name, shape, dtype), |row| {
            let options = WindowOptions {
                windows,
                ..self.whole
            };
            let most = if self.settings.quick {
                CHECKED
            } else {
                WINDOWS
            };
            let take = || {
                let windows = self.engine.windows(&video.path, &options)?;
                windows.take(most).collect::<Result<Vec<_>>>()
            };
            let taken = take()?;
            let frames = frames::stream(&video.path, cut.step)?.into_iter().flatten();
            let frames: Vec<Frame> = frames
                .take(cut.frames + (CHECKED - 1) * cut.slide)
                .collect::<Result<_>>()?;
            for (window, first) in taken.iter().zip((0..).step_by(cut.slide)) {
                // The last window of a video may be shorter.
                let Some(own) = frames.get(first..first + cut.frames) else {
                    break;
                };
                let alone = self.engine.encode_video(own)?;
                let alone = self.engine.read_embedding(&alone)?;
                if let Some(problem) = apart(dtype, "embedding", &window.embedding, &alone) {
                    return Ok(row.wrong(problem));
                }
            }
            let count = taken.len();
            drop((taken, frames));
            let each = self.settings.time_wall(|| take().map(drop))?.each(count);
            let figures = Figures::Windows {
                windows_per_second: each.rate(),
            };
            Ok(row.right().timed(&each, 0.0, 0.0, None).with(figures))
        })?);
        Ok(())
    }
}

/// How windows slide over a video.
struct Cut {
    /// From one frame to the next, in whole milliseconds.
    step: Seconds,
    /// Frames of a window.
    frames: usize,
    /// Frames from one window to the next.
    slide: usize,
}

impl Cut {
    /// Windows of four seconds or, of a short video, half of it; each begins a quarter of that after the
    /// one before. None of a video that has not that many milliseconds.
    fn of(duration: Seconds, frames: usize) -> Option<Self> {
        let step = LONGEST.min(duration / 2) * 1000 / frames as i64;
        (step.to_integer() > 0).then(|| Self {
            step: Seconds::new(step.to_integer(), 1000),
            frames,
            slide: (frames / 4).max(1),
        })
    }
}

/// What is wrong with frames of which a clip was to have so many: their number, the order of their times,
/// or a picture that its data do not hold.
fn no_clip(sampled: &Sampled, wanted: usize) -> Result<Option<String>> {
    let frames = &sampled.frames;
    let still = sampled.method == Method::Still;
    // An image is a clip of one frame.
    if frames.len() != wanted && !(still && frames.len() == 1) {
        return Ok(Some(format!("{} frames, not {wanted}", frames.len())));
    }
    for frame in frames {
        Layout::of(&frame.picture)?;
    }
    // A video that has fewer frames repeats them.
    let rise = |[a, b]: &[Frame; 2]| a.pts < b.pts || Arc::ptr_eq(&a.picture.data, &b.picture.data);
    let times = || frames.iter().map(|frame| frame.pts.to_string());
    Ok((!still && !frames.array_windows().all(rise))
        .then(|| format!("frames at {} s", times().collect::<Vec<_>>().join(", "))))
}

fn decoding(path: &Path) -> Measured {
    Measured::new(SUITE, "file_to_frames", sources::name(path), None)
}

/// The row that `measure` makes of a bare one; the fault of a file is told in its row.
fn told(row: Measured, measure: impl FnOnce(Measured) -> Result<Measured>) -> Result<Measured> {
    match measure(row.clone()) {
        Err(error @ (Error::DeviceLost(_) | Error::Gpu(_) | Error::OutOfMemory(_))) => Err(error),
        Err(error) => Ok(row.wrong(error.to_string())),
        measured => measured,
    }
}

#[cfg(test)]
mod tests {
    use super::super::stages::frame;
    use super::*;

    fn clip(times: &[usize]) -> Sampled {
        Sampled {
            frames: times.iter().map(|&time| frame(time)).collect(),
            duration: None,
            method: Method::Plan,
        }
    }

    #[test]
    fn frames_that_are_too_few_or_out_of_order_are_no_clip() {
        let problem = |clip: &Sampled| no_clip(clip, 3).unwrap();
        assert_eq!(problem(&clip(&[0, 1, 2])), None);
        assert_eq!(problem(&clip(&[0, 1])).unwrap(), "2 frames, not 3");
        assert_eq!(problem(&clip(&[0, 2, 1])).unwrap(), "frames at 0, 2, 1 s");
        // The same time again, but not the same picture.
        assert!(problem(&clip(&[0, 1, 1])).is_some());
        let mut repeated = clip(&[0, 1]);
        repeated.frames.push(repeated.frames[1].clone());
        assert_eq!(problem(&repeated), None);
        let mut cut = clip(&[0, 1, 2]);
        cut.frames[1].picture.height *= 2;
        assert!(no_clip(&cut, 3).is_err());
    }

    #[test]
    fn windows_are_four_seconds_or_half_of_a_short_video() {
        let cut = |duration: Seconds, frames| {
            let cut = Cut::of(duration, frames)?;
            Some((cut.step * cut.frames as i64, cut.step * cut.slide as i64))
        };
        let ms = |ms| Seconds::new(ms, 1000);
        assert_eq!(cut(ms(30_000), 8), Some((ms(4000), ms(1000))));
        assert_eq!(cut(ms(2000), 8), Some((ms(1000), ms(250))));
        // Three frames do not divide four seconds.
        assert_eq!(cut(ms(30_000), 3), Some((ms(3999), ms(1333))));
        assert_eq!(cut(ms(9), 8), None);
    }
}
