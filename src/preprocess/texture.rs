//! Pictures that are on the GPU already: a host's textures.

use num_rational::Ratio;

use super::{Preprocess, Resizer, cut};
use crate::gpu::{DType, Pass, Tensor};
use crate::ops::grid::folded;
use crate::ops::shaders;
use crate::{Error, Result};

/// What the values of a texture mean, as a shader reads them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum TextureColor {
    /// On sRGB's curve, as picture files and video have them: `Rgba8Unorm` and the like.
    Srgb,
    /// Linear light: views of `…Srgb` formats, which the sampler makes linear, and textures that hold
    /// it. What exceeds 1 counts as 1.
    Linear,
}

/// What `texture_rgb.wgsl` calls `Params`.
#[repr(C)]
#[derive(Clone, Copy, bytemuck::Pod, bytemuck::Zeroable)]
struct Params {
    x: u32,
    y: u32,
    cols: u32,
    total: u32,
}

/// An upright picture in a texture as [`patches`](super::patches): (1, G², 3P² padded to a multiple
/// of 4) `elem`, bit-exact to those of a frame of the same 8-bit RGB. Alpha is dropped.
///
/// `view` shows the whole of its texture's level 0, of one layer.
///
/// Errors: [`Error::Argument`] for a texture that a shader cannot load floats from, and as
/// [`patches`](super::patches).
pub fn texture_patches(
    pass: &mut Pass,
    view: &wgpu::TextureView,
    color: TextureColor,
    config: &Preprocess,
    patch: u32,
    elem: DType,
) -> Result<Tensor> {
    check(view.texture())?;
    super::patch_shape(config.size, patch)?;
    let texture = view.texture();
    let resizer = Resizer::new(
        pass,
        (texture.width(), texture.height(), Ratio::ONE),
        config,
    )?;
    let area = resizer.area;
    let upright = pass.tensor(&[1, area.rows as usize, area.cols as usize], DType::U32)?;
    let params = Params {
        x: area.x,
        y: area.y,
        cols: area.cols,
        total: area.cols * area.rows,
    };
    let constants = [("LINEAR", (color == TextureColor::Linear).into())];
    let kernel = (pass.gpu()).kernel(shaders::TEXTURE_RGB, DType::F32, &constants)?;
    let grid = folded(area.pixels(), 64);
    pass.dispatch_texture(&kernel, view, &[&upright], &params, grid);
    let size = config.size as usize;
    let pixels = pass.tensor(&[1, size, size], DType::U32)?;
    resizer.resize(pass, &upright, &pixels, 0)?;
    cut(pass, &pixels, config, patch, elem)
}

/// Refuses what would be the host's validation error.
fn check(texture: &wgpu::Texture) -> Result<()> {
    let refuse = |expected: &str, found: String| {
        Err(Error::Argument {
            what: "texture",
            expected: expected.into(),
            found,
        })
    };
    let usage = texture.usage();
    if !usage.contains(wgpu::TextureUsages::TEXTURE_BINDING) {
        return refuse("the usage TEXTURE_BINDING", format!("{usage:?}"));
    }
    if texture.dimension() != wgpu::TextureDimension::D2 || texture.sample_count() != 1 {
        let found = format!(
            "{:?}, {} samples",
            texture.dimension(),
            texture.sample_count()
        );
        return refuse("two dimensions and one sample", found);
    }
    let kind = texture.format().sample_type(None, None);
    match kind {
        Some(wgpu::TextureSampleType::Float { .. }) => Ok(()),
        _ => refuse(
            "a format of colours in floats",
            format!("{:?}", texture.format()),
        ),
    }
}
