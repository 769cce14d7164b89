//! Pictures on their way to the GPU, in textures that are used again.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use super::Picture;
use crate::frames;
use crate::gpu::Gpu;
use crate::{Error, Result};

/// The textures of one feed. There are as many as are held at a time, and one more.
pub(super) struct Screen {
    gpu: Gpu,
    pictures: Vec<Arc<Picture>>,
    /// Bytes since something was submitted here.
    waiting: usize,
}

/// Uploads wait in host memory for the next submission, whoever makes it. If nobody does it is made here,
/// and not more often: where the GPU is a CPU, a submission waits for those before.
const WAITING: usize = 128 << 20;

impl Screen {
    pub fn new(gpu: &Gpu) -> Self {
        Self {
            gpu: gpu.clone(),
            pictures: Vec::new(),
            waiting: 0,
        }
    }

    /// Uploads an upright RGBA picture without gaps between its rows, into a texture that nobody holds.
    ///
    /// Errors: a picture larger than the adapter's textures; out of memory.
    pub fn put(&mut self, picture: &frames::Picture) -> Result<Arc<Picture>> {
        let size = (picture.width, picture.height);
        // Sizes change with the source: textures of the old one go once nobody holds them.
        (self.pictures).retain(|p| (p.width, p.height) == size || Arc::strong_count(p) > 1);
        let free = |p: &&Arc<Picture>| (p.width, p.height) == size && Arc::strong_count(p) == 1;
        let texture = match self.pictures.iter().find(free) {
            Some(free) => free.clone(),
            None => {
                let made = Arc::new(self.make(size.0, size.1)?);
                self.pictures.push(made.clone());
                made
            }
        };
        self.gpu.queue().write_texture(
            texture.view.texture().as_image_copy(),
            &picture.data,
            wgpu::TexelCopyBufferLayout {
                offset: 0,
                bytes_per_row: Some(4 * size.0),
                rows_per_image: None,
            },
            texture.view.texture().size(),
        );
        self.waiting += picture.data.len();
        if self.waiting >= WAITING {
            self.waiting = 0;
            self.gpu.queue().submit([]);
        }
        Ok(texture)
    }

    fn make(&self, width: u32, height: u32) -> Result<Picture> {
        static MADE: AtomicU64 = AtomicU64::new(0);
        let device = self.gpu.device();
        let most = device.limits().max_texture_dimension_2d;
        if width.max(height) > most {
            return Err(Error::AdapterLimit {
                adapter: self.gpu.caps().name.clone(),
                what: format!("a picture of {width}x{height} pixels"),
                needed: width.max(height).into(),
                allowed: most.into(),
                advice: "let the source send smaller pictures",
            });
        }
        let texture = self.gpu.texture(&wgpu::TextureDescriptor {
            label: Some("live picture"),
            size: wgpu::Extent3d {
                width,
                height,
                depth_or_array_layers: 1,
            },
            mip_level_count: 1,
            sample_count: 1,
            dimension: wgpu::TextureDimension::D2,
            format: wgpu::TextureFormat::Rgba8Unorm,
            usage: wgpu::TextureUsages::TEXTURE_BINDING | wgpu::TextureUsages::COPY_DST,
            view_formats: &[],
        })?;
        Ok(Picture {
            view: texture.create_view(&wgpu::TextureViewDescriptor::default()),
            id: MADE.fetch_add(1, Ordering::Relaxed),
            width,
            height,
        })
    }
}
