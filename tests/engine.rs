//! The engine below the models: buffers, passes, limits, the device of a host.

mod common;

#[cfg(feature = "shapes")]
use std::collections::{BTreeSet, HashSet};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::process::Command;
use std::sync::LazyLock;
use std::thread;
use std::time::{Duration, Instant};

#[cfg(feature = "shapes")]
use vcoca_gpu::frames::{Sampling, sample};
use vcoca_gpu::gpu::{DType, Gpu, Tensor};
use vcoca_gpu::ops::choose::softmax;
#[cfg(feature = "shapes")]
use vcoca_gpu::{Engine, ModelSource, Options};
use vcoca_gpu::{Error, Result};

/// The most bytes that [`HOST`] binds.
const SMALL: u64 = 1 << 20;

/// A device that this test opened itself, as a host would, and that no other test allocates on.
static HOST: LazyLock<Gpu> = LazyLock::new(|| common::gpu_with_bindings(SMALL));

#[test]
fn what_goes_up_comes_back() -> Result<()> {
    let gpu = common::gpu();
    for n in [1, 2, 3, 7, 63, 65, 257, 1757] {
        // Every value is exact in f16.
        let floats: Vec<f32> = (0..n).map(|i| i as f32 * 0.5 - 3.0).collect();
        let ids: Vec<u32> = (0..n).map(|i| u32::MAX - i as u32).collect();
        let mut pass = gpu.pass();
        let single = pass.upload_f32(&[n], DType::F32, &floats)?;
        let half = pass.upload_f32(&[n], DType::F16, &floats)?;
        let whole = pass.upload(&[n], DType::U32, &ids)?;
        pass.submit()?;
        assert_eq!(gpu.read_f32(&single)?, floats);
        assert_eq!(gpu.read_f32(&half)?, floats);
        assert_eq!(gpu.read_u32(&whole)?, ids);
    }
    Ok(())
}

#[test]
fn an_upload_larger_than_a_staging_chunk_arrives_whole() -> Result<()> {
    let gpu = common::gpu();
    let values: Vec<u32> = (0..5_000_001).collect();
    let mut pass = gpu.pass();
    let tensor = pass.upload(&[values.len()], DType::U32, &values)?;
    pass.submit()?;
    assert!(gpu.read_u32(&tensor)? == values);
    Ok(())
}

#[test]
fn a_second_identical_pass_allocates_nothing() -> Result<()> {
    let gpu = &*HOST;
    let run = || -> Result<Vec<f32>> {
        let mut pass = gpu.pass();
        let mut x = pass.upload_f32(&[3, 65], DType::F32, &[0.25; 195])?;
        for _ in 0..4 {
            x = softmax(&mut pass, &x)?;
        }
        pass.submit()?;
        gpu.read_f32(&x)
    };
    let first = run()?;
    let before = gpu.pool_stats();
    let second = run()?;
    let after = gpu.pool_stats();
    assert_eq!(first, second);
    assert_eq!(after.allocations, before.allocations);
    assert!(after.hits > before.hits);
    assert_eq!(after.live_bytes, 0, "every tensor was dropped");
    gpu.trim();
    assert_eq!(gpu.pool_stats().held_bytes, 0);
    Ok(())
}

#[test]
fn a_tensor_beyond_the_binding_limit_is_an_error() {
    let gpu = &*HOST;
    assert_eq!(gpu.caps().binding_bytes, SMALL);
    let dims = [SMALL as usize / 4 + 1];
    match gpu.tensor(&dims, DType::F32) {
        Err(Error::AdapterLimit {
            needed, allowed, ..
        }) => assert!(needed > allowed && allowed == SMALL),
        Err(other) => panic!("not the error wanted: {other}"),
        Ok(tensor) => panic!("got {tensor:?}"),
    }
}

#[test]
fn timed_scopes_tell_their_times() -> Result<()> {
    let gpu = common::gpu();
    let mut pass = gpu.timed_pass();
    let x = pass.upload_f32(&[64, 1000], DType::F32, &[0.5; 64_000])?;
    pass.scope("first");
    let y = softmax(&mut pass, &x)?;
    pass.scope("second");
    let z = softmax(&mut pass, &y)?;
    let times = pass.submit()?.scope_times()?;
    drop(z);
    if gpu.caps().timestamps {
        let names: Vec<_> = times.iter().map(|scope| scope.name.as_str()).collect();
        assert_eq!(names, ["first", "second"]);
        assert!(times.iter().all(|scope| scope.ms > 0.0), "{times:?}");
    } else {
        assert!(times.is_empty());
    }
    Ok(())
}

/// A device of its own: what other tests submit is not to be counted.
#[test]
fn a_clock_counts_the_work_and_not_the_waiting() -> Result<()> {
    let gpu = Gpu::new()?;
    assert!(
        gpu.with_caps(|caps| caps.timestamps = false)
            .busy_clock()
            .is_none()
    );
    let Some(clock) = gpu.busy_clock() else {
        assert!(!gpu.caps().software(), "Mesa's has timestamps");
        return Ok(());
    };
    assert!(gpu.busy_clock().is_none(), "one at a time");
    let work = || {
        let mut pass = gpu.pass();
        let x = pass.upload_f32(&[4], DType::F32, &[0.0; 4])?;
        softmax(&mut pass, &x)?;
        pass.submit()?.wait()
    };
    let (begin, pause) = (Instant::now(), Duration::from_millis(50));
    work()?;
    thread::sleep(pause);
    work()?;
    // Recorded, not submitted: its place goes to the next one.
    drop(gpu.pass());
    work()?;
    let whole = begin.elapsed();
    let busy = Duration::from_secs_f64(clock.stop()? / 1e3);
    assert!(
        !busy.is_zero() && busy <= whole - pause,
        "{busy:?} of {whole:?}"
    );

    // More submissions than one set of queries holds.
    let clock = gpu.busy_clock().expect("the other one has been stopped");
    for _ in 0..2050 {
        gpu.pass().submit()?;
    }
    assert!(clock.stop()? >= 0.0);
    let clock = gpu.busy_clock().expect("a clock");
    assert_eq!(clock.stop()?, 0.0, "nothing was done");
    Ok(())
}

