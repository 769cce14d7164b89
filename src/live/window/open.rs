//! The window itself, on the device that the model runs on.

use std::cell::RefCell;
use std::path::{Path, PathBuf};
use std::sync::mpsc::{Receiver, channel};
use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};

use eframe::egui::{
    self, ColorImage, Context, ScreenshotCallback, ThemePreference, ViewportCommand,
};
use eframe::egui_wgpu::{WgpuSetup, WgpuSetupExisting};
use eframe::{App, CreationContext, NativeOptions};

use super::textures::Pictures;
use super::{Screen, surface};
use crate::live::{Command, View};
use crate::{Error, Gpu, Result};

/// How a window opens.
#[derive(Clone, Debug)]
pub struct Opening {
    pub title: String,
    /// Width and height in points.
    pub size: [f32; 2],
    pub theme: ThemePreference,
    /// When the window closes by itself.
    pub ending: Option<Ending>,
}

impl Default for Opening {
    fn default() -> Self {
        Self {
            title: "vcoca-gpu live".into(),
            size: [1280.0, 800.0],
            theme: ThemePreference::System,
            ending: None,
        }
    }
}

/// How a window closes by itself.
#[derive(Clone, Debug)]
pub struct Ending {
    /// How long after it was opened.
    pub after: Duration,
    /// A PNG of the window that is written before.
    pub picture: Option<PathBuf>,
}

/// Has the window drawn again, from any thread. Before it is open nothing happens.
#[derive(Clone, Default)]
pub struct Wake(Arc<OnceLock<Context>>);

impl Wake {
    pub fn wake(&self) {
        if let Some(ctx) = self.0.get() {
            ctx.request_repaint();
        }
    }

    /// Closes the window, as its user would.
    pub fn close(&self) {
        if let Some(ctx) = self.0.get() {
            ctx.send_viewport_cmd(ViewportCommand::Close);
            ctx.request_repaint();
        }
    }
}

/// Opens a window on `gpu` and draws what `view` gives until it is closed; what the user asks for goes to
/// `send`. Must be called on the main thread.
///
/// # Errors
///
/// [`Error::Window`] if there is no display to open it on, or if `gpu` is a device of a host's;
/// [`Error::Io`] if the picture of the window cannot be written.
pub fn open(
    gpu: &Gpu,
    opening: Opening,
    wake: &Wake,
    view: &dyn Fn() -> View,
    send: &dyn Fn(Command),
) -> Result<()> {
    check_display()?;
    let origin = gpu.origin().ok_or_else(|| {
        Error::Window("the device is a host's, which has windows of its own".into())
    })?;
    let existing = WgpuSetupExisting {
        instance: origin.instance.clone(),
        adapter: origin.adapter.clone(),
        device: gpu.device().clone(),
        queue: gpu.queue().clone(),
    };
    surface::take_errors(gpu.device());
    let options = NativeOptions {
        viewport: egui::ViewportBuilder::default()
            .with_app_id("vcoca-gpu")
            .with_inner_size(opening.size)
            .with_min_inner_size([800.0, 560.0]),
        wgpu_options: surface::configuration(WgpuSetup::Existing(existing)),
        centered: true,
        ..NativeOptions::default()
    };
    let outcome = RefCell::new(Ok(()));
    let title = opening.title.clone();
    let create = |creation: &CreationContext<'_>| {
        let ctx = &creation.egui_ctx;
        super::dress(ctx);
        ctx.set_theme(opening.theme);
        // A second window of one `Wake` would not be woken; there is one window a process.
        let _ = wake.0.set(ctx.clone());
        let window: Box<dyn App> = Box::new(Window {
            view,
            send,
            screen: Screen::default(),
            pictures: Pictures::default(),
            closing: opening.ending.map(Closing::new),
            outcome: &outcome,
        });
        Ok(window)
    };
    eframe::run_native(&title, options, Box::new(create))
        .map_err(|e| Error::Window(e.to_string()))?;
    outcome.into_inner()
}

/// Whether there is a display at all: without one winit fails late, or ends the process.
///
/// # Errors
///
/// [`Error::Window`] if there is none.
pub fn check_display() -> Result<()> {
    let unix = cfg!(all(unix, not(target_os = "macos")));
    let set = |name| std::env::var_os(name).is_some_and(|value| !value.is_empty());
    match unix
        && !["DISPLAY", "WAYLAND_DISPLAY", "WAYLAND_SOCKET"]
            .into_iter()
            .any(set)
    {
        true => Err(Error::Window(
            "no display (neither DISPLAY nor WAYLAND_DISPLAY is set)".into(),
        )),
        false => Ok(()),
    }
}

struct Window<'a> {
    view: &'a dyn Fn() -> View,
    send: &'a dyn Fn(Command),
    screen: Screen,
    pictures: Pictures,
    closing: Option<Closing>,
    outcome: &'a RefCell<Result<()>>,
}

impl App for Window<'_> {
    fn ui(&mut self, ui: &mut egui::Ui, frame: &mut eframe::Frame) {
        let view = (self.view)();
        let picture = self.screen.picture(&view).map(|shown| &shown.texture);
        let state = frame.wgpu_render_state();
        let texture = state.and_then(|state| self.pictures.paint(state, picture));
        for command in self.screen.draw(ui, &view, texture) {
            (self.send)(command);
        }
        if let Some(written) = self.closing.as_mut().and_then(|end| end.go_on(ui.ctx())) {
            *self.outcome.borrow_mut() = written;
            self.closing = None;
            ui.ctx().send_viewport_cmd(ViewportCommand::Close);
        }
    }
}

/// An end that is due, or waits for its picture.
struct Closing {
    ending: Ending,
    opened: Instant,
    coming: Option<Receiver<Arc<ColorImage>>>,
}

impl Closing {
    fn new(ending: Ending) -> Self {
        Self {
            ending,
            opened: Instant::now(),
            coming: None,
        }
    }

    /// Asks for the picture when the end is due and writes it when it has come; how that went, once it is
    /// time to close.
    fn go_on(&mut self, ctx: &Context) -> Option<Result<()>> {
        let left = self.ending.after.saturating_sub(self.opened.elapsed());
        if !left.is_zero() {
            ctx.request_repaint_after(left);
            return None;
        }
        let Some(path) = &self.ending.picture else {
            return Some(Ok(()));
        };
        let Some(coming) = &self.coming else {
            let (sender, receiver) = channel();
            self.coming = Some(receiver);
            let callback = ScreenshotCallback::new(move |image| {
                // The receiver goes only with the window.
                let _ = sender.send(image);
            });
            ctx.send_viewport_cmd(ViewportCommand::Screenshot(callback));
            ctx.request_repaint();
            return None;
        };
        ctx.request_repaint();
        let image = coming.try_recv().ok()?;
        Some(write(path, &image))
    }
}

fn write(path: &Path, image: &ColorImage) -> Result<()> {
    let [width, height] = image.size.map(|side| side as u32);
    let rgba = image::ExtendedColorType::Rgba8;
    image::save_buffer(path, image.as_raw(), width, height, rgba)
        .map_err(|e| Error::io(path)(std::io::Error::other(e)))
}
