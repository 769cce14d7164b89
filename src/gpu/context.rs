//! The device: opened here or lent by the host, with its capabilities and its failures.

use std::any::Any;
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, OnceLock};
use std::time::Duration;

use wgpu::{ErrorFilter, Features, Limits};

use super::busy::Running;
use super::kernel::KernelCache;
use super::pass::{Work, staging};
use super::pool::{Pool, PoolStats};
use super::recording::Recording;
use super::{Caps, DType, Pass, Tensor, adapters, coop};
use crate::{Error, Result};

/// A device and all that is kept per device: buffer pool, compiled kernels, staging memory.
///
/// Cheap to clone; clones are the same device. One [`Pass`] can be open at a time: a second thread
/// that opens one waits for the first to submit.
#[derive(Clone)]
pub struct Gpu {
    pub(super) shared: Arc<Shared>,
    pub(super) kernels: Arc<KernelCache>,
    pub(super) caps: Arc<Caps>,
    /// Where tensors come from: what is recorded for the host has a pool of its own.
    pub(super) pool: Arc<Pool>,
}

pub(super) struct Shared {
    pub device: wgpu::Device,
    pub queue: wgpu::Queue,
    /// For what is recorded into encoders of the host's.
    pub host_pool: Arc<Pool>,
    /// What the ops know of how kernels do on this device.
    pub known: OnceLock<Box<dyn Any + Send + Sync>>,
    pub belt: Mutex<wgpu::util::StagingBelt>,
    /// Buffers are reused in recording order, so recording must be one line: see [`Pass`].
    pub recording: Recording,
    pub work: Mutex<Work>,
    pub clock: Running,
    origin: OnceLock<Origin>,
    lost: Arc<Mutex<Option<String>>>,
}

/// Where a device that was opened here comes from.
pub struct Origin {
    pub instance: wgpu::Instance,
    pub adapter: wgpu::Adapter,
}

/// How long one submission may take before the device counts as lost. Software adapters compile
/// kernels at first dispatch and run large models for minutes.
pub(super) const PATIENCE: Duration = Duration::from_secs(600);

impl Gpu {
    /// Opens the best adapter; see [`adapters`](super::adapters::adapters) for which and why.
    ///
    /// Logs one warning if that is a software adapter.
    pub fn new() -> Result<Self> {
        let instance = adapters::instance();
        let adapter = adapters::best(&instance)?;
        let required_features = Self::required_features(&adapter);
        let desc = wgpu::DeviceDescriptor {
            label: Some("vcoca-gpu"),
            required_features,
            experimental_features: coop::token(required_features),
            required_limits: Self::required_limits(&adapter),
            ..Default::default()
        };
        let (device, queue) = pollster::block_on(adapter.request_device(&desc))
            .map_err(|e| Error::NoAdapter(format!("{}: {e}", adapter.get_info().name)))?;
        let gpu = Self::from_wgpu(&adapter, device, queue)?;
        let _ = gpu.shared.origin.set(Origin { instance, adapter });
        let lost = Arc::clone(&gpu.shared.lost);
        gpu.device()
            .set_device_lost_callback(move |reason, message| {
                *lock(&lost) = Some(format!("{reason:?}: {message}"));
            });
        if gpu.caps().software() {
            log::warn!(
                "running on the CPU through the software adapter {}; a GPU is many times faster",
                gpu.caps().name
            );
        }
        Ok(gpu)
    }

    /// Uses a device of the host's. It must have been requested with [`Gpu::required_features`]
    /// and [`Gpu::required_limits`]; nothing is polled or submitted but by the blocking calls. The
    /// device-lost callback stays the host's.
    pub fn from_wgpu(
        adapter: &wgpu::Adapter,
        device: wgpu::Device,
        queue: wgpu::Queue,
    ) -> Result<Self> {
        let caps = Caps::new(adapter, device.features(), &device.limits());
        if let Some(why) = caps.unusable() {
            return Err(Error::NoAdapter(format!(
                "{why}; request the device with Gpu::required_features and Gpu::required_limits"
            )));
        }
        Ok(Self {
            kernels: Arc::new(KernelCache::of_user(&device)),
            pool: Arc::default(),
            shared: Arc::new(Shared {
                known: OnceLock::new(),
                belt: Mutex::new(staging(&device)),
                host_pool: Arc::default(),
                origin: OnceLock::new(),
                recording: Recording::default(),
                work: Mutex::default(),
                clock: Running::default(),
                device,
                queue,
                lost: Arc::default(),
            }),
            caps: Arc::new(caps),
        })
    }

