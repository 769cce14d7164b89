//! The kernels of one caption, compiled anew.

use std::collections::HashSet;
use std::path::Path;
use std::time::Instant;

use super::pipeline::SUITE;
use super::stages::frame;
use super::{Figures, Measured, Settings, sources};
use crate::engine::Engine;
use crate::generate::Options;
use crate::gpu::{Constant, DType, Gpu};
use crate::preprocess::patches;
use crate::{Error, Result};

/// Kernels by what tells them apart.
type Kernels = HashSet<(&'static str, DType, Vec<(&'static str, Constant)>)>;

/// Frames of this size that are uploaded together without doubt.
const MOST: usize = 64;

/// Times the compiling of all kernels that a greedy caption of `frames` I420 frames takes: cold, with no
/// file of compiled kernels, and warm, with the one that a cold run wrote, where the adapter can keep one.
/// Both lie in a folder of their own. Verified against the kernels that a caption is made with.
///
/// Errors: the device's; a folder for temporary files that cannot be written.
pub(super) fn compile(
    engine: &Engine,
    frames: usize,
    settings: &Settings,
    tell: &mut dyn FnMut(Measured),
) -> Result<()> {
    let name = "compile";
    let [cold, warm] = ["cold", "warm"].map(|shape| settings.wants(name, shape));
    if !cold && !warm {
        return Ok(());
    }
    // Longer clips are read in several parts.
    let frames = frames.min(engine.model().frames_at_once()).min(MOST);
    let (gpu, dtype) = (engine.model().gpu(), engine.model().dtype());
    let before = kernels(gpu);
    let clip = engine.encode_video(&(0..frames).map(frame).collect::<Vec<_>>())?;
    engine.caption(&clip, &Options::default())?;
    let used = kernels(gpu);
    // What was compiled before may be of other work, too.
    let new: Kernels = used.difference(&before).cloned().collect();

    let folder = sources::temporary_folder()?;
    let prepare = |run: &Path| {
        let clock = Instant::now();
        let view = gpu.compiling_in(run);
        engine.prepare_captions_on(&view, frames)?;
        let config = engine.model().config();
        let (mut pass, side) = (view.pass(), config.patch as u32);
        patches(&mut pass, &[frame(0)], &config.preprocess, side, dtype)?;
        let ms = clock.elapsed().as_secs_f64() * 1e3;
        Ok::<_, Error>((ms, kernels(&view)))
    };
    let first = folder.path().join("0");
    let (_, prepared) = prepare(&first)?;
    let (needless, missing) = (prepared.difference(&used), new.difference(&prepared));
    let wrong = (needless.chain(missing).next())
        .map(|kernel| format!("{kernel:?} is prepared or taken by a caption, but not both"));
    let measured = |shape: &str, once: &mut dyn FnMut() -> Result<f64>| {
        let row = Measured::new(SUITE, name, shape.into(), dtype);
        if let Some(problem) = &wrong {
            return Ok(row.wrong(problem.clone()));
        }
        let times = settings.time(once)?;
        let figures = Figures::Compiled {
            kernels: prepared.len(),
        };
        Ok::<_, Error>(row.right().timed(&times, 0.0, 0.0, None).with(figures))
    };
    if cold {
        let mut run = 0;
        tell(measured("cold", &mut || {
            run += 1;
            Ok(prepare(&folder.path().join(run.to_string()))?.0)
        })?);
    }
    if warm && first.exists() {
        tell(measured("warm", &mut || Ok(prepare(&first)?.0))?);
    }
    Ok(())
}

fn kernels(gpu: &Gpu) -> Kernels {
    gpu.compiled().into_iter().collect()
}
