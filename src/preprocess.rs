//! Decoded frames become the model's input on the GPU: converted to RGB, turned upright, resized,
//! cropped, normalised and cut into patches.
//!
//! For RGB pictures the result is bit-exact to OpenCLIP's image transform on Pillow images
//! (`Resize`, `CenterCrop`, `ToTensor`, `Normalize`; Pillow 13, which resizes tall pictures in
//! another order than before). Luma and chroma are first converted to the 8-bit RGB that such a
//! picture would hold, the same on every adapter: chroma is interpolated bilinearly from where it
//! is sited. PQ and HLG pictures, taken to have BT.2020's primaries, are tone-mapped to sRGB. RGB
//! pictures are taken for full range. `docs/preprocessing.md` has the formulas.

mod given;
pub(crate) mod layout;
pub(crate) mod resample;
mod texture;

use std::collections::HashMap;
use std::collections::hash_map::Entry;

use num_rational::Ratio;

pub use self::given::patches_from_pixels;
use self::layout::Layout;
use self::resample::{Axis, Resample};
pub use self::texture::{TextureColor, texture_patches};
use crate::frames::{Frame, Picture};
use crate::gpu::{DType, Kernel, Pass, Tensor};
use crate::ops::grid::folded;
use crate::ops::shaders;
use crate::{Error, Result};

/// How a model wants its pictures: `preprocess_cfg` of its checkpoint.
#[derive(Clone, Debug, PartialEq)]
pub struct Preprocess {
    /// S: width and height of what the model sees, in pixels.
    pub size: u32,
    /// Subtracted from red, green and blue in 0..1.
    pub mean: [f32; 3],
    /// Divides red, green and blue after that.
    pub std: [f32; 3],
    pub interpolation: Interpolation,
    pub resize_mode: ResizeMode,
}

impl Preprocess {
    /// OpenCLIP's defaults for pictures of `size`², which fill what a checkpoint does not say:
    /// bicubic, the mean and deviation of OpenAI's CLIP data.
    pub const fn openclip(size: u32) -> Self {
        Self {
            size,
            mean: [0.481_454_66, 0.457_827_5, 0.408_210_73],
            std: [0.268_629_55, 0.261_302_6, 0.275_777_1],
            interpolation: Interpolation::Bicubic,
            resize_mode: ResizeMode::Shortest,
        }
    }
}

/// The filter of Pillow's `Image.resize`; both widen with the scale when they shrink a picture.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Interpolation {
    Bicubic,
    Bilinear,
}

/// How the aspect of a picture is brought to a square.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ResizeMode {
    /// The short side becomes S, and the middle is cropped out.
    Shortest,
}

/// A part of an upright picture, in pixels.
#[derive(Clone, Copy)]
pub(crate) struct Area {
    pub x: u32,
    pub y: u32,
    pub cols: u32,
    pub rows: u32,
}

/// The largest S: far above any model, and S² times a few bytes stays countable in 32 bits.
const MAX_SIZE: u32 = 1 << 14;

/// Bytes that the frames of one dispatch take in any one buffer, beyond the first frame: enough
/// to fill a GPU, and little enough for host and device at any number of frames.
const GROUP_BYTES: usize = 64 << 20;

/// Frames as rows of normalised patches, (T, G², 3P² padded to a multiple of 4) `elem`.
///
/// G = S / P. A row is in the order of PyTorch's flattened `conv1.weight` [D, 3, P, P]: column
/// `c * P * P + y * P + x`; the padding is zero. A value is `(level / 255 - mean) / std`, rounded
/// as torchvision's `ToTensor` and `Normalize` round it in f32 (then to f16 for an f16 `elem`).
/// Frames may differ in size and format.
///
/// Errors: no frames, a patch larger than S, a picture whose planes lie outside its data or that
/// exceeds the adapter's limits.
pub fn patches(
    pass: &mut Pass,
    frames: &[Frame],
    config: &Preprocess,
    patch: u32,
    elem: DType,
) -> Result<Tensor> {
    patch_shape(config.size, patch)?;
    let pixels = pixels(pass, frames, config)?;
    cut(pass, &pixels, config, patch, elem)
}