    /// The features to request of `adapter`: all that a kernel can use, no more.
    ///
    /// With `VCOCA_COOP` in the environment these can include the experimental cooperative
    /// matrices, for which wgpu wants [`wgpu::ExperimentalFeatures::enabled`] in the descriptor. A
    /// host may leave them out.
    pub fn required_features(adapter: &wgpu::Adapter) -> Features {
        let wanted = Features::IMMEDIATES
            | Features::SHADER_F16
            | Features::SUBGROUP
            | Features::TIMESTAMP_QUERY
            | Features::TIMESTAMP_QUERY_INSIDE_ENCODERS
            | Features::PIPELINE_CACHE
            | coop::wanted(&adapter.get_info());
        wanted & adapter.features()
    }

    /// The limits to request of `adapter`: its own.
    pub fn required_limits(adapter: &wgpu::Adapter) -> Limits {
        adapter.limits()
    }

    pub fn caps(&self) -> &Caps {
        &self.caps
    }

    /// The same device seen as one with other capabilities, so that tests and benches run the
    /// kernels that other adapters would get.
    #[doc(hidden)]
    pub fn with_caps(&self, change: impl FnOnce(&mut Caps)) -> Self {
        let mut caps = self.caps().clone();
        change(&mut caps);
        Self {
            caps: Arc::new(caps),
            ..self.clone()
        }
    }

    /// The same device with nothing compiled yet, which keeps what it compiles in `folder` instead of
    /// the user's cache directory.
    pub(crate) fn compiling_in(&self, folder: &Path) -> Self {
        Self {
            kernels: Arc::new(KernelCache::new(self.device(), Some(folder))),
            ..self.clone()
        }
    }

    /// The instance and the adapter of a device that [`Gpu::new`] opened: what a window needs to show on
    /// it. A host has its own.
    pub fn origin(&self) -> Option<&Origin> {
        self.shared.origin.get()
    }

    pub fn device(&self) -> &wgpu::Device {
        &self.shared.device
    }

    pub fn queue(&self) -> &wgpu::Queue {
        &self.shared.queue
    }

    pub fn pool_stats(&self) -> PoolStats {
        self.pool.stats() + self.shared.host_pool.stats()
    }

    /// Everything submitted so far.
    pub fn work(&self) -> Work {
        *lock(&self.shared.work)
    }

    /// Gives every free buffer back to the driver.
    pub fn trim(&self) {
        self.pool.trim();
        self.shared.host_pool.trim();
    }

    /// Forgets the peak so far: [`PoolStats::peak_bytes`] begins anew with what is held now.
    pub fn restart_peak(&self) {
        self.pool.restart_peak();
        self.shared.host_pool.restart_peak();
    }

