//! WGSL source plus constants become a compiled pipeline, once per device and, where the adapter
//! can, once per driver.

use std::any::Any;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use wgpu::ErrorFilter;

use super::once::Once;
use super::{DType, Gpu};
use crate::Result;

/// Bytes of immediates that every kernel may use: what Vulkan guarantees.
pub(super) const IMMEDIATE_BYTES: u32 = 128;

/// Helpers that every kernel may use.
const PRELUDE: &str = include_str!("../../shaders/prelude.wgsl");

/// One shader file.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Source {
    /// The file's name without `.wgsl`.
    pub name: &'static str,
    pub wgsl: &'static str,
}

/// A value that specialises a kernel, prepended as a plain `const`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Constant {
    U32(u32),
    Bool(bool),
    /// An alias, not a value: the element type of an output.
    Type(DType),
    /// The side of cooperative matrices, which it enables. Beside the value there are their types
    /// `coop_a` and `coop_b`, operands in f16, and `coop_c`, sums in f32.
    Coop(u32),
}

impl From<u32> for Constant {
    fn from(value: u32) -> Self {
        Self::U32(value)
    }
}

impl From<bool> for Constant {
    fn from(value: bool) -> Self {
        Self::Bool(value)
    }
}

impl From<DType> for Constant {
    fn from(value: DType) -> Self {
        Self::Type(value)
    }
}

