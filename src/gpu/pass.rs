//! Records dispatches and submits them together.

use bytemuck::Pod;
use wgpu::ErrorFilter;

use super::busy::Span;
use super::context::lock;
use super::host::Target;
use super::recording::Line;
use super::submission::{Resolved, Submission};
use super::timestamps::{self, MAX_PAIRS};
use super::{DType, Gpu, Kernel, Tensor, host};
use crate::Result;

/// A line of dispatches, copies and uploads that run in the order they are recorded, in an encoder of
/// its own or in one of the host's.
///
/// Only one pass of a device is open at a time, because buffers of dropped tensors are reused in
/// recording order. Reading back or opening a second pass on the same thread before
/// [`submit`](Pass::submit) would wait for ever: that is asserted.
pub struct Pass<'g> {
    gpu: &'g Gpu,
    encoder: Target<'g>,
    compute: Option<wgpu::ComputePass<'static>>,
    scope: Option<String>,
    timing: Option<Timing>,
    /// For the clock of all that the device does, if one runs.
    span: Option<Span>,
    dispatches: usize,
    cooperative: usize,
    /// Bytes that go through the staging belt.
    uploaded: u64,
    _line: Line<'g>,
}

/// What a device was given to do. Decoding is bound by these numbers, so they are kept.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Serialize)]
pub struct Work {
    pub dispatches: u64,
    /// Of those, the ones that multiply cooperative matrices.
    pub cooperative: u64,
    /// Read-backs are submissions, too.
    pub submissions: u64,
}

struct Timing {
    /// For as many scopes as a set takes; later ones run untimed.
    queries: wgpu::QuerySet,
    names: Vec<String>,
}

/// One chunk of staging memory; a larger upload gets a chunk of its own.
const STAGING_BYTES: u64 = 8 << 20;

/// Staging memory is kept for the next pass, but not what an unusually large one took.
const STAGING_KEPT: u64 = 64 << 20;

impl<'g> Pass<'g> {
    pub(super) fn new(gpu: &'g Gpu, timed: bool) -> Self {
        let line = gpu.shared.recording.enter();
        let device = &gpu.shared.device;
        let mut encoder = device.create_command_encoder(&wgpu::CommandEncoderDescriptor::default());
        Self {
            gpu,
            span: gpu.shared.clock.begin(device, &mut encoder),
            encoder: Target::Own(encoder),
            compute: None,
            scope: None,
            timing: timed.then(|| Timing {
                queries: timestamps::queries(device, "scopes"),
                names: Vec::new(),
            }),
            dispatches: 0,
            cooperative: 0,
            uploaded: 0,
            _line: line,
        }
    }

    /// A pass in an encoder of the host's, which [`recorded`](Self::recorded) ends: it is the host that
    /// submits. `gpu` is [for the host](Gpu::for_host), so that no buffer of this pass is reused by work
    /// that may run before it.
    pub(super) fn within(gpu: &'g Gpu, encoder: &'g mut wgpu::CommandEncoder) -> Self {
        Self {
            gpu,
            span: None,
            encoder: Target::Host(encoder),
            compute: None,
            scope: None,
            timing: None,
            dispatches: 0,
            cooperative: 0,
            uploaded: 0,
            _line: gpu.shared.recording.enter(),
        }
    }