/// Pixels (T, S, S) u32 as [`patches`].
fn cut(
    pass: &mut Pass,
    pixels: &Tensor,
    config: &Preprocess,
    patch: u32,
    elem: DType,
) -> Result<Tensor> {
    let [grid, columns] = patch_shape(config.size, patch)?;
    let table: Vec<f32> = (0..3 * 256)
        .map(|i| ((i % 256) as f32 / 255.0 - config.mean[i / 256]) / config.std[i / 256])
        .collect();
    let table = pass.upload_f32(&[3, 256], elem, &table)?;
    let cut = pass.tensor(&[pixels.dim(0), grid * grid, columns], elem)?;
    let constants = [
        ("SIZE", config.size.into()),
        ("PATCH", patch.into()),
        ("GRID", (grid as u32).into()),
        ("QUADS", (columns as u32 / 4).into()),
    ];
    let kernel = pass.gpu().kernel(shaders::CUT_PATCHES, elem, &constants)?;
    let quads = cut.len() / 4;
    dispatch(
        pass,
        &kernel,
        &[&table, pixels, &cut],
        &(quads as u32),
        quads,
    );
    Ok(cut)
}

/// G, and the padded number of values in a patch.
fn patch_shape(size: u32, patch: u32) -> Result<[usize; 2]> {
    check_size(size)?;
    if patch == 0 || patch > size {
        return Err(Error::Argument {
            what: "patch size",
            expected: format!("1 to the image size {size}"),
            found: patch.to_string(),
        });
    }
    let columns = 3 * patch as usize * patch as usize;
    Ok([(size / patch) as usize, columns.next_multiple_of(4)])
}

fn check_size(size: u32) -> Result<()> {
    if (1..=MAX_SIZE).contains(&size) {
        return Ok(());
    }
    Err(Error::Argument {
        what: "image size of the model",
        expected: format!("1 to {MAX_SIZE}"),
        found: size.to_string(),
    })
}

/// Frames resized and cropped but not normalised: (T, S, S) u32, `r | g << 8 | b << 16`.
///
/// Errors: as [`patches`].
pub fn pixels(pass: &mut Pass, frames: &[Frame], config: &Preprocess) -> Result<Tensor> {
    check_size(config.size)?;
    if frames.is_empty() {
        return Err(Error::Argument {
            what: "frames",
            expected: "at least one".into(),
            found: "none".into(),
        });
    }
    let layouts =
        (frames.iter().map(|frame| Layout::of(&frame.picture))).collect::<Result<Vec<_>>>()?;
    let size = config.size as usize;
    let out = pass.tensor(&[frames.len(), size, size], DType::U32)?;
    let mut resizers: HashMap<_, Resizer> = HashMap::new();
    let mut first = 0;
    while first < frames.len() {
        let layout = &layouts[first];
        let resizer = match resizers.entry(layout.upright()) {
            Entry::Occupied(known) => known.into_mut(),
            Entry::Vacant(new) => {
                let resizer = Resizer::new(pass, *new.key(), config)?;
                new.insert(resizer)
            }
        };
        let Area { cols, rows, .. } = resizer.area;
        let largest = 4 * layout
            .words()
            .max((rows as usize).max(size) * (cols as usize).max(size));
        let fit = (GROUP_BYTES.min(pass.gpu().caps().binding_bytes as usize) / largest).max(1);
        let group: Vec<&Picture> = (frames[first..].iter().zip(&layouts[first..]))
            .take_while(|(_, other)| *other == layout)
            .take(fit)
            .map(|(frame, _)| &frame.picture)
            .collect();
        let upright = converted(pass, layout, &group, resizer.area)?;
        resizer.resize(pass, &upright, &out, first)?;
        first += group.len();
    }
    Ok(out)
}

/// A frame converted to RGB and turned upright, in its own size: (H, W) u32,
/// `r | g << 8 | b << 16`.
///
/// Errors: as [`patches`].
pub fn upright(pass: &mut Pass, frame: &Frame) -> Result<Tensor> {
    let layout = Layout::of(&frame.picture)?;
    let (cols, rows, _) = layout.upright();
    let area = Area {
        x: 0,
        y: 0,
        cols,
        rows,
    };
    let picture = converted(pass, &layout, &[&frame.picture], area)?;
    Ok(picture.reshape(&[rows as usize, cols as usize]))
}

