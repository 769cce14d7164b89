//! Loads a model and tells how fast that is and what memory the process takes meanwhile.
//!
//! `cargo bench --profile dev --bench load -- DIR f16` (or f32; the built-in model where no DIR is
//! given). What memory is used for is told on Linux alone.

use std::process::ExitCode;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use vcoca_gpu::gpu::{DType, Gpu};
use vcoca_gpu::hub::Hub;
use vcoca_gpu::model::{CoCa, LoadProgress, ModelSource};

fn main() -> vcoca_gpu::Result<ExitCode> {
    let args: Vec<_> = std::env::args().skip(1).collect();
    let mut words = args.iter().filter(|arg| !arg.starts_with('-'));
    let model = words.next().map_or("shapes", String::as_str);
    let source = ModelSource::open(model, &Hub::from_env())?;
    let dtype = match words.next().map(String::as_str) {
        Some("f32") => DType::F32,
        _ => DType::F16,
    };
    let gpu = Gpu::new()?;
    let caps = gpu.caps();
    println!("{} ({}, {})", caps.name, caps.driver, caps.backend);

    let before = Memory::now();
    let (mut read, clock) = (LoadProgress::default(), Instant::now());
    let (loaded, peak) = watched(|| CoCa::load_with(&gpu, &source, dtype, &mut |p| read = p));
    let seconds = clock.elapsed().as_secs_f64();
    let model = loaded?;
    let buffers = gpu.pool_stats().held_bytes;
    println!(
        "{} in {}: {} MB read in {seconds:.2} s, {:.2} GB/s",
        source.name(),
        model.dtype(),
        read.total / MB,
        read.total as f64 / 1e9 / seconds,
    );
    println!("buffers: {} MB", buffers / MB);
    println!("before loading: {before}");
    println!("at the peak of each: {peak}");
    if caps.software() {
        let own = peak.all.saturating_sub(buffers);
        println!("peak less the adapter's buffers: {} MB", own / MB);
    }
    Ok(ExitCode::SUCCESS)
}

const MB: u64 = 1_000_000;

/// What the process has in memory, in bytes.
#[derive(Clone, Copy, Default)]
struct Memory {
    all: u64,
    anonymous: u64,
    mapped: u64,
    shared: u64,
}

impl Memory {
    fn now() -> Self {
        let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
        let bytes = |name: &str| {
            let line = status.lines().find_map(|line| line.strip_prefix(name));
            let kibibytes = line.and_then(|line| line.split_whitespace().next()?.parse().ok());
            kibibytes.map_or(0, |kibibytes: u64| kibibytes * 1024)
        };
        Self {
            all: bytes("VmRSS:"),
            anonymous: bytes("RssAnon:"),
            mapped: bytes("RssFile:"),
            shared: bytes("RssShmem:"),
        }
    }

    fn max(self, other: Self) -> Self {
        Self {
            all: self.all.max(other.all),
            anonymous: self.anonymous.max(other.anonymous),
            mapped: self.mapped.max(other.mapped),
            shared: self.shared.max(other.shared),
        }
    }
}

impl std::fmt::Display for Memory {
    fn fmt(&self, f: &mut std::fmt::Formatter) -> std::fmt::Result {
        let [all, anonymous, mapped, shared] =
            [self.all, self.anonymous, self.mapped, self.shared].map(|bytes| bytes / MB);
        write!(
            f,
            "{all} MB ({anonymous} MB anonymous, {mapped} MB of files, {shared} MB shared)"
        )
    }
}

/// Runs `work` and looks at the memory every millisecond until it is done.
fn watched<T>(work: impl FnOnce() -> T) -> (T, Memory) {
    let done = AtomicBool::new(false);
    thread::scope(|scope| {
        let watcher = scope.spawn(|| {
            let mut peak = Memory::now();
            while !done.load(Ordering::Relaxed) {
                thread::sleep(Duration::from_millis(1));
                peak = peak.max(Memory::now());
            }
            peak
        });
        let result = work();
        done.store(true, Ordering::Relaxed);
        (result, watcher.join().expect("the watcher only looks"))
    })
}
