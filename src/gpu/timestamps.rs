//! Pairs of timestamps by the device's own clock.

use super::{DType, Gpu, Tensor};
use crate::{Error, Result};

/// Pairs that one query set can take.
pub(super) const MAX_PAIRS: u32 = wgpu::QUERY_SET_MAX_QUERIES / 2;

/// Queries for [`MAX_PAIRS`] pairs: number i lies in queries 2i and 2i + 1.
pub(super) fn queries(device: &wgpu::Device, label: &str) -> wgpu::QuerySet {
    device.create_query_set(&wgpu::QuerySetDescriptor {
        label: Some(label),
        ty: wgpu::QueryType::Timestamp,
        count: 2 * MAX_PAIRS,
    })
}

/// Records the copying of the first `pairs` pairs into a tensor, for [`read`].
pub(super) fn resolve(
    gpu: &Gpu,
    encoder: &mut wgpu::CommandEncoder,
    queries: &wgpu::QuerySet,
    pairs: u32,
) -> Result<Tensor> {
    let ticks = gpu.device().create_buffer(&wgpu::BufferDescriptor {
        label: Some("timestamps"),
        size: u64::from(pairs) * 16,
        usage: wgpu::BufferUsages::QUERY_RESOLVE | wgpu::BufferUsages::COPY_SRC,
        mapped_at_creation: false,
    });
    let tensor = gpu.tensor(&[pairs as usize, 4], DType::U32)?;
    encoder.resolve_query_set(queries, 0..2 * pairs, &ticks, 0);
    encoder.copy_buffer_to_buffer(&ticks, 0, tensor.buffer(), 0, ticks.size());
    Ok(tensor)
}

/// Waits for pairs of ticks, begin and end.
pub(super) fn read(gpu: &Gpu, resolved: &Tensor) -> Result<Vec<[u64; 2]>> {
    let words = gpu.read_u32(resolved)?;
    let pairs = words.as_chunks::<4>().0;
    if pairs.len() < resolved.dim(0) {
        return Err(Error::Gpu("timestamps were cut short".into()));
    }
    let tick = |low, high| u64::from(low) | u64::from(high) << 32;
    let pair = |&[a, b, c, d]: &[u32; 4]| [tick(a, b), tick(c, d)];
    Ok(pairs.iter().map(pair).collect())
}

/// Milliseconds that a number of ticks takes.
pub(super) fn ms(gpu: &Gpu, ticks: u64) -> f64 {
    ticks as f64 * f64::from(gpu.queue().get_timestamp_period()) * 1e-6
}