    /// Starts recording. Waits while another pass of this device is open.
    pub fn pass(&self) -> Pass<'_> {
        Pass::new(self, false)
    }

    /// Starts recording with a timestamp around every scope, where the adapter has timestamps.
    pub fn timed_pass(&self) -> Pass<'_> {
        Pass::new(self, self.caps().timestamps)
    }

    /// A buffer from the pool, its content undefined. Errors: out of memory, binding limit.
    pub fn tensor(&self, dims: &[usize], dtype: DType) -> Result<Tensor> {
        self.allocate(dims, dtype, true)
    }

    /// A buffer of exactly the right size that is freed, not pooled, when dropped: for weights.
    pub fn persistent(&self, dims: &[usize], dtype: DType) -> Result<Tensor> {
        self.allocate(dims, dtype, false)
    }

    fn allocate(&self, dims: &[usize], dtype: DType, pooled: bool) -> Result<Tensor> {
        let bytes = Tensor::bytes_for(dims, dtype);
        if bytes > self.caps().binding_bytes {
            return Err(Error::AdapterLimit {
                adapter: self.caps().name.clone(),
                what: format!("a tensor of shape {dims:?} ({dtype})"),
                needed: bytes,
                allowed: self.caps().binding_bytes,
                advice: match pooled {
                    true => "use fewer frames or clips at a time, or another adapter",
                    false => "use f16 weights, or another adapter",
                },
            });
        }
        let pool = &self.pool;
        let take = || {
            pool.take(bytes, pooled, self.caps().buffer_bytes, |size| {
                self.create(size)
            })
        };
        let buffer = match take() {
            // Free buffers of other sizes may be all that is in the way.
            Err(Error::OutOfMemory(_)) => {
                pool.trim();
                take()?
            }
            taken => taken?,
        };
        Ok(Tensor::new(dims, dtype, buffer))
    }

    /// A texture of one's own. Errors: out of memory, a descriptor that the device refuses.
    #[cfg(feature = "gstreamer")]
    pub(crate) fn texture(&self, desc: &wgpu::TextureDescriptor) -> Result<wgpu::Texture> {
        self.scoped(ErrorFilter::OutOfMemory, || {
            self.scoped(ErrorFilter::Validation, || {
                self.device().create_texture(desc)
            })
        })?
    }

    fn create(&self, size: u64) -> Result<wgpu::Buffer> {
        self.scoped(ErrorFilter::OutOfMemory, || {
            self.scoped(ErrorFilter::Validation, || {
                self.device().create_buffer(&wgpu::BufferDescriptor {
                    label: Some("tensor"),
                    size,
                    usage: wgpu::BufferUsages::STORAGE
                        | wgpu::BufferUsages::COPY_SRC
                        | wgpu::BufferUsages::COPY_DST,
                    mapped_at_creation: false,
                })
            })
        })?
    }

    /// Reads a tensor back as `f32`, waiting for all that was submitted before.
    pub fn read_f32(&self, tensor: &Tensor) -> Result<Vec<f32>> {
        let bytes = self.read_bytes(tensor)?;
        Ok(match tensor.dtype() {
            DType::F32 => bytemuck::pod_collect_to_vec(&bytes),
            DType::F16 => bytemuck::pod_collect_to_vec::<u8, half::f16>(&bytes)
                .into_iter()
                .map(half::f16::to_f32)
                .collect(),
            DType::U32 => panic!("read_f32 of a u32 tensor"),
        })
    }

    /// Reads a tensor of indices back, waiting for all that was submitted before.
    pub fn read_u32(&self, tensor: &Tensor) -> Result<Vec<u32>> {
        assert_eq!(tensor.dtype(), DType::U32, "read_u32 of a float tensor");
        Ok(bytemuck::pod_collect_to_vec(&self.read_bytes(tensor)?))
    }

    fn read_bytes(&self, tensor: &Tensor) -> Result<Vec<u8>> {
        let size = tensor.padded_bytes();
        let staging = self.scoped(ErrorFilter::OutOfMemory, || {
            self.shared.device.create_buffer(&wgpu::BufferDescriptor {
                label: Some("read-back"),
                size,
                usage: wgpu::BufferUsages::MAP_READ | wgpu::BufferUsages::COPY_DST,
                mapped_at_creation: false,
            })
        })?;
        let mut pass = self.pass();
        pass.copy_out(tensor, &staging, size);
        pass.submit()?;
        let (sender, receiver) = std::sync::mpsc::channel();
        staging.map_async(wgpu::MapMode::Read, .., move |result| {
            // The receiver only goes away if waiting failed, which is reported there.
            let _ = sender.send(result);
        });
        self.wait()?;
        receiver
            .recv()
            .map_err(|_| Error::Gpu("a read-back was dropped by the driver".into()))?
            .map_err(|e| Error::Gpu(e.to_string()))?;
        let view = staging
            .get_mapped_range(..)
            .map_err(|e| Error::Gpu(e.to_string()))?;
        Ok(view[..tensor.len() * tensor.dtype().size()].to_vec())
    }

    /// Blocks until everything submitted so far has run.
    pub fn wait(&self) -> Result<()> {
        let waited = self.shared.device.poll(wgpu::PollType::Wait {
            submission_index: None,
            timeout: Some(PATIENCE),
        });
        self.check_lost()?;
        waited
            .map(drop)
            .map_err(|e| Error::DeviceLost(e.to_string()))
    }

    pub(super) fn check_lost(&self) -> Result<()> {
        match lock(&self.shared.lost).as_ref() {
            Some(why) => Err(Error::DeviceLost(why.clone())),
            None => Ok(()),
        }
    }

    /// Runs `f`; an error of the given kind that wgpu raises meanwhile becomes ours.
    pub(super) fn scoped<R>(&self, filter: ErrorFilter, f: impl FnOnce() -> R) -> Result<R> {
        let scope = self.shared.device.push_error_scope(filter);
        let result = f();
        match pollster::block_on(scope.pop()) {
            None => Ok(result),
            Some(wgpu::Error::OutOfMemory { source }) => Err(Error::OutOfMemory(chain(&*source))),
            Some(other) => {
                self.check_lost()?;
                Err(Error::Gpu(chain(&other)))
            }
        }
    }
}

/// An error with everything behind it, in one line.
fn chain(error: &dyn std::error::Error) -> String {
    let causes = std::iter::successors(Some(error), |e| e.source());
    causes
        .map(ToString::to_string)
        .collect::<Vec<_>>()
        .join(": ")
}

/// Locks a mutex whose data stays valid even if a holder panicked.
pub(super) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex
        .lock()
        .unwrap_or_else(std::sync::PoisonError::into_inner)
}