/// The module handed to wgpu: extensions, `elem`, the constants, the prelude, the kernel.
///
/// Plain `const` lines, because `override` constants cannot size the function-local arrays that
/// register tiles are.
pub fn assemble(source: Source, elem: DType, constants: &[(&'static str, Constant)]) -> String {
    let mut module = String::new();
    if cooperative(constants) {
        module.push_str("enable wgpu_cooperative_matrix;\n");
    }
    module.push_str(match elem {
        DType::F16 => "enable f16;\nalias elem = f16;\n",
        DType::F32 => "alias elem = f32;\n",
        DType::U32 => panic!("kernels compute in f32 or f16"),
    });
    for (name, value) in constants {
        match value {
            Constant::U32(v) => writeln!(module, "const {name}: u32 = {v}u;"),
            Constant::Bool(v) => writeln!(module, "const {name}: bool = {v};"),
            Constant::Type(v) => writeln!(module, "alias {name} = {v};"),
            Constant::Coop(v) => writeln!(
                module,
                "const {name}: u32 = {v}u;\n\
                 alias coop_a = coop_mat{v}x{v}<f16, A>;\n\
                 alias coop_b = coop_mat{v}x{v}<f16, B>;\n\
                 alias coop_c = coop_mat{v}x{v}<f32, C>;"
            ),
        }
        .expect("writing to a string");
    }
    module.push_str(PRELUDE);
    module.push_str(source.wgsl);
    module
}

fn cooperative(constants: &[(&'static str, Constant)]) -> bool {
    constants
        .iter()
        .any(|(_, v)| matches!(v, Constant::Coop(_)))
}

/// A compiled compute pipeline.
pub struct Kernel {
    pub(super) name: &'static str,
    pub(super) pipeline: wgpu::ComputePipeline,
    pub(super) layout: wgpu::BindGroupLayout,
    /// Whether it multiplies cooperative matrices.
    pub(super) cooperative: bool,
}

/// Name, element type and constants of a compiled kernel.
type Key = (&'static str, DType, Vec<(&'static str, Constant)>);

pub(super) struct KernelCache {
    kernels: Once<Key, Arc<Kernel>>,
    disk: Option<DiskCache>,
}

struct DiskCache {
    cache: wgpu::PipelineCache,
    file: PathBuf,
    /// What the file held.
    data: Option<Vec<u8>>,
}

impl KernelCache {
    /// One that is kept in the user's cache directory, if there is any.
    pub fn of_user(device: &wgpu::Device) -> Self {
        let folder = dirs::cache_dir().map(|folder| folder.join("vcoca-gpu/pipelines"));
        Self::new(device, folder.as_deref())
    }

    /// One that is kept in a folder, where the adapter can.
    pub fn new(device: &wgpu::Device, folder: Option<&Path>) -> Self {
        Self {
            kernels: Once::default(),
            disk: folder.and_then(|folder| DiskCache::open(device, folder)),
        }
    }
}

impl Gpu {
    /// The kernel of `source` for this element type and these constants, compiled at first use. Threads
    /// compile different ones side by side, the same one once.
    ///
    /// Errors: the driver's, if it refuses the kernel.
    pub fn kernel(
        &self,
        source: Source,
        elem: DType,
        constants: &[(&'static str, Constant)],
    ) -> Result<Arc<Kernel>> {
        let key = (source.name, elem, constants.to_vec());
        self.kernels.kernels.get(key, || {
            let wgsl = assemble(source, elem, constants);
            let cooperative = cooperative(constants);
            let kernel = self.scoped(ErrorFilter::Internal, || {
                self.scoped(ErrorFilter::Validation, || {
                    self.compile(source, &wgsl, cooperative)
                })
            })??;
            Ok(Arc::new(kernel))
        })
    }

    /// What the ops know of how kernels do on this device, found out once: one type for all.
    pub(crate) fn known<T: Any + Send + Sync>(&self, find_out: impl FnOnce() -> T) -> &T {
        let known = (self.shared.known).get_or_init(|| Box::new(find_out()));
        known.downcast_ref().expect("one type for all")
    }

    /// What was compiled so far: tests translate it for the other backends.
    #[doc(hidden)]
    #[expect(clippy::type_complexity)]
    pub fn compiled(&self) -> Vec<(&'static str, DType, Vec<(&'static str, Constant)>)> {
        self.kernels.kernels.keys()
    }

    fn compile(&self, source: Source, wgsl: &str, cooperative: bool) -> Kernel {
        let shared = &self.shared;
        let desc = wgpu::ShaderModuleDescriptor {
            label: Some(source.name),
            source: wgpu::ShaderSource::Wgsl(wgsl.into()),
        };
        // SAFETY: every kernel is tested against its CPU twin on sizes that end inside a tile, and
        // ops assert shapes before they record; run-time bound checks and loop bounds would only
        // cost.
        let module = unsafe {
            (shared.device)
                .create_shader_module_trusted(desc, wgpu::ShaderRuntimeChecks::unchecked())
        };
        let disk = self.kernels.disk.as_ref();
        let pipeline = (shared.device).create_compute_pipeline(&wgpu::ComputePipelineDescriptor {
            label: Some(source.name),
            layout: None,
            module: &module,
            entry_point: Some("main"),
            compilation_options: wgpu::PipelineCompilationOptions {
                zero_initialize_workgroup_memory: false,
                ..Default::default()
            },
            cache: disk.map(|d| &d.cache),
        });
        Kernel {
            name: source.name,
            layout: pipeline.get_bind_group_layout(0),
            pipeline,
            cooperative,
        }
    }
}

impl DiskCache {
    fn open(device: &wgpu::Device, folder: &Path) -> Option<Self> {
        if !device.features().contains(wgpu::Features::PIPELINE_CACHE) {
            return None;
        }
        let info = device.adapter_info();
        let key = wgpu::util::pipeline_cache_key(&info)?;
        let file = folder.join(format!("{key}-{}", sanitise(&info.driver_info)));
        let data = std::fs::read(&file).ok();
        // SAFETY: the file was written below by `get_data` for the same key; wgpu and the driver
        // check their own headers and fall back to an empty cache.
        let cache = unsafe {
            device.create_pipeline_cache(&wgpu::PipelineCacheDescriptor {
                label: Some("vcoca-gpu"),
                data: data.as_deref(),
                fallback: true,
            })
        };
        Some(Self { cache, file, data })
    }

    fn save(&self) -> std::io::Result<()> {
        let data = self.cache.get_data();
        let Some(data) = data.filter(|data| Some(data) != self.data.as_ref()) else {
            return Ok(());
        };
        if let Some(folder) = self.file.parent() {
            std::fs::create_dir_all(folder)?;
        }
        // Written aside and renamed, so that a reader never sees half a file; every writer aside of
        // its own.
        static WRITERS: AtomicUsize = AtomicUsize::new(0);
        let writer = WRITERS.fetch_add(1, Ordering::Relaxed);
        let aside = self
            .file
            .with_extension(format!("{}-{writer}.partial", std::process::id()));
        std::fs::write(&aside, data)?;
        std::fs::rename(&aside, &self.file)
    }
}

impl Drop for DiskCache {
    fn drop(&mut self) {
        if let Err(e) = self.save() {
            log::warn!(
                "could not keep compiled kernels in {}: {e}",
                self.file.display()
            );
        }
    }
}

/// A driver's version as part of a file name.
fn sanitise(text: &str) -> String {
    text.chars()
        .map(|c| if c.is_ascii_alphanumeric() { c } else { '_' })
        .collect()
}
