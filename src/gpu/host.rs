//! Recording into an encoder of the host's, which nobody here submits.

use std::ops::{Deref, DerefMut};
use std::sync::Arc;

use wgpu::util::DeviceExt;

use super::{Gpu, Pass};
use crate::Result;

/// What a pass records into.
pub(super) enum Target<'g> {
    Own(wgpu::CommandEncoder),
    Host(&'g mut wgpu::CommandEncoder),
}

impl Deref for Target<'_> {
    type Target = wgpu::CommandEncoder;

    fn deref(&self) -> &wgpu::CommandEncoder {
        match self {
            Self::Own(encoder) => encoder,
            Self::Host(encoder) => encoder,
        }
    }
}

impl DerefMut for Target<'_> {
    fn deref_mut(&mut self) -> &mut wgpu::CommandEncoder {
        match self {
            Self::Own(encoder) => encoder,
            Self::Host(encoder) => encoder,
        }
    }
}

impl Gpu {
    /// Records into an encoder of the host's, which the host submits: before any other work with what was
    /// recorded, and encoders in the order in which they were recorded. Waits while another pass of this
    /// device is open.
    ///
    /// Errors: those of `record`; a lost device.
    pub(crate) fn record_into<T>(
        &self,
        encoder: &mut wgpu::CommandEncoder,
        record: impl FnOnce(&mut Pass) -> Result<T>,
    ) -> Result<T> {
        let gpu = self.for_host();
        let mut pass = Pass::within(&gpu, encoder);
        let recorded = record(&mut pass)?;
        pass.recorded()?;
        Ok(recorded)
    }

    /// The same device with the pool of what is recorded into encoders of the host's. Buffers are reused
    /// in the order of recording, and who knows when the host submits: so nothing that is submitted
    /// meanwhile may share them.
    fn for_host(&self) -> Self {
        Self {
            pool: Arc::clone(&self.shared.host_pool),
            ..self.clone()
        }
    }
}

/// Writes bytes into a buffer at this point of the host's recording. Nobody tells when that has run, so
/// the staging memory is for it alone.
pub(super) fn write(
    gpu: &Gpu,
    encoder: &mut wgpu::CommandEncoder,
    buffer: &wgpu::Buffer,
    offset: u64,
    bytes: &[u8],
) {
    let mut padded = bytes.to_vec();
    padded.resize(bytes.len().next_multiple_of(4), 0);
    let staging = (gpu.device()).create_buffer_init(&wgpu::util::BufferInitDescriptor {
        label: Some("upload"),
        contents: &padded,
        usage: wgpu::BufferUsages::COPY_SRC,
    });
    encoder.copy_buffer_to_buffer(&staging, 0, buffer, offset, padded.len() as u64);
}