    pub fn gpu(&self) -> &'g Gpu {
        self.gpu
    }

    /// Dispatches recorded so far.
    pub fn dispatches(&self) -> usize {
        self.dispatches
    }

    /// Names what follows, for timestamps and for graphics debuggers, until the next scope.
    pub fn scope(&mut self, name: impl Into<String>) {
        self.compute = None;
        self.scope = Some(name.into());
    }

    /// A buffer from the pool; see [`Gpu::tensor`].
    pub fn tensor(&self, dims: &[usize], dtype: DType) -> Result<Tensor> {
        self.gpu.tensor(dims, dtype)
    }

    /// Records one dispatch of `grid` workgroups. `tensors[i]` is bound at `@binding(i)` of group
    /// 0; `immediates` fill the kernel's `var<immediate>`.
    pub fn dispatch(
        &mut self,
        kernel: &Kernel,
        tensors: &[&Tensor],
        immediates: &impl Pod,
        grid: [u32; 3],
    ) {
        self.dispatch_bound(kernel, tensors.iter().map(whole), immediates, grid);
    }

    /// The same for a kernel that reads a texture at `@binding(0)`; `tensors[i]` is bound at
    /// `@binding(i + 1)`.
    pub fn dispatch_texture(
        &mut self,
        kernel: &Kernel,
        texture: &wgpu::TextureView,
        tensors: &[&Tensor],
        immediates: &impl Pod,
        grid: [u32; 3],
    ) {
        let texture = wgpu::BindingResource::TextureView(texture);
        let resources = std::iter::once(texture).chain(tensors.iter().map(whole));
        self.dispatch_bound(kernel, resources, immediates, grid);
    }

    fn dispatch_bound<'t>(
        &mut self,
        kernel: &Kernel,
        resources: impl Iterator<Item = wgpu::BindingResource<'t>>,
        immediates: &impl Pod,
        grid: [u32; 3],
    ) {
        let entries: Vec<_> = (resources.enumerate())
            .map(|(i, resource)| wgpu::BindGroupEntry {
                binding: i as u32,
                resource,
            })
            .collect();
        let bindings = self
            .gpu
            .device()
            .create_bind_group(&wgpu::BindGroupDescriptor {
                label: Some(kernel.name),
                layout: &kernel.layout,
                entries: &entries,
            });
        let compute = self.compute();
        compute.set_pipeline(&kernel.pipeline);
        compute.set_bind_group(0, &bindings, &[]);
        let bytes = bytemuck::bytes_of(immediates);
        if !bytes.is_empty() {
            compute.set_immediates(0, bytes);
        }
        compute.dispatch_workgroups(grid[0], grid[1], grid[2]);
        self.dispatches += 1;
        self.cooperative += usize::from(kernel.cooperative);
    }

    fn compute(&mut self) -> &mut wgpu::ComputePass<'static> {
        if self.compute.is_none() {
            let name = self.scope.as_deref();
            let timestamp_writes = match (&mut self.timing, name) {
                (Some(timing), Some(name)) if timing.names.len() < MAX_PAIRS as usize => {
                    let first = 2 * timing.names.len() as u32;
                    timing.names.push(name.to_owned());
                    Some(wgpu::ComputePassTimestampWrites {
                        query_set: &timing.queries,
                        beginning_of_pass_write_index: Some(first),
                        end_of_pass_write_index: Some(first + 1),
                    })
                }
                _ => None,
            };
            let pass = self
                .encoder
                .begin_compute_pass(&wgpu::ComputePassDescriptor {
                    label: name,
                    timestamp_writes,
                })
                .forget_lifetime();
            self.compute = Some(pass);
        }
        self.compute.as_mut().expect("opened above")
    }

    /// Makes a tensor of `values`, uploaded through staging memory in recording order.
    pub fn upload<T: Pod>(&mut self, dims: &[usize], dtype: DType, values: &[T]) -> Result<Tensor> {
        let tensor = self.tensor(dims, dtype)?;
        self.write(&tensor, 0, bytemuck::cast_slice(values));
        Ok(tensor)
    }

    /// Makes an `f32` or `f16` tensor of `values`.
    pub fn upload_f32(&mut self, dims: &[usize], dtype: DType, values: &[f32]) -> Result<Tensor> {
        match dtype {
            DType::F32 => self.upload(dims, dtype, values),
            DType::F16 => {
                let halves: Vec<_> = values.iter().map(|&v| half::f16::from_f32(v)).collect();
                self.upload(dims, dtype, &halves)
            }
            DType::U32 => panic!("upload_f32 of a u32 tensor"),
        }
    }

    /// Overwrites bytes of `tensor` from `offset` (a multiple of 4) on, in recording order.
    pub fn write(&mut self, tensor: &Tensor, offset: u64, bytes: &[u8]) {
        // Copies move whole words; the tail of a tensor's last word is padding.
        let size = bytes.len().next_multiple_of(4) as u64;
        assert!(
            offset + size <= tensor.padded_bytes(),
            "a write of {size} bytes at {offset} into {tensor:?}"
        );
        let Some(size) = wgpu::BufferSize::new(size) else {
            return;
        };
        self.compute = None;
        if let Target::Host(encoder) = &mut self.encoder {
            return host::write(self.gpu, encoder, tensor.buffer(), offset, bytes);
        }
        let mut view = lock(&self.gpu.shared.belt).write_buffer(
            &mut self.encoder,
            tensor.buffer(),
            offset,
            size,
        );
        let (whole, padding) = (bytes.len(), size.get() as usize);
        view.slice(..whole).copy_from_slice(bytes);
        view.slice(whole..padding).fill(0);
        self.uploaded += size.get();
    }

    /// Fills a tensor with zero bytes.
    pub fn clear(&mut self, tensor: &Tensor) {
        self.compute = None;
        self.encoder
            .clear_buffer(tensor.buffer(), 0, Some(tensor.padded_bytes()));
    }

    /// A copy of `tensor` as it is at this point of the recording.
    pub fn copy_of(&mut self, tensor: &Tensor) -> Result<Tensor> {
        let copy = self.tensor(tensor.dims(), tensor.dtype())?;
        self.copy_out(tensor, copy.buffer(), tensor.padded_bytes());
        Ok(copy)
    }

    /// Copies all columns of `from` (R, n) into columns `first..first + n` of `to` (R, m), both of
    /// 4-byte elements.
    pub fn copy_columns(&mut self, from: &Tensor, to: &Tensor, first: usize) {
        assert!(from.rows() == to.rows() && first + from.cols() <= to.cols());
        assert!(from.dtype() == to.dtype() && from.dtype().size() == 4);
        self.compute = None;
        let width = 4 * from.cols() as u64;
        for row in 0..from.rows() {
            self.encoder.copy_buffer_to_buffer(
                from.buffer(),
                row as u64 * width,
                to.buffer(),
                4 * (row * to.cols() + first) as u64,
                width,
            );
        }
    }

    /// Copies the whole of `from` into rows `first..` of `to`, counted along the first axis.
    pub fn copy_rows(&mut self, from: &Tensor, to: &Tensor, first: usize) {
        assert_eq!(&from.dims()[1..], &to.dims()[1..], "rows of the same shape");
        assert_eq!(from.dtype(), to.dtype());
        assert!(first + from.dim(0) <= to.dim(0));
        self.compute = None;
        let row = to.len() / to.dim(0) * to.dtype().size();
        let (offset, size) = (row * first, row * from.dim(0));
        self.encoder.copy_buffer_to_buffer(
            from.buffer(),
            0,
            to.buffer(),
            offset as u64,
            size as u64,
        );
    }

    pub(super) fn copy_out(&mut self, tensor: &Tensor, target: &wgpu::Buffer, size: u64) {
        self.compute = None;
        self.encoder
            .copy_buffer_to_buffer(tensor.buffer(), 0, target, 0, size);
    }

    /// Copies the first pairs of timestamps of a set into a tensor, for [`timestamps::read`].
    pub(super) fn resolve(&mut self, queries: &wgpu::QuerySet, pairs: u32) -> Result<Tensor> {
        self.compute = None;
        timestamps::resolve(self.gpu, &mut self.encoder, queries, pairs)
    }

    /// Ends a pass in an encoder of the host's.
    pub(super) fn recorded(mut self) -> Result<()> {
        assert!(matches!(self.encoder, Target::Host(_)), "submit it");
        self.compute = None;
        let mut work = lock(&self.gpu.shared.work);
        work.dispatches += self.dispatches as u64;
        work.cooperative += self.cooperative as u64;
        self.gpu.check_lost()
    }

    /// Submits everything recorded; does not wait for it to run.
    pub fn submit(mut self) -> Result<Submission> {
        self.compute = None;
        let gpu = self.gpu.clone();
        gpu.check_lost()?;
        let timing = match self.timing.take() {
            Some(Timing { queries, names }) if !names.is_empty() => Some(Resolved {
                ticks: self.resolve(&queries, names.len() as u32)?,
                names,
            }),
            _ => None,
        };
        if let Some(span) = &self.span {
            span.end(&mut self.encoder);
        }
        {
            let mut work = lock(&gpu.shared.work);
            work.dispatches += self.dispatches as u64;
            work.cooperative += self.cooperative as u64;
            work.submissions += 1;
        }
        let mut belt = lock(&gpu.shared.belt);
        if self.uploaded > 0 {
            belt.finish();
        }
        let Target::Own(encoder) = self.encoder else {
            panic!("an encoder of the host's is submitted by the host");
        };
        gpu.scoped(ErrorFilter::OutOfMemory, || {
            gpu.scoped(ErrorFilter::Validation, || {
                gpu.queue().submit([encoder.finish()]);
            })
        })??;
        if let Some(span) = self.span {
            span.keep();
        }
        if self.uploaded > STAGING_KEPT {
            *belt = staging(gpu.device());
        } else if self.uploaded > 0 {
            belt.recall();
        }
        drop(belt);
        Ok(Submission { gpu, timing })
    }
}

/// The part of a tensor's buffer that it uses.
fn whole<'t>(tensor: &&'t Tensor) -> wgpu::BindingResource<'t> {
    wgpu::BindingResource::Buffer(wgpu::BufferBinding {
        buffer: tensor.buffer(),
        offset: 0,
        size: wgpu::BufferSize::new(tensor.padded_bytes()),
    })
}

/// Host-visible memory that uploads go through.
pub(super) fn staging(device: &wgpu::Device) -> wgpu::util::StagingBelt {
    wgpu::util::StagingBelt::new(device.clone(), STAGING_BYTES)
}
