//! Kernels compiled before they are needed, side by side.

use std::panic::resume_unwind;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use super::{CoCa, Taps};
use crate::Result;
use crate::gpu::{DType, Gpu};
use crate::ops::linear::{Extents, Op, Product, prepare};

impl CoCa {
    /// Compiles the kernels that read a clip of `frames` frames, from its patches on: the matrix products,
    /// which take longest, on as many threads as there are cores; then what is left. Otherwise each is
    /// compiled when it is first recorded, one after the other. Blocks until done; what is compiled already
    /// costs little.
    ///
    /// Errors: the driver's, if it refuses a kernel; out of memory.
    pub fn prepare(&self, frames: usize) -> Result<()> {
        self.prepare_on(&self.gpu, frames)
    }

    /// The same for a view of the model's device that compiles for itself.
    pub(crate) fn prepare_on(&self, gpu: &Gpu, frames: usize) -> Result<()> {
        self.prepare_products(gpu, frames)?;
        self.rehearse(gpu, frames)
    }

    fn prepare_products(&self, gpu: &Gpu, frames: usize) -> Result<()> {
        let products = self.products(frames);
        let next = AtomicUsize::new(0);
        let compile = || {
            while let Some(product) = products.get(next.fetch_add(1, Ordering::Relaxed)) {
                prepare(gpu, self.elem, product)?;
            }
            Ok(())
        };
        let cores = thread::available_parallelism().map_or(1, usize::from);
        thread::scope(|scope| {
            let threads: Vec<_> = (0..cores.min(products.len()))
                .map(|_| scope.spawn(compile))
                .collect();
            (threads.into_iter())
                .try_for_each(|thread| thread.join().unwrap_or_else(|panic| resume_unwind(panic)))
        })
    }

    /// Records, for nobody to submit, how a clip of `frames` frames is read: after that its kernels are
    /// compiled.
    fn rehearse(&self, gpu: &Gpu, frames: usize) -> Result<()> {
        let config = &self.config;
        let frames = frames.clamp(1, self.frames_at_once());
        let (mut pass, taps) = (gpu.pass(), &mut Taps::none());
        let dims = [frames, config.tokens() - 1, config.patch_columns()];
        let patches = pass.tensor(&dims, self.elem)?;
        let tokens = self.encode_frames(&mut pass, &patches, taps)?;
        self.pool(&mut pass, &tokens, 1, taps).map(drop)
    }

    /// The products of the image encoder and the pooler, those that take longest to compile first.
    fn products(&self, frames: usize) -> Vec<Product> {
        let config = &self.config;
        let frames = frames.clamp(1, self.frames_at_once());
        let (rows, patches) = (frames * config.tokens(), frames * (config.tokens() - 1));
        let (width, mlp, embed) = (config.vision.width, config.vision.mlp, config.embed_dim);
        let product = |op, [m, k, n]: [usize; 3], bias, out| Product {
            op,
            at: Extents { m, n, k },
            bias,
            out,
        };
        let (elem, f32) = (self.elem, DType::F32);
        vec![
            product(Op::Gelu, [rows, width, mlp], true, elem),
            product(Op::Add, [rows, mlp, width], true, f32),
            product(Op::Add, [rows, width, width], true, f32),
            product(Op::Plain, [rows, width, 3 * width], true, elem),
            product(Op::Plain, [rows, width, 2 * embed], true, elem),
            product(
                Op::Plain,
                [patches, config.patch_columns(), width],
                false,
                f32,
            ),
            product(Op::Plain, [config.queries, embed, embed], true, elem),
            product(Op::Plain, [config.queries, embed, embed], true, f32),
            product(Op::Plain, [1, embed, embed], false, f32),
        ]
    }
}