#[test]
fn a_second_pass_on_a_thread_panics_instead_of_hanging() -> Result<()> {
    let gpu = common::gpu();
    let open = gpu.pass();
    let second = catch_unwind(AssertUnwindSafe(|| drop(gpu.pass())));
    assert!(second.is_err());
    open.submit()?;
    gpu.pass().submit()?; // the line is free again
    Ok(())
}

#[test]
fn threads_take_turns() -> Result<()> {
    let gpu = common::gpu();
    let worker = |n: usize| -> Result<Vec<f32>> {
        let mut pass = gpu.pass();
        let x = pass.upload_f32(&[n], DType::F32, &vec![n as f32; n])?;
        let y = softmax(&mut pass, &x)?;
        pass.submit()?;
        gpu.read_f32(&y)
    };
    thread::scope(|scope| {
        let workers: Vec<_> = (1..9)
            .map(|n| scope.spawn(move || (n, worker(n))))
            .collect();
        for handle in workers {
            let (n, y) = handle.join().expect("a worker");
            let y = y?;
            assert_eq!(y.len(), n);
            assert!(y.iter().all(|v| (v - 1.0 / n as f32).abs() < 1e-6), "{y:?}");
        }
        Ok(())
    })
}

/// Whether a tensor's buffer really comes from the pool and goes back.
#[test]
fn clones_share_a_buffer_until_the_last_is_gone() -> Result<()> {
    let gpu = common::gpu();
    let mut pass = gpu.pass();
    let a = pass.upload_f32(&[2, 3], DType::F32, &[1.0, 2.0, 3.0, 4.0, 5.0, 6.0])?;
    let b: Tensor = a.reshape(&[3, 2]);
    drop(a);
    // Were the buffer free, this could take it and overwrite what `b` shows.
    let c = pass.upload_f32(&[6], DType::F32, &[0.0; 6])?;
    pass.submit()?;
    assert_eq!(gpu.read_f32(&b)?, [1.0, 2.0, 3.0, 4.0, 5.0, 6.0]);
    assert_eq!(b.dims(), [3, 2]);
    drop(c);
    Ok(())
}

#[test]
fn compiled_kernels_are_kept_on_disk() {
    let folder = tempfile::tempdir().expect("a folder");
    // In a process of its own: the environment belongs to all threads, and the file is written when
    // the device is dropped.
    let run = || {
        let output = Command::new(std::env::current_exe().expect("this program"))
            .args(["--exact", "fill_the_pipeline_cache", "--ignored"])
            .env("XDG_CACHE_HOME", folder.path())
            .env("HOME", folder.path())
            .output()
            .expect("a child process");
        assert!(output.status.success(), "{output:?}");
    };
    run();
    // Begins with what the first one has left.
    run();
    if !common::gpu().caps().pipeline_cache || !cfg!(target_os = "linux") {
        return;
    }
    let files: Vec<_> = std::fs::read_dir(folder.path().join("vcoca-gpu/pipelines"))
        .expect("the cache folder")
        .map(|entry| entry.expect("an entry"))
        .collect();
    assert_eq!(files.len(), 1, "{files:?}");
    assert!(files[0].metadata().expect("its size").len() > 0);
}

#[test]
#[ignore = "run by compiled_kernels_are_kept_on_disk"]
fn fill_the_pipeline_cache() -> Result<()> {
    let gpu = Gpu::new()?;
    let mut pass = gpu.pass();
    let x = pass.upload_f32(&[4], DType::F32, &[0.0; 4])?;
    let y = softmax(&mut pass, &x)?;
    pass.submit()?;
    assert_eq!(gpu.read_f32(&y)?, [0.25; 4]);
    Ok(())
}

/// Where preparing forgets a kernel, it is compiled when it is recorded.
#[test]
#[cfg(feature = "shapes")]
fn what_is_prepared_is_not_compiled_again() -> Result<()> {
    // What other tests compile is not to be seen.
    let gpu = Gpu::new()?;
    let engine = Engine::load(&gpu, &ModelSource::Shapes, None)?;
    let folder = tempfile::tempdir().expect("a folder");
    let picture = image::RgbImage::from_pixel(80, 60, image::Rgb([200, 30, 30]));
    (picture.save(folder.path().join("red.png"))).expect("a picture");
    let kernels = || gpu.compiled().into_iter().collect::<HashSet<_>>();
    assert!(kernels().is_empty());
    engine.model().prepare(3)?;
    let prepared = kernels();
    let frames = sample(folder.path(), 3, Sampling::Uniform)?.frames;
    let clip = engine.encode_video(&frames)?;
    let read = kernels();
    let more: BTreeSet<_> = read.difference(&prepared).map(|kernel| kernel.0).collect();
    // They depend on the kind of pictures.
    assert_eq!(more, BTreeSet::from(["cut_patches", "frame_rgb", "resize"]));

    engine.prepare_captions(3)?;
    let prepared = kernels();
    assert!(prepared.len() > read.len());
    engine.caption(&clip, &Options::default())?;
    assert_eq!(kernels(), prepared);
    Ok(())
}