/// One area of pictures of one layout: (frames, rows, cols) u32.
fn converted(
    pass: &mut Pass,
    layout: &Layout,
    pictures: &[&Picture],
    area: Area,
) -> Result<Tensor> {
    let caps = pass.gpu().caps();
    let (words, frames) = (layout.words(), pictures.len());
    let needed = 4 * words.max(area.pixels()) as u64;
    if needed > caps.binding_bytes {
        let (width, height, _) = layout.upright();
        return Err(Error::AdapterLimit {
            adapter: caps.name.clone(),
            what: format!("a picture of {width}x{height} pixels"),
            needed,
            allowed: caps.binding_bytes,
            advice: "scale the picture down, or use another adapter",
        });
    }
    let data = pass.tensor(&[frames, words], DType::U32)?;
    for (i, picture) in pictures.iter().enumerate() {
        pass.write(&data, (4 * i * words) as u64, layout.bytes(picture));
    }
    let upright = pass.tensor(
        &[frames, area.rows as usize, area.cols as usize],
        DType::U32,
    )?;
    let kernel = (pass.gpu()).kernel(shaders::FRAME_RGB, DType::F32, &layout.constants())?;
    let params = layout.params(area, frames);
    dispatch(
        pass,
        &kernel,
        &[&data, &upright],
        &params,
        params.invocations(),
    );
    Ok(upright)
}

/// The two resampling passes for upright pictures of one size, their coefficients on the GPU.
struct Resizer {
    area: Area,
    columns: Tensor,
    rows: Tensor,
    vertical_first: bool,
    size: u32,
}

/// What `resize.wgsl` calls `Params`.
#[repr(C)]
#[derive(Clone, Copy, bytemuck::Pod, bytemuck::Zeroable)]
struct ResizeParams {
    rows: u32,
    cols: u32,
    lines: u32,
    stride: u32,
    start: u32,
    total: u32,
}

impl Resizer {
    fn new(
        pass: &mut Pass,
        (width, height, aspect): (u32, u32, Ratio<u32>),
        config: &Preprocess,
    ) -> Result<Self> {
        let way = Resample::new(width, height, aspect, config);
        let mut upload = |axis: &Axis| {
            let dims = [axis.taps.len() / axis.stride, axis.stride];
            pass.upload(&dims, DType::U32, &axis.taps)
        };
        Ok(Self {
            area: Area {
                x: way.columns.start,
                y: way.rows.start,
                cols: way.columns.len,
                rows: way.rows.len,
            },
            columns: upload(&way.columns)?,
            rows: upload(&way.rows)?,
            vertical_first: way.vertical_first,
            size: config.size,
        })
    }

    /// Resizes `source` (frames, rows, cols) into `out` (T, S, S) from frame `first` on.
    fn resize(&self, pass: &mut Pass, source: &Tensor, out: &Tensor, first: usize) -> Result<()> {
        let [frames, rows, cols] = [source.dim(0), source.dim(1), source.dim(2)];
        let size = self.size as usize;
        let between = if self.vertical_first {
            [frames, size, cols]
        } else {
            [frames, rows, size]
        };
        let between = pass.tensor(&between, DType::U32)?;
        self.pass(pass, !self.vertical_first, source, &between, 0)?;
        self.pass(pass, self.vertical_first, &between, out, first)
    }

    /// One of the two passes, into `to` from frame `first` on.
    fn pass(
        &self,
        pass: &mut Pass,
        horizontal: bool,
        from: &Tensor,
        to: &Tensor,
        first: usize,
    ) -> Result<()> {
        let constants = [
            ("HORIZONTAL", horizontal.into()),
            ("SIZE", self.size.into()),
        ];
        let kernel = pass.gpu().kernel(shaders::RESIZE, DType::F32, &constants)?;
        let taps = if horizontal {
            &self.columns
        } else {
            &self.rows
        };
        let [frames, rows, cols] = [from.dim(0), from.dim(1), from.dim(2)];
        let size = self.size as usize;
        let (lines, total) = if horizontal {
            (frames * rows, (frames * rows).div_ceil(4) * size)
        } else {
            (cols, cols.div_ceil(4) * size * frames)
        };
        let params = ResizeParams {
            rows: rows as u32,
            cols: cols as u32,
            lines: lines as u32,
            stride: taps.cols() as u32,
            start: (first * size * size) as u32,
            total: total as u32,
        };
        dispatch(pass, &kernel, &[taps, from, to], &params, total);
        Ok(())
    }
}

impl Area {
    fn pixels(self) -> usize {
        self.cols as usize * self.rows as usize
    }
}

/// One dispatch of at least `invocations`, in workgroups of 64.
fn dispatch(
    pass: &mut Pass,
    kernel: &Kernel,
    tensors: &[&Tensor],
    immediates: &impl bytemuck::Pod,
    invocations: usize,
) {
    pass.dispatch(kernel, tensors, immediates, folded(invocations, 64));
}
