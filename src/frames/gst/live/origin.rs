//! The front of each live source's pipeline.

use std::env;
use std::path::Path;

use gstreamer as gst;
use gstreamer::prelude::*;

use super::cameras;
use crate::frames::gst::graph::{Origin, element, plugin};
use crate::frames::kind;
use crate::frames::live::Camera;
use crate::{Error, Result};

/// How long, in milliseconds, a stream's packets may be late or out of order.
const JITTER: u32 = 200;

/// How long, in microseconds, a connection may take.
const CONNECTION: u64 = 5_000_000;

/// The name of the decoder behind a description.
const DECODER: &str = "vcoca-decoder";

/// Whether this is a regular file: others can block for ever.
pub(super) fn check_file(path: &Path) -> Result<()> {
    let meta = path.metadata().map_err(Error::io(path))?;
    if meta.is_file() {
        return Ok(());
    }
    Err(Error::NotAFile {
        path: path.to_owned(),
        expected: "a video",
        found: if meta.is_dir() {
            "a folder".into()
        } else {
            kind(&meta).into()
        },
    })
}

/// Whether there is a screen to look at.
pub(super) fn check_screen() -> Result<()> {
    let set = |name: &str| env::var_os(name).is_some_and(|value| !value.is_empty());
    if cfg!(any(windows, target_os = "macos")) || set("DISPLAY") {
        return Ok(());
    }
    let problem = if set("WAYLAND_DISPLAY") {
        "Wayland does not show it to other programs; log in to an X11 session"
    } else {
        "no display: DISPLAY is not set"
    };
    Err(Error::live("screen", problem))
}

/// Any source of pictures, raw or compressed, in memory that every element reads: those on a GPU
/// would come out of the decoder as they are.
pub(super) fn device(name: &Path, source: gst::Element) -> Result<Origin> {
    let pipeline = gst::Pipeline::new();
    let unpack = element("decodebin")?;
    let kinds = ["video/x-raw", "image/jpeg", "video/x-h264"].map(gst::Structure::new_empty);
    let caps = gst::Caps::from_iter(kinds);
    let build = || {
        pipeline.add_many([&source, &unpack])?;
        source.link_filtered(&unpack, &caps)
    };
    build().map_err(|error| Error::live(name.display(), error.to_string()))?;
    Ok(Origin {
        pipeline,
        unpack,
        local: false,
    })
}

pub(super) fn camera(name: &Path, camera: Option<&Camera>) -> Result<Origin> {
    let shown = name.display().to_string();
    let camera = camera.expect("a recipe for a camera has one");
    let source = cameras::element(&shown, camera)?;
    device(name, source)
}

pub(super) fn screen(name: &Path) -> Result<Origin> {
    let source = if cfg!(windows) {
        plugin("d3d11screencapturesrc", "gstreamer1.0-plugins-bad")?
    } else if cfg!(target_os = "macos") {
        let source = plugin("avfvideosrc", "gstreamer1.0-plugins-bad")?;
        source.set_property("capture-screen", true);
        source
    } else {
        let source = plugin("ximagesrc", "gstreamer1.0-plugins-good")?;
        // Whole pictures: parts that changed would follow each other unevenly.
        source.set_property("use-damage", false);
        source
    };
    device(name, source)
}

pub(super) fn rtsp(name: &Path, address: &str) -> Result<Origin> {
    let source = plugin("rtspsrc", "gstreamer1.0-plugins-good")?;
    source.set_property("location", address);
    source.set_property("latency", JITTER);
    source.set_property("tcp-timeout", CONNECTION);
    // Other streams are not even asked for.
    source.connect("select-stream", false, |values| {
        let caps = values.get(2).and_then(|caps| caps.get::<gst::Caps>().ok());
        let media = caps.and_then(|caps| caps.structure(0)?.get::<String>("media").ok());
        Some((media.as_deref() == Some("video")).to_value())
    });
    let unpack = element("decodebin")?;
    let pipeline = gst::Pipeline::new();
    pipeline
        .add_many([&source, &unpack])
        .map_err(|error| Error::live(name.display(), error.to_string()))?;
    let decoder = unpack.downgrade();
    source.connect_pad_added(move |_, pad| {
        let sink = decoder.upgrade().and_then(|it| it.static_pad("sink"));
        if let Some(sink) = sink.filter(|sink| !sink.is_linked())
            && let Err(error) = pad.link(&sink)
        {
            log::warn!("a stream cannot be decoded: {error}");
        }
    });
    Ok(Origin {
        pipeline,
        unpack,
        local: false,
    })
}

pub(super) fn described(name: &Path, description: &str) -> Result<Origin> {
    let whole = format!("{description} ! decodebin name={DECODER}");
    let refused = |problem: String| Error::live(name.display(), problem);
    let parsed = gst::parse::launch_full(&whole, None, gst::ParseFlags::FATAL_ERRORS)
        .map_err(|error| refused(format!("cannot be built: {error}")))?;
    let pipeline =
        (parsed.downcast::<gst::Pipeline>()).map_err(|_| refused("is not a pipeline".into()))?;
    let unpack =
        (pipeline.by_name(DECODER)).ok_or_else(|| refused("does not end in a stream".into()))?;
    Ok(Origin {
        pipeline,
        unpack,
        local: false,
    })
}
