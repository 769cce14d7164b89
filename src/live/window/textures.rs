//! Pictures and thumbnails as textures that egui can paint.

use std::collections::HashMap;
use std::sync::{Arc, Weak};

use eframe::egui::load::SizedTexture;
use eframe::egui::{ColorImage, Context, TextureHandle, TextureId, TextureOptions, vec2};
use eframe::egui_wgpu::RenderState;

use crate::live::{Picture, Thumbnail};

/// Pictures that the renderer knows: each is registered once and forgotten when it is gone.
#[derive(Default)]
pub(super) struct Pictures {
    known: HashMap<u64, (TextureId, Weak<Picture>)>,
    /// What was painted last: its texture must not be written to before that is submitted.
    painted: Option<Arc<Picture>>,
}

impl Pictures {
    /// The texture to paint `picture` with. The renderer binds the very texture; nothing is copied.
    ///
    /// To be called once before each frame is drawn: the picture of the frame before is let go.
    pub fn paint(
        &mut self,
        state: &RenderState,
        picture: Option<&Arc<Picture>>,
    ) -> Option<SizedTexture> {
        self.painted = picture.cloned();
        let mut renderer = state.renderer.write();
        self.known.retain(|_, (id, held)| {
            let there = held.strong_count() > 0;
            if !there {
                renderer.free_texture(id);
            }
            there
        });
        let picture = picture?;
        let (id, _) = self.known.entry(picture.id).or_insert_with(|| {
            let linear = wgpu::FilterMode::Linear;
            let id = renderer.register_native_texture(&state.device, &picture.view, linear);
            (id, Arc::downgrade(picture))
        });
        let size = vec2(picture.width as f32, picture.height as f32);
        Some(SizedTexture::new(*id, size))
    }
}

/// Thumbnails on the GPU: those that are on the screen, no others.
#[derive(Default)]
pub(super) struct Thumbnails {
    /// By address, which is a thumbnail's own for as long as it is held here.
    kept: HashMap<usize, Kept>,
}

struct Kept {
    texture: TextureHandle,
    _held: Arc<Thumbnail>,
    used: bool,
}

impl Thumbnails {
    pub fn texture(&mut self, ctx: &Context, thumbnail: &Arc<Thumbnail>) -> SizedTexture {
        let address = Arc::as_ptr(thumbnail).addr();
        let kept = self.kept.entry(address).or_insert_with(|| {
            let size = [thumbnail.width as usize, thumbnail.height as usize];
            let image = ColorImage::from_rgba_unmultiplied(size, &thumbnail.rgba);
            Kept {
                texture: ctx.load_texture("thumbnail", image, TextureOptions::LINEAR),
                _held: Arc::clone(thumbnail),
                used: true,
            }
        });
        kept.used = true;
        SizedTexture::from_handle(&kept.texture)
    }

    /// Lets go what was not asked for since the last call.
    pub fn sweep(&mut self) {
        self.kept.retain(|_, kept| std::mem::take(&mut kept.used));
    }
}
